"""A payload is damaged on its way: L11."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable

from ..runner.scenarios import definition
from .clouds import PATIENCE, Cloud, Vm, outcomes

GOOD = definition("one", "four")
EDITED = definition("one two", "four shout", shutdown=[])


Damage = Callable[[bytes], bytes]


def latin_1(text: bytes) -> bytes:
    """Return the text with an accented letter as it is in another encoding."""
    return text.replace(b"shout", "sh\u00f6ut".encode("latin-1"))


def half_compressed(text: bytes) -> bytes:
    """Return the first half of what the text is when compressed."""
    packed = gzip.compress(text)
    return packed[: len(packed) // 2]


DAMAGES: dict[str, Damage] = {
    "only the beginning": lambda text: text[:10],
    "cut in the program": lambda text: text[: len(text) // 4],
    "cut in the middle": lambda text: text[: len(text) // 2],
    "last byte missing": lambda text: text[:-1],
    "one byte too many": lambda text: text + b"\n",
    "a space too many in a step": lambda text: text.replace(b"echo 'two'", b"echo  'two'"),
    "a space too many in the program": lambda text: text.replace(b"\tesac\n", b"\tesac \n", 1),
    "another checksum": lambda text: re.sub(rb"(sum=[0-9a-f]{63})[0-9a-f]", rb"\1x", text, count=1),
    "line ends of Windows": lambda text: text.replace(b"\n", b"\r\n"),
    "a mark at the beginning": lambda text: b"\xef\xbb\xbf" + text.replace(b"two", b"2"),
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "Latin-1": latin_1,
    "half of it compressed": half_compressed,
}
NOT_UTF_8 = ("UTF-16", "Latin-1", "half of it compressed")  # gcp's slot holds nothing of the kind
AT_A_REBOOT = {"aws": "half of it compressed", "gcp": "cut in the middle", "azure": "line ends of Windows"}


def damaged(cloud: Cloud, payload: bytes | None, damage: Damage) -> bytes:
    """Return a payload with its text damaged, compressed where it does not fit the slot otherwise."""
    assert payload
    text = damage(gzip.decompress(payload) if payload.startswith(b"\x1f\x8b") else payload)
    return gzip.compress(text) if cloud.name == "aws" and len(text) > 16_384 else text


def refused(status: dict[str, object]) -> None:
    """Judge the result of an apply that found a damaged payload."""
    assert ("failed", "cached") == (status["result"], status["source"])
    assert "damaged" in str(status["message"])


def test_damaged_payload(cloud: Cloud, exhaustive: bool) -> None:
    """L11: whatever happened to it, it is refused, by an operator's apply and at a reboot: the last good definition goes
    on, the status says why; what arrives whole afterwards is obeyed."""
    vm = cloud.make(GOOD)
    vm.start()
    whole = cloud.payload(EDITED, None)
    kinds = [kind for kind in DAMAGES if cloud.name != "gcp" or kind not in NOT_UTF_8]
    for kind in kinds:
        vm.machine.set_payload(damaged(cloud, whole, DAMAGES[kind]))

        assert 1 == vm.evenboot("apply").returncode, kind
        refused(vm.status())
        assert ["skipped one", "skipped four"] == outcomes(vm.status()), kind

    for kind in kinds if exhaustive else [AT_A_REBOOT[cloud.name]]:
        reboot_damaged(vm, kind, damaged(cloud, whole, DAMAGES[kind]))

    vm.machine.set_payload(whole)
    assert 0 == vm.evenboot("apply").returncode
    assert ["two", "shout"] == vm.lines()[-2:]


def reboot_damaged(vm: Vm, kind: str, payload: bytes) -> None:
    """Reboot with a damaged payload."""
    lines = len(vm.lines())
    vm.machine.set_payload(payload)
    status = vm.reboot()

    refused(status)
    assert ["four"] == vm.lines()[lines:], kind
    assert ["skipped one", "ran four"] == outcomes(status), kind


def test_payload_damaged_at_the_first_boot(cloud: Cloud) -> None:
    """L11: nothing runs, and console and status say why; what arrives whole afterwards is obeyed."""
    vm = cloud.make(None)
    whole = cloud.payload(GOOD, None)
    vm.machine.set_payload(damaged(cloud, whole, DAMAGES["last byte missing"]))
    vm.machine.start()
    result = vm.machine.wait_result(0, PATIENCE)
    vm.machine.wait_ready(PATIENCE)

    assert "failed" == result["result"]
    assert "damaged" in result["message"]
    assert result == json.loads(vm.run("sed 1q /run/evenboot/status")), "there is no command yet to show it"
    assert [] == vm.lines()

    vm.machine.set_payload(whole)
    mended = vm.reboot()

    assert ["one", "four"] == vm.lines()
    assert "ok" == mended["result"]
