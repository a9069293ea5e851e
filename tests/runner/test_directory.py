"""Directory steps."""

from __future__ import annotations

import pytest

from startup import Directory, Service, StartupScript
from startup.testing.machine import Machine


def shown(machine: Machine, path: str) -> str:
    return machine.run(f"stat -L -c '%a %U %G' '{path}'").stdout.strip()


def restarts(machine: Machine, step: Directory, prepare: str = "true") -> bool:
    """Boot with the step and say whether it did something: whether a running service was restarted for it."""
    (machine.sees / "etc/known").mkdir(exist_ok=True)
    (machine.sees / "etc/known/app.service").write_text("")
    machine.edit(StartupScript("site", every_boot=[step, Service("app", restart_on=[step])]))
    machine.power_on()
    machine.run(f"systemctl start app; : >/stand-ins/calls/systemctl; {prepare}").check_returncode()
    machine.agent()
    assert machine.status()["result"] == "ok"
    return "restart app" in machine.lines("/stand-ins/calls/systemctl")


def test_made(machine: Machine) -> None:
    """The folder exists with its mode, owner and group; folders above it are ordinary ones."""
    step = Directory("/srv/a b/c", mode=0o2770, owner="nobody", group="nogroup")
    assert restarts(machine, step)
    assert (shown(machine, "/srv/a b/c"), shown(machine, "/srv/a b")) == ("2770 nobody nogroup", "755 root root")


@pytest.mark.parametrize(
    "spoil", ["chmod 700 /srv/d", "chown nobody /srv/d", "chgrp nogroup /srv/d", "chmod 2755 /srv/d"]
)
def test_mended(machine: Machine, spoil: str) -> None:
    """What differs is mended in place, and what lies in it stays."""
    (machine.sees / "srv/d/in").mkdir(parents=True)
    inode = (machine.sees / "srv/d").stat().st_ino
    assert restarts(machine, Directory("/srv/d"), spoil)
    assert shown(machine, "/srv/d") == "755 root root"
    assert (machine.sees / "srv/d/in").is_dir() and (machine.sees / "srv/d").stat().st_ino == inode


@pytest.mark.parametrize("prepare", ["mkdir -p /srv/d", "mkdir -p /srv/e && ln -s e /srv/d"])
def test_nothing_to_do(machine: Machine, prepare: str) -> None:
    """A folder that is right, or a link to one, is left alone."""
    assert not restarts(machine, Directory("/srv/d"), prepare)


def test_file_in_the_way(machine: Machine) -> None:
    """A file in its place fails the step and stays."""
    (machine.sees / "etc/d").write_text("mine")
    status = machine.boot(StartupScript("site", first_boot=[Directory("/etc/d")]))
    assert (status["failed_step"], machine.read("/etc/d")) == ("directory /etc/d", "mine")
