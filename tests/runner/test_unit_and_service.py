"""Unit and Service steps: enabled, started, and restarted when, and only when, there is a reason."""

from __future__ import annotations

import pytest

from startup import File, Service, Shell, StartupScript, Unit
from startup.testing.machine import Machine
from startup.testing.status import outcomes

TEXT = "[Service]\nExecStart=/opt/app $ARG \\\n  %i\n[Install]\nWantedBy=multi-user.target"
CONF = File("/etc/app.conf", content="one")


@pytest.fixture(autouse=True)
def _known(machine: Machine) -> None:
    (machine.sees / "etc/known").mkdir()
    (machine.sees / "etc/known/app.service").write_text("")


def verbs(machine: Machine, unit: str = "app") -> list[str]:
    """What systemctl was told about the unit since the last look."""
    lines = [line for line in machine.lines("/stand-ins/calls/systemctl") if line.rpartition(" ")[2] in (unit, unit + ".service")]
    (machine.sees / "stand-ins/calls/systemctl").write_text("")
    return [line.split()[0] for line in lines if not line.startswith(("is-", "status"))]


def first(*steps: File | Service | Shell | Unit) -> StartupScript:
    return StartupScript("site", first_boot=steps)


def test_unit(machine: Machine) -> None:
    """The unit's file has its text; systemd is told before it is enabled and started."""
    machine.boot(first(Unit("app.service", content=TEXT)))
    assert machine.read("/etc/systemd/system/app.service") == TEXT
    assert machine.run("stat -c '%a %U %G' /etc/systemd/system/app.service").stdout == "644 root root\n"
    calls = [
        line
        for line in machine.lines("/stand-ins/calls/systemctl")
        if line == "daemon-reload" or line.startswith(("enable", "start app"))
    ]
    assert calls[-3:] == ["daemon-reload", "enable app.service", "start app.service"]
    verbs(machine)
    machine.evenboot("rerun", "unit app.service")
    assert "daemon-reload" in machine.lines("/stand-ins/calls/systemctl")


@pytest.mark.parametrize("kind", ["unit", "service"])
@pytest.mark.parametrize(
    ("enable", "start", "wanted"),
    [(True, True, ["enable", "start"]), (True, False, ["enable"]), (False, True, ["start"]), (False, False, [])],
)
def test_flags(machine: Machine, kind: str, enable: bool, start: bool, wanted: list[str]) -> None:
    """Each flag makes what it says; without it that is left as it is."""
    unit = Unit("app.service", content=TEXT, enable=enable, start=start)
    service = Service("app", enable=enable, start=start)
    assert machine.boot(first(unit if kind == "unit" else service))["result"] == "ok"
    assert verbs(machine) == wanted


@pytest.mark.parametrize("kind", ["unit", "service"])
def test_nothing_to_do(machine: Machine, kind: str) -> None:
    """What is enabled and runs is left alone, also when the step runs again in the same boot."""
    step = Unit("app.service", content=TEXT) if kind == "unit" else Service("app")
    machine.boot(StartupScript("site", every_boot=[step]))
    assert verbs(machine) == ["enable", "start"]
    for _ in range(2):
        assert machine.evenboot("rerun", step.name).returncode == 0
        assert verbs(machine) == []
    machine.power_on()
    machine.run("systemctl start app")
    verbs(machine)
    machine.agent()
    assert (machine.status()["result"], verbs(machine)) == ("ok", [])


def test_changed_unit_is_restarted(machine: Machine) -> None:
    """L6: a running unit is restarted when its text changed, once; the same text restarts nothing."""
    machine.boot(first(Unit("app.service", content=TEXT)))
    verbs(machine)
    machine.edit(first(Unit("app.service", content=TEXT + "\n", timeout_seconds=5)))
    machine.evenboot("apply")
    assert verbs(machine) == ["restart"]
    machine.evenboot("rerun", "unit app.service")
    assert verbs(machine) == []


def test_changed_unit_that_is_not_to_start(machine: Machine) -> None:
    """A changed unit that somebody else started is restarted; one that does not run is not started."""
    machine.boot(first(Unit("app.service", content=TEXT, start=False)))
    verbs(machine)
    machine.edit(first(Unit("app.service", content=TEXT + "\n", start=False)))
    machine.evenboot("apply")
    assert verbs(machine) == []
    machine.run("systemctl start app")
    machine.edit(first(Unit("app.service", content=TEXT, start=False)))
    machine.evenboot("apply")
    assert verbs(machine) == ["start", "restart"]


def test_unit_killed_before_its_restart(machine: Machine) -> None:
    """L5: killed between the new text and the restart, the next apply reloads and restarts."""
    machine.boot(first(Unit("app.service", content=TEXT)))
    verbs(machine)
    stub = machine.sees / "usr/local/bin/systemctl"
    (machine.sees / "usr/local/bin/systemctl.kept").write_text(stub.read_text())
    (machine.sees / "killer").write_text("")
    machine.edit(first(Unit("app.service", content=TEXT + "\n")))
    stub.write_text(
        "#!/bin/bash\n"
        'if [ "$1 $2" = "is-enabled --quiet" ] && [ -e /killer ]; then rm /killer; kill -9 $PPID; fi\n'
        ". /usr/local/bin/systemctl.kept\n"
    )
    machine.evenboot("apply")
    assert (machine.status()["result"], verbs(machine)) == ("failed", [])
    assert machine.evenboot("apply").returncode == 0
    assert verbs(machine) == ["restart"]


@pytest.mark.parametrize("kind", ["unit", "service"])
def test_failing_start(machine: Machine, kind: str) -> None:
    """L4: a service that does not start fails the step, with what systemd knows of it."""
    (machine.sees / "etc/known/app.service.broken").write_text("")
    step = Unit("app.service", content=TEXT) if kind == "unit" else Service("app")
    status = machine.boot(first(step, Shell("no", script="id")))
    assert outcomes(status) == [f"failed {step.name}", "pending no"]
    assert status["output"][-1] == "status of app.service"


def test_service_that_does_not_exist(machine: Machine) -> None:
    """A service that is not there fails the step and says so."""
    status = machine.boot(first(Service("ghost")))
    assert (status["failed_step"], "ghost" in status["output"][0]) == ("service ghost", True)


def running(machine: Machine) -> StartupScript:
    """A machine on which the service ran before its configuration arrived."""
    machine.power_on()
    machine.run("systemctl start app; systemctl enable app; : >/stand-ins/calls/systemctl")
    definition = first(CONF, Service("app", restart_on=[CONF]))
    machine.edit(definition)
    machine.agent()
    assert machine.status()["result"] == "ok"
    return definition


def test_restarted_for_a_change(machine: Machine) -> None:
    """A running service is restarted when a step that it names did something."""
    running(machine)
    assert verbs(machine) == ["restart"]


def test_not_restarted_when_it_was_just_started(machine: Machine) -> None:
    """A service that starts after the change needs no restart."""
    machine.boot(first(CONF, Service("app", restart_on=[CONF])))
    assert verbs(machine) == ["enable", "start"]
    machine.evenboot("apply")
    assert verbs(machine) == []


def test_not_restarted_at_later_boots(machine: Machine) -> None:
    """Without a change no later boot restarts it, whether its step is done or runs at every boot."""
    running(machine)
    again = Service("app", name="again", restart_on=[CONF])
    machine.edit(StartupScript("site", first_boot=[CONF, Service("app", restart_on=[CONF])], every_boot=[again]))
    for _ in range(2):
        machine.power_on()
        machine.run("systemctl start app; : >/stand-ins/calls/systemctl")
        machine.agent()
        assert outcomes(machine.status()) == ["skipped file /etc/app.conf", "skipped service app", "ran again"]
        assert verbs(machine) == []


def test_restarted_after_rerun(machine: Machine) -> None:
    """A rerun of the step that it names restarts it when that did something, and only then."""
    running(machine)
    verbs(machine)
    assert machine.evenboot("rerun", CONF.name).returncode == 0
    assert verbs(machine) == []
    (machine.sees / "etc/app.conf").write_text("spoilt")
    assert machine.evenboot("rerun", CONF.name).returncode == 0
    assert (verbs(machine), machine.read("/etc/app.conf")) == (["restart"], "one")
    machine.evenboot("apply")
    assert verbs(machine) == []


def test_restarted_for_a_changed_definition(machine: Machine) -> None:
    """L6: a new text of the step that it names restarts it, once."""
    running(machine)
    verbs(machine)
    conf = File("/etc/app.conf", content="two")
    machine.edit(first(conf, Service("app", restart_on=[conf])))
    machine.evenboot("apply")
    assert verbs(machine) == ["restart"]
    machine.evenboot("apply")
    assert verbs(machine) == []


def test_restarted_after_a_kill(machine: Machine) -> None:
    """L5: killed after the file's change and before the restart, the next apply in this boot restarts it."""
    machine.power_on()
    machine.run("systemctl start app; systemctl enable app; : >/stand-ins/calls/systemctl")
    killer = Shell(
        "killer", script='[ -e /survives ] || { : >/survives; kill -9 $(cut -d " " -f 4 /proc/$PPID/stat); sleep 1; }'
    )
    machine.edit(first(CONF, killer, Service("app", restart_on=[CONF])))
    machine.agent()
    assert (machine.read("/etc/app.conf"), verbs(machine)) == ("one", [])
    machine.evenboot("apply")
    assert (machine.status()["result"], verbs(machine)) == ("ok", ["restart"])


def test_failed_restart_is_tried_again(machine: Machine) -> None:
    """A restart that failed is still wanted by the next apply."""
    (machine.sees / "etc/known/app.service.broken").write_text("")
    machine.power_on()
    machine.run("mkdir -p /run/systemctl; : >/run/systemctl/app.service.active")
    machine.edit(first(CONF, Service("app", restart_on=[CONF])))
    machine.agent()
    assert (machine.status()["failed_step"], verbs(machine)) == ("service app", ["enable", "restart"])
    (machine.sees / "etc/known/app.service.broken").unlink()
    machine.evenboot("apply")
    assert (machine.status()["result"], verbs(machine)) == ("ok", ["restart"])


def test_restarted_for_a_shell_step(machine: Machine) -> None:
    """A shell step that ran did something; one that `unless` satisfied did not."""
    for unless, wanted in (("true", []), (None, ["restart"])):
        step = Shell("certificate", script="true", unless=unless)
        machine.power_on()
        machine.run("systemctl start app; systemctl enable app; : >/stand-ins/calls/systemctl")
        machine.edit(first(step, Service("app", restart_on=[step])))
        machine.agent()
        assert verbs(machine) == wanted
