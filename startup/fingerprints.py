"""What decides that a step is due again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .definition import (
    LIST_NAMES,
    Directory,
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
    assert_never,
    names_of,
)

Effect = dict[str, Any]


def fingerprint(definition: StartupScript, values: Mapping[str, str] | None = None) -> str:
    """Compute the fingerprint of a definition without problems.

    Args:
        definition: What `validate` finds nothing wrong with.
        values: The texts of the used values; a text that is not given counts as unknown.

    Returns:
        64 hexadecimal digits: SHA-256 over its name and the ordered lists of step names and fingerprints.

    Example:
        >>> fingerprint(StartupScript("site", first_boot=[Packages(["nginx"])]))[:16]
        '53ceea873e12ef2d'
    """
    return digest_of(definition, step_fingerprints(definition, values))


def digest_of(definition: StartupScript, of_steps: Mapping[str, str]) -> str:
    """Return the fingerprint of a definition from those of its steps."""
    lists = {
        list_name: [[step.name, of_steps[step.name]] for step in definition.listed(list_name)]
        for list_name in LIST_NAMES
    }
    return _digest({"name": definition.name, **lists})


def step_fingerprints(definition: StartupScript, values: Mapping[str, str] | None = None) -> dict[str, str]:
    """Compute the fingerprint of each step of a definition without problems.

    Args:
        definition: What `validate` finds nothing wrong with.
        values: The texts of the used values; a text that is not given counts as unknown.

    Returns:
        Step name to 64 hexadecimal digits, in the order of running.

    Example:
        >>> list(step_fingerprints(StartupScript("site", first_boot=[Packages(["nginx"])])))
        ['packages nginx']
    """
    found: dict[str, str] = {}
    for _, _, step in definition.steps():
        after = sorted({found[name] for name in named_steps(step) if name in found})
        used = {name: (values or {}).get(name) for name in used_values(step)}
        found[step.name] = _digest({"kind": step.kind, "fields": effect(step), "values": used, "after": after})
    return found


def effect(step: Step) -> Effect:
    """Return the fields that decide what a step does; the order of what is a set to the VM does not count.

    A field that a later version adds goes in only where it differs from its default, so that no step of an
    unchanged definition becomes due by the upgrade.
    """
    match step:
        case Shell():
            return {"script": step.script, "unless": step.unless, "user": step.user, "cwd": step.cwd}
        case File():
            return {"path": step.path, "content": step.content, **_ownership(step)}
        case Directory():
            return {"path": step.path, **_ownership(step)}
        case Packages():
            return {"names": sorted(step.names)}
        case User():
            lists = {"groups": sorted(step.groups), "ssh_keys": sorted(step.ssh_keys)}
            return {"login": step.login, "shell": step.shell, "system": step.system, **lists}
        case Unit():
            return {"unit": step.unit, "content": step.content, "enable": step.enable, "start": step.start}
        case Service():
            return {"service": step.service, "enable": step.enable, "start": step.start}
        case Download():
            return {"url": step.url, "path": step.path, "sha256": step.sha256, **_ownership(step)}
        case Reboot():
            return {"unless": step.unless}
        case _:
            assert_never(step)


def _ownership(step: File | Directory | Download) -> Effect:
    return {"mode": step.mode, "owner": step.owner, "group": step.group}


def used_values(step: Step) -> Sequence[str]:
    """Return the names of the values that a step sees."""
    return step.uses if isinstance(step, (Shell, File)) else ()


def named_steps(step: Step) -> tuple[str, ...]:
    """Return the names of the steps whose change makes this one due."""
    return names_of([*step.rerun_on, *(step.restart_on if isinstance(step, Service) else ())])


def _digest(record: Mapping[str, object]) -> str:
    canonical = json.dumps(record, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
