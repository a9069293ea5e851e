"""Describe in typed Python what a VM does at its first boot and at every boot."""

from __future__ import annotations

from .checked import validate
from .definition import (
    Directory,
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
)
from .delivery import Payload
from .fingerprints import fingerprint, step_fingerprints
from .overflow import Overflow, render_or_overflow
from .planning import plan
from .problems import Problem, StartupScriptError
from .rendering import render

__all__ = [
    "Directory",
    "Download",
    "File",
    "Overflow",
    "Packages",
    "Payload",
    "Problem",
    "Reboot",
    "Service",
    "Shell",
    "StartupScript",
    "StartupScriptError",
    "Step",
    "Unit",
    "User",
    "fingerprint",
    "plan",
    "render",
    "render_or_overflow",
    "step_fingerprints",
    "validate",
]
