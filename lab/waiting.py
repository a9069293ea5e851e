"""Wait until VMs have obeyed what a deployment changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.results import newest_step

from .laboratory import Lab
from .machine import Machine

LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a machine was before a deployment."""

    boots: int
    payload: bytes | None
    boot_ids: frozenset[str]


@dataclass(slots=True)
class News:
    """What is to be told after a deployment: results by VM, remarks, and the VMs that gave no result."""

    results: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    remarks: list[str] = field(default_factory=list[str])
    missing: list[str] = field(default_factory=list[str])


def remember(lab: Lab) -> dict[str, Memory]:
    """Return what all machines are now, by instance id: a machine made anew under its old name is another one."""
    return {
        machine.instance_id: Memory(boots=machine.boots, payload=machine.payload, boot_ids=_boot_ids(machine))
        for machine in lab.machines()
    }


def wait(lab: Lab, before: Mapping[str, Memory], news: Callable[[str], None], seconds: float) -> News:
    """Wait for the result of each VM that booted since `before`; tell of the others what there is to tell."""
    told, end = News(), time.monotonic() + seconds
    booting: dict[str, tuple[Machine, frozenset[str]]] = {}
    for machine in lab.machines():
        old = before.get(machine.instance_id)
        if old is None or machine.boots > old.boots:
            booting[machine.name] = machine, old.boot_ids if old else frozenset()
        else:
            _tell_unbooted(machine, old, told)
    while booting and time.monotonic() < end:
        for name, (machine, known) in list(booting.items()):
            if _settled(machine, known, told):
                del booting[name]
        if booting:
            news(", ".join(f"{name} {_activity(machine)}" for name, (machine, _) in booting.items()))
            time.sleep(0.1)
    for name in booting:
        told.missing.append(name)
        told.remarks.append(f"{name}: no result within {seconds:.0f} s: python -m lab console {name}")
    told.results = {
        machine.name: told.results[machine.name] for machine in lab.machines() if machine.name in told.results
    }
    return told


def _settled(machine: Machine, known: frozenset[str], told: News) -> bool:
    fresh = [result for result in machine.results() if result.get("boot_id") not in known]
    if fresh:
        told.results[machine.name] = fresh[-1]
        return True
    if machine.payload is None and machine.ready:
        told.remarks.append(f"{machine.name}: is up, and has no startup script")
        return True
    if machine.state == "stopped":
        told.missing.append(machine.name)
        told.remarks.append(f"{machine.name}: is off and gave no result: python -m lab console {machine.name}")
        return True
    return False


def _tell_unbooted(machine: Machine, old: Memory, told: News) -> None:
    results = machine.results()
    if results:
        told.results[machine.name] = results[-1]
    if machine.payload != old.payload:
        again = "reboot" if machine.state == "running" else "start"
        told.remarks.append(f"{machine.name}: obeys the change at the next boot: python -m lab {again} {machine.name}")
    else:
        state = "" if machine.state == "running" else f", and is stopped: python -m lab start {machine.name}"
        told.remarks.append(f"{machine.name}: unchanged{state}; its last result is shown")


def _boot_ids(machine: Machine) -> frozenset[str]:
    return frozenset(str(result.get("boot_id")) for result in machine.results())


def _activity(machine: Machine) -> str:
    """Return the last thing that the machine told on its console."""
    step = newest_step(machine.console())
    return f"({step[:60]})" if step else "boots"
