"""What a field takes, read from its annotation: the one source of the schema and of what is accepted."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, Union

import pulumi

from startup.problems import shown

Base: TypeAlias = Literal["string", "integer", "number", "boolean", "array", "object"]

_BASES: dict[Any, Base] = {str: "string", int: "integer", float: "number", bool: "boolean"}
# What annotations refer to by name: `Input` to the first two; and data has only the names of steps that steps refer to.
_NAMES: dict[str, Any] = {"Output": pulumi.Output, "T": TypeVar("T"), "Step": str}


@dataclass(frozen=True, slots=True)
class Form:
    """Say what a field takes.

    Attributes:
        base: The type, as JSON Schema names it.
        entries: What the entries of an array or the texts of a mapping are.
        record: The class of an object with named fields.
        choices: The texts that there are, where not every one will do.
        later: Whether it may be known only at deployment, or secret.
        others: Further types that will do as well.
    """

    base: Base
    entries: Form | None = None
    record: type | None = None
    choices: tuple[str, ...] = ()
    later: bool = False
    others: tuple[Base, ...] = ()


@cache
def forms_of(kind: type) -> Mapping[str, Form]:
    """Return the form of each field of a dataclass, by its name."""
    hints = typing.get_type_hints(kind, localns=_NAMES)
    return {field.name: form_of(hints[field.name]) for field in dataclasses.fields(kind) if field.name != "startup"}


def form_of(hint: Any) -> Form:
    """Return the form of a type.

    Raises:
        TypeError: No schema has such a type.

    Example:
        >>> form_of(Sequence[int]).entries
        Form(base='integer', entries=None, record=None, choices=(), later=False, others=())
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _of_union(inner)
    if origin is Literal:
        return Form("string", choices=inner)
    if origin is Sequence:
        return Form("array", entries=form_of(inner[0]))
    if origin is Mapping:
        return Form("object", entries=form_of(inner[1]))
    if dataclasses.is_dataclass(hint):
        return Form("object", record=typing.cast(type, hint))
    if hint not in _BASES:
        raise TypeError(f"no schema has the type {hint}")
    return Form(_BASES[hint])


def _of_union(members: tuple[Any, ...]) -> Form:
    later = any(typing.get_origin(member) is pulumi.Output for member in members)
    plain = [member for member in members if typing.get_origin(member) not in (pulumi.Output, Awaitable)]
    first, *rest = [form_of(member) for member in plain if member is not type(None)]
    return dataclasses.replace(first, later=later, others=tuple(form.base for form in rest))


def misfit(value: object, form: Form) -> str | None:
    """Return what is wrong with a value that is there, or None; entries of lists and mappings are not looked at."""
    if isinstance(value, pulumi.Output):
        return None if form.later else "is an Output, known only at deployment, and has to be known before; give it plainly"
    wanted = (form.base, *form.others)
    if any(_FITS[base](value) for base in wanted):
        return None
    return f"is {shown(value)}; give {' or '.join(_CALLED[base] for base in wanted)}"


_FITS: dict[Base, Any] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}
_CALLED: dict[Base, str] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
