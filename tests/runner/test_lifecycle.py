"""What runs at which boot: L1 to L8 and L10, on the rendered artefact in a throw-away root."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from startup import Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.status import outcomes

from .scenarios import breaks, definition, note

FIRST_AND_EVERY = definition("one two", "three four")


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_first_and_later_boot(machine_of: Callable[[str], Machine], cloud: str) -> None:
    """L1, L2: the first boot runs all steps in order, a later one the every-boot steps, on each cloud."""
    machine = machine_of(cloud)

    first = machine.boot(FIRST_AND_EVERY)
    later = machine.boot()

    assert ["one", "two", "three", "four", "three", "four"] == machine.lines()
    assert ("first", "ok", "cloud") == (first["boot"], first["result"], first["source"])
    assert ["ran one", "ran two", "ran three", "ran four"] == outcomes(first)
    assert ("later", "ok", "cloud") == (later["boot"], later["result"], later["source"])
    assert ["skipped one", "skipped two", "ran three", "ran four"] == outcomes(later)


def test_nothing_is_due(machine: Machine) -> None:
    """An apply with nothing due runs nothing and says so: in one boot, every-boot steps run once."""
    machine.boot(FIRST_AND_EVERY)

    assert 0 == machine.evenboot("apply").returncode

    assert ["one", "two", "three", "four"] == machine.lines()
    assert ["skipped one", "skipped two", "skipped three", "skipped four"] == outcomes(machine.status())


def test_remaining_steps_run_first(machine: Machine) -> None:
    """L2, L4: what the first boot could not do runs before the every-boot steps, and what is done is skipped."""
    script = StartupScript("site", first_boot=[note("one"), breaks("two"), note("three")], every_boot=[note("four")])
    failed = machine.boot(script)
    still = machine.boot()
    machine.run("touch /mended")
    mended = machine.boot()

    assert ["one", "two", "two", "two", "three", "four"] == machine.lines()
    assert ["ran one", "failed two", "pending three", "pending four"] == outcomes(failed)
    assert ["skipped one", "failed two", "pending three", "pending four"] == outcomes(still)
    assert ["skipped one", "ran two", "ran three", "ran four"] == outcomes(mended)


def test_failure_is_explained(machine: Machine) -> None:
    """L4, L12: the status names the step, its exit code and its last lines, and the console says the same."""
    status = machine.boot(StartupScript("site", first_boot=[note("one"), breaks("two")]))

    assert ("failed", "two", 3) == (status["result"], status["failed_step"], status["exit_code"])
    assert ["about to fail"] == status["output"]
    assert "step 'two' failed with exit code 3" == status["message"]
    assert [status] == machine.results()
    assert 1 == machine.evenboot("status").returncode


@pytest.mark.parametrize("command", ["false; true", "false | true; true", "echo ${nothing_such}"])
def test_command_that_fails_in_the_middle(machine: Machine, command: str) -> None:
    """L4: a command that fails in the middle of a step, or of a pipeline in it, fails the step."""
    status = machine.boot(StartupScript("site", first_boot=[Shell("one", script=command), note("two")]))

    assert ["failed one", "pending two"] == outcomes(status)


def test_every_boot_step_fails(machine: Machine) -> None:
    """L4, L5: a failing every-boot step ends the apply; the next apply in this boot goes on with it."""
    script = StartupScript("site", first_boot=[note("one")], every_boot=[note("two"), breaks("three"), note("four")])
    failed = machine.boot(script)
    machine.run("touch /mended")
    machine.evenboot("apply")

    assert ["ran one", "ran two", "failed three", "pending four"] == outcomes(failed)
    assert ["one", "two", "three", "three", "four"] == machine.lines()
    assert ["skipped one", "skipped two", "ran three", "ran four"] == outcomes(machine.status())


WAITS = Shell("two", script="echo two >>/done\n[ -e /mended ] || sleep 60\n")
# Its name is a word of the status.
INTERRUPTED = StartupScript("running", first_boot=[note("one"), WAITS, note("three")], every_boot=[note("four")])


def cut_power_in_step_two(machine: Machine) -> None:
    machine.edit(INTERRUPTED)
    machine.cut_power(lambda: machine.lines()[-1:] == ["two"])


def test_power_cut_in_a_step(machine: Machine) -> None:
    """L3, L5: after a power cut the interrupted step starts again and no finished one does."""
    cut_power_in_step_two(machine)
    machine.run("touch /mended")
    status = machine.boot()

    assert ["one", "two", "two", "three", "four"] == machine.lines()
    assert ["skipped one", "ran two", "ran three", "ran four"] == outcomes(status)


def test_killed_and_applied_again(machine: Machine) -> None:
    """L5, L11: a killed apply is never taken for an ok; the next one in the same boot goes on at the interrupted step."""
    cut_power_in_step_two(machine)
    killed = machine.status()
    machine.run("touch /mended")
    machine.evenboot("apply")

    assert ("failed", "the apply was killed before its end") == (killed["result"], killed["message"])
    assert "running" == killed["definition"]
    assert ["one", "two", "two", "three", "four"] == machine.lines()


def edited(machine: Machine, before: StartupScript, after: StartupScript) -> list[str]:
    """What runs at the boot after an edit."""
    machine.boot(before)
    done = len(machine.lines())
    machine.boot(after)
    return machine.lines()[done:]


CHANGED = Shell("two", script="echo two changed >>/done")


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [
        pytest.param(definition("one two"), definition("one two"), [], id="nothing changed"),
        pytest.param(
            definition("one two three"),
            definition(first_boot=[note("one"), CHANGED, note("three")]),
            ["two changed"],
            id="a step changed",
        ),
        pytest.param(definition("one two"), definition("zero one two"), ["zero"], id="a step added"),
        pytest.param(definition("one two"), definition("two one"), [], id="reordered"),
        pytest.param(definition("one two"), definition("two"), [], id="a step removed"),
        pytest.param(
            definition("one two"),
            definition(first_boot=[note("one"), Shell("other", script="echo 'two' >>/done\n")]),
            ["two"],
            id="a step renamed",
        ),
        pytest.param(definition("one", "two"), definition("one two"), ["two"], id="moved to first_boot"),
        pytest.param(definition("one two"), definition("one", "two"), ["two"], id="moved to every_boot"),
        pytest.param(
            definition("one two"),
            definition(first_boot=[note("one"), note("two", timeout_seconds=60, retries=2)]),
            [],
            id="limits changed",
        ),
        pytest.param(
            definition(first_boot=[note("one"), note("two"), note("three", rerun_on=["two"])]),
            definition(first_boot=[note("one"), CHANGED, note("three", rerun_on=["two"])]),
            ["two changed", "three"],
            id="rerun_on",
        ),
    ],
)
def test_edit(machine: Machine, before: StartupScript, after: StartupScript, runs: list[str]) -> None:
    """L6: an edited definition makes exactly the steps concerned due, once."""
    assert runs == edited(machine, before, after)

    machine.boot()

    again = ["two"] if "two" in {step.name for step in after.every_boot} else []
    assert again == machine.lines()[len(machine.lines()) - len(again) :]
    assert "ok" == machine.status()["result"]


def test_removed_and_added_again(machine: Machine) -> None:
    """L6: a removed step's record is dropped: added again, the step is due."""
    machine.boot(definition("one two"))
    machine.boot(definition("one"))

    assert ["two"] == edited(machine, definition("one"), definition("one two"))


def test_there_and_back(machine: Machine) -> None:
    """L6: changed there and back, a step is due each time that it differs from its record."""
    changed = definition(first_boot=[note("one"), CHANGED])
    machine.boot(definition("one two"))

    assert ["two changed"] == edited(machine, definition("one two"), changed)
    assert ["two"] == edited(machine, changed, definition("one two"))


def test_changed_value(machine: Machine) -> None:
    """L6: a changed value makes the steps due that use it, and no other."""
    use = Shell("use", script='printf "%s\\n" "$SITE" >>/done', uses=["SITE"])
    script = StartupScript("site", first_boot=[note("one"), use])
    machine.boot(script, {"SITE": "a 'quoted' $value"})
    machine.boot(script, {"SITE": "b"})

    assert ["one", "a 'quoted' $value", "b"] == machine.lines()


def test_apply_obeys_an_edit(machine: Machine) -> None:
    """An operator's apply asks the slot and obeys an edit in the same boot."""
    machine.boot(definition("one", "two"))
    machine.edit(definition("one three", "two"))
    machine.evenboot("apply")

    assert ["one", "two", "three"] == machine.lines()
    assert "first" == machine.status()["boot"]


def test_rerun(machine: Machine) -> None:
    """`evenboot rerun` makes one step due, and applies."""
    machine.boot(FIRST_AND_EVERY)

    assert 0 == machine.evenboot("rerun", "two").returncode
    assert 0 == machine.evenboot("rerun", "four").returncode
    assert 64 == machine.evenboot("rerun", "five").returncode
    assert 1 == machine.evenboot("rerun", "five").stderr.count("there is no step 'five'")

    assert ["one", "two", "three", "four", "two", "four"] == machine.lines()


def test_image_of_a_finished_machine(machine: Machine) -> None:
    """L7: a VM made from an image of another VM is at its first boot."""
    machine.boot(FIRST_AND_EVERY)
    machine.run("rm /done")
    machine.clone()
    status = machine.boot()

    assert ["one", "two", "three", "four"] == machine.lines()
    assert ("first", machine.instance_id) == (status["boot"], status["instance_id"])


def test_image_taken_half_way(machine: Machine) -> None:
    """L7: nothing of the parent's journal counts, even if the parent was captured half-way."""
    cut_power_in_step_two(machine)
    machine.run("rm /done; touch /mended")
    machine.clone()
    machine.boot()

    assert ["one", "two", "three", "four"] == machine.lines()


def test_image_with_another_definition(machine: Machine) -> None:
    """L7: launched with another definition, the VM runs only that one."""
    machine.boot(FIRST_AND_EVERY)
    machine.run("rm /done")
    machine.clone()
    machine.boot(definition("other", "three"))
    machine.boot()

    assert ["other", "three", "three"] == machine.lines()


def test_image_with_no_definition(machine: Machine) -> None:
    """L7: launched with none, nothing of the parent's definition runs, at that boot or later, service or no service."""
    machine.boot(FIRST_AND_EVERY)
    machine.run("rm /done")
    machine.clone()
    machine.edit(None)
    machine.hurry()
    machine.power_on()
    machine.unit()
    machine.service = "503"
    machine.publish()
    machine.power_on()
    machine.unit()

    assert [] == machine.lines()
    assert 1 == machine.evenboot("status").returncode


@pytest.mark.parametrize("written", ["I-1", "i - 1", " i-1\n", "\ni-1", "I-1 \n\n"])
def test_id_written_otherwise(machine: Machine, written: str) -> None:
    """L8: the same instance id in other letter case or with white space is the same instance."""
    machine.boot(FIRST_AND_EVERY)
    machine.instance_id = written
    machine.publish()
    status = machine.boot()

    assert ("later", "i-1") == (status["boot"], status["instance_id"])
    assert ["one", "two", "three", "four", "three", "four"] == machine.lines()


def test_applies_overlap(machine: Machine) -> None:
    """L10: applies that overlap are one after another, and the later does only what is then still due."""
    slow = Shell("slow", script="echo begin >>/done; sleep 0.3; echo end >>/done")
    machine.boot(definition("one"))
    machine.edit(StartupScript("site", first_boot=[note("one"), slow], every_boot=[note("two")]))
    machine.run("evenboot apply & evenboot apply & wait")

    assert ["one", "begin", "end", "two"] == machine.lines()
    assert "ok" == machine.status()["result"]


def test_name_with_spaces_around(machine: Machine) -> None:
    """The status names the definition as it is named, spaces at its ends included."""
    status = machine.boot(StartupScript(" the site ", first_boot=[note("one")]))
    assert " the site " == status["definition"]


def test_first_boot_reloads_nothing(machine: Machine) -> None:
    """L9: the limits of the cloud's agent are for later boots: at the first, when it has a lot to do, systemd is not told."""
    machine.boot(FIRST_AND_EVERY)
    first = machine.calls("systemctl")
    machine.boot(definition("one two five", "three four"))

    assert ("daemon-reload" in first, "daemon-reload" in machine.calls("systemctl")) == (False, True)


def test_moved_there_and_back(machine: Machine) -> None:
    """L6: moved from first_boot to every_boot and back, a step is due: its first record went when it left its list."""
    machine.boot(definition("one two"))
    machine.boot(definition("one", "two"))
    machine.boot(definition("one two"))

    assert ["one", "two", "two", "two"] == machine.lines()
