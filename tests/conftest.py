"""What holds for all tests: how much of what can be tried is tried."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller ask for everything."""
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="try all kill points, histories and generated definitions, not a sample of them",
    )


@pytest.fixture(scope="session")
def exhaustive(pytestconfig: pytest.Config) -> bool:
    """Whether to try all that there is, as `make test-all` does, or a sample that is quick enough for every change."""
    return bool(pytestconfig.getoption("exhaustive"))
