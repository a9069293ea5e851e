"""The console of a VM on Azure: the blob behind boot diagnostics, and a restart in order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from components.azure import console as azure
from components.console import ConsoleBusy, ConsoleError
from components.consoles import console_at
from tests.components.stand_in import Asked, Said

from .conftest import APIS, TOKEN, Answer, Api, Opened

AZURE = next(api for api in APIS if api.cloud == "azure")
Open = Callable[[Api, Answer], Opened]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure, "_LOOK_SECONDS", 0)


class Machine:
    """A VM that answers for its power, and takes a restart."""

    def __init__(self, power: str = "running") -> None:
        self.power, self.looks = power, 2

    def __call__(self, asked: Asked) -> Said:
        if asked.path.endswith("/instanceView"):
            codes = ("ProvisioningState/succeeded", f"PowerState/{self.power}")
            return Said(200, json.dumps({"statuses": [{"code": code} for code in codes]}))
        if asked.path.endswith("/restart"):
            where = f"http://{asked.headers['Host']}/subscriptions/5b6f/operations/1?api-version=1"
            return Said(202, "", {"Azure-AsyncOperation": where})
        self.looks -= 1
        return Said(200, json.dumps({"status": "Succeeded" if self.looks <= 0 else "InProgress"}))


def test_the_texts_address_is_asked_for_once(opened: Open) -> None:
    """The address holds its own right to be read; asking for it counts against a small quota, so it is kept."""
    console, server = opened(AZURE, lambda asked: AZURE.text("now"))

    console.read()
    console.read()
    assert [path for path in server.paths() if "token" not in path] == [
        "POST retrieveBootDiagnosticsData",
        "GET blob",
        "GET blob",
    ]
    [asked] = [one for one in server.asked if one.path.endswith("Data")]
    assert asked.path == f"{AZURE.vm}/retrieveBootDiagnosticsData"
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    [first, _] = [one for one in server.asked if one.path == "/blob"]
    assert first.query["sig"] == "secret"
    assert first.headers["Authorization"] is None


def test_an_address_that_has_expired_is_asked_for_anew(opened: Open) -> None:
    """A right that has ended is no end of the wait."""
    refused = [Said(403)]
    console, server = opened(
        AZURE, lambda asked: refused.pop() if refused and asked.path == "/blob" else AZURE.text("now")
    )

    with pytest.raises(ConsoleBusy, match="storage says 403"):
        console.read()
    assert console.read() == "now"
    assert server.paths().count("POST retrieveBootDiagnosticsData") == 2


def test_a_vm_that_has_written_nothing_has_an_empty_console(opened: Open) -> None:
    """The blob is made with the first word."""
    console, _ = opened(AZURE, lambda asked: Said(404) if asked.path == "/blob" else Said(200))

    assert console.read() == ""


def test_boot_diagnostics_that_are_off_are_told(opened: Open) -> None:
    """Who has them off is told to turn them on, and by which argument."""
    console, server = opened(AZURE, lambda asked: Said(200))
    inner = server.answer
    server.answer = lambda asked: Said(200, "{}") if asked.path.endswith("Data") else inner(asked)

    with pytest.raises(ConsoleError, match=r"turn boot diagnostics on \(boot_diagnostics\)"):
        console.read()


def test_a_restart_waits_for_its_end(opened: Open) -> None:
    """`on_change`: The VM is restarted by its operating system, and the restart is over when the cloud says so."""
    console, server = opened(AZURE, Machine())

    assert console.restart() is True
    assert [path for path in server.paths() if "token" not in path] == [
        "GET instanceView",
        "POST restart",
        "GET 1",
        "GET 1",
    ]


@pytest.mark.parametrize("power", ["deallocated", "stopped", "deallocating"])
def test_a_vm_that_is_off_stays_off(power: str, opened: Open) -> None:
    """Who has switched a VM off does not find it running because a definition changed."""
    console, server = opened(AZURE, Machine(power))

    assert console.restart() is False
    assert not [one for one in server.asked if one.path.endswith("/restart")]


def test_a_vm_that_is_being_started_is_left_in_peace(opened: Open) -> None:
    """A restart in the middle of a start has to wait."""
    console, _ = opened(AZURE, Machine("starting"))

    with pytest.raises(ConsoleBusy, match="being started"):
        console.restart()


def test_an_answer_lost_after_the_restart_began_restarts_no_second_time(opened: Open) -> None:
    """The restart goes on, whether or not the cloud can say so."""
    machine = Machine()
    console, server = opened(AZURE, machine)
    inner = server.answer

    def elsewhere(asked: Asked) -> Said:
        said = inner(asked)
        if asked.path.endswith("/restart"):  # an address where nobody listens
            return Said(202, "", {"Azure-AsyncOperation": "http://127.0.0.1:9/operations/1"})
        return said

    server.answer = elsewhere
    assert console.restart() is True
    assert server.paths().count("POST restart") == 1


def test_a_cloud_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """ARM_ENVIRONMENT takes the provider's three names."""
    monkeypatch.setenv("ARM_ENVIRONMENT", "mars")

    with pytest.raises(ConsoleError, match="ARM_ENVIRONMENT is 'mars'; it is one of public, usgovernment, china"):
        console_at("web", AZURE.vm).read()
