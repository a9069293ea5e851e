"""VMs made from an image of another VM: L7."""

from __future__ import annotations

import pytest

from ..runner.scenarios import definition
from .clouds import PATIENCE, Cloud, Vm, outcomes
from .test_boots import FIRST_AND_EVERY
from .test_power_cuts import HALF_WAY


def test_image_of_a_finished_vm(cloud: Cloud) -> None:
    """L7: the same definition, in a VM made from the image, is at its first boot; another one runs only itself."""
    parent = cloud.make(FIRST_AND_EVERY)
    parent.start()
    same, other = parent.image(FIRST_AND_EVERY), parent.image(definition("other", "three"))
    statuses = [same.start(), other.start()]

    assert ["one", "two", "three", "four"] == same.lines()
    assert ["other", "three"] == other.lines()
    assert ["first", "first"] == [status["boot"] for status in statuses]
    assert [same.machine.instance_id, other.machine.instance_id] == [status["instance_id"] for status in statuses]

    other.reboot()

    assert ["other", "three", "three"] == other.lines()


def nothing_ran(vm: Vm) -> bool:
    """Wait until the boot is over, and tell whether no step ran and no result was found."""
    vm.machine.wait_ready(PATIENCE)
    vm.until(lambda: not vm.busy(), "the unit is at rest")
    return vm.lines() == [] and 0 != vm.evenboot("status").returncode


def test_image_with_no_definition(cloud: Cloud) -> None:
    """L7: launched with none, nothing of the parent's definition runs, at that boot or later."""
    parent = cloud.make(FIRST_AND_EVERY)
    parent.start()
    clone = parent.image(None)
    clone.machine.start()

    assert nothing_ran(clone)

    clone.machine.reboot()

    assert nothing_ran(clone)


def test_image_taken_half_way(cloud: Cloud) -> None:
    """L7: captured in the middle of its first boot, nothing of the parent's journal counts; another definition runs only
    itself; with none, nothing runs, at that boot or later."""
    parent = cloud.make(HALF_WAY)
    parent.machine.start()
    parent.wait_line("two")
    same, other, none = parent.image(HALF_WAY), parent.image(definition("other", "three")), parent.image(None)
    (same.disk / "mended").touch()
    none.machine.start()
    statuses = [same.start(), other.start()]

    assert ["one", "two", "three", "four"] == same.lines()
    assert ["ran one", "ran two", "ran three", "ran four"] == outcomes(statuses[0])
    assert ["ran other", "ran three"] == outcomes(statuses[1])
    assert ["other", "three"] == other.lines()
    assert ["first", "first"] == [status["boot"] for status in statuses]
    assert nothing_ran(none)

    none.machine.reboot()

    assert nothing_ran(none)


@pytest.mark.long
def test_image_started_in_an_outage(cloud: Cloud) -> None:
    """L9: a VM made from an image does not fall back on the parent's definition: no step runs, and the status says why."""
    parent = cloud.make(FIRST_AND_EVERY)
    parent.start()
    clone = parent.image(FIRST_AND_EVERY)
    clone.machine.outage("503")
    status = clone.start_in_an_outage(500)

    assert [] == clone.lines()
    assert "failed" == status["result"]
    assert "no definition arrived on this machine before" in status["message"]

    clone.machine.outage("ok")

    assert 0 == clone.evenboot("apply").returncode
    assert ["one", "two", "three", "four"] == clone.lines()
    assert "first" == clone.status()["boot"]


def test_slot_is_emptied(cloud: Cloud) -> None:
    """L9: a metadata service that answers "no payload" is no outage: nothing runs, at that boot or later."""
    vm = cloud.make(definition("one", "two", shutdown=[]))
    vm.start()
    vm.define(None)
    for _ in range(2):
        vm.machine.reboot()
        (vm.disk / "done").unlink(missing_ok=True)

        assert nothing_ran(vm)
