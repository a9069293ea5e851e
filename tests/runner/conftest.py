"""Machines in throw-away roots, under dash and under bash."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from startup.testing.machine import Machine


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """The shell that runs the runner."""
    return request.param


@pytest.fixture
def machine_of(shell: str, machine_of: Callable[..., Machine]) -> Callable[[str], Machine]:
    """Make the machine of a given cloud."""
    return lambda cloud: machine_of(cloud, shell)
