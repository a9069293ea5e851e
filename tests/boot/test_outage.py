"""The metadata service does not answer at a later boot: L9."""

from __future__ import annotations

import time

from ..runner.scenarios import definition
from .clouds import Cloud, outcomes

SECONDS = 240  # within which every-boot steps have run


def goes_on(cloud: Cloud, outage: str) -> None:
    """Boot again in an outage, and see that all goes on with the definition that arrived before it.

    It begins when the machine is off: Google's agent asks for shutdown scripts too, and takes 90 s to give up.
    """
    vm = cloud.make(definition("one", "two"))
    vm.start()
    vm.machine.stop()
    vm.machine.outage(outage)
    pressed = time.monotonic()
    status = vm.start(SECONDS)

    assert time.monotonic() - pressed < SECONDS
    assert ["one", "two", "two"] == vm.lines()
    assert ["skipped one", "ran two"] == outcomes(status)
    assert ("cached", "later", "ok") == (status["source"], status["boot"], status["result"])
    assert "metadata service does not answer" in status["message"]
    assert "active\nactive\n" == vm.run("systemctl is-active ssh.service multi-user.target")


def test_service_answers_errors(cloud: Cloud) -> None:
    """L9: it answers 503: the last definition is used, no finished step runs again, ordinary services are up."""
    goes_on(cloud, "503")


def test_service_refuses(cloud: Cloud) -> None:
    """L9: it refuses connections: the same."""
    goes_on(cloud, "refuse")
