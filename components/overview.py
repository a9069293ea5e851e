"""What the VMs of a stack say of themselves, all read side by side; and the table of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from .console import Console, ConsoleError
from .consoles import console_at
from .results import Result, newest_result, newest_step
from .stacks import StackVm
from .startup import visible

TITLES: Final = ("VM", "cloud", "definition", "boot", "result", "failing step", "when")
LONGEST_CELL: Final = 100
"""Characters of a VM's words in the table: as long as names may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one VM's console says now.

    Attributes:
        vm: The VM.
        result: Its newest result, None if there is none.
        step: What it has said of a step since: it is at work.
        error: Why the console cannot be read.
    """

    vm: StackVm
    result: Result | None = None
    step: str | None = None
    error: str | None = None

    @property
    def earlier(self) -> bool:
        """Tell whether the result is of another definition than the deployed one."""
        wanted = self.vm.fingerprint
        return self.result is not None and wanted is not None and self.result.fingerprint != wanted

    @property
    def good(self) -> bool:
        """Tell whether the VM's newest result is ok, of the deployed definition."""
        return self._ok and not self.earlier

    @property
    def outdated(self) -> bool:
        """Tell whether the VM's newest result is ok, but of another definition than the deployed one."""
        return self._ok and self.earlier

    @property
    def _ok(self) -> bool:
        return self.error is None and self.result is not None and self.result.result == "ok"

    def as_json(self) -> dict[str, Any]:
        """Return the report as `status --json` prints it."""
        return {
            "name": self.vm.name,
            "cloud": self.vm.cloud,
            "address": self.vm.address,
            "deployed_fingerprint": self.vm.fingerprint,
            "outdated": self.outdated,
            "result": self.result.as_json() if self.result else None,
            "step": self.step,
            "error": self.error,
        }

    def row(self) -> tuple[str, ...]:
        """Return the report's line in the table."""
        result = self.result
        if result is None:
            state = "unreadable" if self.error else _cell(self.step) or "none yet"
            return (self.vm.name, self.vm.cloud, "", "", state, "", "")
        state = "interrupted" if result.interrupted else "outdated" if self.outdated else result.result
        return (
            self.vm.name,
            self.vm.cloud,
            (_cell(result.definition) or "none") + (" (not the deployed one)" if self.earlier else ""),
            f"{result.boot or '?'} {_cell((result.boot_id or '')[:8])}".strip(),
            state + (", at work again" if self.step else ""),
            _cell(result.failed_step),
            _cell(result.finished_at or result.started_at),
        )

    def remark(self) -> str | None:
        """Return what the table has no room for: why a console cannot be read, how a step failed."""
        if self.error:
            return self.error
        if self.result is not None and self.result.result == "failed":
            return f"{self.vm.name}: {self.result.describe()}"
        if self.result is not None and self.result.message:
            return f"{self.vm.name}: {visible(self.result.message)}"
        return None


def look(vms: Sequence[StackVm], open_console: Callable[[str, str], Console] = console_at) -> tuple[Report, ...]:
    """Read all consoles side by side and return what each says."""
    if not vms:
        return ()

    def one(vm: StackVm) -> Report:
        try:
            text = open_console(vm.name, vm.address).read()
            return Report(vm=vm, result=newest_result(text), step=newest_step(text))
        except ConsoleError as error:
            return Report(vm=vm, error=str(error))
        except Exception as error:  # whatever one VM's console brings about, the others are told
            said = visible(f"{type(error).__name__}: {error}")
            return Report(vm=vm, error=f"{vm.name}: its console cannot be read: {said}")

    with ThreadPoolExecutor(max_workers=min(len(vms), 32)) as threads:
        return tuple(threads.map(one, vms))


def _cell(text: str | None) -> str:
    """Return a VM's words as one cell of the table."""
    shown = visible(text or "")
    return shown if len(shown) <= LONGEST_CELL else f"{shown[:LONGEST_CELL]}..."


def table(reports: Sequence[Report]) -> str:
    """Return the table, and below it a remark for each VM that needs one."""
    rows = [TITLES, *(report.row() for report in reports)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    remarks = [remark for report in reports if (remark := report.remark())]
    return "\n".join([*lines, *([""] if remarks else []), *remarks])


def exit_code(reports: Sequence[Report]) -> int:
    """Return 0 if all VMs are well, 3 if some of them have not yet obeyed what is deployed, and 1 otherwise."""
    if not all(report.good or report.outdated for report in reports):
        return 1
    return 3 if any(report.outdated for report in reports) else 0
