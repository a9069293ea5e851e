"""Each test is a story that happens on three clouds side by side, and is judged for each cloud on its own.

A boot is mostly waiting, so the first of a story's three tests starts the story on all of its clouds, each in a
thread; every test then reports what came out on its cloud.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from lab import archive
from lab.machine import Lab

from ..machines import lab_of_tests
from .clouds import CLOUDS, IMAGE, Cloud

PACKAGES = ["nginx"]
Outcomes = dict[str, "Future[None]"]
OUTCOMES = pytest.StashKey[Outcomes]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tell each story on every cloud, and all clouds of a story in one process."""
    if "cloud" in metafunc.fixturenames:
        marks = [pytest.mark.boot, pytest.mark.xdist_group(metafunc.function.__name__)]
        metafunc.parametrize("cloud", [pytest.param(name, marks=marks) for name in CLOUDS], indirect=True)


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
            if isinstance(item, pytest.Function) and item.function is pyfuncitem.function:
                outcomes[item.nodeid] = begin(item, cloud.lab)
    outcomes[pyfuncitem.nodeid].result()
    return True


def begin(item: pytest.Function, lab: Lab) -> Future[None]:
    """Start a story on the cloud of one test."""
    future: Future[None] = Future()

    def tell() -> None:
        try:
            with Cloud(lab, str(item.callspec.params["cloud"])) as cloud:
                item.function(cloud)
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
    return Cloud(lab, request.param)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab of this process's own, of which nothing is left at the end."""
    with lab_of_tests(IMAGE) as lab:
        archive.ensure(IMAGE, PACKAGES)
        yield lab
