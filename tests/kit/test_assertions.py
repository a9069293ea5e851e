"""What `assert_idempotent` and `assert_survives_any_kill` let pass, and what they say of the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from startup import Directory, File, Packages, Reboot, Service, Shell, StartupScript
from startup.testing import Machine, assert_idempotent, assert_survives_any_kill
from startup.testing.tree import read_tree
from startup.testing.trial import Trial

CONF = File("/etc/app.conf", content="port = ${PORT}\n", uses=["PORT"])
SOUND = StartupScript(
    "sound",
    first_boot=[
        Packages(["nginx"]), Directory("/srv/app"), CONF, Service("nginx", restart_on=[CONF]),
        Shell("note", script="echo one >/srv/app/note.new\nmv /srv/app/note.new /srv/app/note"),
    ],
    every_boot=[Shell("warm", script="mkdir -p /run/warm; tool")],
)  # fmt: skip
APPENDS = StartupScript("appends", first_boot=[Shell("hosts", script="echo 10.0.0.7 db >>/srv/hosts")])
# It is repeated without harm, but not begun again after its first half.
HALVES = StartupScript(
    "halves", first_boot=[Shell("key", script="[ -e /srv/key ] && exit\necho secret >/srv/key\nchmod 600 /srv/key")]
)


def tool(machine: Machine) -> None:
    machine.stand_in("tool")


def message(assertion: object, *arguments: object, **options: object) -> str:
    """What an assertion says of a definition that it does not let pass."""
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments, **options)  # type: ignore[operator]
    return str(caught.value)


def test_sound_definition_passes() -> None:
    """`kit`: A definition that looks before it acts passes both, with its values and stand-ins."""
    assert_idempotent(SOUND, values={"PORT": "80"}, prepare=tool)
    assert_survives_any_kill(SOUND, values={"PORT": "80"}, prepare=tool)


def test_reboot_step_passes() -> None:
    """`kit`: A definition that reboots is followed over its reboot, and killed on both sides of it."""
    definition = StartupScript("site", first_boot=[Reboot("kernel"), Shell("after", script="echo after >/srv/after")])

    assert_idempotent(definition)
    assert_survives_any_kill(definition)


def test_appended_line_is_not_idempotent() -> None:
    """The step is named, and the path with what it held and holds."""
    assert (
        "'appends' is not idempotent\n"
        "step 'hosts', run once more, changes\n"
        "  /srv/hosts: was '10.0.0.7 db\\n', is '10.0.0.7 db\\n10.0.0.7 db\\n'"
    ) == message(assert_idempotent, APPENDS)


def test_ignored_paths() -> None:
    """What is written anew each time on purpose is left out by its path."""
    assert_idempotent(APPENDS, ignore=["/srv/ho*"])
    assert_survives_any_kill(APPENDS, ignore=["/srv/hosts"])


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("mkdir /srv/$(ls /srv | wc -l)", "/srv/1: was not there, is a directory"),
        ("if [ -e /srv/x ]; then rm /srv/x; else echo a >/srv/x; fi", "/srv/x: was a file with 'a\\n', is not there"),
        ("if [ -e /srv/x ]; then chmod 600 /srv/x; else echo a >/srv/x; fi", "/srv/x: was mode 0644, is 0600"),
        ("[ ! -e /srv/x ] || target=2; ln -sfn /srv/${target-1} /srv/x; touch /srv/1",
         "/srv/x: was a link to /srv/1, is a link to /srv/2"),
        ("seq 1 40 >/srv/x.new; date +%s%N >>/srv/x.new; mv /srv/x.new /srv/x", "/srv/x: was in line 41 "),
    ],
)  # fmt: skip
def test_what_may_change(script: str, line: str) -> None:
    """Each kind of change is said in a line of its own."""
    said = message(assert_idempotent, StartupScript("site", first_boot=[Shell("x", script=script)]))

    assert said.startswith(f"'site' is not idempotent\nstep 'x', run once more, changes\n  {line}")


def test_failing_definition_is_said() -> None:
    """A definition that fails by itself fails both assertions with the step and its output."""
    broken = StartupScript("broken", first_boot=[Shell("x", script="echo no such luck\nexit 3")])

    assert "first boot: step 'x' failed with exit code 3\n  no such luck" == message(assert_idempotent, broken)
    said = "the undisturbed boot: step 'x' failed with exit code 3\n  no such luck"
    assert said == message(assert_survives_any_kill, broken)


def test_half_done_step_does_not_survive() -> None:
    """`kit`: The kill point is named with its step, and the way of going on, and what differs then."""
    assert_idempotent(HALVES)
    said = message(assert_survives_any_kill, HALVES)

    wanted = r"""'halves' does not survive every kill
killed before call \d+ \(bash: write /srv/key\) in step 'key', then apply:
  /srv/key: was 'secret\\n', is ''
killed before call \d+ \(bash: write /srv/key\) in step 'key', then reboot:
  /srv/key: was 'secret\\n', is ''
killed before call \d+ \(chmod: fchmodat2? /srv/key\) in step 'key', then apply:
  /srv/key: was mode 0600, is 0644
and 1 more"""
    assert re.fullmatch(wanted, said), said


def test_appended_line_does_not_survive() -> None:
    """`kit`: A line that is there already when the step is killed stands there twice."""
    said = message(assert_survives_any_kill, APPENDS)

    assert "  /srv/hosts: was '10.0.0.7 db\\n', is '10.0.0.7 db\\n10.0.0.7 db\\n'" in said.splitlines()


def test_step_that_fails_after_a_kill() -> None:
    """A step that cannot begin again is said with its result and output."""
    twice = StartupScript("twice", first_boot=[Shell("group", script="mkdir /srv/group\ntouch /srv/group/x")])
    said = message(assert_survives_any_kill, twice)

    assert "  the result is failed: step 'group' failed with exit code 1" in said.splitlines()
    assert "    mkdir: cannot create directory '/srv/group': File exists" in said.replace("‘", "'").replace("’", "'").splitlines()


def test_states_are_those_of_a_kill(tmp_path: Path) -> None:
    """What lies there before a call of the undisturbed boot is what a kill before that call leaves."""
    with Machine(tmp_path / "undisturbed") as machine:
        machine.edit(HALVES)
        trial = Trial(machine)
    for point in trial.points[7 :: len(trial.points) // 6]:
        with Machine(tmp_path / str(point.number)) as killed:
            killed.witness = machine.witness
            killed.edit(HALVES)
            killed.cut_power(at=point.call.number)
            left = read_tree(killed.sees)
        ids = killed.boot_id.encode(), machine.boot_id.encode()
        left = {path: entry._replace(content=entry.content.replace(*ids)) for path, entry in left.items()}

        others = {path for path, _ in trial.future(left) ^ trial.future(point.tree)}
        assert all(path.startswith("run/evenboot/output.") for path in others), str(point)
