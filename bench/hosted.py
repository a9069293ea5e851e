"""What one VM costs a program in another language."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.components.conftest import KINDS, Kind
from tests.hosted.hosting import Package, package

from .figures import Figure, figure, medians

NOTE = """
One VM constructed over gRPC by the package's process, from the engine's request to its answer, with a monitor that answers
at once. The SDK has been imported by a VM before, which is not counted and has a row of its own.
"""
ROUNDS = 21
DATA = {"firstBoot": [{"kind": "packages", "names": ["nginx"]}], "inbound": [{"port": 80}]}


def over_grpc(running: Package) -> float:
    """Construct one VM in a run of its own; milliseconds."""
    with running.deployment() as deployment:
        begin = time.perf_counter()
        deployment.construct(DATA)
        return (time.perf_counter() - begin) * 1000


def of_cloud(kind: Kind) -> list[Figure]:
    """Time a construct call of a cloud's package."""
    with tempfile.TemporaryDirectory() as folder, package(kind.cloud, Path(folder)) as running:
        first = over_grpc(running)
        [hosted] = medians([lambda: over_grpc(running)], ROUNDS)
    return [
        figure(f"one VM on {kind.cloud} over gRPC, beyond the SDK's import", hosted, "ms", 100),
        figure("the first VM of a run, which imports the SDK", first, "ms"),
    ]


def measure() -> list[Figure]:
    """Time the packages one after another."""
    return [row for kind in KINDS for row in of_cloud(kind)]
