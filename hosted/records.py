"""Records of data: an object with named fields becomes the arguments of a Python class."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from startup import Problem

from .spelling import camel


@dataclass(frozen=True, slots=True)
class Record:
    """Say which fields an object of data may have.

    Attributes:
        what: How messages call such an object, as in `a file step`.
        names: Python's name of each field, by the name that data has for it.
        needed: The fields that have to be there, as data spells them.
        known: The names that data may have besides.
    """

    what: str
    names: Mapping[str, str]
    needed: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def record_of(fields: Sequence[dataclasses.Field[Any]], what: str, known: tuple[str, ...] = ()) -> Record:
    """Return the record that stands for these fields of a dataclass."""
    needed = [field for field in fields if {field.default, field.default_factory} == {dataclasses.MISSING}]
    return Record(
        what, {camel(field.name): field.name for field in fields}, tuple(camel(field.name) for field in needed), known
    )


def taken(data: Mapping[str, object], record: Record, place: str, found: list[Problem]) -> dict[str, Any]:
    """Return the Python arguments that an object of data gives; what is needed and missing is None.

    Args:
        data: The object; null is not given, and a whole number may have come as 3.0.
        record: What it may have.
        place: The object's path, "" for the outermost.
        found: Gets the problems: fields that there are not, and those that are missing.
    """
    given = {name: whole(value) for name, value in data.items() if value is not None}
    for name in sorted(given):  # from Pulumi they come in any order
        if name not in record.names and name not in record.known:
            found.append(Problem(_at(place, name), _unknown(name, record)))
    for name in record.needed:
        if name not in given:
            found.append(Problem(_at(place, name), f"is not given; {record.what} needs {' and '.join(record.needed)}"))
    arguments: dict[str, Any] = {python: given[name] for name, python in record.names.items() if name in given}
    return {**dict.fromkeys(record.names[name] for name in record.needed), **arguments}


def whole(value: Any) -> Any:
    """Return a value with its whole numbers as such: on their way from another language all numbers are floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(entry) for entry in value]
    if isinstance(value, dict):
        return {key: whole(entry) for key, entry in value.items()}
    return value


def meant(name: str, names: Iterable[str]) -> str:
    """Return the way out for a name that there is not: the one that looks like it, or all."""
    names = list(names)
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"


def _unknown(name: str, record: Record) -> str:
    return f"is no field of {record.what}; {meant(name, [*record.known, *record.names])}"


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
