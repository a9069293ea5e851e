"""The power goes away in the middle of a boot: L3, L5.

What the machine had written is in this computer's memory and so survives; that it is on the disk in time is shown
where the runner's calls are watched.
"""

from __future__ import annotations

import time

from startup import Shell, StartupScript

from ..runner.scenarios import note
from .clouds import Cloud, Vm, outcomes
from .test_boots import FIRST_AND_EVERY

WAITS = Shell("two", script="echo two >>/done\n[ -e /mended ] || sleep 600\n")
HALF_WAY = StartupScript("site", first_boot=[note("one"), WAITS, note("three")], every_boot=[note("four")])
AT_ONCE = StartupScript("site", first_boot=[WAITS, note("three")], every_boot=[note("four")])
MANY = [f"step {number}" for number in range(25)]


def test_power_cut_in_a_step(cloud: Cloud) -> None:
    """L3, L5: after a power cut in a step the next boot starts that step again, and no finished one."""
    vm = cloud.make(HALF_WAY)
    vm.machine.start()
    vm.wait_line("two")
    vm.machine.cut_power()
    (vm.disk / "mended").touch()

    status = vm.start()

    assert ["one", "two", "two", "three", "four"] == vm.lines()
    assert ["skipped one", "ran two", "ran three", "ran four"] == outcomes(status)
    assert ("later", "ok") == (status["boot"], status["result"])


def test_power_cut_in_the_first_step(cloud: Cloud) -> None:
    """L5: twice cut in the first step of all, nothing is done yet, and the third boot begins there; it is a later one."""
    vm = cloud.make(AT_ONCE)
    for begun in (1, 2):
        vm.machine.start()
        vm.until(lambda begun=begun: len(vm.lines()) == begun, "the first step runs")
        vm.machine.cut_power()
    (vm.disk / "mended").touch()

    status = vm.start()

    assert ["two", "two", "two", "three", "four"] == vm.lines()
    assert ["ran two", "ran three", "ran four"] == outcomes(status)
    assert ("later", "ok") == (status["boot"], status["result"])


def cut_between_steps(vm: Vm) -> bool:
    """Cut the power if just now all that ran is recorded; else let the machine go on."""
    vm.machine.group.freeze(True)
    ran, recorded = len(vm.lines()), len(list((vm.disk / "var/lib/evenboot/journal").glob("?" * 12)))
    between = 0 < ran == recorded < len(MANY)
    if between:
        vm.machine.cut_power()
    else:
        vm.machine.group.freeze(False)
    return between


def test_power_cut_between_steps(cloud: Cloud) -> None:
    """L3, L5: cut when a step is recorded and the next one has done nothing yet, no step runs twice, and none is missed."""
    vm = cloud.make(StartupScript("site", first_boot=[note(name) for name in MANY], every_boot=[note("last")]))
    vm.machine.start()
    vm.until(lambda: vm.lines() != [], "the steps run")
    vm.until(lambda: cut_between_steps(vm), "the power is cut")
    before = len(vm.lines())

    status = vm.start()

    assert [*MANY, "last"] == vm.lines()
    assert ["skipped"] * before == [outcome.split()[0] for outcome in outcomes(status)[:before]]
    assert {"ran"} == {outcome.split()[0] for outcome in outcomes(status)[before:]}
    assert ("later", "ok") == (status["boot"], status["result"])


def test_power_cut_in_the_first_second(cloud: Cloud) -> None:
    """L1, L5: cut three times before anything has happened, the fourth start is a first boot like any other."""
    vm = cloud.make(FIRST_AND_EVERY)
    for seconds in (0, 0.2, 0.4):
        vm.machine.start()
        time.sleep(seconds)
        vm.machine.cut_power()

    status = vm.start()

    assert ["one", "two", "three", "four"] == vm.lines()
    assert ["ran one", "ran two", "ran three", "ran four"] == outcomes(status)
    assert ("first", "ok") == (status["boot"], status["result"])
