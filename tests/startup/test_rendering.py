"""Rendering: R1, R2, R4 and R5, and that any text survives as data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from startup import File, Payload, Service, Shell, StartupScript, StartupScriptError, Unit, render
from startup.delivery import Cloud
from startup.rendering import key, part, runner

CLOUDS: tuple[Cloud, ...] = ("aws", "gcp", "azure")
RUNNER = Path(__file__).parents[2] / "startup/runner"
CONF = File("/etc/site.conf", content="upstream ${UPSTREAM};\n", uses=["UPSTREAM"])
SITE = StartupScript(
    "site",
    first_boot=[CONF, Service("nginx", restart_on=[CONF]), Shell("warm", script="echo 'héllo' $UPSTREAM", uses=["UPSTREAM"])],
    shutdown=[Shell("drain", script="echo bye")],
)
VALUES = {"UPSTREAM": "10.0.0.1; rm -rf /"}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=80)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_same_bytes(cloud: Cloud) -> None:
    """R1: the same definition and values give the same bytes, in whatever order the values come."""
    more = Shell("more", script="echo $A $B", uses=["A", "B"])
    script = StartupScript("site", first_boot=[more])

    assert render(script, {"A": "1", "B": "2"}, cloud) == render(script, {"B": "2", "A": "1"}, cloud)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_pure(seed: str, tmp_path: Path) -> None:
    """R1, R2: no clock, no network, no environment: another process, place, time zone and hash seed give the same bytes."""
    program = (
        "import sys, socket, time; sys.path[:0] = [sys.argv[1]]\n"
        "from tests.startup.test_rendering import SITE, VALUES, render\n"
        "def refuse(*_): raise AssertionError('not pure')\n"
        "time.time = time.localtime = socket.socket.connect = refuse\n"
        "sys.stdout.buffer.write(render(SITE, VALUES, 'gcp').content)\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C", "UPSTREAM": "other"}
    root = str(Path(__file__).parents[2])
    result = subprocess.run([sys.executable, "-c", program, root], capture_output=True, cwd=tmp_path, env=environment)

    assert b"" == result.stderr
    assert render(SITE, VALUES, "gcp").content == result.stdout


@pytest.mark.parametrize("cloud", CLOUDS)
def test_runner_is_shipped_as_it_stands(cloud: Cloud) -> None:
    """R4: the runner's parts stand in the payload as their files do, less full-line comments."""
    text = render(SITE, VALUES, cloud).text
    for name in ("paths", "log", "store", f"slot_{cloud}", "step", "file", "service", "shutdown", "command"):
        lines = (RUNNER / f"{name}.sh").read_text(encoding="utf-8").splitlines(keepends=True)
        assert "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#")) in text


@pytest.mark.parametrize("cloud", CLOUDS)
def test_parts_that_no_step_needs(cloud: Cloud) -> None:
    """R4: parts that no step needs stay away."""
    text = runner(StartupScript("site", first_boot=[Shell("a", script="true")]), cloud)

    assert "do_shell()" in text
    for function in ("do_file", "do_packages", "do_user", "do_service", "do_shutdown", "become", "again", "see_values"):
        assert f"{function}() {{" not in text


def region(payload: Payload) -> str:
    """The text that the shell reads as code."""
    before, end, _ = payload.text.partition('\nmain "$@"; exit\n')
    assert end
    return before


@given(name=st.text("ab' \"$`\\|&;<>é", min_size=1, max_size=20).map(lambda text: f"x{text}x"), body=TEXT, value=TEXT)
@settings(deadline=None, max_examples=60)
def test_no_value_becomes_code(name: str, body: str, value: str) -> None:
    """R4: step names, bodies and values travel as data: the code is the same whatever they are."""
    script = StartupScript("site", first_boot=[Shell(name, script=f"true{body}", uses=["V"])])
    plain = StartupScript("site", first_boot=[Shell("a", script="b", uses=["V"])])

    for cloud in CLOUDS:
        code = region(render(script, {"V": value}, cloud)).splitlines()
        other = region(render(plain, {"V": "c"}, cloud)).splitlines()
        varies = ("# sum=", "--evenboot-", "Content-Type: multipart")
        assert [line for line in other if not line.startswith(varies)] == [line for line in code if not line.startswith(varies)]


def unpacked(text: str) -> dict[str, str]:
    """What the records say, read as the contract of the format has it: "@ NAME LINES", then so many lines."""
    lines = text.partition('\nmain "$@"; exit\n')[2].split("\n")
    records: dict[str, str] = {}
    at = 0
    while at < len(lines):
        words = lines[at].split(" ")
        at += 1
        if words[0] == "@":
            count = int(words[2])
            end = "" if words[3:] == ["open"] else "\n"
            records[words[1]] = "\n".join(lines[at : at + count]) + (end if count else "")
            at += count
    return records


@given(body=TEXT, content=TEXT, value=TEXT)
@settings(deadline=None, max_examples=60)
def test_data_is_exact(body: str, content: str, value: str) -> None:
    """R4: every character of bodies, contents and values is in the payload, between records that nothing can forge."""
    file = File("/etc/a", content=content + "${V}", uses=["V"])
    script = StartupScript("site", first_boot=[Shell("a", script=f"true{body}"), file])

    for cloud in CLOUDS:
        records = unpacked(render(script, {"V": value}, cloud).text)
        assert f"true{body}" == records[f"{key('a')}.script"]
        assert content + "${V}" == records[f"{key('file /etc/a')}.content"]
        assert value == records["value.V"]


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_shells_can_read_it(shell: str, cloud: Cloud) -> None:
    """The code of the payload is read by dash and bash without complaint."""
    code = region(render(SITE, VALUES, cloud))
    script = code[code.index("#!/bin/sh") :] + '\nmain "$@"; exit\n'
    result = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)

    assert ("", 0) == (result.stderr, result.returncode)


def test_person_can_read_it() -> None:
    """R5: what fits uncompressed is plain text, the steps' bodies as they were written."""
    payload = render(SITE, VALUES, "gcp")

    assert not payload.compressed
    assert "echo 'héllo' $UPSTREAM" in payload.content.decode()
    assert payload.content.startswith(b"#!/bin/sh\n# Startup script ")


def test_problems_of_definition_values_and_cloud_together() -> None:
    """R6: all problems are reported together, in order."""
    bad = StartupScript("site", first_boot=[Shell("a", script="", uses=["V"])])
    with pytest.raises(StartupScriptError) as caught:
        render(bad, {}, "ibm")  # pyright: ignore[reportArgumentType]

    assert ["cloud", "first_boot[0].script", "first_boot[0].uses[0]"] == [problem.path for problem in caught.value.problems]


def test_no_comment_is_shipped() -> None:
    """Full-line comments are for the readers of the source: they are left out of each file that is shipped."""
    names = [path.name for path in RUNNER.iterdir()]
    left = [f"{name}: {line}" for name in names for line in part(name).splitlines() if line.lstrip().startswith("#")]

    assert left == ["command: #!/bin/sh"]


def test_services_stay_up_until_the_shutdown_steps_have_run() -> None:
    """L13: the unit of the shutdown steps comes after each unit of the definition, and so is stopped before it."""
    template = Unit("job@.service", content="[X]", enable=False, start=False)
    steps = [Service("nginx"), Unit("app.socket", content="[Socket]"), template]
    again = [Service("nginx.service", name="again"), Service("job@one")]
    script = StartupScript("site", first_boot=steps, every_boot=again, shutdown=SITE.shutdown)
    text = render(script, {}, "gcp").text
    path = "/etc/systemd/system/evenboot-shutdown.service.d/evenboot.conf"

    assert "\n@ services.conf 2\n[Unit]\nAfter=nginx.service app.socket job@one.service\n@ " in text
    assert f"\n644 services.conf {path}\n" in text
    assert path not in render(StartupScript("site", first_boot=steps), {}, "gcp").text


def test_values_stand_in_one_order() -> None:
    """R1: the values stand in the order of their names, whatever order a set of them has in this process."""
    values = {f"NAME_{letter}": letter for letter in "HBFDGACE"}
    text = render(StartupScript("site", first_boot=[Shell("one", script=":", uses=list(values))]), values, "gcp").text

    assert sorted(values) == re.findall(r"^@ value\.(\S+) ", text, re.MULTILINE)


def test_a_shebang_brings_its_part_from_every_list() -> None:
    """R4: what obeys a shebang is there for a script in whichever list, and only then."""
    for list_name in ("first_boot", "every_boot", "shutdown"):
        for script, there in (("#!/bin/sh\n:", True), (":", False)):
            definition = StartupScript("site", **{list_name: [Shell("one", script=script)]})
            assert (part("shebang.sh") in runner(definition, "gcp")) == there


def test_the_command_is_a_program() -> None:
    """The command on the VM begins with a shebang: also what is no shell can call it."""
    assert "\n@ command 2\n#!/bin/sh\nexec " in render(SITE, VALUES, "gcp").text
