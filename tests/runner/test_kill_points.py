"""Everything that runs is killed before the k-th call that changes the file system; the next apply makes it good."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from startup.testing.machine import Machine

from .kill_points import AGAIN, SCENARIOS, Trial, account

SAMPLE = 8


@pytest.mark.parametrize("cloud", ["gcp", "aws"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_anywhere(machine_of: Callable[[str], Machine], cloud: str, scenario: str, exhaustive: bool) -> None:
    """L2, L5: killed at any instant, the next apply comes to the state of a clean run, and no finished step runs twice."""
    trial = Trial(machine_of(cloud), SCENARIOS[scenario])

    assert [] == violations(trial, range(1, len(trial.clean.calls) + 1), exhaustive)


def test_account_is_made_in_spite_of_a_kill(machine: Machine, exhaustive: bool) -> None:
    """L5: killed while useradd is at work, the step makes the rest of the account when it runs again."""
    trial = Trial(machine, account)
    notes = [call.number for call in trial.clean.calls if call.paths == ("/done",)]

    assert [] == violations(trial, range(notes[0], notes[-1] + 1), exhaustive)


def violations(trial: Trial, points: range, exhaustive: bool) -> list[str]:
    """Kill at all of these points and go on in both ways, or at an even sample of them and take turns."""
    if exhaustive:
        return [found for point in points for found in trial.violations(point, AGAIN)]
    step = len(points) // SAMPLE
    return [
        found
        for number, point in enumerate(points[step - 1 :: step])
        for found in trial.violations(point, (AGAIN[number % 2],))
    ]
