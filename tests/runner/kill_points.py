"""Kill the runner before the k-th call that changes the file system, apply again, and say what is not as promised.

A scenario is run once to its end, which says how many calls there are and what it comes to. Then for each kill point the
machine begins anew, everything that runs is killed, and the next apply has to come to the same.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from startup import Directory, Download, File, Reboot, Service, Shell, StartupScript, Unit, User
from startup.testing.machine import Machine
from startup.testing.tracing import Trace, trace
from startup.testing.tree import Entry, read_tree, restore_tree
from startup.testing.trial import Future, future

from .scenarios import note

Again = Literal["apply", "reboot"]
AGAIN: tuple[Again, ...] = ("apply", "reboot")
TOOL = b"#!/bin/sh\n"
UNIT = "[Service]\nExecStart=/srv/app/run\n[Install]\nWantedBy=multi-user.target\n"
# What tells of a run, its log, and what the stand-ins keep.
TELLS = re.compile(r"(run|tmp|metadata|stand-ins|var/log|dev)(/|$)|(done|synced|reboots|unit\.log|boot_id)$")
# What useradd and its like leave beside the files of accounts: the last version, locks of the dead.
BESIDE = re.compile(r"etc/(passwd|shadow|group)([-+]|\.lock|\.\d+)$")
# What the stand-ins note for tests to look at; nobody else reads it.
NOTED = re.compile(r"(stand-ins/calls/.+|reboots|synced|unit\.log|metadata/requests)$")
STAMPED = re.compile(r"(var/log|dev|run/evenboot/status)")
STATE = "var/lib/evenboot"
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def application(text: str, unit: str) -> StartupScript:
    """Steps of several kinds; between them some that note in /done that they ran."""
    conf = File("/srv/app/site.conf", content=f"{text} ${{SITE}}\n", uses=["SITE"], mode=0o640)
    return StartupScript(
        "site",
        first_boot=[
            note("one"),
            Directory("/srv/app", mode=0o750),
            conf,
            Download("http://example.org/tool", path="/srv/app/tool", sha256=sha256(TOOL).hexdigest(), mode=0o755),
            Shell("once", script="echo once >>/done\ntouch /once\n", unless="[ -e /once ]"),
            Unit("app.service", content=unit),
            Service("web", restart_on=[conf]),
            note("two", rerun_on=[conf]),
        ],
        every_boot=[note("three"), File("/srv/greeting", content="hello\n"), note("four")],
        shutdown=[Shell("drain", script="echo drain >>/done")],
    )


BEFORE = application("site", UNIT)
AFTER = StartupScript(
    "site",
    first_boot=[note("zero"), *(step for step in application("changed", f"# changed\n{UNIT}").first_boot if step.name != "once")],
    every_boot=BEFORE.every_boot,
    shutdown=BEFORE.shutdown,
)
VALUES = {"SITE": "example.org"}


def first_boot(machine: Machine) -> None:
    """The first boot of a machine."""
    machine.edit(BEFORE, VALUES)


def later_boot(machine: Machine) -> None:
    """A boot at which no first-boot step is due."""
    machine.boot(BEFORE, VALUES)


def edited(machine: Machine) -> None:
    """A boot with another definition: steps changed, one added, one removed."""
    machine.boot(BEFORE, VALUES)
    machine.edit(AFTER, VALUES)


def new_id(machine: Machine) -> None:
    """The first boot of a machine that was made from another one's image."""
    machine.boot(BEFORE, VALUES)
    machine.clone()


REBOOTS = StartupScript("site", first_boot=[note("one"), Reboot("new kernel"), note("two")], every_boot=[note("three")])


def before_reboot(machine: Machine) -> None:
    """The boot in which a step asks for a reboot."""
    machine.edit(REBOOTS)


def after_reboot(machine: Machine) -> None:
    """The boot for which a step has asked."""
    machine.edit(REBOOTS)
    machine.one_boot()


def account(machine: Machine) -> None:
    """The first boot of a machine that makes an account, which takes several programs and files."""
    app = User("app", groups=["web"], ssh_keys=["ssh-ed25519 AAAA key"])
    machine.edit(StartupScript("site", first_boot=[note("one"), app, note("two")]))


Scenario = Callable[[Machine], None]
SCENARIOS: dict[str, Scenario] = {
    "first boot": first_boot, "later boot": later_boot, "edited definition": edited, "new instance id": new_id,
    "before a reboot": before_reboot, "after a reboot": after_reboot,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class End:
    """What an apply came to."""

    status: dict[str, Any]
    files: dict[str, Entry]
    notes: list[str]


class Trial:
    """A scenario on a machine, which can be begun again and again."""

    def __init__(self, machine: Machine, prepare: Scenario) -> None:
        self.machine, self.prepare = machine, prepare
        (machine.sees / "etc/known").mkdir()
        (machine.sees / "etc/known/web.service").touch()
        machine.serve("http://example.org/tool", TOOL)
        prepare(machine)
        (machine.sees / "done").write_text("")
        machine.power_on()
        # As in `Machine.boot`: the unit, if the machine has it, then the agent.
        self.boots = "\n".join(["cd", machine.units_script(), machine.agents_script()])
        self.start = read_tree(machine.sees)
        self.clean = self.run()
        self.tried: set[tuple[Again, Future]] = set()
        self.reboots = machine.status()["result"] == "running"
        self.wanted = self.end()
        assert self.wanted.status["result"] == "ok", self.wanted.status

    def run(self, kill_at: int | None = None) -> Trace:
        """Boot from the start, and let it come to its end or to a kill point."""
        restore_tree(self.machine.sees, self.start)
        return trace(self.machine.command(self.boots, {"HOME": "/root"}), kill_at=kill_at)

    def end(self) -> End:
        """Do the reboot that a step has asked for, and look at what the last apply came to."""
        if self.machine.status()["result"] == "running":
            self.machine.one_boot()
        tree = read_tree(self.machine.sees)
        return End(self.machine.status(), kept(tree, self.machine.boot_ids), tree["done"].content.decode().split())

    def violations(self, kill_at: int, again: tuple[Again, ...]) -> Iterator[str]:
        """Kill before a call; then apply again in each of these ways, and say what is not as it should be."""
        killed = self.run(kill_at)
        if not killed.killed:
            return
        tree = read_tree(self.machine.sees)
        for way in again:
            # Files are all that a kill leaves.
            state = (way, future(tree, NOTED, STAMPED))
            if state in self.tried:
                continue
            self.tried.add(state)
            restore_tree(self.machine.sees, tree)
            self.go_on(way)
            try:
                found = list(self.compare(tree, self.end(), way))
            except ValueError:
                found = ["there is no status"]
            yield from (f"killed before {killed.calls[-1]}, then {way}: {what}" for what in found)

    def go_on(self, way: Again) -> None:
        """Apply again."""
        if way == "reboot":
            self.machine.one_boot()
        elif (self.machine.sees / STATE / "current").exists():
            self.machine.evenboot("apply")
        else:
            # Nothing is installed: the agent is the only one who can.
            self.machine.agent()

    def compare(self, killed: Mapping[str, Entry], end: End, way: Again) -> Iterator[str]:
        """Say what is not as after a clean run."""
        for key in ("result", "definition", "fingerprint", "instance_id", "failed_step", "source", "message"):
            if end.status[key] != self.wanted.status[key]:
                yield f"{key} is {end.status[key]!r} instead of {self.wanted.status[key]!r}"
        for path in sorted(end.files.keys() | self.wanted.files.keys()):
            if (is_now := end.files.get(path)) != (wanted := self.wanted.files.get(path)):
                yield f"/{path} is {is_now} instead of {wanted}"
        began = killed["done"].content.decode().split()
        if end.notes not in self.may_be_noted(began, way):
            yield f"{began} had begun, and then ran {end.notes[len(began) :]}"
        yield from self.compare_outcomes(killed, end, way)

    def may_be_noted(self, began: list[str], way: Again) -> Iterator[list[str]]:
        """What may be in /done: the step that was running when all was killed may have run once more."""
        names = outcomes_of(self.wanted.status, "first_boot")
        first = [name for name in self.wanted.notes if name in names]
        every = [name for name in self.wanted.notes if name not in names]
        rest = (first + every)[len(began) :] if way == "apply" else first[len(began) :] + every
        yield began + rest
        if began and (way == "apply" or len(began) <= len(first)):
            yield began + began[-1:] + rest

    def compare_outcomes(self, killed: Mapping[str, Entry], end: End, way: Again) -> Iterator[str]:
        """The first-boot steps whose records were there are skipped, and those after them run."""
        before = kept(killed, self.machine.boot_ids)
        journal = [path for path in self.wanted.files if path.startswith(f"{STATE}/journal/")]
        finished = sum(before.get(path) == self.wanted.files[path] for path in journal)
        clean, now = (outcomes_of(status, "first_boot") for status in (self.wanted.status, end.status))
        due = [name for name, outcome in clean.items() if outcome == "ran"]
        # After a reboot that a step asked for, the status tells of the boot after it.
        still_due = due if self.reboots else due[finished - (len(clean) - len(due)) :]
        if now != {name: "ran" if name in still_due else "skipped" for name in clean}:
            yield f"{finished} steps were recorded, then the status says {now}"
        every = [*outcomes_of(end.status, "every_boot").values()]
        if every != sorted(every, reverse=True) or (way == "reboot" and "skipped" in every):
            yield f"of the every-boot steps the status says {every}"


def outcomes_of(status: Mapping[str, Any], which: str) -> dict[str, str]:
    """Return the outcome of each step of a list."""
    return {step["name"]: step["outcome"] for step in status["steps"] if step["list"] == which}


def kept(tree: Mapping[str, Entry], boot_ids: Collection[str]) -> dict[str, Entry]:
    """Return what is to be the same however often a run was killed: what tells of the run is left out, boot ids have no digits,
    and the definition in force lies in `current`, wherever that points."""
    target = os.fsdecode(tree[f"{STATE}/current"].content) if f"{STATE}/current" in tree else "none"
    found: dict[str, Entry] = {}
    for path, entry in tree.items():
        if TELLS.match(path) or BESIDE.match(path):
            continue
        if path.startswith(f"{STATE}/"):
            first, *rest = path.removeprefix(f"{STATE}/").split("/")
            if first == "current":
                continue
            if first == target:
                path = "/".join([STATE, "current", *rest])
            elif first != "journal" and (rest or stat.S_ISDIR(entry.mode)):
                continue
        hidden = UUID.sub(lambda found: b"BOOT-ID" if found[0].decode() in boot_ids else found[0], entry.content)
        found[path] = entry._replace(content=hidden)
    return found
