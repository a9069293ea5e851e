"""Describe in typed Python what a VM does at its first boot and at every boot."""

from __future__ import annotations

from .definition import (
    Directory,
    Download,
    File,
    Packages,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
)
from .problems import Problem, StartupScriptError

__all__ = [
    "Directory",
    "Download",
    "File",
    "Packages",
    "Problem",
    "Service",
    "Shell",
    "StartupScript",
    "StartupScriptError",
    "Step",
    "Unit",
    "User",
]
