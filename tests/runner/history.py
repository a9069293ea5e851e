"""A history: the events in the life of a machine, each followed by a comparison with the model."""

from __future__ import annotations

import gzip
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from startup import render
from startup.testing.machine import Machine

from . import model
from .comparison import Comparison, Violation
from .edits import BEGINNING, edited, written

# What the runner calls one after the other, so that the n-th call is the same each time.
FUSED = ("awk", "chmod", "cmp", "cp", "curl", "ln", "mkdir", "mv", "rm", "sync", "works")
# A first boot makes nearly as many.
CALLS = 48
STUBS = Path(__file__).with_name("stubs")
SERVICES = ("ok", "503", "refuse", "hang")
SLOTS = ("whole", "empty", "damaged")
SPELLINGS = ("i-{}", "I-{}", " i-{}\n", "\ti-{} \n\n")


class History(Comparison):
    """The events in the life of a machine; each is a method, and raises a Violation if the contract is broken."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        wipe(machine)
        self.definition, self.earlier = BEGINNING, BEGINNING
        self.vms = 1
        self.world = model.World("i-1", "w-1", BEGINNING)
        self.on = False
        self.publish()

    @property
    def has_command(self) -> bool:
        """Whether an operator can call `evenboot`."""
        return self.on and all(machine.installed for machine in self.possible)

    # What happens around the machine.

    def publish(self) -> None:
        """Tell the metadata service what is so now."""
        self.machine.instance_id, self.machine.witness = self.world.instance, self.world.witness
        payload = rendered(self.world.slot, self.machine.cloud) if self.world.slot else None
        self.machine.edit(damaged(payload) if payload and self.world.damaged else payload)
        broken = self.machine.sees / "broken"
        shutil.rmtree(broken, ignore_errors=True)
        broken.mkdir()
        for name in self.world.broken:
            (broken / name).touch()

    def around(self, **changes: Any) -> None:
        self.world = replace(self.world, **changes)
        self.publish()

    def edit(self, edit: str, name: str) -> None:
        """Edit a step, and put the definition into the slot."""
        self.earlier, self.definition = self.definition, edited(self.definition, edit, name)
        self.around(slot=self.definition, damaged=False)

    def edit_back(self) -> None:
        """Put the definition before the last edit into the slot."""
        self.earlier, self.definition = self.definition, self.earlier
        self.around(slot=self.definition, damaged=False)

    def slot(self, what: str) -> None:
        """Empty the slot, damage what is in it, or put the definition there again."""
        self.around(slot=None if what == "empty" else self.definition, damaged=what == "damaged")

    def service(self, mood: str) -> None:
        """The metadata service answers, or fails in a manner of its own."""
        self.machine.service = mood
        self.around(answers=mood == "ok")

    def break_step(self, name: str) -> None:
        """A step fails from now on, however it is called by then."""
        self.around(broken=frozenset({f"{name}0", f"{name}1"}))

    def mend(self) -> None:
        """All steps work."""
        self.around(broken=frozenset())

    def spell_id(self, spelling: str) -> None:
        """The metadata service writes the instance id otherwise."""
        self.around(instance=spelling.format(self.vms))

    def clone(self) -> None:
        """Go on as another VM, made from this one's image."""
        self.on = False
        self.vms += 1
        self.around(instance=f"i-{self.vms}", witness=f"w-{self.vms}")

    # What happens on the machine.

    def boot(self, free_pages: int | None = None) -> None:
        """Power on; with a number of free pages the disk is full."""
        self.powered_on("; ", free_pages)
        self.compare(self.limited(model.boot, free_pages))

    def boot_at_once(self) -> None:
        """Power on; the unit and the agent do not wait for each other, and the agent may start another apply (L10)."""
        self.powered_on(" & ")
        self.compare(self.once_or_twice(model.boot))

    def apply(self, free_pages: int | None = None) -> None:
        """An operator applies."""
        with self.full(free_pages):
            self.machine.evenboot("apply")
        self.compare(self.limited(model.apply, free_pages))

    def apply_twice_at_once(self) -> None:
        """Two operators apply at the same moment (L10)."""
        self.machine.run("evenboot apply & evenboot apply & wait")
        self.compare(self.once_or_twice(model.apply))

    def rerun(self, name: str, free_pages: int | None = None) -> None:
        """An operator makes a step due."""
        with self.full(free_pages):
            self.machine.evenboot("rerun", name)
        self.compare(self.limited(lambda machine, world: model.rerun(machine, world, name), free_pages))

    def clean(self) -> None:
        """An operator prepares for an image."""
        self.machine.evenboot("clean")
        self.compare(lambda machine: iter([model.Machine(boot=machine.boot)]))

    def cut_power_at_boot(self, call: int) -> None:
        """Power on, and cut the power before the n-th call."""
        with self.fused(call):
            self.powered_on("; ")
        self.compare(lambda machine: model.boot(machine, self.world), killed=True)
        self.on = False

    def kill_apply(self, call: int) -> None:
        """An operator applies, and before the n-th call everything is killed."""
        with self.fused(call):
            self.machine.evenboot("apply")
        self.compare(lambda machine: model.apply(machine, self.world), killed=True)

    def come_to_rest(self) -> None:
        """When everything is well again, a boot ends ok, and the next one has nothing to do but every boot's steps."""
        self.service("ok")
        self.mend()
        self.slot("whole")
        self.boot()
        self.boot()
        if {machine.status.result for machine in self.possible if machine.status} != {"ok"}:
            raise Violation(self.story(set(), (), self.status()))

    # How it is done.

    def powered_on(self, together: str, free_pages: int | None = None) -> None:
        self.machine.power_on()
        self.on = True
        scripts = [self.machine.units_script()]
        if self.world.answers and self.world.slot:
            scripts.append(self.machine.agents_script())
        with self.full(free_pages):
            self.machine.run(together.join(filter(None, scripts)) + "\nwait")

    @contextmanager
    def full(self, free_pages: int | None) -> Iterator[None]:
        """Meanwhile the disk has so many free pages."""
        filler = self.machine.sees / "var/filler"
        if free_pages is not None:
            with filler.open("wb") as file:
                room = os.statvfs(filler)
                file.write(bytes(max(0, room.f_bavail - free_pages) * room.f_bsize))
        yield
        filler.unlink(missing_ok=True)

    @contextmanager
    def fused(self, call: int) -> Iterator[None]:
        """Meanwhile everything is killed before the n-th call of one of the programs."""
        (self.machine.sees / "fuse").write_text(f"{call}\n")
        links = [self.machine.sees / "usr/local/sbin" / name for name in FUSED]
        for link in links:
            link.symlink_to("/usr/local/bin/fuse")
        yield
        self.machine.until_quiet()
        for link in links:
            link.unlink()

    def limited(self, event: model.Event, free_pages: int | None) -> Callable[[model.Machine], Iterator[model.Machine]]:
        if free_pages is None:
            return lambda machine: last(event, machine, self.world)
        return lambda machine: model.on_a_full_disk(event, machine, self.world)

    def once_or_twice(self, event: model.Event) -> Callable[[model.Machine], Iterator[model.Machine]]:
        """Who starts a unit that runs waits for its end, and may find no status; otherwise there is another apply."""

        def ends(machine: model.Machine) -> Iterator[model.Machine]:
            for end in last(event, machine, self.world):
                yield end
                if end.installed:
                    yield replace(end, status=None)
                    yield from last(model.apply, end, self.world)

        return ends


def wipe(machine: Machine) -> None:
    """Make it a machine that has never booted, with the programs that histories call."""
    for folder in ("run", "tmp", "var", "etc/systemd/system", "usr/local/sbin", "metadata", "stand-ins/calls"):
        machine.clear(folder)
    for folder in ("var/log", "var/lib/dpkg"):
        (machine.sees / folder).mkdir(parents=True)
    for name in ("done", "synced", "unit.log"):
        (machine.sees / name).unlink(missing_ok=True)
    machine.write("/dev/console", "")
    machine.instance_id, machine.witness, machine.service, machine.payload = "i-1", str(uuid.uuid4()), "ok", None
    for program in STUBS.iterdir():
        machine.write(f"/usr/local/bin/{program.name}", program.read_text(), 0o755)


@cache
def rendered(definition: model.Definition, cloud: str) -> bytes:
    """Render a definition; compressing takes its time, and histories have most definitions in common."""
    return render(*written(definition), cloud).content  # pyright: ignore[reportArgumentType]


def damaged(payload: bytes) -> bytes:
    """Change a letter in a step."""
    if payload.startswith(b"\x1f\x8b"):
        return gzip.compress(damaged(gzip.decompress(payload)))
    return payload.replace(b"works ", b"Works ", 1)


def last(event: Callable[..., Iterator[model.Machine]], *arguments: Any) -> Iterator[model.Machine]:
    """The end of an event that nobody disturbs."""
    *_, end = event(*arguments)
    yield end
