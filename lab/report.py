"""Show people what happens: progress while it happens, and at the end what each step did on each VM."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.results import visible

COLUMNS = 4
"""VMs side by side in one table."""

WIDTH = 160
"""Columns where there is no terminal to ask."""

_STYLES = {"ran": "green", "skipped": "dim", "failed": "bold red", "pending": "yellow"}

Result = Mapping[str, Any]
"""What `evenboot: result` carries."""


def console() -> Console:
    """Return where reports go: standard output, plain and wide if that is no terminal."""
    terminal = sys.stdout.isatty()
    return Console(file=sys.stdout, highlight=False, width=None if terminal else WIDTH, soft_wrap=not terminal)


class Progress:
    """Tell what is being done: one moving line on a terminal, a line for each news elsewhere."""

    def __init__(self, out: Console | None = None) -> None:
        self.out = out or console()

    @contextmanager
    def stage(self, text: str) -> Iterator[Stage]:
        """Show a stage of the work while it lasts."""
        if not self.out.is_terminal:
            self.out.print(escape(text))
            yield Stage(self.out, None, text)
            return
        with self.out.status(escape(text)) as status:
            yield Stage(self.out, status, text)

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self.out.print(escape(text))


class Stage:
    """One stage under way; `news` shows what it is at, `line` leaves a line behind."""

    def __init__(self, out: Console, status: Any, text: str) -> None:
        self._out, self._status, self._text, self._last = out, status, text, ""

    def news(self, text: str) -> None:
        """Show what the stage is at now."""
        if self._status is not None:
            self._status.update(escape(f"{self._text}: {text}"))
        elif text != self._last:
            self._out.print(escape(f"  {text}"))
        self._last = text

    def line(self, text: str) -> None:
        """Leave a line behind."""
        self._out.print(escape(text))


def table(results: Mapping[str, Result], out: Console | None = None) -> None:
    """Print what each step did on each VM; `results` maps a VM's name to its last result.

    >>> table({"web": {"boot": "first", "result": "ok", "steps": [
    ...     {"name": "warm", "list": "every_boot", "outcome": "ran", "seconds": 0.2}]}})  # doctest: +SKIP
    """
    out = out or console()
    names = list(results)
    for start in range(0, len(names), COLUMNS):
        out.print(_table({name: results[name] for name in names[start : start + COLUMNS]}))
    for name, result in results.items():
        if result.get("result") != "ok":
            out.print(failure(name, result), markup=False)


def _table(results: Mapping[str, Result]) -> Table:
    shown = Table(title_justify="left", header_style="bold")
    shown.add_column("step", overflow="fold")
    shown.add_column("list")
    for name, result in results.items():
        shown.add_column(f"{escape(name)}\n{result.get('boot', '?')} boot")
    for step, list_name in _rows(results):
        cells = [_cell(result, step) for result in results.values()]
        shown.add_row(escape(visible(step)), escape(visible(list_name)), *cells)
    shown.add_section()
    shown.add_row("result", "", *[_verdict(result) for result in results.values()])
    return shown


def _rows(results: Mapping[str, Result]) -> list[tuple[str, str]]:
    """Return all steps in order of running: those of the first VM, and where they belong those of the others."""
    rows: list[tuple[str, str]] = []
    for result in results.values():
        at = 0
        for step in result.get("steps", []):
            row = (str(step["name"]), str(step["list"]))
            if row in rows:
                at = rows.index(row) + 1
            else:
                rows.insert(at, row)
                at += 1
    return sorted(rows, key=lambda row: row[1] != "first_boot")


def _cell(result: Result, name: str) -> str:
    step = next((step for step in result.get("steps", []) if step["name"] == name), None)
    if step is None:  # left out of a long line on the console, which leaves out the skipped ones
        return ""
    outcome = visible(str(step["outcome"]))
    seconds = f" {step['seconds']:.1f} s" if step.get("seconds") is not None else ""
    return f"[{_STYLES.get(outcome, '')}]{outcome}{seconds}[/]" if outcome in _STYLES else escape(f"{outcome}{seconds}")


def _verdict(result: Result) -> str:
    good = result.get("result") == "ok"
    source = " (cached definition)" if result.get("source") == "cached" else ""
    return f"[{'green' if good else 'bold red'}]{escape(str(result.get('result')))}[/]{source}"


def failure(name: str, result: Result) -> str:
    """Return what failed on a VM: the step, its exit code, the last lines of its output."""
    step, code, message = result.get("failed_step"), result.get("exit_code"), result.get("message")
    what = f"step {step!r} failed" if step else str(result.get("result"))
    lines = [f"{name}: {what}" + (f" with exit code {code}" if code is not None else "")]
    lines += [f"  {message}"] if message else []
    lines += [f"  | {line}" for line in result.get("output") or []]
    return "\n".join(map(visible, lines))


def failed(results: Mapping[str, Result]) -> bool:
    """Tell whether any VM's result is not ok."""
    return any(result.get("result") != "ok" for result in results.values())


def next_commands(names: Sequence[str], out: Console | None = None) -> None:
    """Print what to try next with these VMs."""
    out = out or console()
    if not names:
        return
    name, python = names[0], _python()
    out.print("\nTry next:")
    for command, does in (
        (f"reboot {name}", "first-boot steps are skipped, every-boot steps run"),
        (f"exec {name} -- evenboot status", "what the VM itself says"),
        (f"console {name}", "its serial console"),
        ("up", "after a change of the definition: just the changed step runs"),
        ("down", "removes everything"),
    ):
        called = f"{python} -m lab {command}"
        out.print(f"  {called:<{len(python) + len(name) + 36}} {does}", markup=False)


def _python() -> str:
    """Return how to call this Python from here: by its path where it is the checkout's own."""
    here, program = Path.cwd(), Path(sys.executable)
    return str(program.relative_to(here)) if program.is_relative_to(here) else "python"
