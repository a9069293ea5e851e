"""The step `Reboot`: once, recorded, and the steps after it in the boot that follows."""

from __future__ import annotations

import pytest

from startup import Reboot, StartupScript, validate
from startup.testing.machine import Machine
from startup.testing.status import Status, outcomes

from .scenarios import note

SITE = StartupScript(
    "site", first_boot=[note("one"), Reboot("new kernel"), note("two")], every_boot=[note("three")]
)


def boot_once(machine: Machine, definition: StartupScript = SITE) -> Status:
    """Power on, and look at the machine when it has asked for its reboot."""
    machine.edit(definition)
    machine.one_boot()
    return machine.status()


def test_reboot(machine: Machine) -> None:
    """L5: the machine reboots once at that place; what stands after it runs in the boot that follows."""
    waits = boot_once(machine)
    asked = machine.lines("/reboots")
    status = machine.boot()
    machine.boot()

    assert ("running", "step 'new kernel' reboots the machine", None) == (
        waits["result"], waits["message"], waits["failed_step"],
    )  # fmt: skip
    assert ["ran one", "pending new kernel", "pending two", "pending three"] == outcomes(waits)
    assert ["skipped one", "ran new kernel", "ran two", "ran three"] == outcomes(status)
    assert 1 == len(asked) == len(machine.lines("/reboots"))
    assert ["one", "two", "three", "three"] == machine.lines()


def test_reboot_that_is_not_needed(machine: Machine) -> None:
    """A text that exits 0 satisfies the step, and the apply goes on."""
    status = machine.boot(StartupScript("site", first_boot=[Reboot("new kernel", unless="true"), note("two")]))

    assert ["ran new kernel", "ran two"] == outcomes(status)
    assert [] == machine.lines("/reboots")


def test_reboot_is_asked_for_again_in_the_same_boot(machine: Machine) -> None:
    """L5: killed while it waits for the reboot, the next apply of the same boot asks again, the one after it does not."""
    machine.run("touch /etc/deaf")
    machine.edit(SITE)
    machine.cut_power(lambda: machine.lines("/reboots") != [])
    machine.run("rm /etc/deaf")
    machine.unit()
    machine.boot()

    assert 2 == len(machine.lines("/reboots"))
    assert ["one", "two", "three"] == machine.lines()


def test_reboot_that_is_due_again(machine: Machine) -> None:
    """L6: made due again, it reboots the machine again."""
    machine.boot(SITE)
    machine.evenboot("rerun", "new kernel")
    machine.boot()

    assert 2 == len(machine.lines("/reboots"))


def test_clone_of_a_machine_that_waits_for_its_reboot(machine: Machine) -> None:
    """L7: the request of the parent is none of the image's."""
    boot_once(machine)
    machine.clone()
    machine.boot()

    assert 2 == len(machine.lines("/reboots"))
    assert ["one", "one", "two", "three"] == machine.lines()


def test_reboot_that_does_not_come(machine: Machine) -> None:
    """A machine that does not reboot in time has failed at that step."""
    machine.run("touch /etc/deaf")
    status = boot_once(machine, StartupScript("site", first_boot=[Reboot("new kernel", timeout_seconds=1)]))

    assert ("failed", "new kernel") == (status["result"], status["failed_step"])
    assert "took longer than 1 s" in status["message"]


def test_reboot_that_was_not_asked_for(machine: Machine) -> None:
    """L12: one that is interrupted before it asked for a reboot does not say that the machine reboots."""
    ended = "pkill -TERM -of 'evenboot obey'; sleep 30"
    status = boot_once(machine, StartupScript("site", first_boot=[Reboot("new kernel", unless=ended)]))

    assert ("failed", "step 'new kernel' was interrupted by a TERM signal") == (status["result"], status["message"])
    assert [] == machine.lines("/reboots")


@pytest.mark.parametrize("place", ["every_boot", "shutdown"])
def test_reboot_elsewhere(place: str) -> None:
    """Where it would never end it is refused, with the way out."""
    (problem,) = validate(StartupScript("site", **{place: [Reboot("again")]}))

    assert f"{place}[0]" == problem.path
    assert "move it to first_boot" in problem.message


def test_reboot_that_cannot_be_noted(machine: Machine) -> None:
    """L11: on a disk that cannot be written the machine does not reboot, as it would do so for ever: the step has failed."""
    machine.boot(StartupScript("site", first_boot=[note("one")]))
    journal = "/var/lib/evenboot/journal"
    machine.enter(f"mount --bind {journal} {journal} && mount -o remount,bind,ro {journal}").check_returncode()
    status = machine.boot(SITE)

    assert ("failed", "new kernel") == (status.result, status.failed_step)
    assert ([], ["one"]) == (machine.lines("/reboots"), machine.lines())


def test_reboot_on_a_full_disk(machine: Machine) -> None:
    """L11: nor does it on a disk that is full."""
    machine.enter("mount -t tmpfs -o size=1m tmpfs /var && mkdir -p /var/log /var/lib").check_returncode()
    full = Reboot("new kernel", unless="head -c 2M /dev/zero >/var/filler; false")
    status = machine.boot(StartupScript("site", first_boot=[note("one"), full, note("two")]))

    assert ("failed", "new kernel") == (status.result, status.failed_step)
    assert ([], ["one"]) == (machine.lines("/reboots"), machine.lines())


def test_reboot_that_is_changed(machine: Machine) -> None:
    """L6: changed, it reboots the machine once more: what stands in its record is no request of the changed step."""
    machine.boot(SITE)
    machine.boot(StartupScript("site", first_boot=[note("one"), Reboot("new kernel", unless="false"), note("two")]))

    assert 2 == len(machine.lines("/reboots"))
    assert "ok" == machine.boot().result


def test_where_unless_runs(machine: Machine) -> None:
    """Its text runs in the root folder, as every step's."""
    machine.boot(StartupScript("site", first_boot=[Reboot("new kernel", unless="pwd >/seen")]))

    assert ["/"] == machine.lines("/seen")
