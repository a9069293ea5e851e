"""The local cloud answers for its machines' consoles as the clouds do, to the clouds' own SDKs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from components.console import ConsoleBusy, ConsoleError
from components.consoles import console_at
from components.results import newest_result
from lab import consoles
from lab.providers.machines import Machines
from lab.providers.records import Record, Records, records_folder

from .fake_machines import FakeLab, FakeMachine

GROUP = "/subscriptions/5b6f/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines"


@dataclass(frozen=True)
class Vm:
    """One VM of the local cloud: its machine, and the cloud's full name of it."""

    cloud: str
    machine: FakeMachine
    address: str


_KINDS: Mapping[str, tuple[str, str, str]] = {
    "aws": ("aws", "aws:ec2/instance:Instance", "{id}"),
    "gcp": ("gcp", "gcp:compute/instance:Instance", "projects/shop/zones/z-a/instances/web"),
    "azure": ("azure-native", "azure-native:compute:VirtualMachine", f"{GROUP}/web"),
}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLab]:
    """Serve an empty lab to the SDKs of this process."""
    lab = FakeLab(tmp_path)
    with consoles.serving(cast(Machines, lab), tmp_path) as variables:
        around = consoles.environment(os.environ, variables)
        for name in [name for name in os.environ if name not in around]:
            monkeypatch.delenv(name)
        for name, text in variables.items():
            monkeypatch.setenv(name, text)
        yield lab


@pytest.fixture(params=_KINDS)
def vm(request: pytest.FixtureRequest, served: FakeLab) -> Vm:
    """Each cloud's VM in turn; it runs and has told a result."""
    cloud = str(request.param)
    package, token, form = _KINDS[cloud]
    machine = served.create(cloud, f"web-{cloud}", payload=None)
    machine.start()
    id = form.format(id=machine.instance_id)
    record = Record(token=token, id=id, urn="urn", inputs={}, machine=machine.name)
    Records(records_folder(served.state) / package).put(record)
    return Vm(cloud, machine, f"arn:aws:ec2:us-east-1:1:instance/{id}" if cloud == "aws" else id)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the cloud does after its answer."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_machines_console_is_read(vm: Vm) -> None:
    """What the machine writes comes through the cloud's API, with the line ends of a serial line."""
    text = console_at("web", vm.address).read()

    result = newest_result(text)
    assert result is not None
    assert result.boot_id == f"{vm.machine.instance_id}-1"
    assert text.endswith("\r\n")


def test_a_restart_boots_the_machine_once(vm: Vm) -> None:
    """Each cloud restarts in order, in its own way: no power is cut."""
    assert console_at("web", vm.address).restart() is True

    until(lambda: vm.machine.boots == 2)
    assert (
        vm.machine.events
        == {
            "aws": ["start", "reboot", "start"],
            "gcp": ["start", "stop", "start"],
            "azure": ["start", "reboot", "start"],
        }[vm.cloud]
    )


def test_a_machine_that_is_off_stays_off(vm: Vm) -> None:
    """A restart of what is off is none."""
    vm.machine.stop()

    assert console_at("web", vm.address).restart() is False
    assert vm.machine.boots == 1


def test_a_machine_of_another_name_is_not_there(vm: Vm) -> None:
    """Whatever is asked for by a name that no resource has is not found."""
    other = vm.address.replace("/web", "/other").replace("instance/i-", "instance/i-0")

    with pytest.raises(ConsoleBusy, match=r"NotFound|not found"):
        console_at("web", other).read()


def test_who_does_not_know_the_token_is_refused(vm: Vm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other users of this computer can reach the loopback, and shall restart nothing."""
    for name in ("AWS_ACCESS_KEY_ID", "GOOGLE_OAUTH_ACCESS_TOKEN", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, "guessed")

    with pytest.raises(ConsoleError, match=r"credentials|cannot log in"):
        console_at("web", vm.address).restart()
    assert vm.machine.boots == 1


def test_nothing_of_a_real_account_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the lab's environment no SDK finds a profile, a key or an endpoint of the user's."""
    real = {"AWS_PROFILE": "work", "GOOGLE_CREDENTIALS": "{}", "ARM_CLIENT_SECRET": "s", "PATH": "/bin"}

    assert consoles.environment(real, {"ARM_ENDPOINT": "http://127.0.0.1:1"}) == {
        "PATH": "/bin",
        "ARM_ENDPOINT": "http://127.0.0.1:1",
    }
