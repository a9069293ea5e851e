"""From data to a VM's arguments, with everything that is wrong with them told at once and as their writer knows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pulumi

from components import Inbound, Vm, VmArgs, VmArgsError
from components.values import SECRET
from startup import Problem
from startup.problems import shown

from . import steps
from .forms import Form, forms_of, misfit
from .records import Record, record_of, taken
from .spelling import as_written, camel, within
from .steps import DEFINITION, LISTS

_SECRET_ELSEWHERE = "is a secret, and would be readable in the cloud's console; give it plainly"
_INBOUND = record_of(dataclasses.fields(Inbound), "an entry of inbound")


class DataError(VmArgsError):
    """Say that a VM cannot be made as data asks for it; each path is the data's."""


@dataclass(slots=True)
class _Findings:
    """What is wrong with the arguments beside the definition; a path has one message, the first of these that has one."""

    certain: list[Problem] = field(default_factory=list)
    by_type: list[Problem] = field(default_factory=list)  # the component knows better words for most of these


def read(
    name: str,
    component: type[Vm],
    kind: type[VmArgs],
    data: Mapping[str, Any],
    secrets: Iterable[str] = (),
) -> VmArgs:
    """Return the arguments that data describes.

    Args:
        name: The component's name; also the definition's, unless data has another.
        component: The component that they are for.
        kind: The class of its arguments.
        data: The arguments as data, with Outputs where something is known only at deployment.
        secrets: The paths in the data where a secret stands.

    Raises:
        DataError: Something is wrong with them.
    """
    found = _Findings()
    given = taken(data, record(kind), "", found.certain)
    lists = {written: given.pop(key) for key, written in LISTS.items() if key in given}
    texts = given["values"] if isinstance(given.get("values"), Mapping) else {}
    known = {key: _text_for_now(text) for key, text in texts.items()}
    startup, wrong = steps.definition(given.pop(DEFINITION, name), lists, known)
    arguments = {key: _argument(key, value, forms_of(kind)[key], found) for key, value in given.items()}
    ranked = [[*_forbidden(kind, secrets)], [*wrong, *found.certain]]
    if any(ranked) or found.by_type:
        others = as_written(component.problems(name, kind(startup=startup, **arguments)), names(kind))
        raise DataError(f"{record(kind).what} {name!r}", _merged(kind, *ranked, others, found.by_type))
    return kind(startup=startup, **arguments)


def in_data(kind: type[VmArgs], error: VmArgsError) -> DataError:
    """Return what the component itself found wrong, with the paths of the data."""
    if isinstance(error, DataError):
        return error
    return DataError(error.vm, as_written(error.problems, names(kind)))


@cache
def record(kind: type[VmArgs]) -> Record:
    """Return which arguments data may have; the definition's parts stand among the VM's."""
    fields = [field for field in dataclasses.fields(kind) if field.name != "startup"]
    own = record_of(fields, kind.__name__.removesuffix("Args"))
    return Record(own.what, {DEFINITION: DEFINITION, **{written: one for one, written in LISTS.items()}, **own.names})


@cache
def names(kind: type[VmArgs]) -> frozenset[str]:
    """Return every name that Python spells otherwise than data."""
    return steps.NAMES | {one.name for one in dataclasses.fields(kind)} | {one.name for one in dataclasses.fields(Inbound)}


def _argument(name: str, value: Any, form: Form, found: _Findings) -> Any:
    wrong = misfit(value, form)
    if wrong is not None:
        # A component cannot say what an Output is.
        (found.certain if isinstance(value, pulumi.Output) else found.by_type).append(Problem(camel(name), wrong))
    elif isinstance(value, list) and form.entries and form.entries.record is Inbound:
        return [_inbound(entry, f"{camel(name)}[{index}]", found) for index, entry in enumerate(value)]
    elif form.entries:
        entries = enumerate(value) if isinstance(value, list) else value.items()
        pattern = f"{camel(name)}[{{}}]" if isinstance(value, list) else f"{camel(name)}.{{}}"
        wrong_ones = ((pattern.format(key), misfit(entry, form.entries)) for key, entry in entries)
        found.by_type.extend(Problem(path, wrong) for path, wrong in wrong_ones if wrong)
    return value


def _inbound(data: object, place: str, found: _Findings) -> Inbound:
    nothing: Any = None
    if not isinstance(data, Mapping):
        found.certain.append(Problem(place, f"is {shown(data)}; give an object such as {{port: 80}}"))
        return Inbound(nothing)
    arguments = taken(data, _INBOUND, place, found.certain)
    for name, form in forms_of(Inbound).items():
        if isinstance(arguments.get(name), (pulumi.Output, list, Mapping)) and (wrong := misfit(arguments[name], form)):
            found.certain.append(Problem(f"{place}.{name}", wrong))
            arguments[name] = nothing
    return Inbound(arguments.pop("port"), **arguments)


def _forbidden(kind: type[VmArgs], secrets: Iterable[str]) -> Iterator[Problem]:
    forms = {camel(name): form for name, form in forms_of(kind).items()}
    for path in secrets:
        head = path.partition(".")[0].partition("[")[0]
        form = forms.get(head)
        if head == "values" or head in (DEFINITION, *LISTS.values()):
            yield Problem(path, SECRET)
        elif form and not (form.later or (form.entries and form.entries.later and path != head)):
            yield Problem(path, _SECRET_ELSEWHERE)


def _merged(kind: type[VmArgs], *ranked: Iterable[Problem]) -> list[Problem]:
    """Return the problems in the order of the arguments; what a later rank says of a place already named is left out."""
    merged: list[Problem] = []
    for problems in ranked:
        places = [one.path for one in merged]
        merged.extend(
            one
            for one in problems
            if not any(within(one.path, place) or within(place, one.path) for place in places)
        )
    order = list(record(kind).names)

    def position(problem: Problem) -> tuple[int, int]:
        head, _, rest = problem.path.partition(".")[0].partition("[")
        return order.index(head) if head in order else -1, int(rest.partition("]")[0] or -1)

    return sorted(merged, key=position)


def _text_for_now(value: object) -> object:
    return "known at deployment" if isinstance(value, pulumi.Output) else value
