"""Entries: what YAML gave, whatever it is, as lists and mappings that can be gone through."""

from __future__ import annotations

import re
from typing import Any, cast

from ..checked import validate
from ..definition import StartupScript, Step


def listed(value: Any) -> list[Any]:
    """Return the entries of a list; anything else is the one entry, nothing is none."""
    if value is None or value is False:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def mapping(value: Any) -> dict[str, Any] | None:
    """Return a mapping with its keys as texts, or None if it is none."""
    if not isinstance(value, dict):
        return None
    return {str(key): entry for key, entry in cast("dict[Any, Any]", value).items()}


def words(value: Any) -> list[Any]:
    """Return the entries of a list, which may also be one text with commas or spaces between."""
    if isinstance(value, str):
        return [word for word in re.split(r"[,\s]+", value) if word]
    return [entry.strip() if isinstance(entry, str) else entry for entry in listed(value)]


def wrong_with(step: Step) -> list[str]:
    """Return what is wrong with a step, each with the field that it is about."""
    found = validate(StartupScript("imported", first_boot=[step]))
    return [f"{problem.path.partition('.')[2]} {problem.message}" for problem in found]
