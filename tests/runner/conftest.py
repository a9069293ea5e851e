"""Machines in throw-away roots, under dash and under bash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from startup.testing.machine import Machine
from startup.testing.root import why_not

REASON = why_not()


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """The shell that runs the runner."""
    return request.param


@pytest.fixture
def machine(shell: str, tmp_path: Path) -> Iterator[Machine]:
    """A machine of a cloud, off."""
    if REASON:
        pytest.skip(REASON)
    with Machine(tmp_path, shell) as machine:
        yield machine


@pytest.fixture
def machine_of(shell: str, tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Make the machine of a given cloud."""
    if REASON:
        pytest.skip(REASON)
    made: list[Machine] = []

    def make(cloud: str) -> Machine:
        made.append(Machine(tmp_path / str(len(made)), shell, cloud))
        return made[-1]

    yield make
    for machine in made:
        machine.__exit__()
