"""How many stories are told on booted machines, on each cloud and release, and how many do not end as promised."""

from __future__ import annotations

import re
from collections import Counter

from .figures import Figure, figure
from .suite import outcomes

NOTE = """
`pytest tests/boot --exhaustive`: every power cut, outage, image, agent, disk, damage and unruly step on real Debian machines
in the local cloud, with the cloud's own agent. `make test` tells them on Debian 12, of the outages two for each cloud.
"""


def measure() -> list[Figure]:
    """Tell all stories."""
    told = Counter[tuple[str, str, str]]()
    for test, outcome in outcomes(["tests/boot", "--exhaustive"]).items():
        if found := re.search(r"\[(aws|gcp|azure)-debian-(\d+)", test):
            told[found[1], found[2], outcome] += 1
    places = sorted({(cloud, release) for cloud, release, _ in told})
    if not places:
        raise RuntimeError("no machine was booted")
    rows = [figure(f"stories on {cloud} with Debian {at}", told[cloud, at, "passed"], "passed") for cloud, at in places]
    failed = sum(told[cloud, at, "failed"] for cloud, at in places)
    return [*rows, figure("stories that failed", failed, "stories", 0)]
