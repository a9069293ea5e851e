"""Serve `GcpVm` as the Pulumi package `evenboot-gcp`."""

from __future__ import annotations

import sys
from pathlib import Path

# Pulumi starts this folder as a program. It keeps the whole repository of a package, so the rest lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import GcpVm, GcpVmArgs
from hosted.host import Package, serve

PACKAGE = Package("gcp", GcpVm, GcpVmArgs)

if __name__ == "__main__":
    serve(PACKAGE)
