"""What a VM was told, step by step: kept in Pulumi's state, so that a preview shows what changes inside the VM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pulumi

from .values import Delivered

StepsState: TypeAlias = Mapping[str, Any]
"""What the state keeps: `vm`, an id that no later VM of the same name has; `definition`, the definition's fingerprint;
`payload`, a short digest of the slot; `steps`, each step's short fingerprint by its name."""

IGNORED: Sequence[str] = ("input.definition", "input.payload", "input.steps")
"""What stays as it was in the state of a VM that ignores changes; another VM in its place is noted all the same."""

_NAMED = 8


def steps_state(vm: pulumi.Input[str], delivered: Delivered) -> dict[str, Any]:
    """Return what a VM is told, as the input of a `pulumi.Stash`."""
    return {
        "vm": vm,
        "definition": delivered.fingerprint,
        "payload": delivered.payload,
        "steps": delivered.steps,
    }


def difference(old: StepsState, new: StepsState) -> str:
    """Say in one line what a VM is told anew, and what is due by it.

    Example:
        >>> before = {"definition": "a1", "payload": "b1", "steps": {"packages nginx": "c1", "file /etc/x": "d1"}}
        >>> difference(before, {"definition": "a2", "payload": "b2", "steps": {"packages nginx": "c1", "warm": "e1"}})
        "step 'warm' is new, step 'file /etc/x' is gone"
        >>> difference(before, {**before, "payload": "b2"})
        'no step changes: only the text around them, as by an upgrade of the library or another time limit; no step is due'
    """
    changes = list(_changes(old.get("steps") or {}, new.get("steps") or {}))
    if changes:
        more = f", and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
        return ", ".join(changes[:_NAMED]) + more
    if old.get("definition") != new.get("definition"):
        return "no step changes: only the definition's name or the order of its steps; no step is due"
    return (
        "no step changes: only the text around them, as by an upgrade of the library or another time limit; "
        "no step is due"
    )


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    yield from (f"step {name!r} is new" for name in sorted(new) if name not in old)
    yield from (f"step {name!r} is changed" for name in sorted(new) if name in old and old[name] != new[name])
    yield from (f"step {name!r} is gone" for name in sorted(old) if name not in new)
