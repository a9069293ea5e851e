"""Describe the resources of a cloud as data, and judge property values by that description."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .wire import Unknown

ANYTHING: Final = object()

Shape = Any
"""What a property may hold: `str`, `bool`, `int`, `ANYTHING`, `[shape]` for a list, `{"*": shape}` for a map with
keys of the user's choice, `{"key": shape, ...}` for an object with just these keys."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Say what is wrong with one property: its path and the reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Describe one kind of resource.

    Paths are written with dots (`bootDisk.initializeParams.image`) and pass through lists. `id` and the texts of
    `outputs` are templates over the inputs, the provider's settings and random digits: `sg-{hex17}`. `named` is the
    property that gets a name derived from the logical one, with random digits, when the program gives none; `hyphen`
    stands between the two.
    """

    token: str
    inputs: Mapping[str, Shape]
    id: str
    required: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    named: str = ""
    hyphen: str = "-"

    def problems(self, values: Mapping[str, Any]) -> Iterator[Failure]:
        """Yield what is wrong with inputs: unknown and missing properties, wrong types."""
        yield from _misfits("", _without_notes(values), self.inputs)
        for path in self.required:
            yield from _missing(values, path)

    def replacing(self, changed: Mapping[str, str]) -> list[str]:
        """Return those of the changed paths that cannot change in place."""
        return [path for path in changed if _covered(path, self.replaces)]

    def refused(self, changed: Mapping[str, str]) -> list[str]:
        """Return those of the changed paths which the cloud refuses to change, although a preview shows an update."""
        return [path for path in changed if _covered(path, self.immutable)]


def changes(old: Any, new: Any, path: str = "") -> dict[str, str]:
    """Return the leaves in which two plain values differ: path -> "add", "delete" or "update".

    Properties that begin with two underscores are the provider's own notes and never differ.

    >>> changes({"tags": {"a": "1", "b": "2"}}, {"tags": {"a": "1", "b": "3", "c": "4"}})
    {'tags.b': 'update', 'tags.c': 'add'}
    """
    if isinstance(old, Mapping) or isinstance(new, Mapping):
        if _empty(old) or _empty(new) or (isinstance(old, Mapping) and isinstance(new, Mapping)):
            return _pairwise(dict(old or {}), dict(new or {}), path)
    if isinstance(old, list) and isinstance(new, list):
        return _pairwise(_numbered(old), _numbered(new), path)
    if old == new or (_empty(old) and _empty(new)):
        return {}
    return {path: "add" if _empty(old) else "delete" if _empty(new) else "update"}


def _pairwise(old: dict[str, Any], new: dict[str, Any], path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        if not key.startswith("__"):
            joined = f"{path}{key}" if key.startswith("[") or not path else f"{path}.{key}"
            found.update(changes(old.get(key), new.get(key), joined))
    return found


def _numbered(items: list[Any]) -> dict[str, Any]:
    return {f"[{index}]": item for index, item in enumerate(items)}


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == {}


def _covered(path: str, rules: tuple[str, ...]) -> bool:
    plain = re.sub(r"\[\d+\]", "", path)
    return any(plain == rule or plain.startswith(rule + ".") for rule in rules)


def _without_notes(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith("__")}


def _misfits(path: str, value: Any, shape: Shape) -> Iterator[Failure]:
    if value is None or isinstance(value, Unknown) or shape is ANYTHING:
        return
    if isinstance(shape, list):
        yield from _misfit_items(path, value, shape[0])
    elif isinstance(shape, Mapping):
        yield from _misfit_keys(path, value, shape)
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield Failure(path, f"expected {_word(shape)}, got {_word(type(value))} {value!r}")


def _misfit_items(path: str, value: Any, shape: Shape) -> Iterator[Failure]:
    if not isinstance(value, list):
        yield Failure(path, f"expected a list, got {_word(type(value))} {value!r}")
        return
    for index, item in enumerate(value):
        yield from _misfits(f"{path}[{index}]", item, shape)


def _misfit_keys(path: str, value: Any, shape: Mapping[str, Shape]) -> Iterator[Failure]:
    if not isinstance(value, Mapping):
        yield Failure(path, f"expected an object, got {_word(type(value))} {value!r}")
        return
    for key, item in value.items():
        inner = f"{path}.{key}" if path else key
        if key in shape or "*" in shape:
            yield from _misfits(inner, item, shape.get(key, shape.get("*")))
        else:
            yield Failure(inner, f"unknown property; known here: {', '.join(sorted(shape))}")


def _missing(values: Any, path: str, walked: str = "") -> Iterator[Failure]:
    if isinstance(values, list):
        for index, item in enumerate(values):
            yield from _missing(item, path, f"{walked}[{index}]")
        return
    if not isinstance(values, Mapping):
        return
    key, _, rest = path.partition(".")
    inner = f"{walked}.{key}" if walked else key
    if values.get(key) is not None:
        if rest:
            yield from _missing(values[key], rest, inner)
    elif not rest:
        yield Failure(inner, "missing required property")


def _word(kind: type) -> str:
    words = {str: "text", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
    return words.get(kind, "an object")
