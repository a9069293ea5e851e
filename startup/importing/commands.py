"""Commands: the list of a runcmd or bootcmd goes in, a step comes out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, cast

from ..definition import Shell, Step
from .entries import listed
from .scripts import judge
from .sources import EARLY
from .warnings import Warnings


def runcmd(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the step for the commands of the first boot."""
    return _steps("runcmd", place, value, warnings)


def bootcmd(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the step for the commands of each boot."""
    warnings.say(place, EARLY)
    return _steps("bootcmd", place, value, warnings)


def _steps(name: str, place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the step that runs all commands, by sh and one after the other as cloud-init does.

    A text is a line for the shell, a list a command and its arguments.
    """
    if not isinstance(value, list):
        warnings.lose(place, "it is no list of commands")
        return
    lines: list[str] = []
    for index, entry in enumerate(listed(value)):
        line = _line(entry)
        if line is None:
            warnings.lose(f"{place}[{index}]", "it is neither a command nor a list of words")
        else:
            lines.append(line)
            judge(f"{place}[{index}]", line, warnings)
    if lines:
        warnings.say(place, "goes on when a command fails, and its step counts as done; write set -e on top")
        script = "".join(f"{line}\n" if not line.endswith("\n") else line for line in lines)
        yield Shell(name, script=f"#!/bin/sh\n{script}")


def _line(entry: Any) -> str | None:
    if isinstance(entry, str):
        return entry if entry.strip() else None
    if isinstance(entry, list):
        words = listed(cast(object, entry))
        if words and all(isinstance(word, (str, int, float)) and not isinstance(word, bool) for word in words):
            return shlex.join(map(str, words))
    return None
