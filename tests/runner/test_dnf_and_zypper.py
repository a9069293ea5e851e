"""Packages steps on the relatives of Red Hat and SUSE, by the real dnf and zypper with a repository of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from startup import Packages, StartupScript
from startup.testing.machine import Machine

from . import rpm_repository

Offer = Callable[..., None]


@pytest.fixture(params=["dnf", "zypper"])
def manager(request: pytest.FixtureRequest, machine: Machine) -> str:
    """The package manager of the machine."""
    reason = rpm_repository.why_not(request.param)
    if reason:
        pytest.skip(reason)
    rpm_repository.set_up(machine, request.param)
    return request.param


@pytest.fixture
def offer(manager: str, machine: Machine, tmp_path: Path) -> Offer:
    """Put a package into the repository of the machine."""

    def put(name: str, version: str = "1.0", more: str = "") -> None:
        rpm_repository.offer(machine, tmp_path / "rpms", name, version, more)

    return put


def every(*names: str) -> StartupScript:
    return StartupScript("site", every_boot=[Packages(list(names))])


def calls(machine: Machine, word: str) -> list[str]:
    return [line for line in machine.lines("/calls") if word in line.split()]


def test_installed(machine: Machine, manager: str, offer: Offer) -> None:
    """All packages of a step are installed by one call after one refresh; at the next boot nothing is asked."""
    offer("one", more="Provides: other-name")
    offer("two")
    assert machine.boot(every("one", "two"))["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert (machine.read("/opt/one"), machine.read("/opt/two")) == ("1.0\n", "1.0\n")
    refresh = "makecache" if manager == "dnf" else "refresh"
    assert (len(calls(machine, refresh)), len(calls(machine, "install"))) == (1, 1)
    machine.run("rm /calls")
    assert machine.boot(every("one", "two", "other-name"))["result"] == "ok"
    assert machine.lines("/calls") == []


def test_new_in_the_repository(machine: Machine, manager: str, offer: Offer) -> None:
    """The lists are refreshed: a package that came to the repository since is found."""
    offer("one")
    machine.boot(every("one"))
    offer("two")
    assert machine.boot(every("one", "two"))["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert machine.read("/opt/two") == "1.0\n"


def test_version(machine: Machine, manager: str, offer: Offer) -> None:
    """A version is named as the package manager spells it."""
    offer("one", "1.0")
    offer("one", "2.0")
    name = "one-1.0" if manager == "dnf" else "one=1.0"
    assert machine.boot(every(name))["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert machine.read("/opt/one") == "1.0\n"
    machine.run("rm /calls")
    assert machine.boot()["result"] == "ok"
    assert machine.lines("/calls") == []


def test_unknown_package(machine: Machine, manager: str, offer: Offer) -> None:
    """L4: a package that does not exist fails the step, and none of the others is installed."""
    offer("one")
    status = machine.boot(every("one", "ghost"))
    assert (status["failed_step"], machine.read("/opt/one")) == ("packages one", "")
    assert any("ghost" in line for line in status["output"])


def test_reboot_suggested(machine: Machine, manager: str, offer: Offer) -> None:
    """A package that wants a reboot is installed all the same."""
    offer("one", more="Provides: installhint(reboot-needed)")
    assert machine.boot(every("one"))["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert machine.read("/opt/one") == "1.0\n"
