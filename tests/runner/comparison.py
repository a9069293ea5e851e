"""What a machine in a throw-away root did, compared with all that the model allows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from typing import Any

from startup.testing.machine import Machine
from startup.testing.status import outcomes

from . import model


class Violation(AssertionError):
    """Something that the contract does not allow."""


class Comparison:
    """Keep what a machine can be by all that was seen of it. After a power cut that may be more than one thing."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.possible = {model.Machine()}
        self.events: list[tuple[Any, ...]] = []

    def play(self, event: str, *arguments: Any) -> None:
        """Let an event happen, and remember it for the story that a violation tells."""
        self.events.append((event, *arguments))
        getattr(self, event)(*arguments)

    def compare(self, event: Callable[[model.Machine], Iterator[model.Machine]], killed: bool = False) -> None:
        """Keep what the machine can be by now; if it can be nothing, the contract is broken."""
        allowed = {after for machine in self.possible for after in event(replace(machine, ran=()))}
        ran, status = self.marks(), self.status()
        self.possible = {machine for machine in allowed if machine.ran == ran and agrees(machine.status, status)}
        if not self.possible:
            raise Violation(self.story(allowed, ran, status))
        if status and not killed:
            self.check(self.raw_status() or {})

    def marks(self) -> tuple[str, ...]:
        """Return what ran since this was last asked."""
        done = self.machine.sees / "done"
        marks = self.machine.lines()
        done.unlink(missing_ok=True)
        return tuple(marks)

    def raw_status(self) -> dict[str, Any] | None:
        lines = self.machine.lines("/run/evenboot/status")
        return json.loads(lines[0]) if lines else None

    def status(self) -> model.Status | None:
        """Return the status of the last apply that came to its end in this boot."""
        status = self.raw_status()
        if status is None or status["result"] == "running":
            return None
        return model.Status(status["result"], status["source"], status["boot"], status["instance_id"],
                            tuple(outcomes(status)))  # fmt: skip

    def check(self, status: dict[str, Any]) -> None:
        """The parts of a status fit together, and the console says the same (L12)."""
        failed = next((step["name"] for step in status["steps"] if step["outcome"] == "failed"), None)
        fits = (
            status["boot_id"] == self.machine.boot_id
            and status["failed_step"] == failed
            and (status["exit_code"] is None) == (failed is None)
            and bool(status["message"]) == (status["result"] == "failed" or status["source"] == "cached")
            and self.machine.results()[-1:] == [status]
        )
        if not fits:
            raise Violation(f"{self.story(set(), (), None)}\nthese parts do not fit together: {status}")

    def story(self, allowed: set[model.Machine], ran: tuple[str, ...], status: model.Status | None) -> str:
        """Tell the history in the form in which `test_kept_histories.py` keeps it, and what went wrong at its end."""
        events = "".join(f"    {event!r},\n" for event in self.events)
        wanted = "".join(sorted({f"  {list(machine.ran)} {machine.status}\n" for machine in allowed}))
        message = (self.raw_status() or {}).get("message")
        return f"the history\n[\n{events}]\nran {list(ran)} {status}, as {message}; allowed are\n{wanted}"


def agrees(wanted: model.Status | None, seen: model.Status | None) -> bool:
    """Whether a status is what the model says, where the model says anything."""
    if wanted is None or seen is None:
        return wanted is seen
    return all(want is None or want == have for want, have in zip(astuple(wanted), astuple(seen), strict=True))
