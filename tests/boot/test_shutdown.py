"""What runs when a VM stops or reboots in order: L13."""

from __future__ import annotations

import time

from startup import File, Service, Shell, StartupScript, Unit

from ..runner.scenarios import breaks, note
from .clouds import Cloud, Vm, archived

SERVER = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server 8000 --directory /srv
[Install]
WantedBy=multi-user.target
"""
ALONE = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server 8001 --directory /srv
"""
SERVES = "timeout 10 sh -c 'until curl -fsS localhost:8000 localhost:8001 >/dev/null; do sleep 0.1; done'\n"
DRAIN = """\
curl -fsS localhost:8000 >/dev/null
echo service is up >>/done
curl -fsS localhost:8001 >/dev/null
echo service that no target wants is up >>/done
curl -fsS "$ELSEWHERE" >/dev/null
echo network is up >>/done
"""
STOP = """\
systemctl stop --job-mode=ignore-dependencies server
systemctl is-active --quiet server || echo service is stopped >>/done
"""
SITE = StartupScript(
    "site",
    first_boot=[
        Unit("server.service", content=SERVER),
        File("/etc/systemd/system/alone.service", content=ALONE),
        Shell("reload", script="systemctl daemon-reload"),
    ],
    every_boot=[Service("alone", enable=False), Shell("it serves", script=SERVES), note("up")],
    shutdown=[Shell("drain", script=DRAIN, uses=["ELSEWHERE"]), breaks("fails"), Shell("stop", script=STOP), note("last")],
)
AT_A_STOP = ["service is up", "service that no target wants is up", "network is up", "fails", "service is stopped", "last"]
INTERRUPTED = Shell(
    "slow",
    script="trap 'echo interrupted >>/done; exit 1' TERM\necho begin >>/done\n[ -e /mended ] || { sleep 600 & wait $!; }\n",
)


def test_shutdown_steps(cloud: Cloud) -> None:
    """L13: they run at each stop, with network and services still up; one that fails does not stop the next, and
    one may stop a service before its time."""
    vm = cloud.make(SITE, {"ELSEWHERE": archived(cloud.image, "Packages")})
    booted = vm.start()
    vm.reboot()

    assert ["up", *AT_A_STOP, "up"] == vm.lines()
    assert [("ok", "ok")] == [(booted["result"], vm.status()["result"])], "shutdown steps are not in the status"

    vm.machine.stop()

    assert AT_A_STOP == vm.lines()[len(AT_A_STOP) + 2 :]
    assert "shutdown step 'fails' ended with exit code 3" in (vm.disk / "var/log/evenboot.log").read_text()

    vm.start()

    assert ["up"] == vm.lines()[2 * len(AT_A_STOP) + 2 :]


def booted(vm: Vm) -> None:
    """Wait until the boot is over but for the apply, which may still be busy."""
    vm.until(lambda: "active\n" == vm.machine.exec("systemctl is-active evenboot-shutdown", check=False).stdout, "booted")


def test_running_apply_is_interrupted_first(cloud: Cloud) -> None:
    """L5, L13: at a reboot the apply that runs is interrupted, then come the shutdown steps; the next boot goes on."""
    vm = cloud.make(
        StartupScript("site", first_boot=[note("one"), INTERRUPTED], every_boot=[note("two")], shutdown=[note("last")])
    )
    vm.machine.start()
    vm.wait_line("begin")
    booted(vm)
    vm.machine.reboot()
    vm.until(lambda: vm.lines()[-1:] == ["begin"] and len(vm.lines()) > 2, "the interrupted step starts again")
    booted(vm)

    assert ["one", "begin", "interrupted", "last", "begin"] == vm.lines()
    interrupted = vm.machine.results()[0]
    assert ("failed", "slow") == (interrupted["result"], interrupted["failed_step"])
    assert "interrupted" in interrupted["message"]

    (vm.disk / "mended").touch()
    status = vm.reboot()

    assert ["one", "begin", "interrupted", "last", "begin", "interrupted", "last", "begin", "two"] == vm.lines()
    assert "ok" == status["result"]


HANGS = Shell("hangs", script="echo hangs >>/done\ntrap '' TERM\nwhile :; do sleep 1; done\n")


def test_shutdown_step_that_hangs(cloud: Cloud) -> None:
    """L13: 60 seconds for all together: a step that hangs and ignores signals is ended, those after it are left out, and
    the machine reboots."""
    vm = cloud.make(StartupScript("site", every_boot=[note("up")], shutdown=[note("first"), HANGS, note("too late")]))
    vm.start()
    pressed = time.monotonic()
    vm.reboot(150)

    assert time.monotonic() - pressed < 150
    assert ["up", "first", "hangs", "up"] == vm.lines()
    assert "shutdown step 'too late' left out" in (vm.disk / "var/log/evenboot.log").read_text()
