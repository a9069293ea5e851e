"""The console of a VM on Google Cloud: what is asked, and how a restart comes to its end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from components.console import ConsoleBusy, ConsoleError
from components.consoles import console_at
from components.gcp import console as gcp
from tests.components.stand_in import Asked, Said

from .conftest import APIS, TOKEN, Answer, Api, Opened

GCP = next(api for api in APIS if api.cloud == "gcp")
Open = Callable[[Api, Answer], Opened]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcp, "_LOOK_SECONDS", 0)


class Zone:
    """A zone with one VM, which takes some looks to stop and to start."""

    def __init__(self, status: str = "RUNNING") -> None:
        self.status, self.coming = status, list[str]()
        self.error: dict[str, object] = {}
        self.troubles: list[Said] = []

    def __call__(self, asked: Asked) -> Said:
        what = f"{asked.method} {asked.path.rpartition('/')[2]}"
        if self.troubles and what != "POST stop":
            return self.troubles.pop(0)
        if what == "POST stop":
            self.coming = ["RUNNING", "STOPPING", "TERMINATED"]  # it is not seen at once
            return self.operation("stop-1")
        if what == "POST start":
            self.coming = ["STAGING", "STAGING", "RUNNING"]
            return self.operation("start-1")
        if self.coming:
            self.status = self.coming.pop(0)
        if what == "GET web":
            return Said(200, json.dumps({"name": "web", "status": self.status}))
        return self.operation("start-1", self.status == "RUNNING")

    def operation(self, name: str, done: bool = False) -> Said:
        """An operation of the zone."""
        error = {"error": self.error} if done and self.error else {}
        return Said(200, json.dumps({"name": name, "status": "DONE" if done else "RUNNING", **error}))


def test_the_end_of_port_1_is_asked_for(opened: Open) -> None:
    """Of the megabyte that Google keeps only the newest part is fetched."""
    console, server = opened(GCP, lambda asked: GCP.text("now"))

    console.read()
    [asked] = server.asked
    assert asked.path == f"/compute/v1/{GCP.vm}/serialPort"
    assert dict(asked.query) == {"port": "1", "start": str(-gcp.NEWEST_BYTES)}
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_restart_stops_in_order_and_starts(opened: Open) -> None:
    """`on_change`: A reset would pull the plug and skip the shutdown steps: the VM is stopped, and started when it is off."""
    zone = Zone()
    console, server = opened(GCP, zone)

    assert console.restart() is True
    assert zone.status == "RUNNING"
    assert [path for path in server.paths() if path.startswith("POST")] == ["POST stop", "POST start"]


@pytest.mark.parametrize("status", ["TERMINATED", "STOPPING", "SUSPENDED"])
def test_a_vm_that_is_off_stays_off(status: str, opened: Open) -> None:
    """Who has switched a VM off does not find it running because a definition changed."""
    console, server = opened(GCP, Zone(status))

    assert console.restart() is False
    assert server.paths() == ["GET web"]


def test_a_vm_that_is_being_started_is_left_in_peace(opened: Open) -> None:
    """A restart in the middle of a start has to wait."""
    console, _ = opened(GCP, Zone("PROVISIONING"))

    with pytest.raises(ConsoleBusy, match="its state is PROVISIONING for now"):
        console.restart()


@pytest.mark.parametrize("at", ["off", "starting"])
def test_a_restart_that_was_disturbed_goes_on_where_it_was(at: str, opened: Open) -> None:
    """An answer that is lost in the middle leaves no VM switched off, and restarts none twice."""
    zone = Zone()
    console, server = opened(GCP, zone)

    def disturbed(asked: Asked) -> Said:
        said = zone(asked)
        if asked.path.endswith("/stop" if at == "off" else "/start"):
            zone.troubles.append(Said(503, "{}"))
        return said

    server.answer = disturbed
    with pytest.raises(ConsoleBusy):
        console.restart()
    assert console.restart() is True
    assert zone.status == "RUNNING"
    assert [path for path in server.paths() if path.startswith("POST")] == ["POST stop", "POST start"]


def test_a_vm_that_cannot_be_started_again_is_told(opened: Open) -> None:
    """A zone may have no room left: then the VM is off, and the user reads that and why."""
    zone = Zone()
    zone.error = {"errors": [{"code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": "No room in europe-west3-a."}]}
    console, _ = opened(GCP, zone)

    with pytest.raises(ConsoleError, match=r"was stopped and cannot be started: ZONE_RESOURCE_POOL_EXHAUSTED: No room"):
        console.restart()


def test_a_key_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """GOOGLE_CREDENTIALS is the provider's variable, and holds a key or its path; a wrong one is told."""
    for wrong in ('{"type": "service_account"}', "{not json", "/no/such/key.json"):
        monkeypatch.setenv("GOOGLE_CREDENTIALS", wrong)
        with pytest.raises(ConsoleError, match="cannot log in to Google Cloud"):
            console_at("web", GCP.vm).read()


def test_a_throttle_without_a_reason_may_pass(opened: Open) -> None:
    """Google's front answers 429 by itself, without its words for it."""
    console, _ = opened(GCP, lambda asked: Said(429, "<html>Too many requests</html>"))

    with pytest.raises(ConsoleBusy, match=r"^web: Google says 429"):
        console.read()
