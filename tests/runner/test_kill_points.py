"""Everything that runs is killed before the k-th call that changes the file system; the next apply makes it good."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .kill_points import AGAIN, SCENARIOS, Trial
from .throwaway import Machine

SAMPLE = 8


@pytest.mark.parametrize("cloud", ["gcp", "aws"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_anywhere(machine_of: Callable[[str], Machine], cloud: str, scenario: str, exhaustive: bool) -> None:
    """L2, L5: killed at any instant, the next apply comes to the state of a clean run, and no finished step runs twice."""
    trial = Trial(machine_of(cloud), scenario)
    calls = len(trial.clean.calls)
    points = range(1, calls + 1) if exhaustive else range(calls // SAMPLE, calls + 1, calls // SAMPLE)
    found = [
        violation
        for number, point in enumerate(points)
        for violation in trial.violations(point, AGAIN if exhaustive else (AGAIN[number % 2],))
    ]

    assert [] == found
