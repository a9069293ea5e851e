"""The step `Reboot`, and what runs before and after it."""

from __future__ import annotations

from startup import Reboot, StartupScript

from ..runner.scenarios import note
from .clouds import Cloud, outcomes


def test_step_that_reboots_the_machine(cloud: Cloud) -> None:
    """L5: the machine reboots once at that place; what stands after it runs in the boot that follows, and not again."""
    steps = [note("one"), Reboot("new kernel"), note("two")]
    vm = cloud.make(StartupScript("site", first_boot=steps, every_boot=[note("three")], shutdown=[note("bye")]))
    status = vm.start()
    vm.reboot()

    assert ["skipped one", "ran new kernel", "ran two", "ran three"] == outcomes(status)
    assert ["one", "bye", "two", "three", "bye", "three"] == vm.lines()
    assert "step 'new kernel' reboots the machine" in vm.machine.console()
