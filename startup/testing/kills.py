"""`assert_survives_any_kill`: killed at any instant of its first boot, a machine comes to the same when it goes on.

The boot runs once, and stops before each call that changes the file system: what lies there then is what a kill would leave.
From each of these states the machine goes on, in the same boot and with a reboot, to what an undisturbed boot comes to.

A machine that goes on is stopped at the first record that it makes when it holds then, in all that can matter, what another
held that had the same steps behind it and came well to its end: from the same files, at the same place, the same follows.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from ..definition import StartupScript
from ..delivery import Cloud
from .machine import Machine
from .repeating import Prepare
from .trial import Trial, Violation

SHOWN = 3


def assert_survives_any_kill(
    definition: StartupScript,
    *,
    values: Mapping[str, str] | None = None,
    prepare: Prepare | None = None,
    ignore: Iterable[str] = (),
    cloud: Cloud = "gcp",
) -> None:
    """Assert that a definition comes to the same wherever its first boot is killed.

    Everything is killed before each call that changes the file system, the runner's own included. Then `evenboot apply` goes
    on in the same boot, and from the same state a reboot does. The result must be ok, and every file, folder and link as
    after an undisturbed boot; what lies in /run, /tmp, /var/tmp and /var/log is not looked at.

    Args:
        definition: The definition.
        values: Its values.
        prepare: Called with each machine before its first boot, to set up stand-ins.
        ignore: Paths that may differ, with `*` as in `/var/cache/*`: a file in which each run leaves a line, say.
        cloud: Whose machine it is.

    Raises:
        AssertionError: It names the kill point, the way of going on, and what differs.
    """
    found = survey(definition, values, prepare, list(ignore), cloud).violations
    if found:
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        shown = [str(violation) for violation in found[:SHOWN]]
        raise AssertionError("\n".join([f"{definition.name!r} does not survive every kill", *shown, *more]))


class Survey:
    """What came of all kill points: how many there are, how often a machine went on, and what was not well."""

    def __init__(self, points: int, went_on: int, violations: list[Violation]) -> None:
        self.points, self.went_on, self.violations = points, went_on, violations


def survey(
    definition: StartupScript, values: Mapping[str, str] | None, prepare: Prepare | None, ignore: list[str], cloud: Cloud
) -> Survey:
    """Try all kill points, on two machines for each processor: one of them often waits."""
    with tempfile.TemporaryDirectory(prefix="evenboot-") as folder, ExitStack() as stack:
        machines: list[Machine] = []
        for number in range(2 * (os.cpu_count() or 1)):
            machines.append(stack.enter_context(Machine(Path(folder, str(number)), cloud=cloud)))
            machines[-1].witness = machines[0].witness
            if prepare:
                prepare(machines[-1])
            machines[-1].edit(definition, values)
        trial = Trial(machines[0], ignore)
        free: SimpleQueue[Machine] = SimpleQueue()
        for machine in machines:
            free.put(machine)

        def try_group(number: int) -> list[Violation]:
            machine = free.get()
            try:
                return trial.try_group(machine, trial.groups[number])
            finally:
                free.put(machine)

        with ThreadPoolExecutor(len(machines)) as threads:
            rows = list(threads.map(try_group, range(len(trial.groups))))
    found = sorted((one for row in rows for one in row), key=lambda one: (one.point.number, one.way))
    return Survey(len(trial.points), sum(len(group.points) for group in trial.groups), found)
