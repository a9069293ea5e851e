"""What the components use of `startup`: a package beside this one here, and in the wheel, where both stand in `evenboot`.

The wheel has a stub of this module, as type checkers cannot tell the two cases apart: startup.wheel.pyi in the folder `tools`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__ == "components":
    from startup import (
        Overflow,
        Payload,
        Problem,
        StartupScript,
        StartupScriptError,
    )
    from startup.checked import Checked, check
    from startup.delivery import Cloud as CloudName
    from startup.overflow import both_forms
    from startup.rendering import rendered
    from startup.terminal import run_to_the_end, visible
else:
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
