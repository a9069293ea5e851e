"""Write: a definition goes in, the Python text that makes it comes out."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import MISSING
from typing import cast

from ..definition import LIST_NAMES, StartupScript, Step, fields_of
from .warnings import visible

_PACKAGE = __name__.partition(".importing")[0]


def write(definition: StartupScript, source: str = "") -> str:
    """Return the text of a Python file that holds a definition.

    Args:
        definition: What is written.
        source: What the file's first line says it was imported from.

    Example:
        >>> from startup import Packages
        >>> print(write(StartupScript("site", first_boot=[Packages(["nginx"])])).splitlines()[-5])
        site = StartupScript(
    """
    kinds = sorted({type(step).__name__ for _, _, step in definition.steps()} | {"StartupScript"})
    origin = f", imported from {source}" if source else ""
    title = f"{definition.name}: what a VM does at its first boot and at every boot{origin}."
    lines = [_docstring(title), "", f"from {_PACKAGE} import {', '.join(kinds)}", ""]
    lines += [f"{variable(definition.name)} = StartupScript(", f"    name={literal(definition.name)},"]
    for list_name in LIST_NAMES:
        if steps := definition.listed(list_name):
            lines += [f"    {list_name}=[", *(f"        {_call(step)}," for step in steps), "    ],"]
    return "\n".join([*lines, ")", ""])


def variable(name: str) -> str:
    """Make a Python name of a definition's name."""
    found = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"startup_{found}".strip("_") if not found.isidentifier() or keyword.iskeyword(found) else found


def _call(step: Step) -> str:
    return f"{type(step).__name__}({', '.join(_arguments(step))})"


def _arguments(step: Step) -> Iterator[str]:
    """Yield the arguments that differ from their defaults; the first is not named."""
    required = {field.name: getattr(step, field.name) for field in fields_of(type(step)) if field.default is MISSING}
    plain = type(step)(**required)
    for field in fields_of(type(step)):
        value: object = getattr(step, field.name)
        if field.name in required or value != getattr(plain, field.name):
            yield f"{f'{field.name}=' if field.kw_only else ''}{_value(field.name, value)}"


def _value(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_quoted(entry) for entry in cast('tuple[object, ...]', value))}]"
    if isinstance(value, str):
        return literal(value)
    return f"0o{value:o}" if name == "mode" else repr(value)


def literal(text: str) -> str:
    """Write a text as Python does: lines as lines where every character can be seen, escaped where not."""
    if "\n" not in text or not all(c.isprintable() or c in "\n\t" for c in text):
        return _quoted(text)
    # No three quotes in a row end the literal too early, and no quote before those that end it.
    escaped = re.sub(r'"(?=""|\Z)', r'\"', text.replace("\\", "\\\\"))
    return f'"""\\\n{escaped}"""'


def _docstring(text: str) -> str:
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'


def _quoted(text: object) -> str:
    shown = repr(text)
    plain = isinstance(text, str) and shown.startswith("'") and '"' not in shown and "\\'" not in shown
    return f'"{shown[1:-1]}"' if plain else shown
