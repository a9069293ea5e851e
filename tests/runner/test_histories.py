"""L1 to L12 under whatever happens: random histories of a machine, each event compared with the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from startup.testing.root import why_not

from .random_histories import EXHAUSTIVE, SAMPLE, SERIES, machine_for_histories, play_histories


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("number", range(len(SERIES)), ids=["-".join(series) for series in SERIES])
def test_histories(number: int, exhaustive: bool, tmp_path: Path) -> None:
    """L1 to L12: after each event of a history the machine is as the model of the contract says: 204 histories, or 2,004."""
    with machine_for_histories(tmp_path, *SERIES[number]) as machine:
        play_histories(machine, EXHAUSTIVE if exhaustive else SAMPLE, number)
