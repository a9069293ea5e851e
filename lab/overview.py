"""What `python -m lab status` shows: the machines, and what killed commands have left."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.results import visible

from .laboratory import Lab
from .machine import Machine

COLORS = {"ok": "green", "failed": "red", "running": "green", "booting": "yellow", "stopped": "dim"}


def print_status(lab: Lab) -> None:
    """Print all machines of the lab, one a line, and all that belongs to none."""
    # A reader that is no terminal gets whole lines.
    console = Console(width=None if sys.stdout.isatty() else 200)
    machines = lab.machines()
    if machines:
        console.print(machine_table(machines))
    else:
        console.print("There are no machines: python -m lab up makes them.")
    for text in troubles(lab, machines):
        console.print(text, style="yellow", markup=False, highlight=False)


def machine_table(machines: list[Machine]) -> Table:
    """Return the table of machines."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "cloud", "state", "boots", "address", "instance id", "last result"):
        table.add_column(title, overflow="fold", no_wrap=title != "last result")
    for machine in machines:
        state = condition(machine)
        table.add_row(
            machine.name,
            machine.cloud,
            Text(state, COLORS[state]),
            str(machine.boots),
            machine.address,
            machine.instance_id,
            last_result(machine.results()),
        )
    return table


def condition(machine: Machine) -> str:
    """Return "running", "stopped", or "booting" while jobs of the boot are left."""
    if machine.state == "stopped":
        return "stopped"
    return "running" if machine.ready else "booting"


def last_result(results: list[dict[str, Any]]) -> Text:
    """Return what the machine's startup script came to, in a few words."""
    if not results:
        return Text("none yet", "dim")
    last = results[-1]
    text = f"{last.get('result')}, {last.get('boot')} boot"
    if last.get("failed_step"):
        text = f"{last['result']}: {last['failed_step']} (exit code {last.get('exit_code')})"
    return Text(visible(text), COLORS.get(str(last.get("result")), ""))


def troubles(lab: Lab, machines: list[Machine]) -> list[str]:
    """Return what is not as it should be, one line each."""
    lonely = [machine.name for machine in machines if machine.lonely]
    found = [f"{name}: runs without its keeper; the next command gives it one" for name in lonely]
    clouds = sorted({machine.cloud for machine in machines if machine.state == "running"})
    silent = [cloud for cloud in clouds if not lab.network(cloud).serving]
    found += [f"{cloud}: its services do not run; the next command starts them" for cloud in silent]
    if command := lab.at_work():
        return [*found, f"A command is at work: {command}"]
    strays = lab.strays()
    if strays:
        found.append("Left by a killed command (python -m lab down removes it):")
        found += [f"  {kind}: {', '.join(names)}" for kind, names in strays.items()]
    return found
