"""The runner's own tools are its own: no configuration and no environment of somebody else's reaches them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from hashlib import sha256

import pytest

from startup import Download, File, Shell, StartupScript
from startup.testing.machine import Machine, need_accounts

from ..network import heard, real_curl

SEE = Shell("see", script='echo "é said"; env -0 | sort -z | tr "\\0" "\\n" >>/seen')
SITE = StartupScript(
    "site",
    first_boot=[Shell("once", script="echo once >>/done"), File("/etc/site.conf", content="a = 1\n")],
    every_boot=[SEE],
)
GIVEN = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
"""What docs/on-the-machine.md says of a step's environment, without what names the step."""
PROXIES = ["http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"]
OF_BASH = {"PWD", "OLDPWD", "SHLVL", "_"}
HOSTILE = {
    "PATH": "/evil:/usr/bin:/bin",
    "HOME": "/evil",
    "IFS": "s/",
    "CDPATH": "/evil",
    "ENV": "/evil/rc",
    "BASH_ENV": "/evil/rc",
    "BASH_FUNC_awk%%": "() { echo awk >>/pwned; }",
    "BASH_FUNC_[%%": "() { echo test >>/pwned; }",
    "BASH_FUNC_exec%%": "() { echo exec >>/pwned; }",
    "SHELLOPTS": "xtrace:nounset:errexit",
    "BASHOPTS": "nocasematch:extglob",
    "PS4": "$(echo ps4 >>/pwned)",
    "POSIXLY_CORRECT": "1",
    "GZIP": "-9 --keep",
    "TAR_OPTIONS": "--checkpoint=1",
    "GREP_OPTIONS": "-v",
    "AWKPATH": "/evil",
    "LD_BIND_NOW": "1",
    "LD_WARN": "1",
    "MALLOC_PERTURB_": "165",
    "TMPDIR": "/evil/none",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "LANGUAGE": "tr",
    "TZ": "Mars/Olympus",
    "CURL_HOME": "/evil",
    "XDG_CONFIG_HOME": "/evil",
    "SSL_CERT_FILE": "/evil/rc",
    "TMOUT": "1",
    "EVENBOOT_DELIVERED": "/evil/rc",
    "key": "evil",
    "state": "/evil",
    "DEBIAN_FRONTEND": "readline",
    "NOTED": "1",
}

# With POSIXLY_CORRECT a bash does not start at all where somebody exported a function of the name of a special builtin.
TOGETHER = {name: value for name, value in HOSTILE.items() if name != "BASH_FUNC_exec%%"}


@pytest.fixture(params=["dash", "bash"])
def machine(request: pytest.FixtureRequest, machine_of: Callable[..., Machine]) -> Machine:
    """A machine whose root has other programs in a folder, and files that a shell would read."""
    machine = machine_of("gcp", request.param)
    machine.write("/evil/rc", "echo rc >>/pwned\n")
    for tool in ("awk", "cat", "curl", "date", "flock", "mkdir", "mv", "sed", "sh", "stat", "sync", "bash", "env"):
        machine.write(f"/evil/{tool}", f"#!/bin/sh\necho {tool} >>/pwned\n", 0o755)
    return machine


def with_environment(variables: Mapping[str, str], command: str) -> str:
    """Return the call of a command with these variables and no others."""
    return shlex.join(["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items())]) + f" {command}"


def by_systemd(machine: Machine, variables: Mapping[str, str]) -> str:
    """Return how systemd runs the unit when its `DefaultEnvironment=` has these variables."""
    unit = machine.read("/etc/systemd/system/evenboot.service")
    own = dict(word.split("=", 1) for line in re.findall("^Environment=(.*)$", unit, re.MULTILINE) for word in line.split())
    [command] = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    return with_environment({"PATH": GIVEN["PATH"], **variables, **own, "INVOCATION_ID": "1"}, command)


def seen(machine: Machine) -> dict[str, str]:
    """Return what the step saw of its environment, less what its shell adds; forgets it."""
    found = dict(line.split("=", 1) for line in machine.lines("/seen"))
    (machine.sees / "seen").unlink(missing_ok=True)
    return {name: value for name, value in found.items() if name not in OF_BASH}


def left(machine: Machine) -> dict[str, object]:
    """Return all that a boot with an apply after it left behind for people to see."""
    log = re.sub(r"\d\d\d\d-\S+Z|\d+\.\d\d? s|evenboot: result .*", "", machine.log())
    status = machine.status()
    found: dict[str, object] = {name: status[name] for name in ("result", "message", "instance_id", "boot", "source")}
    return {**found, "log": log, "seen": seen(machine), "done": machine.lines(), "pwned": machine.lines("/pwned")}


def boot_with(machine: Machine, variables: Mapping[str, str]) -> dict[str, object]:
    """Boot, with the unit, the agent and an operator who have these variables; return what is left."""
    machine.power_on()
    (machine.sees / "var/log/evenboot.log").unlink()
    machine.run(by_systemd(machine, variables))
    machine.run(with_environment(variables, machine.agents_script()))
    said = [
        machine.run(with_environment(variables, f"/usr/local/sbin/evenboot {call}"))
        for call in ("log see", "rerun once", "status")
    ]
    codes, logged = [one.returncode for one in said], said[0].stdout
    return {"codes": codes, "logged": logged, **left(machine)}


def test_environment_of_whoever_starts_it(machine: Machine) -> None:
    """No variable of systemd's, of the agent's or of an operator's environment changes what the runner does or says."""
    machine.boot(SITE)
    seen(machine)
    (machine.sees / "done").unlink()
    expected = boot_with(machine, {})
    changed: dict[str, list[tuple[str, object, object]]] = {}
    for name, value in HOSTILE.items():
        (machine.sees / "done").unlink(missing_ok=True)
        (machine.sees / "pwned").unlink(missing_ok=True)
        found = boot_with(machine, {name: value})
        if found != expected:
            changed[name] = [(what, found[what], expected[what]) for what in found if found[what] != expected[what]]

    assert changed == {}
    assert ([0, 0, 0], "é said\n") == (expected["codes"], expected["logged"])


def test_first_boot_by_an_agent_with_an_environment(machine: Machine) -> None:
    """What the agent has in its environment does not reach the runner that it starts for the first time."""
    machine.edit(SITE)
    machine.power_on()
    machine.run(with_environment(TOGETHER, machine.agents_script()))

    assert ("ok", "first") == (machine.status()["result"], machine.status()["boot"])
    assert [] == machine.lines("/pwned")


def test_environment_of_a_step(machine: Machine) -> None:
    """A step has exactly the variables that docs/on-the-machine.md names, and the proxies that systemd was given."""
    proxies = dict.fromkeys(PROXIES, "http://proxy.example:3128/ with 'odd' $(characters)")
    machine.boot(SITE)
    for given in ({}, proxies):
        machine.power_on()
        seen(machine)
        machine.run(by_systemd(machine, {**TOGETHER, **given}))
        found = seen(machine)

        assert found.pop("EVENBOOT_STEP")
        assert {**GIVEN, **given} == found


def test_environment_of_the_tools(machine: Machine) -> None:
    """The runner's tools have the runner's variables and the proxies, and nothing else of whoever starts it."""
    machine.boot(SITE)
    for tool in ("curl", "awk"):
        path = machine.run(f"command -v {tool}").stdout.strip()
        machine.run(f"cp {path} /real-{tool}")
        machine.write(f"/usr/local/bin/{tool}", f'#!/bin/sh\nenv >>/tools\nexec /real-{tool} "$@"\n', 0o755)
    machine.power_on()
    machine.run(by_systemd(machine, {**TOGETHER, "https_proxy": "http://proxy.example"}))

    names = {line.partition("=")[0] for line in machine.lines("/tools") if "=" in line}
    own = {name for name in names if name.startswith("EVENBOOT_")}
    assert {*GIVEN, "LC_ALL", "https_proxy"} <= names - own <= {*GIVEN, "LC_ALL", "https_proxy", *OF_BASH, "first_boot",
        "every_boot", "instance", "names", "step", "heading"}  # fmt: skip


def test_step_that_calls_the_command(machine: Machine) -> None:
    """L16: also a step that calls `evenboot` with odd variables gets its answer."""
    call = "/usr/local/sbin/evenboot log once >>/answer"
    text = f"{with_environment(TOGETHER, call)}\nPATH=/evil:$PATH CDPATH=/evil BASH_ENV=/evil/rc {call}"
    asks = Shell("ask", script=text)
    machine.boot(StartupScript("site", first_boot=[Shell("once", script="echo said"), asks]))

    assert ["said", "said"] == machine.lines("/answer")
    assert [] == machine.lines("/pwned")


CURLRC = {
    "include": "include\n",
    "fail": "fail\n",
    "proto": 'proto = "=https"\n',
    "output": 'write-out = "mallory"\n',
    "proxy": "proxy = http://127.0.0.1:3128\n",
    "range": "range = 0-1\n",
}


@pytest.mark.parametrize("place", ["/root/.curlrc", "/evil/.curlrc", "/root/.config/curlrc"])
def test_curlrc(machine_of: Callable[..., Machine], place: str) -> None:
    """L2, L9: no configuration of curl changes what the runner believes of instance and slot."""
    machine = machine_of("gcp")
    with real_curl(machine):
        assert "ok" == machine.boot(SITE)["result"]
        for text in CURLRC.values():
            machine.write(place, text)
            machine.power_on()
            machine.run(by_systemd(machine, {"CURL_HOME": "/evil"} if place.startswith("/evil") else {}))
            status = machine.status()

            assert ("ok", "later", "cloud", "i-1") == tuple(status[n] for n in ("result", "boot", "source", "instance_id"))
        machine.write(place, "fail\n")
        machine.edit(None)
        machine.power_on()
        machine.run(by_systemd(machine, {"CURL_HOME": "/evil"} if place.startswith("/evil") else {}))

        assert "evenboot: the slot holds no payload: nothing to do" in machine.console()
    assert ["once"] == machine.lines()
    assert [] == heard(machine, "proxy")


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_arguments_hold_no_token(machine_of: Callable[..., Machine], cloud: str) -> None:
    """L14: what the metadata service gave to the runner alone is in no argument of a process."""
    machine = machine_of(cloud)
    machine.stand_in("curl", machine.read("/usr/local/bin/curl"))
    assert "ok" == machine.boot(SITE)["result"]

    calls = machine.calls("curl")
    assert len(calls) >= 2
    assert not [call for call in calls if "the-session" in call]


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_every_curl_reads_no_configuration(machine_of: Callable[..., Machine], cloud: str) -> None:
    """L9: whatever the runner fetches, a download of a step included, it fetches without a configuration of root's."""
    machine = machine_of(cloud)
    machine.serve("http://example.org/tool", b"tool\n")
    machine.stand_in("curl", machine.read("/usr/local/bin/curl"))
    tool = Download("http://example.org/tool", path="/opt/tool", sha256=sha256(b"tool\n").hexdigest())
    assert "ok" == machine.boot(StartupScript("site", first_boot=[tool]))["result"]

    calls = machine.calls("curl")
    assert any("example.org" in call for call in calls)
    assert [] == [call for call in calls if call.split()[0] != "-q"]


@pytest.mark.parametrize("call", ["status", "status --json --wait 1", "apply", "rerun once", "log", "log once", "clean"])
def test_another_user_calls_the_command(machine: Machine, call: str) -> None:
    """Somebody else than root who calls the command is told that it is for root, in one line."""
    need_accounts(StartupScript("site", first_boot=[Shell("a", script="true", user="nobody")]))
    machine.boot(SITE)
    refused = machine.run(f"cd /; runuser -u nobody -- evenboot {call}")

    assert (64, "", "evenboot: only root may call it\n") == (refused.returncode, refused.stdout, refused.stderr)
