"""The status of an apply, as a value to make assertions about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Status(dict[str, Any]):
    """What `evenboot status --json` prints, each field under its name as a key and as an attribute.

    Example:
        >>> status = Status(result="failed", message="step 'x' failed with exit code 3", steps=[])
        >>> status.result, status["result"]
        ('failed', 'failed')
    """

    definition: str | None
    fingerprint: str | None
    instance_id: str | None
    boot_id: str
    boot: str
    result: str
    failed_step: str | None
    exit_code: int | None
    message: str | None
    output: list[str]
    source: str
    started_at: str
    finished_at: str | None
    steps: list[dict[str, Any]]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"a status has no {name!r}; it has {', '.join(self)}") from None

    def named(self, outcome: str, which: str | None = None) -> list[str]:
        """Return the names of the steps with an outcome, in the order of running; of one list only if it is named."""
        return [one["name"] for one in self.steps if one["outcome"] == outcome and which in (None, one["list"])]

    def well(self, when: str) -> Status:
        """Return this status if its result is ok; raise what is wrong with any other, an `AssertionError`."""
        if self.result != "ok":
            said = "".join(f"\n  {line}" for line in self.output)
            raise AssertionError(f"{when}: {self.message}{said}")
        return self


def outcomes(status: Mapping[str, Any]) -> list[str]:
    """Return "OUTCOME NAME" of each step."""
    return [f"{step['outcome']} {step['name']}" for step in status["steps"]]
