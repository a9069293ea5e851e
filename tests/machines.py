"""A lab of their own for tests that boot machines: no test run meets the user's lab, or another run's."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import image
from lab.errors import LabError
from lab.laboratory import Lab

# Only root can make something there: where others can, they could be first, with a folder or a link of these names.
PLACE = "/var/lib/evenboot-tests"
PLACES = 10


@contextmanager
def lab_of_tests(*images: str) -> Iterator[Lab]:
    """Yield an empty lab, with the images (default: Debian 12) built, and remove all of it at the end.

    Skips with the reason where machines cannot boot. What a killed run left is removed by the next one, as the places
    are few and have fixed names. The images are the user's own, so they are built once only.
    """
    try:
        Lab(state=Path(f"{PLACE}-0")).check()
    except LabError as error:
        pytest.skip(f"machines cannot boot here: {error}")
    with _free_place() as number:
        lab = Lab(state=Path(f"{PLACE}-{number}"), prefix=f"ebm{number}-")
        for name in images or ("debian-12",):
            image.ensure(name, prefix=lab.prefix)
        lab.down()
        try:
            yield lab
        finally:
            lab.down()
            left = {kind: found for kind, found in lab.leftovers().items() if found}
            shutil.rmtree(lab.state)
            assert not left, f"the tests' lab left behind: {left}"


@contextmanager
def _free_place() -> Iterator[int]:
    for number in range(PLACES):
        path = Path(f"{PLACE}-{number}.lock")
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                taken = os.path.samestat(path.stat(), os.fstat(lock.fileno()))
            except (BlockingIOError, FileNotFoundError):
                continue
            if taken:  # and not the file of a run that has just ended and removed it
                try:
                    yield number
                finally:
                    path.unlink()
                return
    pytest.fail(f"{PLACES} test runs boot machines at once")
