"""Limits, forms, checksums, and the message when a script is too large."""

from __future__ import annotations

import doctest
import email
import gzip
import hashlib
import os
import random
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startup import Payload, Shell, StartupScript, StartupScriptError, render
from startup.delivery import CLOUDS, Cloud, aws, azure, deliver, document, gcp, seal

UNSEALED = b"# sum=" + b"0" * 64 + b"\n"
PROGRAM = b"#!/bin/sh\n" + UNSEALED + b'main "$@"; exit\n'
SCRIPT = PROGRAM + "@ name 1\n'é☃'\n".encode()
CLOUD_NAMES: list[Cloud] = ["aws", "gcp", "azure"]


def script(size: int, alphabet: str = "0123456789abcdef") -> bytes:
    """Return a script of about so many bytes, which compresses the less the larger the alphabet is; always the same."""
    chance = random.Random(size)
    return SCRIPT + "".join(chance.choice(alphabet) for _ in range(size)).encode() + b"\n"


def parts(content: bytes) -> list[Any]:
    return [part for part in email.message_from_bytes(content).walk() if not part.is_multipart()]


def test_limits_are_those_of_the_slots() -> None:
    """The limits count bytes before base64."""
    assert (aws.LIMIT, gcp.LIMIT, azure.LIMIT) == (16_384, 262_144, 49_152)


@pytest.mark.parametrize("cloud", CLOUD_NAMES)
def test_what_fits_can_be_read(cloud: Cloud) -> None:
    """R5: A script that fits stands in the slot as it is, but for its checksum."""
    payload = deliver(cloud, SCRIPT)

    assert not payload.compressed
    assert "\n'é☃'\n".encode() in payload.content
    assert payload.text == payload.content.decode()
    assert payload.size == len(payload.content) <= payload.limit


def test_gcp_gets_the_script_itself() -> None:
    """The guest agent executes what it finds, so nothing may stand around the script."""
    assert gcp.deliver(SCRIPT) == seal(SCRIPT)


@pytest.mark.parametrize("module", [aws, azure], ids=["aws", "azure"])
def test_cloud_init_gets_one_part_that_runs_at_every_boot(module: Any) -> None:
    """The document has one boothook, which is the program; the data stand behind it."""
    content: bytes = module.deliver(SCRIPT)
    (part,) = parts(content)

    assert part.get_content_type() == "text/cloud-boothook"
    assert part.get_filename() == "startup-script"
    assert re.sub(rb"sum=\w{64}", b"sum=" + b"0" * 64, part.get_payload(decode=True)) == PROGRAM
    assert content.endswith(SCRIPT.removeprefix(PROGRAM))
    assert b"MIME-Version: 1.0\n" in content[:200]
    assert b"\r" not in content


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_what_cloud_init_executes_is_ascii(cloud: Cloud) -> None:
    """cloud-init writes the boothook by way of Latin-1 and fails at a byte above 127: names and texts hold some."""
    script = StartupScript("sité ☃", first_boot=[Shell("é", script="echo ☃ é", uses=["E"])])
    content = render(script, {"E": "é"}, cloud).text

    # As cloud-init does: the text is decoded before it is taken apart.
    (part,) = [part for part in email.message_from_string(content).walk() if not part.is_multipart()]
    assert part.get_payload(decode=True) == cast(str, part.get_payload()).encode("ascii")
    assert content.endswith("\n") and "echo ☃ é" in content


@given(st.text(max_size=200))
def test_any_text_survives_the_document(text: str) -> None:
    """Program and data come out of the document as they went in: no line end, no character of them changes."""
    body = text.encode("utf-8", "replace") + b"\n"

    (part,) = parts(document.mime(body))
    assert part.get_payload(decode=True) == body
    assert document.mime(PROGRAM + body).endswith(b"--\n" + body)


def test_the_delimiter_does_not_occur_in_the_script() -> None:
    """A script that holds the delimiter that it would get is given another one."""
    content = document.mime(SCRIPT + b"--evenboot\n--evenboot--\n")

    assert b'boundary="evenboot---"' in content
    assert [PROGRAM] == [part.get_payload(decode=True) for part in parts(content)]


@pytest.mark.parametrize("module", [aws, gcp, azure], ids=CLOUD_NAMES)
def test_the_checksum_covers_all_that_follows_it(module: Any) -> None:
    """L11: Whatever is damaged after the checksum's line, the document's end included, can be noticed."""
    content: bytes = module.deliver(SCRIPT)
    checksum, rest = re.split(rb"\n# sum=", content, maxsplit=1)[1].split(b"\n", 1)

    assert checksum.decode() == hashlib.sha256(rest).hexdigest()


def test_only_the_first_line_of_the_checksum_is_touched() -> None:
    """A step's text may hold such a line too, or the letters in the middle of one."""
    text = b"not # sum=0 in a line\n" + UNSEALED + UNSEALED

    assert seal(text) == b"not # sum=0 in a line\n# sum=" + hashlib.sha256(UNSEALED).hexdigest().encode() + b"\n" + UNSEALED
    assert seal(UNSEALED).startswith(b"# sum=e3b0c442")


@pytest.mark.parametrize(
    "text", [b"", b"x\n", b"# sum=00\n" + UNSEALED, UNSEALED[:-1]], ids=["", "none", "short", "open"]
)
def test_a_script_without_room_for_a_checksum_is_a_mistake_of_ours(text: bytes) -> None:
    """Nothing is delivered that the VM could not verify."""
    with pytest.raises(ValueError, match="must hold 64 zeros"):
        seal(text)


@pytest.mark.parametrize(("cloud", "size"), [("aws", 20_000), ("azure", 60_000)])
def test_what_does_not_fit_is_compressed(cloud: Cloud, size: int) -> None:
    """Compressed is the whole document, sealed before; a person still reads it as `text`."""
    payload = deliver(cloud, script(size))

    assert payload.compressed
    assert payload.size <= payload.limit < len(payload.text)
    assert gzip.decompress(payload.content) == payload.text.encode() == seal(document.mime(script(size)))


def test_compression_tells_neither_time_nor_system() -> None:
    """R1: The header of the compressed form says no time and always the same system."""
    assert deliver("aws", script(20_000)).content[:10].hex() == "1f8b08000000000002ff"


def test_compressed_bytes_stay_as_they_are() -> None:
    """R1: The bytes of a known script; where they change, aws restarts VMs whose definition did not."""
    content = deliver("aws", script(20_000)).content

    assert hashlib.sha256(content).hexdigest() == "73e32af32520f29ca8086d0457b00bdd037d9b56bf044882091c706aa0f83d86"


@pytest.mark.parametrize("cloud", CLOUD_NAMES)
def test_exactly_the_limit_fits_and_one_byte_more_does_not(cloud: Cloud) -> None:
    """R3: The limit itself is allowed; on aws and azure one byte more is compressed."""
    around = len(CLOUDS[cloud].deliver(SCRIPT))
    filled = SCRIPT + b"x" * (CLOUDS[cloud].LIMIT - around)

    assert deliver(cloud, filled).size == CLOUDS[cloud].LIMIT
    if cloud == "gcp":
        with pytest.raises(StartupScriptError, match=r"has 262,145 bytes \(uncompressed\), 1 more than the 262,144"):
            deliver(cloud, filled + b"x")
    else:
        assert deliver(cloud, filled + b"x").compressed


@pytest.mark.parametrize(
    ("cloud", "size"), [("aws", 40_000), ("aws", 200_000), ("azure", 100_000), ("gcp", 262_144)], ids=str
)
def test_too_large_names_size_limit_and_the_three_largest(cloud: Cloud, size: int) -> None:
    """R3: The message has the size, the limit, the excess, the three largest contributors and the way out."""
    largest = [("step 'a'", 10), ("step 'b'", 3_000), ("step 'c'", 20_000), ("step 'd'", 500)]
    with pytest.raises(StartupScriptError) as raised:
        deliver(cloud, script(size, "".join(map(chr, range(33, 127)))), largest)

    (problem,) = raised.value.problems
    numbers = re.match(
        r"has ([\d,]+) bytes \((\w+)\), ([\d,]+) more than the ([\d,]+) that the slot holds; ", problem.message
    )
    assert numbers is not None
    size_said, excess, limit = (int(numbers[group].replace(",", "")) for group in (1, 3, 4))
    assert problem.path == f"payload for {cloud}"
    assert (size_said - limit, limit) == (excess, CLOUDS[cloud].LIMIT)
    assert ("uncompressed" if cloud == "gcp" else "compressed") == numbers[2]
    assert (
        "step 'c' 20,000 bytes, step 'b' 3,000 bytes, step 'd' 500 bytes; fetch big content with Download"
        in problem.message
    )


def test_an_unknown_cloud_is_one_clear_line() -> None:
    """The message says which clouds there are."""
    with pytest.raises(StartupScriptError) as raised:
        deliver(cast(Any, "ibm"), SCRIPT)

    assert str(raised.value) == "cloud: is 'ibm', no known cloud; choose one of aws, gcp, azure"


def test_base64_is_that_of_the_content() -> None:
    """The slots of aws and azure take base64, which does not count against their limits."""
    assert Payload("aws", b"\xff\x00").base64 == "/wA="


def test_without_the_compressor_only_large_scripts_fail() -> None:
    """deflate is needed where something has to be compressed, and a missing one is one clear line."""
    program = (
        "import sys; sys.modules['deflate'] = None\n"
        "from startup.delivery import deliver\n"
        "from startup import StartupScriptError\n"
        f"deliver('aws', {SCRIPT!r})\n"
        "try:\n"
        f"    deliver('aws', {SCRIPT!r} + b'x' * 20_000)\n"
        "except StartupScriptError as error:\n"
        "    print(error)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("payload: does not fit uncompressed, and the package deflate")


def test_examples_are_true() -> None:
    """The examples in the docstrings run."""
    assert (doctest.testmod(document).failed, doctest.testmod(document).attempted > 0) == (0, True)


def test_what_fits_by_a_little_is_not_given_up() -> None:
    """What zlib makes a little too large, and the better compressor does not, is delivered."""
    text = b" ".join(b"step-%d" % (number * number % 9973) for number in range(4000))
    compressor = zlib.compressobj(9, wbits=31)
    rough = len(compressor.compress(text) + compressor.flush())

    assert len(document.fitted(text, rough - 1)) < rough
