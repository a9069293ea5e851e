"""Steps that note in /done that they ran, which most scenarios are about."""

from __future__ import annotations

from typing import Any

from startup import Shell, StartupScript


def note(name: str, **fields: Any) -> Shell:
    """A step that writes its name to /done."""
    return Shell(name, script=f"echo '{name}' >>/done\n", **fields)


def breaks(name: str, command: str = "exit 3") -> Shell:
    """A step that fails until somebody makes /mended."""
    return Shell(name, script=f"echo '{name}' >>/done\n[ -e /mended ] || {{ echo about to fail; {command}; }}\n")


def definition(first: str = "", every: str = "", **fields: Any) -> StartupScript:
    """A definition whose steps note their names."""
    lists = {"first_boot": [note(name) for name in first.split()], "every_boot": [note(name) for name in every.split()]}
    return StartupScript("site", **{**lists, **fields})
