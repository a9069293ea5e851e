"""In the wheel, what `components/startup.py` is to type checkers: hatchling puts it beside that."""

from ..startup import (
    Overflow,
    Problem,
    StartupScript,
    StartupScriptError,
    fingerprint,
    render,
    render_or_overflow,
    step_fingerprints,
    validate,
)
from ..startup.overflow import overflow
from ..startup.terminal import run_to_the_end, visible

__all__ = [
    "Overflow",
    "Problem",
    "StartupScript",
    "StartupScriptError",
    "fingerprint",
    "overflow",
    "render",
    "render_or_overflow",
    "run_to_the_end",
    "step_fingerprints",
    "validate",
    "visible",
]
