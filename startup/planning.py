"""Plan: what a VM that obeyed one definition would do for another, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .checked import check
from .definition import ListName, Service, StartupScript, Step, names_of
from .fingerprints import effect, used_values

Action = Literal["run once", "run at each boot", "run at each stop", "drop"]
_ALWAYS: dict[ListName, Action] = {"every_boot": "run at each boot", "shutdown": "run at each stop"}


@dataclass(frozen=True, slots=True)
class Planned:
    """Say what becomes of one step, and why.

    Attributes:
        name: The step's name.
        list_name: The list it stands in; for a dropped one, the list it stood in.
        action: `run once`: a first-boot step that is due. `run at each boot` and `run at each stop`: as always.
            `drop`: its record is forgotten; what it did stays.
        reasons: Why a step is due, or what changed in one that runs anyway; empty when nothing changed.
    """

    name: str
    list_name: ListName
    action: Action
    reasons: tuple[str, ...]


class _Side(NamedTuple):
    """One definition with its values, looked up by step name."""

    steps: Mapping[str, Step]
    lists: Mapping[str, ListName]
    fingerprints: Mapping[str, str]
    values: Mapping[str, str]


def plan(
    old: StartupScript,
    new: StartupScript,
    old_values: Mapping[str, str] | None = None,
    new_values: Mapping[str, str] | None = None,
) -> tuple[Planned, ...]:
    """Compare two definitions without problems, as a VM would that is done with the old one.

    Args:
        old: The definition that the VM obeyed, all its first-boot steps recorded as done.
        new: The definition that it gets.
        old_values: The texts of the values with `old`; a text that is not given counts as unknown.
        new_values: The texts of the values with `new`.

    Returns:
        In the order of running: first-boot steps that are due, then all every-boot and shutdown steps; at the
        end the steps that are gone. First-boot steps that stay done are not in it.

    Example:
        >>> from startup import File
        >>> old = StartupScript("site", first_boot=[File("/etc/motd", content="hello")])
        >>> new = StartupScript("site", first_boot=[File("/etc/motd", content="welcome")])
        >>> [(planned.name, planned.action, planned.reasons) for planned in plan(old, new)]
        [('file /etc/motd', 'run once', ('changed: content',))]
    """
    return tuple(_planned(_side(old, old_values), _side(new, new_values)))


def _side(definition: StartupScript, values: Mapping[str, str] | None) -> _Side:
    return _Side(
        steps={step.name: step for _, _, step in definition.steps()},
        lists={step.name: list_name for list_name, _, step in definition.steps()},
        fingerprints=check(definition, values).step_fingerprints,
        values=values or {},
    )


def _planned(old: _Side, new: _Side) -> Iterator[Planned]:
    for name, list_name in new.lists.items():
        reasons = tuple(_reasons(name, old, new))
        if list_name != "first_boot":
            yield Planned(name, list_name, _ALWAYS[list_name], reasons)
        elif reasons:
            yield Planned(name, list_name, "run once", reasons)
    for name, list_name in old.lists.items():
        if name not in new.lists:
            yield Planned(name, list_name, "drop", ())


def _reasons(name: str, old: _Side, new: _Side) -> Iterator[str]:
    if name not in old.steps:
        yield _why_new(name, old, new)
        return
    if old.lists[name] != new.lists[name]:
        yield f"moved from {old.lists[name]}"
    if old.fingerprints[name] != new.fingerprints[name]:
        yield from _differences(old.steps[name], new.steps[name], old, new)


def _why_new(name: str, old: _Side, new: _Side) -> str:
    for other, fingerprint in old.fingerprints.items():
        alike = fingerprint == new.fingerprints[name] and old.lists[other] == new.lists[name]
        if alike and other not in new.steps:
            return f"new (the same as {other!r}: renamed is removed and added)"
    return "new"


def _differences(was: Step, now: Step, old: _Side, new: _Side) -> Iterator[str]:
    if was.kind != now.kind:
        yield f"changed: a {was.kind} step became a {now.kind} step"
        return
    before, after = effect(was), effect(now)
    changed = [field for field in after if before.get(field) != after[field]]
    if set(used_values(was)) != set(used_values(now)):
        changed.append("uses")
    if changed:
        yield f"changed: {', '.join(changed)}"
    for value in sorted(set(used_values(was)) & set(used_values(now))):
        if old.values.get(value) != new.values.get(value):
            known = value in old.values and value in new.values
            yield f"value {value} changed" if known else f"value {value} is not known on both sides"
    yield from _followed("rerun_on", names_of(was.rerun_on), names_of(now.rerun_on), old, new)
    if isinstance(was, Service) and isinstance(now, Service):
        yield from _followed("restart_on", names_of(was.restart_on), names_of(now.restart_on), old, new)


def _followed(field: str, was: tuple[str, ...], now: tuple[str, ...], old: _Side, new: _Side) -> Iterator[str]:
    for name in now:
        if name not in was:
            yield f"{field} now names {name!r}"
        elif old.fingerprints[name] != new.fingerprints[name]:
            yield f"because {name!r} changes ({field})"
    for name in was:
        if name not in now:
            yield f"{field} no longer names {name!r}"
