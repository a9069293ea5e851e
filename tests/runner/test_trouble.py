"""Outages, damage, full disks and unkind steps: L9, L11, L15 and L16 in a throw-away root."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from startup import File, Service, Shell, StartupScript, render
from startup.testing.machine import Machine
from startup.testing.status import outcomes

from .scenarios import breaks, definition, note

SITE = definition("one", "two")


def power_on_in_an_outage(machine: Machine, service: str = "503") -> None:
    """Begin a boot in which the metadata service does not answer, and let its waiting take no time."""
    machine.service = service
    machine.publish()
    machine.hurry()
    machine.power_on()


@pytest.mark.parametrize("service", ["503", "refuse"])
@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_outage_at_a_reboot(machine_of: Callable[[str], Machine], cloud: str, service: str) -> None:
    """L9: without a metadata service the last definition is used, and no finished first-boot step runs again."""
    machine = machine_of(cloud)
    machine.boot(SITE)
    power_on_in_an_outage(machine, service)
    machine.unit()
    status = machine.status()

    assert ["one", "two", "two"] == machine.lines()
    assert ("ok", "cached", "later") == (status["result"], status["source"], status["boot"])
    assert "the metadata service does not answer" in status["message"]


def test_outage_after_a_failure(machine: Machine) -> None:
    """L9: the last definition that arrived whole is used, whether or not its steps succeeded."""
    machine.boot(SITE)
    machine.boot(StartupScript("site", first_boot=[note("one"), breaks("three")], every_boot=[note("two")]))
    machine.run("touch /mended")
    power_on_in_an_outage(machine)
    machine.unit()

    assert ["one", "two", "three", "three", "two"] == machine.lines()


def test_outage_at_the_first_boot_of_an_image(machine: Machine) -> None:
    """L9: the cached definition is used on the same machine only; otherwise no step runs and the status says why."""
    machine.boot(SITE)
    machine.run("rm /done")
    machine.clone()
    power_on_in_an_outage(machine)
    machine.unit()
    status = machine.status()

    assert [] == machine.lines()
    assert "failed" == status["result"]
    assert "no definition arrived on this machine" in status["message"]


def test_outage_that_ends(machine: Machine) -> None:
    """A service that answers after a while is waited for, and the agent that comes late starts no second apply."""
    machine.boot(SITE)
    machine.edit(definition("one", "three"))
    machine.hurry()
    (machine.sees / "metadata/service").write_text("503\n")
    sleep = machine.sees / "usr/local/bin/sleep"
    sleep.write_text(sleep.read_text() + "echo ok >/metadata/service\n")
    machine.power_on()
    machine.unit()
    machine.agent()

    assert ["one", "two", "three"] == machine.lines()
    assert ["cloud", "cloud"] == [result["source"] for result in machine.results()]


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
@pytest.mark.parametrize("payload", [None, b""], ids=["none", "no bytes"])
def test_emptied_slot(machine_of: Callable[[str], Machine], cloud: str, payload: bytes | None) -> None:
    """L9: a service that answers "no payload" is no outage: nothing runs, also when it fails later."""
    machine = machine_of(cloud)
    machine.boot(SITE)
    machine.edit(payload)
    machine.power_on()
    machine.unit()

    assert ["one", "two"] == machine.lines()
    assert "evenboot: the slot holds no payload: nothing to do" in machine.console()
    assert 2 == machine.evenboot("status").returncode


def damaged(payload: bytes) -> list[tuple[str, bytes]]:
    return [
        ("truncated", payload[: len(payload) * 2 // 3]),
        ("one byte changed", payload.replace(b"echo 'two'", b"echo 'tow'")),
        ("another encoding", payload.decode().encode("utf-16")),
        ("line ends", payload.replace(b"\n", b"\r\n")),
        ("something else", b"#!/bin/sh\necho other >>/done\n"),
    ]


@pytest.mark.parametrize("damage", range(5), ids=[name for name, _ in damaged(b"")])
def test_damaged_payload(machine: Machine, damage: int) -> None:
    """L11: a damaged payload is refused, the last good definition goes on, and the status says why."""
    machine.boot(SITE)
    machine.edit(damaged(render(SITE, cloud="gcp").content)[damage][1])
    machine.power_on()
    machine.unit()
    status = machine.status()

    assert ["one", "two", "two"] == machine.lines()
    assert ("failed", "cached", None) == (status["result"], status["source"], status["failed_step"])
    assert "damaged" in status["message"]


def test_damaged_payload_at_the_first_boot(machine: Machine) -> None:
    """L11: from the runner's start on, damage is a clear failure on the console and in the status."""
    machine.edit(render(SITE, cloud="gcp").content.replace(b"echo 'two'", b"echo 'tow'"))
    machine.power_on()
    machine.agent()

    assert [] == machine.lines()
    (result,) = machine.results()
    assert ("failed", "the payload in the slot is damaged") == (result["result"], result["message"])


def test_read_only_disk(machine: Machine) -> None:
    """L11: a step that cannot be recorded has failed."""
    machine.boot(SITE)
    machine.edit(definition("one three", "two"))
    machine.enter("mount --bind /var/lib/evenboot /var/lib/evenboot && mount -o remount,bind,ro /var/lib/evenboot")
    machine.evenboot("apply")
    status = machine.status()

    assert ["one", "two"] == machine.lines()
    assert "failed" == status["result"]
    assert "cannot write to /var/lib/evenboot" in status["message"]


def test_full_disk(machine: Machine) -> None:
    """L11: when the disk fills up in a step, the step that ran is not recorded, and the status says so."""
    fill = Shell("fill", script="echo fill >>/done; mount -o remount,ro,bind /var/lib/evenboot/journal")
    machine.boot(definition("one"))
    machine.enter("mount --bind /var/lib/evenboot/journal /var/lib/evenboot/journal")
    status = machine.boot(StartupScript("site", first_boot=[note("one"), fill, note("three")]))

    assert ["skipped one", "failed fill", "pending three"] == outcomes(status)
    assert "not recorded" in status["message"]


def test_clock_jumps(machine: Machine) -> None:
    """L15: no decision rests on the clock."""
    date = machine.sees / "usr/local/bin/date"
    date.write_text("#!/bin/sh\necho 2001-01-01T00:00:00Z\n")
    date.chmod(0o755)
    machine.boot(SITE)
    date.write_text("#!/bin/sh\necho 1970-01-01T00:00:00Z\n")
    machine.boot()
    date.unlink()
    machine.boot()

    assert ["one", "two", "two", "two"] == machine.lines()


UNKIND = {
    "exits": "exit 0",
    "changes options": "set +eu; set -x; trap '' EXIT",
    "changes the folder": "cd /tmp && rmdir /tmp/x 2>/dev/null || true",
    "reads standard input": "cat; read -r line || true",
    "closes descriptors": "exec 0<&- 1>&- 2>&- 3>&- 8>&- 9>&-",
    "leaves a child behind": "sleep 30 & echo $! >/child",
    "a long line": "head -c 3000000 /dev/zero | tr '\\0' x",
    "invalid UTF-8": "printf '\\377\\376\\n'; head -c 1000 /dev/urandom",
}


@pytest.mark.parametrize("script", UNKIND.values(), ids=UNKIND)
def test_unkind_step(machine: Machine, script: str) -> None:
    """L16: a user's shell text cannot hurt the runner."""
    status = machine.boot(StartupScript("site", first_boot=[Shell("unkind", script=script), note("two")]))

    assert ["two"] == machine.lines()
    assert "ok" == status["result"]


def test_output_of_a_failure_is_clean(machine: Machine) -> None:
    """L11, L12: whatever a step prints, the status is valid JSON with at most 20 lines and 2 KB of it."""
    script = "for i in $(seq 300); do printf 'line %s \"\\\\ \\t\\033[1m\\377 é\\n' $i; done; exit 7"
    status = machine.boot(StartupScript("site", first_boot=[Shell('a "quoted" \\ name | é', script=script)]))

    assert 'a "quoted" \\ name | é' == status["failed_step"]
    assert 20 == len(status["output"])
    assert 'line 300 "\\   [1m é' == status["output"][-1]
    assert [status] == machine.results()


def test_time_limit(machine: Machine) -> None:
    """A step that takes longer than its limit is ended and has failed, with the limit in the message."""
    slow = Shell("slow", script="sleep 30", timeout_seconds=1)
    status = machine.boot(StartupScript("site", first_boot=[slow]))

    assert ("failed", "slow", 124) == (status["result"], status["failed_step"], status["exit_code"])
    assert "step 'slow' was ended: it took longer than 1 s" == status["message"]


def test_time_limit_is_of_one_try(machine: Machine) -> None:
    """L12: a step that is killed before its limit is not said to have taken longer, however long its tries took together."""
    machine.hurry()
    killed = Shell("killed", script="sleep 2; kill -9 $$", timeout_seconds=5, retries=3)
    status = machine.boot(StartupScript("site", first_boot=[killed]))

    assert ("step 'killed' failed with exit code 137", 137) == (status["message"], status["exit_code"])


def without(machine: Machine, tool: str, script: str) -> None:
    """Run a shell text on a machine that lacks a program; all systems have these, so it is hidden."""
    machine.enter(f"""set -e
        mkdir /programs && mount --rbind /usr/bin /programs && mount -t tmpfs tmpfs /usr/bin
        /programs/ln -s /programs/* /usr/bin/ && rm /usr/bin/{tool}
        {script} || true
        /programs/umount -l /usr/bin""").check_returncode()


@pytest.mark.parametrize("tool", ["awk", "cmp", "flock", "gzip", "sed"])
def test_tool_is_missing(machine: Machine, tool: str) -> None:
    """L11: without a tool that the runner needs nothing runs, and the status says which it is."""
    machine.boot(SITE)
    machine.edit(definition("one", "three"))
    machine.power_on()
    without(machine, tool, machine.units_script())

    assert ("failed", f"there is no {tool}") == (machine.status()["result"], machine.status()["message"])
    assert ["one", "two"] == machine.lines()


@pytest.mark.parametrize("tool", ["awk", "gzip", "sed"])
def test_tool_is_missing_at_the_first_boot(machine: Machine, tool: str) -> None:
    """L11: also where the runner has to be unpacked before it can run, the status says which tool it is."""
    machine.edit(SITE)
    machine.power_on()
    without(machine, tool, machine.agents_script())
    (result,) = machine.results()

    assert ("failed", f"there is no {tool}") == (result["result"], result["message"])
    assert [] == machine.lines()


def test_service_that_comes_and_goes(machine: Machine) -> None:
    """L9: one that answers every second time after an outage makes no endless work."""
    machine.boot(SITE)
    machine.run("echo 0 >/asked")
    count = "read -r n </asked; n=$((n + 1)); echo $n >/asked; [ $n -ge 31 ] && [ $((n % 2)) = 0 ] || { printf 503; exit; }"
    break_service(machine, count, "startup-script")
    machine.hurry()
    machine.power_on()
    machine.unit()

    assert ["cached", "cached"] == [result["source"] for result in machine.results()[1:]]
    assert ["one", "two", "two"] == machine.lines()


def test_stop_during_an_outage(machine: Machine) -> None:
    """L12: a machine without a definition that is stopped while it asks for one was interrupted."""
    machine.edit(SITE)
    machine.service = "503"
    machine.publish()
    machine.power_on()
    stop = "echo stopping >/run/systemctl/going; pkill -TERM -f 'evenboot obey'"
    machine.run(f"{machine.agents_script()} & sleep 1; {stop}; wait; flock /run/evenboot/lock true")
    (result,) = machine.results()

    assert ("failed", "interrupted: the system is going down") == (result["result"], result["message"])


def test_run_is_full(machine: Machine) -> None:
    """L11: that the answer of the metadata service cannot be written is not taken for an outage."""
    machine.boot(SITE)
    break_service(machine, "exit 23")
    machine.hurry()
    status = machine.boot()

    assert "cannot write to /run/evenboot: the last definition is used" == status["message"]


def test_retries(machine: Machine) -> None:
    """A failed step with retries is tried again in the same apply."""
    third = Shell("third", script="echo third >>/done; [ $(wc -l </done) -ge 3 ]", retries=2)
    machine.hurry()
    status = machine.boot(StartupScript("site", first_boot=[third, note("two")]))

    assert ["third", "third", "third", "two"] == machine.lines()
    assert "ok" == status["result"]


def test_log_that_a_step_takes_away(machine: Machine) -> None:
    """L16: a step that removes the logs, as one does before an image, may go on writing and is done."""
    machine.write("/var/log/evenboot.log", "x" * 9_999_000 + "\n", 0o600)
    script = "rm -f /var/log/*.log\nseq 3000\nsleep 0.3\nseq 3000\necho one >>/done"
    status = machine.boot(StartupScript("site", first_boot=[Shell("one", script=script), note("two")]))
    assert status["result"] == "ok", status["message"]
    assert machine.lines("/done") == ["one", "two"]


def test_log_that_is_cut_at_the_end_of_a_step(machine: Machine) -> None:
    """L12: what a failed step printed is in the status and in the log, also when that made the log too long."""
    machine.write("/var/log/evenboot.log", "x" * 9_999_000 + "\n", 0o600)
    loud = Shell("loud", script="seq 1000; echo the reason; exit 1")
    status = machine.boot(StartupScript("site", first_boot=[loud]))

    assert (machine.sees / "var/log/evenboot.log.1").exists()
    assert "the reason" == status["output"][-1]
    assert machine.evenboot("log", "loud").stdout.endswith("the reason\n")


def test_log_is_bounded(machine: Machine) -> None:
    """Steps' output goes to the log, which keeps 10 MB and one older file."""
    flood = Shell("flood", script="head -c 25000000 /dev/zero | tr '\\0' x; echo end")
    machine.boot(StartupScript("site", first_boot=[flood, note("two")]))
    sizes = [(machine.sees / f"var/log/{name}").stat().st_size for name in ("evenboot.log", "evenboot.log.1")]

    assert sizes[0] < 10_000_000 <= sizes[1] < 10_000_100
    assert machine.evenboot("log", "flood").stdout.endswith("end\n")


def failing(service: str, when: str) -> str:
    """A `curl` that behaves for some requests as the metadata service does on a bad day."""
    return f"""#!/bin/sh
case "$*" in *{when}*)
    if [ -e /broken ]; then {service}; fi ;;
esac
exec /usr/local/bin/curl.real "$@"
"""


def break_service(machine: Machine, service: str, when: str = "http") -> None:
    stub = machine.sees / "usr/local/bin/curl"
    machine.run("cp /usr/local/bin/curl /usr/local/bin/curl.real; touch /broken")
    stub.write_text(failing(service, when))


def test_image_during_an_outage_that_the_agent_missed(machine: Machine) -> None:
    """L7, L9: a definition that the agent delivered to an image is not obeyed as the parent."""
    machine.boot(SITE)
    machine.run("rm /done")
    machine.clone()
    power_on_in_an_outage(machine)
    machine.agent()

    assert [] == machine.lines()
    assert "failed" == machine.status()["result"]


def test_first_boot_during_an_outage(machine: Machine) -> None:
    """L5, L9: without an instance id nothing runs, and the boot after the outage is the first."""
    machine.edit(SITE)
    power_on_in_an_outage(machine)
    machine.agent()
    machine.service = "ok"
    machine.publish()
    status = machine.boot()
    machine.boot()

    assert ("first", "ok") == (status["boot"], status["result"])
    assert ["one", "two", "two"] == machine.lines()


@pytest.mark.parametrize(
    "service", ["printf 200; exit 28", "printf 200; exit 0", "printf ' \\n' >/run/evenboot/id; printf 200; exit 0"]
)
def test_answer_that_is_no_answer(machine: Machine, service: str) -> None:
    """L5, L9: an answer that stops half-way, or an empty id, is no other machine's id."""
    machine.boot(SITE)
    break_service(machine, service, "instance/id")
    machine.hurry()
    machine.power_on()
    machine.unit()
    status = machine.status()

    assert ["one", "two", "two"] == machine.lines()
    assert ("ok", "cached", "i-1") == (status["result"], status["source"], status["instance_id"])


def test_agent_and_unit_store_at_once(machine: Machine) -> None:
    """L10, L11: agent and unit that bring the same edit at once store it one after the other, and it is obeyed once."""
    machine.boot(SITE)
    slow = machine.sees / "usr/local/bin/sync"
    slow.write_text("#!/bin/sh\nexec sleep 0.1\n")
    machine.edit(definition("one three", "two"))
    machine.power_on()
    machine.run(f"{machine.agents_script()} & systemctl start evenboot.service & wait")

    assert ["one", "two", "three", "two"] == machine.lines()
    assert {"ok"} == {result["result"] for result in machine.results()}
    assert ["cloud"] == list({result["source"] for result in machine.results()})


def test_definition_that_comes_with_other_parts(machine: Machine) -> None:
    """L11: a runner that waits while the agent brings another definition does not obey it with its own text."""
    use = Shell("use", script='echo "${SITE-nothing}" >>/done', uses=["SITE"])
    machine.boot(SITE)
    machine.edit(StartupScript("site", first_boot=[note("one"), use]), {"SITE": "value"})
    break_service(machine, "printf 503; exit 0", "instance/id")
    machine.power_on()
    machine.run(f"systemctl start evenboot.service & sleep 0.3; {machine.agents_script()} & sleep 1; rm /broken; wait")

    assert ["one", "two", "value"] == machine.lines()


@pytest.mark.parametrize("missing", ["steps", "evenboot", "payload"])
def test_stored_definition_is_damaged(machine: Machine, missing: str) -> None:
    """L11: what is missing of the stored definition is stored again, never taken for nothing to do."""
    machine.boot(SITE)
    machine.run(f"rm /var/lib/evenboot/current/{missing}")
    status = machine.boot()

    assert ["one", "two", "two"] == machine.lines()
    assert ["skipped one", "ran two"] == outcomes(status)


def test_console_is_dead(machine: Machine) -> None:
    """L9: that the console cannot be written changes nothing of what runs."""
    machine.boot(SITE)
    machine.edit(None)
    machine.run("rm /dev/console; mkdir /dev/console")
    machine.power_on()
    machine.unit()

    assert ["one", "two"] == machine.lines()


def test_emptied_slot_on_a_read_only_disk(machine: Machine) -> None:
    """L9: an emptied slot means that nothing runs, also where that cannot be written down."""
    machine.boot(SITE)
    machine.edit(None)
    machine.power_on()
    machine.enter("mount --bind /var/lib/evenboot /var/lib/evenboot && mount -o remount,bind,ro /var/lib/evenboot")
    machine.unit()

    assert ["one", "two"] == machine.lines()


def test_failure_after_much_output(machine: Machine) -> None:
    """L16: a step that fails after megabytes of output holds nothing up, and the memory of a small VM is enough."""
    flood = Shell("flood", script="seq 1000000; exit 1")
    machine.edit(StartupScript("site", first_boot=[flood]))
    machine.power_on()
    machine.run(f"ulimit -v 40000; {machine.agents_script()}")

    assert "1000000" == machine.status()["output"][-1]
    assert "1000000\n" == machine.run("ulimit -v 40000; evenboot log flood | tail -n 1").stdout


def test_step_that_asks_for_an_apply(machine: Machine) -> None:
    """L16: a step cannot wait for the apply that it is part of."""
    asks = Shell("asks", script="evenboot apply || echo $? >>/done; evenboot rerun one || echo $? >>/done")
    machine.boot(StartupScript("site", first_boot=[note("one"), asks]))

    assert ["one", "64", "64"] == machine.lines()


def test_failed_store_leaves_nothing(machine: Machine) -> None:
    """L11: a definition that cannot be put in place leaves the one before in force, boot after boot."""
    machine.boot(SITE)
    machine.enter("mount --bind /etc /etc && mount -o remount,bind,ro /etc")
    machine.boot(definition("one", "three", shutdown=[note("bye")]))
    machine.boot()

    assert ["one", "two", "two", "two"] == machine.lines()
    assert "cannot write to /etc/systemd/system/evenboot-shutdown.service" in machine.status()["message"]
    assert {"current", "a", "b", "journal", "machine"} == set(machine.run("ls /var/lib/evenboot").stdout.split())


def test_text_that_looks_like_a_bootstraps(machine: Machine) -> None:
    """R4: a line of a step's text that looks like one of a bootstrap's header is data."""
    content = "# object=https://example.org/x\n# sha256=00\n"
    status = machine.boot(StartupScript("site", first_boot=[File("/x", content=content), note("two")]))

    assert "ok" == status["result"]
    assert content == machine.read("/x")


def test_run_is_full_in_a_step(machine: Machine) -> None:
    """L11: a change that cannot be noted for the services that restart on it is not made, and its step has failed."""
    machine.enter("mount -t tmpfs -o size=1m tmpfs /run").check_returncode()
    machine.write("/etc/known/app.service", "")
    machine.write("/etc/app.conf", "old")
    conf = File("/etc/app.conf", content="new")
    fill = Shell("fill", script="head -c 2M /dev/zero >/run/filler || true")
    machine.edit(StartupScript("site", first_boot=[fill, conf, Service("app", restart_on=[conf])]))
    machine.one_boot()
    result = machine.results()[-1]

    assert ("failed", conf.name, "old") == (result["result"], result["failed_step"], machine.read("/etc/app.conf"))


KILLS_READERS = """
mine=$(readlink /proc/$$/fd/1)
for process in /proc/[0-9]*; do
    [ "$(readlink "$process/fd/0")" != "$mine" ] || kill -9 "${process#/proc/}"
done
echo killer >>/done
"""


def test_who_keeps_the_log_is_killed(machine: Machine) -> None:
    """L16: that the processes which keep the log are killed, as when memory runs out, costs some output, and no more."""
    killer = Shell("killer", script=KILLS_READERS)
    status = machine.boot(StartupScript("site", first_boot=[killer, note("two")], every_boot=[note("three")]))

    assert ("ok", ["killer", "two", "three"]) == (status.result, machine.lines())


def test_two_agents_at_the_first_boot(machine: Machine) -> None:
    """L10: two agents that bring the first payload at once store it one after the other, and neither damages it."""
    machine.write("/usr/local/bin/sync", "#!/bin/sh\nexec /usr/bin/sleep 0.5\n", 0o755)
    machine.edit(SITE)
    machine.power_on()
    machine.run(f"{machine.agents_script()} & sleep 0.25; {machine.agents_script()}; wait")

    assert ["ok"] == [result["result"] for result in machine.results()]
    assert ["one", "two"] == machine.lines()


def test_pauses_grow(machine: Machine) -> None:
    """A step that goes on failing is tried again after pauses that grow, up to a minute."""
    machine.hurry()
    sleep = machine.sees / "usr/local/bin/sleep"
    sleep.write_text(sleep.read_text() + 'echo "$1" >>/pauses\n')
    machine.boot(StartupScript("site", first_boot=[Shell("fails", script="exit 1", retries=8)]))

    assert ["1", "2", "4", "8", "16", "32", "60", "60"] == machine.lines("/pauses")


@pytest.mark.parametrize(("before", "least", "most"), [(None, 118, 150), (SITE, 58, 90)], ids=["first boot", "later boot"])
def test_how_long_the_service_is_waited_for(machine: Machine, before: StartupScript | None, least: int, most: int) -> None:
    """L9: without a definition of its own a machine waits two minutes for the metadata service, with one it waits one."""
    if before:
        machine.boot(before)
    machine.edit(SITE)
    power_on_in_an_outage(machine)
    machine.run(machine.units_script() or machine.agents_script())

    waited = float(machine.read("/uptime").split()[0]) - 1000
    assert least <= waited <= most


def test_outage_after_the_slot_was_emptied(machine: Machine) -> None:
    """L9: nor does anything run in an outage after the slot was emptied: the machine has no definition any more."""
    machine.boot(SITE)
    machine.edit(None)
    machine.power_on()
    machine.unit()
    power_on_in_an_outage(machine)
    machine.unit()

    assert ["one", "two"] == machine.lines()
    assert "failed" == machine.status().result


def test_service_that_is_back_after_the_steps(machine: Machine) -> None:
    """L9: when the service answers again at the end of an apply, what it has is obeyed in this boot."""
    mends = Shell("mends", script="echo mends >>/done; echo ok >/metadata/service")
    machine.boot(StartupScript("site", first_boot=[note("one")], every_boot=[mends]))
    machine.edit(definition("one", "three"))
    power_on_in_an_outage(machine)
    machine.unit()

    assert ["one", "mends", "mends", "three"] == machine.lines()
    assert ["cached", "cloud"] == [result["source"] for result in machine.results()[1:]]


def test_error_with_words(machine: Machine) -> None:
    """L9: what the metadata service says with an error is no payload: it does not answer, and the last definition is used."""
    machine.boot(SITE)
    words = 'while [ $# -gt 0 ]; do [ "$1" != -o ] || echo "try again" >"$2"; shift; done; printf 503; exit'
    break_service(machine, words, "startup-script")
    machine.hurry()
    status = machine.boot()

    assert ("ok", "cached") == (status.result, status.source)
    assert "the metadata service does not answer: the last definition is used" == status.message
