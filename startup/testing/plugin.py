"""The pytest plugin: fixtures with machines, with deployments under Pulumi's mocks, and with the local cloud.

It comes with the wheel. In a checkout a project names it: `pytest_plugins = ["startup.testing.plugin"]`. What a fixture needs
is imported when a test asks for it; where this computer cannot give it, the test is skipped and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from ..delivery import Cloud
    from .deployment import Deployment
    from .local_cloud import LocalCloud
    from .machine import Machine

MARKER = "local_cloud(program, stack='local'): boots the VMs of a Pulumi program on this computer; only with --local-cloud"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller ask for machines that boot."""
    group = parser.getgroup("evenboot")
    group.addoption("--local-cloud", action="store_true", help="run the tests marked local_cloud, which boot real machines")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what boots machines unless it was asked for."""
    if not config.getoption("--local-cloud"):
        skip = pytest.mark.skip(reason="boots machines, which takes half a minute: ask for it with --local-cloud")
        for item in items:
            if item.get_closest_marker("local_cloud"):
                item.add_marker(skip)


@pytest.fixture
def machine(machine_of: Callable[..., Machine]) -> Machine:
    """A machine on Google Cloud in a throw-away root, off."""
    return machine_of("gcp")


@pytest.fixture
def machine_of(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """Make the machine of a cloud, in a throw-away root, off: `machine_of("aws")`."""
    from .machine import Machine

    made: list[Machine] = []

    def make(cloud: Cloud, shell: str | None = None) -> Machine:
        made.append(Machine(tmp_path / f"machine-{len(made)}", shell, cloud))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def deploy() -> Callable[..., Deployment]:
    """Run a program under Pulumi's mocks: `deploy(program)`, as in `startup.testing.deployment.deploy`."""
    pytest.importorskip("pulumi", reason="deployments need Pulumi")
    from .deployment import deploy

    return deploy


@pytest.fixture
def local_cloud(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """The VMs of the program that the marker `local_cloud` names, booted; they are gone after the test."""
    from .local_cloud import booted

    marker = _marker(request)
    if marker is None or not marker.args:
        pytest.fail("the fixture local_cloud needs the marker: @pytest.mark.local_cloud(FOLDER)", pytrace=False)
    with booted(marker.args[0], stack=str(marker.kwargs.get("stack", "local")), beside=request.path.parent) as cloud:
        yield cloud


def _marker(request: pytest.FixtureRequest) -> pytest.Mark | None:
    return cast(pytest.Item, request.node).get_closest_marker("local_cloud")
