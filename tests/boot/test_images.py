"""VMs made from an image of another VM: L7."""

from __future__ import annotations

from ..runner.scenarios import definition
from .clouds import PATIENCE, Cloud, Vm, outcomes
from .test_boots import FIRST_AND_EVERY, HALF_WAY


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


def test_image_taken_half_way(cloud: Cloud) -> None:
    """L7: nothing of the parent's journal counts, even if the parent was captured in the middle of its first boot."""
    parent = cloud.make(HALF_WAY)
    parent.machine.start()
    parent.wait_line("two")
    clone = parent.image(HALF_WAY)
    (clone.disk / "mended").touch()
    status = clone.start()

    assert ["one", "two", "three", "four"] == clone.lines()
    assert ["ran one", "ran two", "ran three", "ran four"] == outcomes(status)
    assert "first" == status["boot"]


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


def test_slot_is_emptied(cloud: Cloud) -> None:
    """L9: a metadata service that answers "no payload" is no outage: nothing runs, at that boot or later."""
    vm = cloud.make(definition("one", "two", shutdown=[]))
    vm.start()
    vm.define(None)
    for _ in range(2):
        vm.machine.reboot()
        (vm.disk / "done").unlink(missing_ok=True)

        assert nothing_ran(vm)
