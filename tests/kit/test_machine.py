"""The machine of the test kit, as a user's test sees it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from startup import (
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    StartupScriptError,
    Unit,
    step_fingerprints,
)
from startup.testing import Machine, NoStatus, Status
from startup.testing.root import why_not

from ..checkout import ROOT

CONF = File("/etc/app.conf", content="port = ${PORT}\n", uses=["PORT"])
APP = StartupScript(
    "app",
    first_boot=[Packages(["nginx"]), CONF, Service("nginx", restart_on=[CONF])],
    every_boot=[Shell("warm", script="echo warm >>/srv/warm")],
    shutdown=[Shell("drain", script="echo drain >>/srv/drained")],
)
NAMES = [step.name for step in (*APP.first_boot, *APP.every_boot)]


def three(second: str = "true") -> StartupScript:
    """Three steps of the first boot that note that they ran."""
    texts = {"one": "true", "two": second, "three": "true"}
    return StartupScript("three", first_boot=[Shell(name, script=f"echo {name} >>/done\n{texts[name]}") for name in texts])


def test_it_is_gone_when_the_tests_were_killed(tmp_path: Path) -> None:
    """`kit`: A machine ends with the process that made it, whatever ended that."""
    if reason := why_not():
        pytest.skip(reason)
    code = (
        "from pathlib import Path; from startup.testing import Machine\n"
        f"machine = Machine(Path({str(tmp_path / 'machine')!r})); print(machine.inside, flush=True); input()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        first = Path("/proc", tests.stdout.readline().strip())
        assert first.exists()
        tests.kill()

    end = time.monotonic() + 10
    while first.exists():
        assert time.monotonic() < end, "its first process is still there"
        time.sleep(0.01)


def test_first_boot(machine: Machine) -> None:
    """`kit`: What a boot has left is there to look at: files, packages, services, the journal, what ran."""
    status = machine.boot(APP, {"PORT": "80"})

    assert ("ok", "first", "app") == (status.result, status.boot, status.definition)
    assert NAMES == machine.ran == status.named("ran")
    assert "port = 80\n" == machine.read("/etc/app.conf")
    assert {"nginx"} == machine.packages
    assert {"nginx": "enabled, running"} == machine.services
    fingerprints = step_fingerprints(APP, {"PORT": "80"})
    assert [(name, fingerprints[name]) for name in NAMES[:3]] == list(machine.journal.items())


def test_reboot_edit_and_clone(machine: Machine) -> None:
    """`kit`: An orderly reboot runs the shutdown steps; an edit makes due what it concerns; a clone is a machine of its own."""
    machine.boot(APP, {"PORT": "80"})
    machine.reboot()
    assert (["warm"], ["drain"]) == (machine.ran, machine.lines("/srv/drained"))
    assert {"nginx": "enabled, running"} == machine.services

    machine.edit(APP, {"PORT": "81"})
    assert "ok" == machine.apply().result
    assert [CONF.name, "service nginx"] == machine.ran
    assert "restart nginx" in machine.calls("systemctl")

    machine.clone()
    assert {} == machine.journal
    assert ("first", NAMES) == (machine.boot().boot, machine.ran)


def test_power_cut_at_a_step(machine: Machine) -> None:
    """L5: the step has done its work and is not recorded; it is the first to run again."""
    machine.edit(three())
    machine.cut_power(at="two")
    assert (["one", "two"], ["one"]) == (machine.lines(), list(machine.journal))

    machine.boot()
    assert (["two", "three"], ["one", "two", "two", "three"]) == (machine.ran, machine.lines())


def test_power_cut_at_a_call_and_on_a_condition(machine: Machine) -> None:
    """A number cuts the power before that call, a function as soon as it returns true."""
    machine.edit(three())
    machine.cut_power(at=1)
    assert not (machine.sees / "run/evenboot").exists()

    machine.edit(three("while [ ! -e /go ]; do sleep 0.01; done"))
    machine.cut_power(at=lambda: machine.lines() == ["one", "two"])
    machine.write("/go", "")
    assert ("ok", ["two", "three"]) == (machine.boot().result, machine.ran)


@pytest.mark.parametrize(
    ("at", "said"),
    [("four", "step 'four' was not about to be recorded"), (100_000, r"the boot ended after \d+ calls")],
)
def test_power_cut_that_does_not_come(machine: Machine, at: str | int, said: str) -> None:
    """A cut at a moment that never comes is said."""
    machine.edit(three())
    with pytest.raises(AssertionError, match=f"the power was not cut: {said}"):
        machine.cut_power(at=at)


def test_reboot_step(machine: Machine) -> None:
    """A boot with a `Reboot` step ends with the boot that follows it."""
    status = machine.boot(StartupScript("site", first_boot=[Reboot("kernel"), Shell("after", script="true")]))

    assert ("ok", ["kernel", "after"]) == (status.result, machine.ran)


def test_stand_ins(machine: Machine) -> None:
    """A program that is not there is stood in for, with a text or with any program; its calls are kept."""
    machine.stand_in("mkswap")
    machine.stand_in("answer", "#!/bin/bash\necho ${1^^}")
    status = machine.boot(StartupScript("site", first_boot=[Shell("x", script="mkswap -L a /swap; answer yes >/srv/x")]))

    assert "ok" == status.result
    assert (["-L a /swap"], ["yes"], "YES\n") == (machine.calls("mkswap"), machine.calls("answer"), machine.read("/srv/x"))
    with pytest.raises(ValueError, match=r"'/opt/x' is not the name of a program; machine\.write"):
        machine.stand_in("/opt/x")


def test_downloads(machine: Machine) -> None:
    """What is served is there for curl, wget and `Download`; what is not fails, with the way out."""
    machine.serve("https://example.org/a?b=c", b"\0\xff")
    machine.serve("https://example.org/a", "text\n")
    sha256 = "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8"
    fetch = "cd /srv; curl -fsSLo one https://example.org/a; wget -qO two https://example.org/a; wget -q https://example.org/a\n"
    steps = [
        Shell("fetch", script=f"{fetch}curl -fsSL https://example.org/a | cat >/srv/three"),
        Download("https://example.org/a?b=c", path="/srv/four", sha256=sha256),
        Shell("unknown", script="curl -fsS https://example.org/z"),
    ]
    status = machine.boot(StartupScript("site", first_boot=steps))

    assert {"text\n"} == {machine.read(f"/srv/{name}") for name in ("one", "two", "three", "a")}
    assert b"\0\xff" == (machine.sees / "srv/four").read_bytes()
    assert ("unknown", 22) == (status.failed_step, status.exit_code)
    (said,) = status.output
    assert said.startswith("curl: (22) nothing is served at https://example.org/z: this machine has no network;")
    assert said.endswith("; a test gives the answer with machine.serve(URL, content)")


def test_packages_bring_what_is_said(machine: Machine) -> None:
    """A package brings the services and files that the test names; a service that nobody brings is not there."""
    machine.package("openssh-server", services=["ssh"], files={"/etc/ssh/sshd_config": "Port 22\n"})
    machine.known_service("cron")
    status = machine.boot(
        StartupScript("site", first_boot=[
            Packages(["openssh-server=1:9.2"]), Shell("more", script="apt-get -y install jq && dpkg -s jq"),
            Service("ssh"), Service("cron", start=False), Service("sshd"),
        ])
    )  # fmt: skip

    assert {"openssh-server", "jq"} == machine.packages
    assert {"ssh": "enabled, running", "cron": "enabled"} == machine.services
    assert "Port 22\n" == machine.read("/etc/ssh/sshd_config")
    assert "service sshd" == status.failed_step
    assert "Unit sshd.service not found." == status.output[0]


def test_service_with_dot(machine: Machine) -> None:
    """A service with a dot in its name is the unit that a step wrote, as systemd completes it."""
    unit = Unit("my.app.service", content="[Service]\nExecStart=/bin/true\n", start=False)
    status = machine.boot(StartupScript("site", first_boot=[unit, Service("my.app")]))

    assert ("ok", "enabled, running") == (status.result, machine.services["my.app"])


def test_no_network(machine: Machine) -> None:
    """`kit`: Whatever a step calls, nothing leaves the machine."""
    routes = machine.run("cat /proc/net/route; cat /proc/net/dev").stdout

    assert {"lo"} == {line.partition(":")[0].strip() for line in routes.splitlines() if ":" in line}


def test_each_cloud(machine_of: Callable[[str], Machine]) -> None:
    """A machine takes the payload of its cloud."""
    assert {"ok"} == {machine_of(cloud).boot(three()).result for cloud in ("aws", "gcp", "azure")}
    with pytest.raises(ValueError, match="'oracle' is no cloud; choose from"):
        machine_of("oracle")


def test_what_cannot_be(machine: Machine) -> None:
    """A definition with problems, a boot with an empty slot and an unknown step are said at once."""
    with pytest.raises(StartupScriptError, match="PORT"):
        machine.boot(APP)
    with pytest.raises(NoStatus, match="nothing was applied in this boot"):
        machine.boot()
    machine.boot(three())
    with pytest.raises(AssertionError, match="there is no step 'four'"):
        machine.rerun("four")


def test_status() -> None:
    """A status is what the command prints, and says which fields it has."""
    status = Status(result="ok")

    assert {"result": "ok"} == status
    with pytest.raises(AttributeError, match="a status has no 'outcome'; it has result"):
        print(status.outcome)
