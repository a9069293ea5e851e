"""Figures: what was measured, beside its goal, and on what machine."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")
HEAD = "| what | measured | goal | reached |\n| --- | --- | --- | --- |\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Hold one row of the results.

    Attributes:
        what: What was measured.
        measured: The figure with its unit, as it is to be read.
        goal: The goal as it is to be read; "" for a figure that stands there for comparison.
        reached: Whether the figure meets its goal; None without a goal.
    """

    what: str
    measured: str
    goal: str = ""
    reached: bool | None = None


def figure(what: str, value: float, unit: str, limit: float | None = None, goal: str = "") -> Figure:
    """Make a figure whose goal is to be at most `limit`, in the same unit."""
    if limit is None:
        return Figure(what=what, measured=f"{_number(value)} {unit}", goal=goal)
    reached = value <= limit
    return Figure(what=what, measured=f"{_number(value)} {unit}", goal=goal or f"{_number(limit)} {unit}", reached=reached)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def medians(jobs: Iterable[Callable[[], float]], rounds: int) -> list[float]:
    """Return the median of each job's figures; the jobs take turns, so that a noisy moment hits all of them."""
    jobs = list(jobs)
    runs = [[job() for job in jobs] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*runs, strict=True)]


def machine() -> str:
    """Describe this computer, without its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = model[1] if model else platform.machine()
    return (
        f"{os.cpu_count()} cores ({processor}), {memory:.0f} GiB of memory, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def section(name: str, command: str, note: str, figures: Iterable[Figure]) -> str:
    """Write one part of the results."""
    marks = {True: "yes", False: "**no**", None: ""}
    rows = "".join(f"| {row.what} | {row.measured} | {row.goal} | {marks[row.reached]} |\n" for row in figures)
    return f"## {name}\n\n`{command}` on {machine()}.\n{note}\n\n{HEAD}{rows}"


def save(name: str, text: str) -> None:
    """Put one part into bench/results.md, in place of its last figures; the other parts stay."""
    introduction = (
        "# Results\n\nWritten by `make bench`; one part again: `make bench ARGS=runner`."
        " Each figure is the median of several runs.\n\n"
    )
    old = RESULTS.read_text() if RESULTS.exists() else introduction
    parts = {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in old.split("\n## ")[1:]}
    parts[name] = text
    RESULTS.write_text(introduction + "\n".join(parts.values()))
