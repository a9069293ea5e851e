"""Serve `AzureVm` as the Pulumi package `evenboot-azure`."""

from __future__ import annotations

import sys
from pathlib import Path

# Pulumi starts this folder as a program. It keeps the whole repository of a package, so the rest lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import AzureVm, AzureVmArgs
from hosted.host import Package, serve

PACKAGE = Package("azure", AzureVm, AzureVmArgs)

if __name__ == "__main__":
    serve(PACKAGE)
