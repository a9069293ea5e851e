"""Histories that once broke a promise, in the form in which a violation tells its own; played like the random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from startup.testing.root import why_not

from .history import History
from .random_histories import machine_for_histories

HISTORIES: dict[str, list[tuple[Any, ...]]] = {
    "a clone does not obey its parent when what it is given is damaged": [
        ("boot",),
        ("clone",),
        ("slot", "damaged"),
        ("boot",),
    ],
    "a clone does not obey its parent after a power cut and in an outage": [
        ("boot",),
        ("clone",),
        ("edit", "change", "a"),
        ("cut_power_at_boot", 12),
        ("service", "503"),
        ("boot",),
    ],
    "a clone does not obey its parent when its disk is full": [
        ("boot",),
        ("clone",),
        ("edit", "change", "a"),
        ("boot", 3),
    ],
    "an edited definition of which only a part fits on the disk is no ok": [
        ("boot",),
        ("edit", "change", "a"),
        ("boot", 12),
    ],
}


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("events", HISTORIES.values(), ids=HISTORIES)
def test_kept_history(events: list[tuple[Any, ...]], shell: str, tmp_path: Path) -> None:
    """L1 to L12: the machine is as the model of the contract says."""
    with machine_for_histories(tmp_path, shell, "gcp") as machine:
        history = History(machine)
        for event in events:
            history.play(*event)
        history.play("come_to_rest")
