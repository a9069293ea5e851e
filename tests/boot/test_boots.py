"""First and later boots, and what happens when one goes wrong."""

from __future__ import annotations

from startup import StartupScript

from ..runner.scenarios import breaks, definition, note
from .clouds import Cloud, outcomes

FIRST_AND_EVERY = definition("one two", "three four")


def test_first_and_later_boots(cloud: Cloud) -> None:
    """L1, L2, L12: all steps in order at the first boot; the every-boot steps at a reboot, and after stop and start."""
    vm = cloud.make(FIRST_AND_EVERY)
    first = vm.start()

    assert ["one", "two", "three", "four"] == vm.lines()
    assert ("first", "ok", "cloud", "site") == (first["boot"], first["result"], first["source"], first["definition"])
    assert ["ran one", "ran two", "ran three", "ran four"] == outcomes(first)
    assert vm.machine.instance_id == first["instance_id"]
    assert 0 == vm.evenboot("status").returncode

    later = vm.reboot()

    assert ["three", "four"] == vm.lines()[4:]
    assert ("later", "ok", "cloud") == (later["boot"], later["result"], later["source"])
    assert ["skipped one", "skipped two", "ran three", "ran four"] == outcomes(later)
    assert first["boot_id"] != later["boot_id"]

    vm.machine.stop()
    vm.start()

    assert ["three", "four"] == vm.lines()[6:]
    assert 3 == len(vm.machine.results()), "one apply in each boot"


def test_failing_step(cloud: Cloud) -> None:
    """L4, L6, L12: a failing step holds up the rest, is told of, fails again at a reboot, and an edit mends it."""
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), breaks("two"), note("three")], every_boot=[note("four")]))
    failed = vm.start()

    assert ["ran one", "failed two", "pending three", "pending four"] == outcomes(failed)
    assert ("failed", "two", 3) == (failed["result"], failed["failed_step"], failed["exit_code"])
    assert ["about to fail"] == failed["output"]
    assert 1 == vm.evenboot("status").returncode

    again = vm.reboot()

    assert ["skipped one", "failed two", "pending three", "pending four"] == outcomes(again)

    vm.define(definition("one two three", "four"))
    mended = vm.reboot()

    assert ["skipped one", "ran two", "ran three", "ran four"] == outcomes(mended)
    assert ["one", "two", "two", "two", "three", "four"] == vm.lines()
    assert 0 == vm.evenboot("status").returncode


def test_id_written_otherwise(cloud: Cloud) -> None:
    """L8: the same instance id in other letter case and with white space is the same instance."""
    vm = cloud.make(FIRST_AND_EVERY)
    first = vm.start()
    vm.machine.set_instance_id(f" {vm.machine.instance_id.upper()}\n")
    later = vm.reboot()

    assert ["three", "four"] == vm.lines()[4:]
    assert ("later", first["instance_id"]) == (later["boot"], later["instance_id"])
