"""What the tests of the local cloud share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.laboratory import Lab
from tests.machines import lab_of_tests


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Yield an empty lab of this test's own."""
    with lab_of_tests() as lab:
        yield lab
