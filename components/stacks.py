"""The VMs of a deployed stack, as Pulumi's state has them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cloud import newest_type
from .clouds import CLOUDS

_COMPONENT = re.compile(rf"(^|\$)evenboot:index:({'|'.join(cloud.component for cloud in CLOUDS.values())})\$")


class StackError(Exception):
    """Say why the VMs of a stack cannot be known, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackVm:
    """One VM of a stack.

    Attributes:
        name: The component's name in the program.
        cloud: Its cloud, as in `"aws"`.
        address: The cloud's full name of the VM, as `console_at` takes it.
        fingerprint: Of the definition that was deployed last; None if the state does not say.
    """

    name: str
    cloud: str
    address: str
    fingerprint: str | None = None


def export(stack: str | None, folder: Path) -> str:
    """Return what `pulumi stack export` prints for a stack.

    Args:
        stack: Its name; None takes the one that is selected.
        folder: The folder of the Pulumi program.

    Raises:
        StackError: There is no such stack, or no `pulumi` to ask.
    """
    command = ["pulumi", "stack", "export", "--non-interactive", *(["--stack", stack] if stack else [])]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        if not folder.is_dir():
            raise StackError(f"{folder} is no folder: give the one of the Pulumi program with --cwd") from None
        raise StackError(
            "there is no command `pulumi` on PATH, which knows the stack's VMs; install it, or give what "
            "`pulumi stack export` printed elsewhere with --export FILE"
        ) from None
    if done.returncode:
        said = done.stderr.strip().removeprefix("error: ") or f"exit code {done.returncode}"
        raise StackError(f"pulumi cannot tell of the stack: {said}; choose one with --stack NAME, in its folder")
    return done.stdout


def vms_in(exported: str) -> tuple[StackVm, ...]:
    """Return the VMs that belong to this project's components, by name.

    Args:
        exported: What `pulumi stack export` prints.

    Raises:
        StackError: It is something else.
    """
    try:
        resources = json.loads(exported)["deployment"].get("resources") or []
        known = {str(one["urn"]): one for one in resources}
        found = [vm for one in resources if not one.get("delete") for vm in _vm(one, known)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StackError("this is not what `pulumi stack export` prints: JSON with a deployment of resources") from None
    return tuple(sorted(found, key=lambda vm: (vm.name, vm.cloud)))


def _vm(resource: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Iterator[StackVm]:
    urn = str(resource["urn"])
    kind = newest_type(str(resource["type"]))
    cloud = next((cloud for cloud in CLOUDS.values() if cloud.vm_type == kind), None)
    if not cloud or not _COMPONENT.search(urn.split("::")[2]):
        return
    properties = {**(resource.get("outputs") or {}), "id": resource.get("id")}
    parent = known.get(str(resource.get("parent"))) or {}
    name = str(parent.get("urn") or urn).split("::", 3)[3]
    fingerprint = (parent.get("outputs") or {}).get("fingerprint")
    yield StackVm(
        name=name if parent else name.removesuffix("-vm"),
        cloud=cloud.name,
        address=str(properties.get(cloud.vm_address) or ""),
        fingerprint=fingerprint if isinstance(fingerprint, str) else None,
    )
