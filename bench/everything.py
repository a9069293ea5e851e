"""All that can be tried, in one run: how many stories are told on booted machines, and how many tests end as promised."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from .figures import Figure, figure
from .suite import outcomes, summary

NOTE = """
`make test-all` without its checks of style and types: every kill point, all histories and generated definitions, and on real
Debian machines of both releases, with the cloud's own agent, every power cut, outage, image, disk, damage and unruly step.
`make test` tells the stories on Debian 12, of the outages two for each cloud.
"""


def measure() -> list[Figure]:
    """Run all tests that `make test-all` runs."""
    found, minutes = outcomes(["--exhaustive"])
    return [*stories(found), *summary(found), figure("time of all", minutes, "min")]


def stories(found: Mapping[str, str]) -> list[Figure]:
    """Count the stories on booted machines, by cloud and release."""
    told = Counter[tuple[str, str, str]]()
    for test, outcome in found.items():
        if place := re.search(r"\[(aws|gcp|azure)-debian-(\d+)", test):
            told[place[1], place[2], outcome] += 1
    places = sorted({(cloud, release) for cloud, release, _ in told})
    if not places:
        raise RuntimeError("no machine was booted")
    rows = [figure(f"stories on {cloud} with Debian {at}", told[cloud, at, "passed"], "passed") for cloud, at in places]
    failed = sum(told[cloud, at, "failed"] for cloud, at in places)
    return [*rows, figure("stories that failed", failed, "stories", 0)]
