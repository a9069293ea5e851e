"""What the runner asks of the network, by the system's curl: how long it waits for an answer, and whom it asks."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from startup import StartupScript
from startup.checked import check
from startup.overflow import both_forms
from startup.testing.machine import Machine

from ..network import heard, real_curl, short_limits
from .scenarios import definition

SITE = definition("one", "two")
PROXY = " ".join(f"{name}=http://127.0.0.1:3128" for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"))


@pytest.fixture
def machine(machine_of: Callable[[str], Machine]) -> Machine:
    """A machine on Google Cloud under each shell."""
    return machine_of("gcp")


def put(machine: Machine, what: StartupScript) -> str:
    """Let the store have a definition's script, and the slot what fetches it; return the object's name."""
    stored = both_forms(check(what, {}), "gcp")[1]
    (machine.sees / "objects").mkdir(exist_ok=True)
    (machine.sees / "objects" / stored.sha256).write_text(stored.text)
    machine.edit(stored.bootstrap(f"http://127.0.0.1:8080/{stored.sha256}").content)
    return stored.sha256


def test_service_that_never_answers(machine: Machine) -> None:
    """L9: a metadata service that takes requests and never answers is an outage: the last definition is used in time."""
    with real_curl(machine):
        machine.boot(SITE)
        short_limits(machine)
        machine.write("/hangs", "metadata")
        begun = time.monotonic()
        status = machine.boot()
        took = time.monotonic() - begun

    assert ("ok", "cached") == (status["result"], status["source"])
    assert ["one", "two", "two"] == machine.lines()
    # Ten seconds for each request, for a minute: a sixtieth of it, and what the machine takes.
    assert took < 20


def test_store_that_never_answers(machine: Machine) -> None:
    """L12: a first boot whose store takes requests and never answers ends in time, with a result that says so."""
    with real_curl(machine):
        name = put(machine, SITE)
        short_limits(machine)
        machine.write("/hangs", "store")
        machine.power_on()
        begun = time.monotonic()
        machine.agent()
        took = time.monotonic() - begun

    [result] = machine.results()
    assert "failed" == result["result"]
    assert result["message"].startswith(f"http://127.0.0.1:8080/{name}: curl: (28) ")
    # A minute for each of the requests that fit into four of them: seconds, and what the machine takes.
    assert took < 30


def test_identity_that_never_comes(machine: Machine) -> None:
    """L12: the same holds when the metadata service never says who the VM is."""
    with real_curl(machine):
        put(machine, SITE)
        short_limits(machine)
        machine.write("/hangs", "metadata")
        machine.power_on()
        begun = time.monotonic()
        machine.agent()
        took = time.monotonic() - begun

    [result] = machine.results()
    assert ("failed", True) == (result["result"], "curl: (28)" in result["message"])
    assert took < 30


def test_proxy_in_the_environment(machine: Machine) -> None:
    """No proxy gets to see or to answer what is asked of the metadata service; an object may come through one."""
    with real_curl(machine):
        put(machine, SITE)
        machine.power_on()
        machine.run(f"{PROXY} no_proxy=127.0.0.1 {machine.agents_script()}")
        assert "ok" == machine.status()["result"]
        machine.power_on()
        machine.run(f"{PROXY} no_proxy=127.0.0.1 /bin/sh /var/lib/evenboot/current/evenboot obey")

        assert ("ok", "cloud") == (machine.status()["result"], machine.status()["source"])
        assert [] == heard(machine, "proxy")
        assert 5 <= len(heard(machine, "metadata"))
        put(machine, definition("one", "three"))
        machine.run(f"{PROXY} /bin/sh /var/lib/evenboot/current/evenboot obey")

    assert all("127.0.0.1:8080" in path for path in heard(machine, "proxy"))
    assert [] != heard(machine, "proxy")
