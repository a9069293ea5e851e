"""An orderly stop: L13, and the part of L16 about a system that goes down."""

from __future__ import annotations

import time

import pytest

from startup import File, Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.status import outcomes

from .scenarios import definition, note

DRAIN = [note("drain"), Shell("broken", script="exit 1"), note("last")]


def test_shutdown_steps(machine: Machine) -> None:
    """L13: the shutdown steps run in order at each stop, a failing one does not stop the next, none is recorded."""
    machine.boot(definition("one", shutdown=DRAIN))
    status = machine.status()
    machine.evenboot("do_shutdown")
    machine.boot()
    machine.evenboot("do_shutdown")

    assert ["one", "drain", "last", "drain", "last"] == machine.lines()
    assert ["ran one"] == outcomes(status)
    assert machine.console()[-2:] == [
        "evenboot: shutdown step 'broken' ended with exit code 1",
        "evenboot: shutdown step 'last' ended with exit code 0",
    ]


def test_shutdown_steps_have_a_minute(machine: Machine) -> None:
    """L13: all shutdown steps together have 60 seconds, whatever their own limits say."""
    long, late = Shell("long", script="sleep 58"), Shell("late", script="echo late >>/done; sleep 2")
    machine.boot(definition("one", shutdown=[long, late, note("later")]))
    machine.hurry()
    machine.evenboot("do_shutdown")

    assert ["one", "late"] == machine.lines()
    assert "evenboot: shutdown step 'later' left out: the 60 s are over" in machine.console()


def test_shutdown_step_is_tried_again(machine: Machine) -> None:
    """L13: a shutdown step with retries is tried again until it succeeds, before the next one."""
    flaky = Shell("flaky", script="echo try >>/done; [ $(grep -c try /done) -eq 3 ]", retries=5)
    machine.boot(definition("one", shutdown=[flaky, note("next")]))
    machine.hurry()
    machine.evenboot("do_shutdown")

    assert ["one", "try", "try", "try", "next"] == machine.lines()
    assert machine.console()[-3:] == [
        "evenboot: step 'flaky' failed, exit code 1; again in 2 s",
        "evenboot: shutdown step 'flaky' ended with exit code 0",
        "evenboot: shutdown step 'next' ended with exit code 0",
    ]


def test_tries_of_shutdown_steps_have_a_minute(machine: Machine) -> None:
    """L13: further tries and the pauses between them count into the 60 seconds: what does not fit any more is not tried."""
    script = "echo try $(cut -d . -f 1 /proc/uptime) >>/done; exit $(wc -l </done)"
    stubborn = Shell("stubborn", script=script, retries=100)
    machine.boot(definition("one", shutdown=[stubborn, note("next")]))
    machine.hurry()
    machine.evenboot("do_shutdown")

    tries = [1000, 1001, 1003, 1007, 1015, 1031]
    assert ["one", *(f"try {second}" for second in tries), "next"] == machine.lines()
    assert machine.console()[-2:] == [
        "evenboot: shutdown step 'stubborn' ended with exit code 7",
        "evenboot: shutdown step 'next' ended with exit code 0",
    ]


def test_last_try_of_a_shutdown_step_is_cut_off(machine: Machine) -> None:
    """L13: a further try has what the pause before it leaves of the 60 seconds, whatever its own limit says."""
    script = "[ -e /again ] && exec /usr/bin/sleep 30; touch /again; sleep 56; exit 1"
    machine.boot(definition("one", shutdown=[Shell("long", script=script, retries=1), note("next")]))
    machine.hurry()
    machine.evenboot("do_shutdown")

    assert machine.console()[-3:] == [
        "evenboot: step 'long' failed, exit code 1; again in 1 s",
        "evenboot: shutdown step 'long' ended with exit code 124",
        "evenboot: shutdown step 'next' ended with exit code 0",
    ]


def test_step_that_succeeds_while_the_system_goes_down(machine: Machine) -> None:
    """L16: a step that exits 0 while the system is going down is done, and no further step starts."""
    reboot = Shell("reboot", script="echo reboot >>/done; mkdir -p /run/systemctl; echo stopping >/run/systemctl/going")
    status = machine.boot(StartupScript("site", first_boot=[reboot, note("two")], every_boot=[note("three")]))
    machine.boot()

    assert ["ran reboot", "pending two", "pending three"] == outcomes(status)
    assert ("failed", None) == (status["result"], status["failed_step"])
    assert "the system is going down" in status["message"]
    assert ["reboot", "two", "three"] == machine.lines()


def test_reboot_that_is_held_back(machine: Machine) -> None:
    """L16: no further step starts either while logind holds back, for somebody else, the reboot that a step asked for."""
    machine.run("touch /etc/held")
    kernel = Shell("kernel", script="echo kernel >>/done; systemctl reboot")
    machine.edit(StartupScript("site", first_boot=[kernel, note("two")], every_boot=[note("three")]))
    machine.one_boot()
    status = machine.status()
    machine.boot()

    assert ["ran kernel", "pending two", "pending three"] == outcomes(status)
    assert ("failed", "interrupted: the system is going down") == (status["result"], status["message"])
    assert ["kernel", "two", "three"] == machine.lines()


def test_logind_does_not_answer(machine: Machine) -> None:
    """L11: a logind that hangs holds no step up for long."""
    machine.write("/usr/local/bin/loginctl", "#!/bin/sh\nsleep 50\n", 0o755)
    status = machine.boot(StartupScript("site", first_boot=[note("one"), note("two")]))

    assert ("ok", ["one", "two"]) == (status["result"], machine.lines())
    assert all(step["seconds"] < 10 for step in status["steps"])


def test_second_signal(machine: Machine) -> None:
    """L12: a signal while the runner finds out what the first was about leaves no hole in the status."""
    machine.write("/hits", "#!/bin/sh\npkill -TERM -f 'evenboot obey'\nsleep 0.1\n", 0o755)
    # It is asked after the first step, too.
    find = Shell("find", script="pgrep -f 'evenboot obey' | head -n 1 >/runner")
    slow = Shell("slow", script="mv /hits /usr/local/bin/loginctl; kill -TERM $(cat /runner); sleep 30")
    machine.edit(StartupScript("site", first_boot=[find, slow]))
    machine.one_boot()

    assert "step 'slow' was interrupted by a TERM signal" == machine.status()["message"]


@pytest.mark.parametrize(
    ("going", "why"),
    [
        ("echo stopping >/run/systemctl/going; ", ": the system is going down"),
        ("echo held >/run/systemctl/going; ", ": the system is going down"),
        ("", " by a TERM signal"),
    ],
)
def test_step_that_is_interrupted(machine: Machine, going: str, why: str) -> None:
    """L12, L13, L16: a step that an orderly stop or somebody's signal ends is not done, and the status says which it was."""
    end = f"{going}kill -TERM $(cat /runner); sleep 30"
    slow = Shell("slow", script=f"echo slow >>/done; [ -e /mended ] || {{ {end}; }}")
    find = Shell("find", script="pgrep -f 'evenboot obey' | head -n 1 >/runner")
    status = machine.boot(StartupScript("site", first_boot=[find, slow, note("two")]))
    machine.run("touch /mended")
    machine.boot()

    assert ["ran find", "failed slow", "pending two"] == outcomes(status)
    assert f"step 'slow' was interrupted{why}" == status["message"]
    assert ["slow", "slow", "two"] == machine.lines()


def test_step_that_ends_well_when_interrupted(machine: Machine) -> None:
    """L16: a step that takes the signal and exits 0 is done."""
    kind = Shell("kind", script="trap 'exit 0' TERM; kill -TERM $(cat /runner); for i in $(seq 100); do sleep 0.1 || true; done")
    find = Shell("find", script="pgrep -f 'evenboot obey' | head -n 1 >/runner")
    status = machine.boot(StartupScript("site", first_boot=[find, kind, note("two")]))

    assert ["ran find", "ran kind", "pending two"] == outcomes(status)


def test_pause_between_tries_is_interrupted(machine: Machine) -> None:
    """L13, L16: an orderly stop in the pause before another try starts no other try."""
    find = Shell("find", script="pgrep -f 'evenboot obey' | head -n 1 >/runner")
    again = Shell("again", script="echo again >>/done; (sleep 0.3; kill -TERM $(cat /runner)) & exit 1", retries=3)
    status = machine.boot(StartupScript("site", first_boot=[find, again, note("two")]))

    assert ["again"] == machine.lines()
    assert "step 'again' was interrupted by a TERM signal" == status["message"]


def test_shutdown_steps_of_every_sort(machine: Machine) -> None:
    """L13: a shutdown step that looks first, or is no shell text, does its work as in the other lists."""
    steps = [note("looked", unless="false"), note("satisfied", unless="true"), File("/seen", content="x")]
    machine.boot(definition("one", shutdown=steps))
    machine.evenboot("do_shutdown")
    assert (["one", "looked"], "x") == (machine.lines(), machine.read("/seen"))


def test_stop_while_the_service_is_asked(machine: Machine) -> None:
    """L13: a machine that is stopped while it waits for the metadata service runs its shutdown steps."""
    machine.boot(definition("one", shutdown=[note("drain")]))
    machine.service = "503"
    machine.publish()
    machine.power_on()
    machine.run("""
        rm /metadata/requests
        systemctl start evenboot.service &
        until [ -s /metadata/requests ]; do /usr/bin/sleep 0.02; done
        systemctl stop evenboot-shutdown.service &
        /usr/bin/sleep 0.3
        pkill -TERM -of '[e]venboot obey'
        wait
    """)

    assert ["one", "drain"] == machine.lines()


def hit_once(machine: Machine, program: str, when: str, processes: str) -> None:
    """Let a program of the runner's, when the shell text says so, send the runner a signal before it does its work."""
    hit = f"if [ -e /armed ] && {when}; then rm /armed; pkill -TERM {processes} 'evenboot obey'; fi"
    machine.write(f"/usr/local/bin/{program}", f'#!/bin/sh\n{hit}\nexec /usr/bin/{program} "$@"\n', 0o755)


def test_signal_while_the_status_is_written(machine: Machine) -> None:
    """L12: a signal at the moment at which the result is written leaves a whole status, and the line on the console."""
    hit_once(machine, "mv", "[ \"$3\" = /run/evenboot/status ]", "-f")
    status = machine.boot(StartupScript("site", first_boot=[Shell("arm", script="touch /armed; exit 3")]))

    assert not (machine.sees / "armed").exists()
    assert ("failed", "arm", 3) == (status.result, status.failed_step, status.exit_code)
    assert [status] == machine.results()


def test_signal_just_before_a_step(machine: Machine) -> None:
    """L13, L16: a stop that comes when a step is about to begin ends it, as if it had come a moment later."""
    slow = Shell("slow", script="for i in $(seq 300); do sleep 0.1; done; echo slow >>/done")
    machine.boot(definition("one"))
    # That a step runs is in the status before the time is asked for, which stands above what the step prints.
    hit_once(machine, "date", "[ -s /run/evenboot/status ]", "-of")
    machine.run("touch /armed")
    begun = time.monotonic()
    status = machine.boot(StartupScript("site", first_boot=[note("one"), slow, note("three")]))

    assert time.monotonic() - begun < 15
    assert ("failed", ["one"]) == (status.result, machine.lines())
    assert str(status.message).endswith("interrupted by a TERM signal")


def test_no_pause_after_a_stop(machine: Machine) -> None:
    """L13: a step that an orderly stop has ended is not about to be tried again, and no pause holds the stop up."""
    find = Shell("find", script="pgrep -f 'evenboot obey' | head -n 1 >/runner")
    ended = Shell("ended", script="kill -TERM $(cat /runner); sleep 30", retries=3)
    machine.boot(StartupScript("site", first_boot=[find, ended]))

    assert [] == [line for line in machine.console() if "again in" in line]
    assert "step 'ended' was interrupted by a TERM signal" == machine.status().message
