"""Where in a boot a machine is: which step runs when a call changes the file system."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .root import unavailable

if TYPE_CHECKING:
    from .status import Status
    from .tracing import Call, Trace

HEADING = re.compile(rb"^--- \S+ step (.*)$", re.MULTILINE)
RECORDS = ("/var/lib/evenboot/journal/", "/run/evenboot/done/")


class Booting(Protocol):
    """A machine that has begun to boot, as far as it is looked at here."""

    sees: Path

    def boots(self) -> str: ...
    def command(self, script: str, env: Mapping[str, str] | None = None) -> list[str]: ...
    def status(self) -> Status: ...
    def until_quiet(self) -> None: ...


def step_in(log: bytes) -> str | None:
    """Return the name of the step that the log speaks of last."""
    found = HEADING.findall(log)
    return json.loads(b'"%s"' % found[-1]) if found else None


def records(call: Call) -> bool:
    """Whether a call is part of recording a step as done."""
    return call.paths[-1:] != () and call.paths[-1].startswith(RECORDS)


def watch(machine: Booting, stop: Callable[[Call], bool]) -> Trace:
    """Boot a machine that has begun to, and kill all of it before the call for which `stop` is true."""
    try:
        from .tracing import trace

        return trace(machine.command(machine.boots(), {"HOME": "/root"}), before=stop)
    except OSError as error:
        unavailable(f"processes cannot be traced here: {error}")


def cut(machine: Booting, at: str | int) -> None:
    """Boot, and cut the power before the call of this number, or before this step is recorded."""

    def stop(call: Call) -> bool:
        if isinstance(at, int):
            return call.number == at
        return records(call) and step_in((machine.sees / "var/log/evenboot.log").read_bytes()) == at

    trace = watch(machine, stop)
    machine.until_quiet()
    if trace.killed:
        return
    if isinstance(at, int):
        raise AssertionError(f"the power was not cut: the boot ended after {len(trace.calls)} calls")
    status = machine.status()
    raise AssertionError(f"the power was not cut: step {at!r} was not about to be recorded; {status.message or status.steps}")
