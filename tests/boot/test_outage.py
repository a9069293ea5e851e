"""The metadata service does not answer at a later boot: L9."""

from __future__ import annotations

import time

from ..runner.scenarios import definition
from .clouds import Cloud, Vm, outcomes

SECONDS = 240  # within which every-boot steps have run


def test_service_fails_at_a_reboot(cloud: Cloud, outage: str) -> None:
    """L9: it answers 503, refuses, is silent, or is slow: the last definition is used, no finished step runs again, and
    ordinary services are up.

    It begins when the machine is off: Google's agent asks for shutdown scripts too, and takes 90 s to give up.
    """
    vm = cloud.make(definition("one", "two"))
    vm.start()
    vm.machine.stop()
    vm.machine.outage(outage)
    pressed = time.monotonic()
    status = vm.start_in_an_outage(SECONDS)

    assert time.monotonic() - pressed < SECONDS
    assert ["one", "two", "two"] == vm.lines()
    assert ["skipped one", "ran two"] == outcomes(status)
    assert ("cached", "later", "ok") == (status["source"], status["boot"], status["result"])
    assert "metadata service does not answer" in status["message"]
    vm.until(lambda: services_are_up(vm), "ordinary services are up", SECONDS)


def services_are_up(vm: Vm) -> bool:
    """Tell whether the machine is there for its users."""
    up = vm.machine.exec("systemctl is-active ssh.service multi-user.target", check=False)
    return "active\nactive\n" == up.stdout
