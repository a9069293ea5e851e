"""Steps that behave badly: L16."""

from __future__ import annotations

from startup import Shell, StartupScript

from ..runner.scenarios import note
from .clouds import Cloud, Vm, outcomes

LOG_BYTES = 10_000_000
FLOOD = """\
#!/usr/bin/env python3
print("x" * 12_000_000)
for number in range(400_000):
    print("line", number, "of a flood that is much too long")
open("/done", "a").write("floods\\n")
"""
LEAVES_CHILDREN = """\
sleep 7777 &
setsid nohup sleep 7777 >/dev/null 2>&1 &
echo leaves children >>/done
"""
UNRULY = StartupScript(
    "unruly",
    first_boot=[
        Shell("waits for input", script="read -r answer || echo nothing to read >>/done\n"),
        Shell("floods", script=FLOOD),
        Shell("leaves children", script=LEAVES_CHILDREN),
        Shell("meddles", script="set +e\nexec 0<&- 1>&- 2>&-\ncd /proc\necho meddles >>/done\nexit 0\n"),
        Shell("reads a part", script="yes | head -n 1 || echo ended by signal $((PIPESTATUS[0] - 128)) >>/done\n"),
        Shell("is not text", script=r"[ -e /mended ] || { printf 'caf\351 \377\376\000 end\n'; exit 3; }"),
    ],
    every_boot=[note("last")],
)


def log_sizes(vm: Vm) -> dict[str, int]:
    """Return the sizes of the log's files by name."""
    return {path.name: path.stat().st_size for path in (vm.disk / "var/log").glob("evenboot.log*")}


def test_unruly_steps(cloud: Cloud) -> None:
    """L16: one step waits for input, one floods its output, one leaves children, one closes all it has: each is done, the
    next one runs, the log stays in its bounds; one prints what is no text and fails: the status is JSON all the same."""
    vm = cloud.make(UNRULY)
    failed = vm.start()
    done = ["nothing to read", "floods", "leaves children", "meddles", "ended by signal 13"]

    assert done == vm.lines()
    assert ("failed", "is not text", 3) == (failed["result"], failed["failed_step"], failed["exit_code"])
    assert failed["output"][-1].startswith("caf") and failed["output"][-1].endswith(" end")
    vm.run("iconv -f UTF-8 -t UTF-8 /run/evenboot/status")
    assert {"evenboot.log", "evenboot.log.1"} == set(log_sizes(vm))
    assert max(log_sizes(vm).values()) <= LOG_BYTES
    assert "line 399999 of a flood" in vm.evenboot("log").stdout
    assert "" == vm.machine.exec(["pgrep", "-f", "sleep 7777"], check=False).stdout, "they end with the apply"

    (vm.disk / "mended").touch()
    mended = vm.reboot()

    assert [*done, "last"] == vm.lines()
    assert ["skipped"] * 5 + ["ran", "ran"] == [outcome.split()[0] for outcome in outcomes(mended)]
    assert {"evenboot.log", "evenboot.log.1"} == set(log_sizes(vm)) and max(log_sizes(vm).values()) <= LOG_BYTES


def noting_the_boot(name: str, more: str = "") -> Shell:
    """A step that writes its name and the id of this boot to /done."""
    return Shell(name, script=f'echo "{name}: $(cat /proc/sys/kernel/random/boot_id)" >>/done\n{more}')


EXITS = noting_the_boot("exits", "trap '' TERM\nsystemctl reboot\n")
WAITS = noting_the_boot("waits", "[ -e /rebooted ] || { touch /rebooted; systemctl reboot; sleep 600; }\n")
PLAIN = noting_the_boot("plain", "[ -e /plain ] || { touch /plain; reboot; }\n")


def test_steps_that_reboot(cloud: Cloud) -> None:
    """L16: a step reboots the machine: one that exits 0 is done, and no further one starts in that boot; one that the stop
    ended is not, and starts again in the next boot."""
    steps = [EXITS, noting_the_boot("one"), WAITS, noting_the_boot("two"), PLAIN]
    vm = cloud.make(StartupScript("site", first_boot=steps, every_boot=[noting_the_boot("last")]))
    vm.machine.start()
    vm.until(lambda: vm.machine.boots == 4 and "last" in "".join(vm.lines()[-1:]), "all is done")
    vm.machine.wait_ready()
    status = vm.status()
    names, boots = zip(*(line.split(": ") for line in vm.lines()), strict=True)

    assert ("exits", "one", "waits", "waits", "two", "plain") == names[:6]
    assert names[6:] in (("last",), ("plain", "last")), "the stop may have been quicker than the plain step's end"
    assert 4 == len(set(boots)), "nothing more starts in a boot whose end a step asked for"
    assert boots[0] != boots[1] == boots[2] != boots[3] == boots[4] == boots[5] != boots[-1]
    assert ("later", "ok") == (status["boot"], status["result"])
    assert "ok" not in {result["result"] for result in vm.machine.results()[:-1]}, "no boot that was cut short was ok"


HOLDS = """\
systemd-run --quiet systemd-inhibit --what=shutdown --mode=delay --who=holder sleep infinity
until systemd-inhibit --list | grep holder; do sleep 0.1; done
"""


def test_reboot_that_is_held_back(cloud: Cloud) -> None:
    """L16: somebody has logind hold a reboot back for a while: no further step starts in that while either."""
    steps = [Shell("holds", script=HOLDS), noting_the_boot("kernel", "systemctl reboot\n"), noting_the_boot("two")]
    vm = cloud.make(StartupScript("site", first_boot=steps))
    vm.machine.start()
    vm.until(lambda: "two" in "".join(vm.lines()[-1:]), "all is done")
    (kernel, first), (two, second) = (line.split(": ") for line in vm.lines())

    assert ("kernel", "two") == (kernel, two)
    assert first != second
    held, *_ = vm.machine.results()
    assert ("failed", None) == (held["result"], held["failed_step"])
    assert "interrupted: the system is going down" == held["message"]


def test_apply_that_somebody_ends(cloud: Cloud) -> None:
    """L5, L12, L16: a tool that restarts services leaves the apply alone; a signal ends it, the status says so, and the next
    apply goes on."""
    waits = Shell("waits", script="echo waits >>/done\n[ -e /mended ] || sleep 600\n")
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), waits, note("two")]))
    vm.machine.start()
    vm.wait_line("waits")
    restarted = vm.machine.exec("systemctl restart evenboot", check=False)
    refused = restarted.returncode, vm.busy()
    vm.run("systemctl kill evenboot")
    vm.until(lambda: not vm.busy(), "the apply has ended")
    ended = vm.status()
    (vm.disk / "mended").touch()
    vm.evenboot("apply")

    assert refused[0] != 0 and refused[1], "systemd restarted it"
    assert ("failed", "waits") == (ended["result"], ended["failed_step"])
    assert "step 'waits' was interrupted by a TERM signal" == ended["message"]
    assert ["one", "waits", "waits", "two"] == vm.lines()
    assert "ok" == vm.status()["result"]


SLOW_SYNC = """\
#!/bin/sh
[ ! -e /slow ] || { rm /slow; sleep 20; }
exec /usr/bin/sync.real "$@"
"""


def test_a_lot_to_write_before_a_reboot(cloud: Cloud) -> None:
    """L16: a step that exits 0 while the system goes down is done, also when what it wrote takes long to get to disk."""
    ends = noting_the_boot("ends", "trap '' TERM\ntouch /slow\nsystemctl reboot\n")
    vm = cloud.make(StartupScript("site", first_boot=[ends], every_boot=[noting_the_boot("last")]))
    sync = vm.disk / "usr/bin/sync"
    sync.rename(sync.with_name("sync.real"))
    sync.write_text(SLOW_SYNC)
    sync.chmod(0o755)
    vm.machine.start()
    vm.until(lambda: "last" in "".join(vm.lines()[-1:]), "all is done")
    assert ["ends", "last"] == [line.partition(":")[0] for line in vm.lines()]
    assert ["skipped ends", "ran last"] == outcomes(vm.status())
