"""Each test is a story that happens on three clouds side by side, and is judged for each cloud on its own.

A boot is mostly waiting, so the first of a story's three tests starts the story on all of its clouds, each in a
thread; every test then reports what came out on its cloud.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from inspect import signature
from typing import cast

import pytest

from lab import archive
from lab.laboratory import Lab

from ..machines import lab_of_tests
from .clouds import CLOUDS, IMAGES, Cloud

PACKAGES = ["nginx"]
# What may befall the metadata service, and what of it is tried when not everything is.
OUTAGES = ("503", "refuse", "drop", "slow")
OUTAGES_SAMPLE = {"aws": ("503", "drop"), "gcp": ("503", "slow"), "azure": ("503", "refuse")}
Outcomes = dict[str, "Future[None]"]
OUTCOMES = pytest.StashKey[Outcomes]()


def pytest_configure(config: pytest.Config) -> None:
    """Know the mark of stories that are told only when everything is tried."""
    config.addinivalue_line("markers", "long: takes minutes; only with --exhaustive")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for those who ask for everything."""
    if not config.getoption("exhaustive"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def images(config: pytest.Config) -> tuple[str, ...]:
    """Return the images to boot: all, or the first."""
    return IMAGES if config.getoption("exhaustive") else IMAGES[:1]


def outages(config: pytest.Config, cloud: str) -> tuple[str, ...]:
    """Return the outages to try on a cloud."""
    return OUTAGES if config.getoption("exhaustive") else OUTAGES_SAMPLE[cloud]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tell each story on every cloud, and all clouds of a story in one process; one with an outage for each outage."""
    if "cloud" not in metafunc.fixturenames:
        return
    names = [name for name in ("cloud", "outage") if name in metafunc.fixturenames]
    rows = [
        pytest.param(
            *[(cloud, image), outage][: len(names)],
            marks=[pytest.mark.boot, pytest.mark.xdist_group(f"{metafunc.function.__name__}-{image}-{number}")],
            id="-".join([cloud, image, outage][: len(names) + 1]),
        )
        for image in images(metafunc.config)
        for cloud in CLOUDS
        for number, outage in enumerate(outages(metafunc.config, cloud) if "outage" in names else [""])
    ]
    metafunc.parametrize(names, rows, indirect=["cloud"])


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Report what came out on this test's cloud; the first test of a story starts it on all."""
    __tracebackhide__ = True
    if "cloud" not in pyfuncitem.fixturenames:
        return None
    outcomes = pyfuncitem.session.stash.setdefault(OUTCOMES, {})
    if pyfuncitem.nodeid not in outcomes:
        cloud = pyfuncitem.funcargs["cloud"]
        assert isinstance(cloud, Cloud)
        for item in pyfuncitem.session.items:
            if isinstance(item, pytest.Function) and story(item) == story(pyfuncitem):
                outcomes[item.nodeid] = begin(item, cloud.lab)
    outcomes[pyfuncitem.nodeid].result()
    return True


def story(item: pytest.Function) -> object:
    """Return what the tests have in common that happen side by side."""
    group = item.get_closest_marker("xdist_group")
    return item.function, group and group.args


def begin(item: pytest.Function, lab: Lab) -> Future[None]:
    """Start a story on the cloud of one test."""
    future: Future[None] = Future()

    def tell() -> None:
        known = {"exhaustive": item.config.getoption("exhaustive"), **item.callspec.params}
        name, image = cast("tuple[str, str]", known["cloud"])
        try:
            with Cloud(lab, name, image) as cloud:
                known["cloud"] = cloud
                item.function(**{argument: known[argument] for argument in signature(item.function).parameters})
        except BaseException as error:  # what the test then fails with
            future.set_exception(error)
        else:
            future.set_result(None)

    # Nobody waits for a daemon when the tests are interrupted: its machines are gone then, and so is its story.
    threading.Thread(target=tell, name=item.name, daemon=True).start()
    return future


@pytest.fixture
def cloud(request: pytest.FixtureRequest, lab: Lab) -> Cloud:
    """A cloud in which a story makes its machines."""
    return Cloud(lab, *request.param)


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab of this process's own, of which nothing is left at the end."""
    with lab_of_tests(*images(request.config)) as lab:
        for image in images(request.config):
            archive.ensure(image, PACKAGES)
        yield lab
