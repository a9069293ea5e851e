"""How a command ends, as shells and terminals expect it, and how it shows the texts of others."""

from __future__ import annotations

import os
import sys
import unicodedata
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


def visible(text: str) -> str:
    """Return a line of somebody else's as a terminal shows it: what would be obeyed, or not be seen, is escaped.

    That is control characters (a line's end, too), the beginnings of escape sequences, marks that turn the direction of text,
    other separators of lines, and halves of characters, which no stream takes. A tab becomes blanks.

    Args:
        text: Comes from outside: a machine's console, a file's name.

    Example:
        >>> visible("done\\x1b[2J\\u202e")
        'done\\\\x1b[2J\\\\u202e'
    """
    return "".join(repr(one)[1:-1] if _unseen(one) else one for one in text.expandtabs())


def _unseen(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind.startswith("C") or kind in ("Zl", "Zp")
