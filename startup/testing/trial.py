"""One boot, all states in which a kill could leave it, and how a machine goes on from each."""

from __future__ import annotations

import json
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from .cutting import step_in, watch
from .differences import FLEETING, differences, left_by_steps
from .machine import STATE, Machine, NoStatus
from .tree import Entry, Tree, read_tree, restore_tree

if TYPE_CHECKING:
    from .tracing import Call

Way = Literal["apply", "reboot"]
WAYS: tuple[Way, ...] = ("apply", "reboot")
LOG = "var/log/evenboot.log"
CUT = "stand-ins/cut"
DONE = re.compile(rf"({STATE}/journal|run/evenboot/done)/[^.]+$")
# What is noted for tests and for people; nobody else reads it.
NOTED = re.compile(
    rf"(stand-ins/calls/.+|stand-ins/cut|synced|unit\.log|metadata/requests|dev/console|run/evenboot/system|{LOG})$"
)
STAMPED = re.compile(r"run/evenboot/status")
# What a reboot takes away.
VOLATILE = re.compile(r"(run|tmp)/")
Future = frozenset[tuple[str, Entry]]


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of the undisturbed boot: before a call, with what lay there then."""

    number: int
    boot: int
    call: Call
    tree: Tree

    @property
    def place(self) -> str:
        """Say in which step that is, or after which."""
        step = step_in(self.tree[LOG].content) if LOG in self.tree else None
        if step is None:
            return ""
        names = [entry.content.split(b"\n")[1:2] for path, entry in self.tree.items() if DONE.match(path)]
        return f" {'after' if [json.dumps(step, ensure_ascii=False)[1:-1].encode()] in names else 'in'} step {step!r}"

    def __str__(self) -> str:
        which = f" of boot {self.boot}" if self.boot > 1 else ""
        return f"call {self.call.number}{which} ({self.call.program}: {self.call.name} {' '.join(self.call.paths)}){self.place}"


@dataclass(frozen=True, slots=True)
class Violation:
    """What is not as it should be after a kill and going on in one way."""

    point: Point
    way: Way
    what: list[str]

    def __str__(self) -> str:
        return "\n".join([f"killed before {self.point}, then {self.way}:", *(f"  {line}" for line in self.what)])


@dataclass(frozen=True, slots=True)
class Group:
    """Points that have the same steps behind them, each with other files, and a way of going on."""

    way: Way
    points: list[Point]


class Trial:
    """A machine that is about to boot, and all that may come of it.

    Attributes:
        points: All moments at which a kill could leave something else.
        status: The status after the undisturbed boot.
        wanted: What the steps have left then.
        journal: What is recorded then.
    """

    def __init__(self, machine: Machine, ignore: Iterable[str] = ()) -> None:
        self.machine, self.ignore = machine, list(ignore)
        self.boot_ids: list[str] = []
        self.points: list[Point] = []
        self._known: dict[Entry, Entry] = {}
        self._boot()
        self.status = machine.status()
        self.wanted, self.journal = self.lasting(machine), machine.journal
        self.status.well("the undisturbed boot")

    def _boot(self) -> None:
        asked = -1
        while asked != (asked := len(self.machine.lines("/reboots"))):
            if self.boot_ids:
                self.machine.shut_down()
            self.machine.power_on()
            self.boot_ids.append(self.machine.boot_id)
            watch(self.machine, self._note)

    def _note(self, call: Call) -> bool:
        tree = {path: self._known.setdefault(entry, entry) for path, entry in read_tree(self.machine.sees).items()}
        self.points.append(Point(len(self.points) + 1, len(self.boot_ids), call, tree))
        return False

    def lasting(self, machine: Machine) -> dict[str, Entry]:
        """Return what steps have left on a machine that is to last."""
        left = left_by_steps(read_tree(machine.sees), self.ignore)
        return {path: entry for path, entry in left.items() if not FLEETING.match(path)}

    @cached_property
    def groups(self) -> list[Group]:
        """All points and ways; of those with the same files only the first."""
        found: defaultdict[object, list[Point]] = defaultdict(list)
        ways: dict[object, Way] = {}
        for way in WAYS:
            tried: set[Future] = set()
            for point in self.points:
                kept = {path: entry for path, entry in point.tree.items() if way == "apply" or not VOLATILE.match(path)}
                if (state := self.future(kept)) not in tried:
                    tried.add(state)
                    behind = frozenset((path, entry) for path, entry in kept.items() if DONE.match(path))
                    key = (way, kept.get(f"{STATE}/current"), kept.get(f"{STATE}/machine"), behind)
                    found[key].append(point)
                    ways[key] = way
        return [Group(ways[key], points) for key, points in found.items()]

    def future(self, tree: Tree, boot_id: str = "") -> Future:
        """Return what decides what happens next, whichever boot of this trial it is."""
        return future(tree, NOTED, STAMPED, [*self.boot_ids, boot_id])

    def try_group(self, machine: Machine, group: Group) -> list[Violation]:
        """Go on from each point of a group; what is not as it should be."""
        first, *others = group.points
        found = list(self.violations(machine, first, group.way))
        record = None if found or not others else self.at_next_record(machine, first, group.way)
        for point in others:
            if record is None or self.at_next_record(machine, point, group.way) != record:
                found += self.violations(machine, point, group.way)
        return found

    def at_next_record(self, machine: Machine, point: Point, way: Way) -> Future | None:
        """Go on up to the next record of a first-boot step; what decides what happens then, None if there is no such record."""
        restore_tree(machine.sees, point.tree)
        (machine.sees / CUT).touch()
        self.go_on(machine, point, way)
        if (machine.sees / CUT).exists():
            (machine.sees / CUT).unlink()
            return None
        machine.until_quiet()
        return self.future(read_tree(machine.sees), "" if way == "apply" else machine.boot_id)

    def violations(self, machine: Machine, point: Point, way: Way) -> Iterator[Violation]:
        """Go on from a point to the end, and say what is not as after the undisturbed boot."""
        restore_tree(machine.sees, point.tree)
        asked = len(machine.lines("/reboots"))
        self.go_on(machine, point, way)
        try:
            if asked != len(machine.lines("/reboots")):
                machine.reboot()
            what = list(self.compare(machine))
        except NoStatus as error:
            what = [str(error)]
        if what:
            yield Violation(point, way, what)

    def go_on(self, machine: Machine, point: Point, way: Way) -> None:
        """Apply again, as an operator or by a reboot."""
        machine.boot_id = self.boot_ids[point.boot - 1]
        if way == "reboot":
            machine.power_on()
            machine.run(machine.boots())
        elif (machine.sees / STATE / "current").exists():
            machine.evenboot("apply")
        else:
            # Nothing is installed: the agent is the only one who can.
            machine.agent()

    def compare(self, machine: Machine) -> Iterator[str]:
        """Say what is not as after the undisturbed boot."""
        status = machine.status()
        if status.result != "ok":
            yield f"the result is {status.result}: {status.message}"
            yield from (f"  {line}" for line in status.output)
        elif machine.journal != self.journal:
            yield f"the journal has {list(machine.journal)} instead of {list(self.journal)}"
        yield from differences(self.wanted, self.lasting(machine))


def future(tree: Tree, noted: re.Pattern[str], stamped: re.Pattern[str], boot_ids: Sequence[str] = ()) -> Future:
    """Return what decides what happens next: from the same files the same follows.

    Args:
        tree: All files.
        noted: Paths that nobody reads but people and tests: they do not count.
        stamped: Paths of texts that hold times: their digits do not count.
        boot_ids: The boots so far: their ids count by their place here. The stamps of changes count by their order.
    """
    ids = {one.encode(): b"boot %d" % number for number, one in enumerate(boot_ids) if one}
    stamps = sorted({int(word) for entry in tree.values() if _is_stamp(entry) for word in entry.content.split()})
    ranks = {b"%d" % stamp: b"#%d" % rank for rank, stamp in enumerate(stamps)}

    def settled(path: str, entry: Entry) -> Entry:
        content = entry.content
        if _is_stamp(entry):
            content = b" ".join(ranks[word] for word in content.split())
        elif stat.S_ISREG(entry.mode):
            for one, place in ids.items():
                content = content.replace(one, place)
        if stamped.match(path):
            content = re.sub(rb"\d", b"0", content)
        return entry if content == entry.content else entry._replace(content=content)

    return frozenset((path, settled(path, entry)) for path, entry in tree.items() if not noted.match(path))


def _is_stamp(entry: Entry) -> bool:
    return bool(re.fullmatch(rb"[1-9]\d*( \d+)*\n", entry.content)) if len(entry.content) < 200 else False
