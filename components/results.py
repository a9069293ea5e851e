"""What a VM tells on its console: the result of each run of its startup script, read from the console's text.

A console is not the VM's alone: the kernel, systemd and a login prompt write to it, and through some of them so does who has no
rights on the VM. Only what a runner writes is believed; `docs/results.md` says what that is, and who can imitate it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from .startup import visible

MARK: Final = "evenboot: result "
LONGEST: Final = 16_384
"""Characters of a line that is looked at; a runner's has at most some more than 4,000 bytes."""

_STEP = re.compile(r"evenboot: (step '.*)")
_SHOWN: Final = 300  # characters of it; a name has at most 100
# Sequences that a terminal obeys, and control characters but for the line's end: no runner writes them.
_CONTROLS = re.compile(r"\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x09\x0b-\x1f]")
# What kernel and systemd write in the middle of somebody else's line, up to its end.
_INSERTED = re.compile(r"\[(?: *\d+\.\d{3,6}| *(?:OK|FAILED|DEPEND|WARN|TIME|SKIP) *)\] ")
# What the login prompt, and systemd while it waits for a unit, leave at the beginning of the next line.
_UNFINISHED = re.compile(
    r"(?:\S+ login: "
    r"|\[[ *]+\] (?:\(\d+ of \d+\) )?(?:A [a-z-]+ job is running for|Job) [^\n]*?\([^()/\n]* / [^()/\n]*\))*"
)
_GOING_DOWN: Final = "the system is going down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one run of the startup script, as its line on the console has it.

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
        """Return in words what came out, with the last lines of a failed step's output, as a terminal can show them.

        Example:
            >>> print(Result(result="failed", failed_step="fetch", exit_code=22, output=("404",)).describe())
            step 'fetch' failed with exit code 22
              | 404
        """
        if self.result != "failed":
            return visible(self.result + (f": {self.message}" if self.message else ""))
        headline = self.message or "failed"
        if self.failed_step is not None and f"'{self.failed_step}'" not in headline:
            code = "" if self.exit_code is None else f" with exit code {self.exit_code}"
            headline = f"step '{self.failed_step}' failed{code}" + (f": {self.message}" if self.message else "")
        return "\n  | ".join(map(visible, [headline, *self.output]))


def results_in(text: str) -> tuple[Result, ...]:
    """Return all results that a console's text shows, the oldest first.

    A result is a line of its own, whole, with all that a runner writes. The text may be cut anywhere, so that where its first
    line begins is not known; lines of the kernel and of systemd within a result are taken out. All else is left out.

    Example:
        >>> told = {**Result(result="ok", boot_id="7e3a", boot="first", source="cloud", started_at="2026-11-23").as_json(),
        ...         "definition": "web", "fingerprint": "ab12"}
        >>> line = f"evenboot: result {json.dumps(told)}"
        >>> [one.fingerprint for one in results_in(f"boot...\\r\\n{line}\\r\\nmallory: {line}\\r\\n{line[:60]}")]
        ['ab12']
    """
    return tuple(one for one in _state(text) if isinstance(one, Result))


def newest_result(text: str) -> Result | None:
    """Return the last result that a console's text shows, None if there is none."""
    found = results_in(text)
    return found[-1] if found else None


def newest_step(text: str) -> str | None:
    """Return what the console last said of a step since its last result, as it can be shown; None if it said nothing.

    Example:
        >>> newest_step("boot...\\r\\nevenboot: step 'packages nginx' ok (4.20 s)\\r\\nlogin: ")
        "step 'packages nginx' ok (4.20 s)"
    """
    *_, newest = (None, *_state(text))
    return newest if isinstance(newest, str) else None


def _state(text: str) -> Iterator[Result | str]:
    """Yield what a console's lines tell: results, and of steps what can be shown."""
    begun = ""  # a result's line, up to where another line was written into it
    for line in _CONTROLS.sub("", text).split("\n")[1:]:
        own = _UNFINISHED.sub("", line, count=1)
        other = _INSERTED.search(own)
        if not own or (other and other.start() == 0):
            continue  # others' alone
        head, rest = (own[: other.start()], line[: other.start() - len(own)]) if other else (own, line)
        # What looks like a line of the kernel may be a step's output: whole lines are tried before cleaned ones.
        readings = dict.fromkeys((own, head, begun + line, begun + rest))
        result = next((found for reading in readings if (found := _result(reading))), None)
        step = None if result else _STEP.match(own)
        if result is not None:
            yield result
        elif step:
            yield visible(step[1][:_SHOWN].strip())
        if result is not None or step or other is None:
            begun = ""
        else:
            begun = next((one for one in (head, begun + rest) if _begins(one)), "")


def _begins(text: str) -> bool:
    """Tell whether a result's line may go on after a text."""
    return 0 < len(text) <= LONGEST and (text.startswith(MARK) or MARK.startswith(text))


def _result(line: str) -> Result | None:
    """Return the result that a line is."""
    if not line.startswith(MARK) or len(line) > LONGEST:
        return None
    try:
        status = json.loads(line.removeprefix(MARK))
    except (ValueError, RecursionError):
        return None
    return _checked(status) if _is_whole(status) else None


def _checked(status: dict[str, Any]) -> Result | None:
    """Return the result if what it says can be true; fields that are not known are a later version's."""
    if status["fingerprint"] is None and not _is_without_definition(status):
        return None
    steps = tuple({name: step[name] for name in _STEP_FIELDS} for step in status["steps"])
    told = {name: status[name] for name in _FIELDS}
    return Result(**{**told, "output": tuple(status["output"]), "steps": steps})


def _is_without_definition(status: dict[str, Any]) -> bool:
    """Tell whether a result is one of a boot to which no definition came: no step of it can have run."""
    nothing = status["definition"] is None and status["failed_step"] is None and not status["steps"]
    return status["result"] == "failed" and nothing


def _one_of(*values: str) -> Callable[[Any], bool]:
    return lambda value: value in values


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _may_be_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _may_be_exit_code(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= 255)


def _may_be_seconds(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and abs(value) < 1e9)


def _list_of(can_be: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(can_be, value))


def _object_of(fields: Mapping[str, Callable[[Any], bool]]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(name in value and can_be(value[name]) for name, can_be in fields.items())
    )


_STEP_FIELDS: Final = {"name": _is_text, "list": _is_text, "outcome": _is_text, "seconds": _may_be_seconds}
_FIELDS: Final = {
    "definition": _may_be_text,
    "fingerprint": _may_be_text,
    "instance_id": _may_be_text,
    "boot_id": _is_text,
    "boot": _one_of("first", "later"),
    "result": _one_of("ok", "failed", "running"),
    "failed_step": _may_be_text,
    "exit_code": _may_be_exit_code,
    "message": _may_be_text,
    "output": _list_of(lambda value: isinstance(value, str)),
    "source": _one_of("cloud", "cached"),
    "started_at": _is_text,
    "finished_at": _may_be_text,
    "steps": _list_of(_object_of(_STEP_FIELDS)),
}
_is_whole = _object_of(_FIELDS)
