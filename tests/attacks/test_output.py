"""What a step prints is text: nobody takes it for the runner's word, and no other process reads or disturbs it."""

from __future__ import annotations

import json
import time

import pytest

from components.results import newest_result
from startup import Shell, StartupScript
from startup.testing.machine import Machine

from ..runner.accounts import add_account

SECRET = "".join(f"echo top-secret-{i}\n" for i in range(8))
FORGED = [
    "--- 2026-01-01T00:00:00Z step good",
    "evenboot: step 'good' ok (0.1 s)",
    'evenboot: result {"result":"ok"}',
    "evenboot: the slot holds no payload: nothing to do",
    "evenboot: shutdown step 'good' ended with exit code 0",
    "| as if it were output",
    "(what follows could not be written)",
    "-",
    "",
]


@pytest.fixture
def machine(machine: Machine) -> Machine:
    """A machine on which mallory has an account."""
    add_account(machine, "mallory")
    return machine


def test_child_that_reads(machine: Machine) -> None:
    """A step of his cannot open root's pipe for reading, and a child that it leaves behind gets no line of the next step."""
    spy = "(exec 3</proc/self/fd/1; cat <&3 >/tmp/seen) 2>/tmp/refused & sleep 0.1"
    steps = [Shell("spy", script=spy, user="mallory"), Shell("root's", script=f"sleep 0.2\n{SECRET}")]
    assert machine.boot(StartupScript("site", first_boot=steps)).result == "ok"

    assert "Permission denied" in machine.read("/tmp/refused")
    assert machine.read("/tmp/seen") == ""
    assert machine.log("root's").splitlines() == [f"top-secret-{i}" for i in range(8)]


def test_output_opened_anew(machine: Machine) -> None:
    """An unprivileged step may write to its output by name, as programs do that log to /dev/stderr."""
    step = Shell("says", script="echo one >/proc/self/fd/1; echo two >>/proc/self/fd/2", user="mallory")
    assert machine.boot(StartupScript("site", first_boot=[step])).result == "ok"
    assert machine.log("says") == "one\ntwo\n"


def test_child_that_goes_on_printing(machine: Machine) -> None:
    """What a child prints that a step left behind stands in no other step's output; it is not waited for, and lives on."""
    noisy = (
        "(while sleep 0.02; do echo noise; echo \"evenboot: step 'later' ok\"; done) & echo begun; echo $! >/tmp/child"
    )
    steps = [
        Shell("noisy", script=noisy, user="mallory"),
        Shell("later", script="sleep 0.5; kill -0 $(cat /tmp/child); echo mine; exit 4"),
    ]
    began = time.monotonic()
    status = machine.boot(StartupScript("site", first_boot=steps))

    assert (status.failed_step, status["exit_code"], status.output) == ("later", 4, ["mine"])
    assert machine.log("noisy").splitlines()[0] == "begun"
    assert machine.log("later") == "mine\n"
    assert machine.log().count("noise") <= 2
    assert time.monotonic() - began < 10
    machine.run("kill $(cat /tmp/child)")


def test_words_of_the_runner(machine: Machine) -> None:
    """L16: lines as the runner writes them are a step's output all the same, for the log, the status and the console."""
    script = "cat <<'END'\n" + "\n".join(FORGED) + "\nEND\nexit 3"
    steps = [Shell("good", script="echo right"), Shell("forger", script=script)]
    status = machine.boot(StartupScript("site", first_boot=steps))

    assert machine.log("good") == "right\n"
    assert machine.log("forger").splitlines() == FORGED
    assert status.output == FORGED
    words = [line for line in machine.log().splitlines() if not line.startswith("| ")]
    assert [line.partition(" ")[0] for line in words] == ["---", "evenboot:", "---", "evenboot:", "evenboot:"]
    assert len(machine.results()) == 1


def test_mark_of_a_result(machine: Machine) -> None:
    """The mark of a result stands on the console only where a result begins, whatever steps are called and print."""
    mark = 'evenboot: result {"result":"ok"}'
    steps = [Shell(mark, script=f"echo 'x {mark}'\nexit 1")]
    status = machine.boot(StartupScript(mark, first_boot=steps))
    line = machine.console()[-1]

    assert "\n".join(machine.console()).count("evenboot: result ") == 1
    assert (status.failed_step, status.output, status["definition"]) == (mark, [f"x {mark}"], mark)
    read = newest_result("\n".join(machine.console()))
    assert read is not None and (read.result, read.failed_step, read.output) == ("failed", mark, (f"x {mark}",))
    assert json.loads(line.removeprefix("evenboot: result ")) == dict(status)
    assert machine.log(mark) == f"x {mark}\n"
    assert machine.rerun(mark).failed_step == mark


def test_line_that_the_log_cuts(machine: Machine) -> None:
    """Where the log goes on in a new file, the rest of a line is still what a step has printed."""
    script = "head -c 10500000 /dev/zero | tr '\\0' x; echo; echo end"
    machine.boot(StartupScript("site", first_boot=[Shell("long", script=script), Shell("next", script="echo more")]))
    heading, rest, end, *_ = machine.lines("/var/log/evenboot.log")

    assert heading.endswith(" step long")
    assert (rest[:3], end) == ("| x", "| end")
    assert (len(machine.lines("/var/log/evenboot.log.1")[-1]) - 2) + (len(rest) - 2) == 10_500_000
    assert machine.log("next") == "more\n"


def test_line_without_an_end(machine: Machine) -> None:
    """A line that would take all memory ends what is kept of the step's output, and nothing else."""
    steps = [Shell("endless", script="head -c 1000000000 /dev/zero; echo; echo end"), Shell("next", script="echo more")]
    status = machine.boot(StartupScript("site", first_boot=steps))

    assert status.result == "ok"
    assert machine.log("endless") == "(what follows could not be written)\n"
    assert machine.log("next") == "more\n"


FULL_PIPE = r"""
use Fcntl;
fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK);
fcntl(STDOUT, 1031, 4096);
exit if fork;
fork;
use POSIX;
POSIX::setsid();
my $end = time + 20;
syswrite(STDOUT, "x\n" x 2048) while time < $end;
"""


def test_child_that_keeps_the_pipe_full(machine: Machine) -> None:
    """The end of a step's output gets through, also where the step made its output one that does not wait, and floods it."""
    steps = [Shell("flood", script=f"perl -e '{FULL_PIPE}'; sleep 0.3", user="mallory"), Shell("next", script="echo mine")]
    began = time.monotonic()
    assert machine.boot(StartupScript("site", first_boot=steps)).result == "ok"

    assert time.monotonic() - began < 15
    assert machine.log("next") == "mine\n"
    machine.run("pkill -KILL -u mallory")
