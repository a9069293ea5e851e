"""How many random histories of a machine are played, in what time, and how many break a promise."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from startup.testing.root import why_not
from tests.runner.comparison import Violation
from tests.runner.random_histories import EXHAUSTIVE, SERIES, machine_for_histories, play_histories

from .figures import Figure, figure

NOTE = """
Each history is 12 events in the life of a machine in a throw-away root (boots, power cuts, edits, clones, outages, full
disks, failing steps), compared with a model of the contract after each; the same as `make test-all` plays, here three at a
time, as each waits now and then.
"""


def measure() -> list[Figure]:
    """Play what `make test-all` plays."""
    if reason := why_not():
        raise RuntimeError(reason)
    begin = time.perf_counter()
    with ProcessPoolExecutor(max_workers=3) as pool:
        played = list(pool.map(play, range(len(SERIES))))
    took = time.perf_counter() - begin
    return [
        figure("histories played", sum(histories for histories, _ in played), "histories", goal="2,000 or more"),
        figure("violations", sum(violations for _, violations in played), "violations", 0),
        figure("time, on two cores", took, "s", 600),
    ]


def play(number: int) -> tuple[int, int]:
    """Play one series; the number of histories and of violations. A series ends at a violation, which is printed."""
    with (
        tempfile.TemporaryDirectory(prefix="evenboot-bench-") as folder,
        machine_for_histories(Path(folder), *SERIES[number]) as machine,
    ):
        try:
            return play_histories(machine, EXHAUSTIVE, number), 0
        except Violation as violation:
            print(violation, file=sys.stderr)
            return 0, 1
