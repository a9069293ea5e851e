"""The command for deployed VMs: what became of each boot, asked of the consoles, with no login and no open port.

Exit codes: 0 the newest result of every VM is ok; 1 a VM's is not, or it has none, or its console cannot be read; 2 wrong
use, or the stack's VMs cannot be known.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .clouds import CLOUDS
from .consoles import console_at
from .overview import Report, exit_code, look, table
from .stacks import StackError, StackVm, export, vms_in
from .startup import run_to_the_end

WATCH_SECONDS = 5.0
EXPORT = "EVENBOOT_STACK_EXPORT"
_CLEAR = "\x1b[H\x1b[2J"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: What follows `python -m components`; None takes the process's own.
    """
    return run_to_the_end(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        return _status(parser().parse_args(arguments))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description="Look after deployed VMs.", allow_abbrev=False
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    status = commands.add_parser(
        "status",
        help="show what came of the last boot of each VM of a stack",
        description="Show what came of the last boot of each VM of a stack, as their consoles tell it. Exit code 0: the "
        "newest result of every VM is ok; 1: it is not, or there is none, or a console cannot be read; 2: wrong use, or "
        "the stack's VMs cannot be known; 3: all are ok, but not all of the deployed definition.",
        allow_abbrev=False,
    )
    status.add_argument("--stack", metavar="NAME", help="the stack; default: the selected one")
    status.add_argument(
        "--cwd", metavar="FOLDER", type=Path, default=Path.cwd(), help="the Pulumi program; default: here"
    )
    status.add_argument(
        "--export",
        metavar="FILE",
        default=os.environ.get(EXPORT),
        help=f"what `pulumi stack export` printed, instead of asking pulumi; - is standard input; default: ${EXPORT}",
    )
    status.add_argument("--watch", action="store_true", help=f"go on, and look again every {WATCH_SECONDS:g} s")
    status.add_argument("--json", action="store_true", help="print JSON: one object a VM, on a line of its own")
    return top


def _status(options: argparse.Namespace) -> int:
    vms = _vms(options)
    if not vms:
        *first, last = (cloud.component for cloud in CLOUDS.values())
        kinds = f"{', '.join(first)} or {last}"
        raise StackError(f"the stack has no VM of {kinds}; `pulumi up` makes them")
    before: tuple[Report, ...] = ()
    consoles = cache(console_at)  # what a console has learned helps it at the next look
    while True:
        reports = look(vms, consoles)
        _show(reports, before, options)
        if not options.watch:
            return exit_code(reports)
        before = reports
        time.sleep(WATCH_SECONDS)


def _vms(options: argparse.Namespace) -> tuple[StackVm, ...]:
    if options.export is None:
        return vms_in(export(options.stack, options.cwd))
    if options.stack:
        raise StackError("--stack chooses what to ask pulumi for, and --export says not to ask: give one of them")
    if options.export == "-":
        return vms_in(sys.stdin.read())
    try:
        return vms_in(Path(options.export).read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"--export {options.export}: {error.strerror}") from None


def _show(reports: Sequence[Report], before: Sequence[Report], options: argparse.Namespace) -> None:
    """Print everything the first time and on a terminal; later only what has changed."""
    if options.json:
        for report in reports:
            if report not in before:
                print(json.dumps(report.as_json()))
    elif sys.stdout.isatty() and options.watch:
        print(f"{_CLEAR}{table(reports)}")
    elif changed := [report for report in reports if report not in before]:
        print(table(changed))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
