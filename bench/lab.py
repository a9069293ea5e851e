"""What `make up` takes until the program's three VMs report ok."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from .figures import Figure, figure, medians

NOTE = """
`make up` from its call to its end, in a lab of the bench's own (folder and prefix): three VMs are created, boot and obey
their definition. Images and packages are there from a first run that is not counted; each run is followed by `down`.
"""
ROOT = Path(__file__).parent.parent
ROUNDS = 3
PLACE = {"EVENBOOT_LAB_STATE": "/var/lib/evenboot-bench-lab", "EVENBOOT_LAB_PREFIX": "ebn-"}


def make(target: str) -> float:
    """Run a target of the Makefile in the bench's lab; seconds."""
    begin = time.perf_counter()
    result = subprocess.run(
        ["make", target], cwd=ROOT, env={**os.environ, **PLACE}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if result.returncode:
        raise RuntimeError(f"make {target} ended with {result.returncode}: {(result.stdout + result.stderr)[-1500:]}")
    return time.perf_counter() - begin


def up_and_down() -> float:
    """Make the machines and remove them; the seconds of the former."""
    try:
        return make("up")
    finally:
        make("down")


def measure() -> list[Figure]:
    """Time `make up` with everything built."""
    up_and_down()
    [seconds] = medians([up_and_down], ROUNDS)
    return [figure("`make up` with images built, until three VMs report `ok`", seconds, "s", 30)]
