"""How a command ends, as shells and terminals expect it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def run_to_the_end(job: Callable[[], int]) -> int:
    """Run what a command does, and return its exit code.

    What the terminal's encoding lacks is printed escaped. A reader of the output that has seen enough, or none, is no error, and
    an interruption is 130, as of a shell.

    Args:
        job: Returns the exit code.

    Example:
        >>> run_to_the_end(lambda: 1)
        1
    """
    if sys.stdout is None:  # it was closed
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    try:
        code = job()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Without this Python complains about it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
