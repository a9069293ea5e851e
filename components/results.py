"""What a VM tells on its console: the result of each run of its startup script, read from the console's text."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

MARK: Final = "evenboot: result "
_STEP = re.compile(r"evenboot: (step '.*)")
# What kernel and systemd write in the middle of somebody else's line, up to its end.
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_INSERTED = re.compile(rf"\[(?: *\d+\.\d{{3,6}}|{_COLOUR} *(?:OK|FAILED|DEPEND|WARN|TIME|SKIP) *{_COLOUR})\] [^\n]*\n")
_GOING_DOWN: Final = "the system is going down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one run of the startup script; what the console's line lacks is None or empty.

    Attributes:
        result: `"ok"`, `"failed"` or `"running"`.
        definition: Name of the definition that was obeyed.
        fingerprint: That definition's fingerprint, 64 hexadecimal digits; None if no definition reached the VM.
        instance_id: The cloud's id of the VM.
        boot_id: The kernel's id of the boot.
        boot: `"first"` or `"later"`.
        failed_step: Name of the step that failed.
        exit_code: What it ended with.
        message: Why the result is not ok, or why the definition comes from the VM's own copy.
        output: The failed step's last lines.
        source: `"cloud"`, or `"cached"` when the VM used its own copy of the definition.
        started_at: ISO time by the VM's clock.
        finished_at: ISO time by the VM's clock.
        steps: The steps as the VM tells them: `name`, `list`, `outcome`, `seconds`.
    """

    result: str
    definition: str | None = None
    fingerprint: str | None = None
    instance_id: str | None = None
    boot_id: str | None = None
    boot: str | None = None
    failed_step: str | None = None
    exit_code: int | None = None
    message: str | None = None
    output: tuple[str, ...] = ()
    source: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    steps: tuple[dict[str, Any], ...] = ()

    @property
    def interrupted(self) -> bool:
        """Tell whether the run ended because the VM went down: the next boot goes on with it."""
        return self.result == "failed" and (self.message or "").endswith(_GOING_DOWN)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the VM's command `evenboot status --json` prints it."""
        return {**asdict(self), "output": list(self.output), "steps": list(self.steps)}

    def describe(self) -> str:
        """Return in words what came out, with the last lines of a failed step's output.

        Example:
            >>> print(Result(result="failed", failed_step="fetch", exit_code=22, output=("404",)).describe())
            step 'fetch' failed with exit code 22
              | 404
        """
        if self.result != "failed":
            return self.result + (f": {self.message}" if self.message else "")
        headline = self.message or "failed"
        if self.failed_step is not None and f"'{self.failed_step}'" not in headline:
            code = "" if self.exit_code is None else f" with exit code {self.exit_code}"
            headline = f"step '{self.failed_step}' failed{code}" + (f": {self.message}" if self.message else "")
        return "\n  | ".join([headline, *self.output])


def results_in(text: str) -> tuple[Result, ...]:
    """Return all results that a console's text shows, the oldest first.

    The text may be cut anywhere, and have other lines around and within a result; what is no whole result is left out.

    Example:
        >>> [one.result for one in results_in('boot...\\r\\nevenboot: result {"result": "ok"}\\r\\nevenboot: result {"re')]
        ['ok']
    """
    plain = text.replace("\r", "")
    cleaned = _INSERTED.sub("", plain)
    # Even the mark may be torn. A result whose output only quotes such a line is whole without cleaning.
    torn = cleaned.count(MARK) > plain.count(MARK)
    pieces = (cleaned if torn else plain).split(MARK)[1:]
    return tuple(result for piece in pieces if (result := _result(piece)) is not None)


def newest_result(text: str) -> Result | None:
    """Return the last result that a console's text shows, None if there is none."""
    found = results_in(text)
    return found[-1] if found else None


def newest_step(text: str) -> str | None:
    """Return what the console last said of a step since its last result, None if it said nothing.

    Example:
        >>> newest_step("evenboot: step 'packages nginx' ok (4.20 s)\\r\\nlogin: ")
        "step 'packages nginx' ok (4.20 s)"
    """
    found = _STEP.findall(text.replace("\r", "").rpartition(MARK)[2])
    return found[-1].strip() if found else None


def _result(piece: str) -> Result | None:
    for candidate in (piece, _INSERTED.sub("", piece)):
        try:
            status, _ = json.JSONDecoder().raw_decode(candidate)
        except ValueError:
            continue
        if isinstance(status, dict):
            return _checked(status)
    return None


def _checked(status: dict[str, Any]) -> Result | None:
    """Return a result of the fields that are as they should be."""
    if status.get("result") not in ("ok", "failed", "running"):
        return None
    known = {field.name for field in fields(Result)} - {"output", "steps", "exit_code"}
    code = status.get("exit_code")
    return Result(
        output=tuple(line for line in _items(status, "output") if isinstance(line, str)),
        steps=tuple(step for step in _items(status, "steps") if isinstance(step, dict)),
        exit_code=code if isinstance(code, int) else None,
        **{name: status[name] for name in known if isinstance(status.get(name), str)},
    )


def _items(status: dict[str, Any], name: str) -> list[Any]:
    value = status.get(name)
    return value if isinstance(value, list) else []
