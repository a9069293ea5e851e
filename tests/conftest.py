"""What holds for all tests: how much of what can be tried is tried, and the wheel that is built once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .checkout import ROOT

pytest_plugins = ["startup.testing.plugin"]


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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("evenboot-*.whl")
    return wheel
