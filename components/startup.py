"""What the components use of `startup`: a package beside this one here, and in the wheel, where both stand in `evenboot`.

The wheel has a stub of this module, as type checkers cannot tell the two cases apart: startup.wheel.pyi in the folder `tools`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__ == "components":
    from startup import (
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
    from startup.overflow import overflow
    from startup.terminal import run_to_the_end, visible
else:
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
