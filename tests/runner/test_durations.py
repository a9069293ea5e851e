"""How long things take at most: what hangs, or stays behind, holds nobody up. Margins are wide: what is wrong takes for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from startup import Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.status import outcomes

from .scenarios import definition, note

STUBBORN = "trap '' TERM; for i in $(seq 400); do /usr/bin/sleep 0.1 || true; done"
LEFT_BEHIND = "/usr/bin/sleep 50 & echo $! >/child"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if it takes longer. A test of a throw-away root ends by itself after a minute."""
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    assert took < seconds, f"it took {took:.0f} s"


def alive(machine: Machine) -> bool:
    return machine.read("/child").strip() in machine.processes()


def test_child_that_is_left_behind(machine: Machine) -> None:
    """L16: a child that a step leaves behind, with the step's output open, is waited for by nobody."""
    behind = Shell("behind", script=LEFT_BEHIND)
    with within(10):
        status = machine.boot(StartupScript("site", first_boot=[behind, note("two")], every_boot=[note("three")]))

    assert ("ok", ["two", "three"], True) == (status.result, machine.lines(), alive(machine))


def test_child_that_is_left_behind_by_a_failure(machine: Machine) -> None:
    """L16: nor is it waited for when the step has failed, and what the step printed is in the status."""
    behind = Shell("behind", script=f"echo the reason; {LEFT_BEHIND}; exit 3")
    with within(10):
        status = machine.boot(StartupScript("site", first_boot=[behind]))

    assert (3, ["the reason"], True) == (status.exit_code, status.output, alive(machine))


def test_applies_beside_a_child_that_was_left_behind(machine: Machine) -> None:
    """L10, L16: a child that a step leaves behind holds no lock: later applies, reruns and shutdown steps go on at once."""
    behind = Shell("behind", script=LEFT_BEHIND)
    machine.boot(StartupScript("site", first_boot=[behind, note("one")], shutdown=[note("bye")]))
    with within(15):
        applied = machine.evenboot("apply").returncode
        again = machine.evenboot("rerun", "one").returncode
        machine.shut_down()

    assert (0, 0, ["one", "one", "bye"], True) == (applied, again, machine.lines(), alive(machine))


def test_step_that_ignores_being_asked_to_end(tmp_path: Path) -> None:
    """L16: a step that ignores its time limit is ended 10 seconds later, and the status says that it took too long."""
    stubborn = Shell("stubborn", script=STUBBORN, timeout_seconds=1)
    with Machine(tmp_path) as machine:
        with within(25):
            status = machine.boot(StartupScript("site", first_boot=[stubborn, note("two")]))
        took = status.steps[0]["seconds"]

    assert ["failed stubborn", "pending two"] == outcomes(status)
    assert "step 'stubborn' was ended: it took longer than 1 s" == status.message
    assert 10 < took < 20


def test_shutdown_step_that_ignores_being_asked_to_end(machine: Machine) -> None:
    """L13: a shutdown step that ignores its time limit is ended, and the next one has its turn."""
    stubborn = Shell("stubborn", script=STUBBORN, timeout_seconds=1)
    machine.boot(definition("one", shutdown=[stubborn, note("bye")]))
    with within(15):
        machine.shut_down()

    assert ["one", "bye"] == machine.lines()
    assert "evenboot: shutdown step 'stubborn' ended with exit code 137" in machine.console()


def test_shutdown_step_that_begins_late(machine: Machine) -> None:
    """L13: what is left of the 60 seconds is all that a shutdown step has, whatever its own limit says."""
    long = Shell("long", script="sleep 57")
    late = Shell("late", script="echo late >>/done; /usr/bin/sleep 45; echo too late >>/done", timeout_seconds=600)
    machine.boot(definition("one", shutdown=[long, late]))
    machine.hurry()
    with within(20):
        machine.shut_down()

    assert ["one", "late"] == machine.lines()
    assert "evenboot: shutdown step 'late' ended with exit code 124" in machine.console()


def test_shutdown_steps_beside_an_apply_that_hangs(machine: Machine) -> None:
    """L13: an apply that does not end, although it is asked to, does not keep the shutdown steps from running."""
    machine.boot(definition("one", shutdown=[note("bye")]))
    # A minute in which somebody waits for a lock is a second here.
    machine.write(
        "/usr/local/bin/flock", '#!/bin/sh\n[ "$1" != -w ] || { shift 2; set -- -w 1 "$@"; }\nexec /usr/bin/flock "$@"\n', 0o755
    )
    machine.run("/usr/bin/flock /run/evenboot/lock /usr/bin/sleep 50 >/dev/null 2>&1 &")
    with within(20):
        machine.shut_down()

    assert ["one", "bye"] == machine.lines()


def test_step_that_wants_an_image(machine: Machine) -> None:
    """L16: a step cannot clean the machine up under the apply that it is part of, and is told so at once."""
    asks = Shell("asks", script="evenboot clean 2>&1 || echo $? >>/done", timeout_seconds=20)
    with within(15):
        status = machine.boot(StartupScript("site", first_boot=[asks, note("two")]))

    assert ("ok", ["64", "two"]) == (status.result, machine.lines())
    assert "ran asks" in outcomes(machine.status())
