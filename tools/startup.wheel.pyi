"""In the wheel, what `components/startup.py` is to type checkers: hatchling puts it beside that."""

from ..startup import (
    Overflow,
    Payload,
    Problem,
    StartupScript,
    StartupScriptError,
)
from ..startup.checked import Checked, check
from ..startup.delivery import Cloud as CloudName
from ..startup.overflow import both_forms
from ..startup.rendering import rendered
from ..startup.terminal import run_to_the_end, visible

__all__ = [
    "Checked",
    "CloudName",
    "Overflow",
    "Payload",
    "Problem",
    "StartupScript",
    "StartupScriptError",
    "both_forms",
    "check",
    "rendered",
    "run_to_the_end",
    "visible",
]
