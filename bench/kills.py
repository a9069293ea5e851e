"""How often the runner is killed in all scenarios of the tests, and what was ever not as promised after the next apply."""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from startup.testing.machine import Machine
from startup.testing.root import why_not
from tests.runner.kill_points import AGAIN, SCENARIOS, Trial

from .figures import Figure, figure

NOTE = """
The first boot, a later boot, an edited definition, a new instance id, and the boots before and after a reboot that a step asks
for, each on gcp and aws, under dash and bash: everything is killed before the k-th system call that changes the file system, for
each k up to the end of the run. Then comes another apply in the same boot, and from the same state a reboot. It takes an hour.
"""


def measure() -> list[Figure]:
    """Try all kill points, on as many machines at once as there are processors."""
    if reason := why_not():
        raise RuntimeError(reason)
    cases = list(product(SCENARIOS, ("gcp", "aws"), ("dash", "bash")))
    with ThreadPoolExecutor(os.cpu_count()) as threads, tempfile.TemporaryDirectory(prefix="evenboot-bench-") as folder:
        rows = list(threads.map(lambda number: try_all(Path(folder, str(number)), *cases[number]), range(len(cases))))
    kills, applies, violations = (sum(column) for column in zip(*rows, strict=True))
    return [
        figure("kill points tried", kills, "kills"),
        figure("applies after them, each from another state", applies, "applies"),
        figure("violations", violations, "violations", 0),
    ]


def try_all(folder: Path, scenario: str, cloud: str, shell: str) -> tuple[int, int, int]:
    """Kill a scenario at each of its calls; the number of kills, of applies after them, and of violations, which are printed."""
    with Machine(folder, shell, cloud) as machine:
        trial = Trial(machine, SCENARIOS[scenario])
        points = range(1, len(trial.clean.calls) + 1)
        found = [violation for point in points for violation in trial.violations(point, AGAIN)]
        for violation in found:
            print(f"{scenario} on {cloud} under {shell}: {violation}", file=sys.stderr)
        return len(points), len(trial.tried), len(found)
