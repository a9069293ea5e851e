"""What a machine does, as a plain program: section 3 of the contract, L1 to L11, without a line of the runner.

`boot` and `apply` yield the machine after each thing that happens. The last one is the end. Killed at any instant, the
machine is one of those that were yielded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Step:
    """What a user writes. `body` stands for the text of a script, and is what the step notes when it runs."""

    name: str
    list: str
    body: str
    uses: bool = False
    rerun_on: tuple[str, ...] = ()
    timeout_seconds: int = 1800


@dataclass(frozen=True, slots=True)
class Definition:
    """Steps in the order of running, `first_boot` first, and the text of the one value that they may use."""

    steps: tuple[Step, ...]
    value: str

    def fingerprints(self) -> dict[str, object]:
        """What decides each step's effect: not its name, its place or its limits."""
        found: dict[str, object] = {}
        for step in self.steps:
            value = self.value if step.uses else None
            found[step.name] = (step.body, value, *(found[name] for name in step.rerun_on))
        return found


@dataclass(frozen=True, slots=True)
class World:
    """What is around the machine: its identity, the metadata service and its slot, and the bodies that fail."""

    instance: str
    witness: str
    slot: Definition | None
    damaged: bool = False
    answers: bool = True
    broken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Status:
    """What an apply leaves; None is what the contract leaves open."""

    result: str
    source: str | None = None
    boot: str | None = None
    instance: str | None = None
    steps: tuple[str, ...] | None = None


Records = frozenset[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine keeps (the second half only until the next boot) and, as `ran`, the marks that its steps left."""

    installed: bool = False
    instance: str | None = None
    first_boot: int = 0
    definition: Definition | None = None
    arrived_at: str = ""
    journal: Records = frozenset()

    boot: int = 0
    done_in_boot: Records = frozenset()
    status: Status | None = None
    ran: tuple[str, ...] = ()

    def obeys(self, world: World) -> Definition | None:
        """The definition to use without a metadata service: only on the machine at which it arrived (L7, L9)."""
        return self.definition if self.instance is not None and self.arrived_at == world.witness else None


Event = Callable[[Machine, World], Iterator[Machine]]


def mark(step: Step, definition: Definition) -> str:
    """What a step writes when it runs."""
    return f"{step.body} {definition.value if step.uses else '-'}"


def boot(machine: Machine, world: World) -> Iterator[Machine]:
    """Power on; the agent of the cloud brings the payload to a machine that has none yet."""
    machine = replace(machine, boot=machine.boot + 1, done_in_boot=frozenset(), status=None)
    yield machine
    if not machine.installed:
        if not world.answers or world.slot is None:
            return
        if world.damaged:  # L11
            yield replace(machine, status=Status("failed"))
            return
        machine = replace(machine, installed=True, definition=world.slot, arrived_at=world.witness)
    yield from apply(machine, world)


def apply(machine: Machine, world: World) -> Iterator[Machine]:
    """Ask the slot for the definition, and do what is due."""
    yield machine
    machine = replace(machine, status=None)
    yield machine
    if world.answers:
        instance = world.instance.strip().lower()  # L8
        if instance != machine.instance:  # L7
            machine = replace(machine, instance=instance, first_boot=machine.boot, journal=frozenset())
            yield machine
        if world.slot is None:  # L9: no outage; nothing runs, also when there is one later
            yield replace(machine, definition=None)
            return
    fresh = world.answers and not world.damaged  # L9, L11: otherwise the last definition that arrived whole
    if fresh:
        machine = replace(machine, definition=world.slot, arrived_at=world.witness)
        yield machine
    elif not machine.obeys(world):
        yield replace(machine, status=Status("failed", steps=()))
        return
    machine = forget_removed(machine)
    yield machine
    yield from run(machine, world, source="cloud" if fresh else "cached")


def forget_removed(machine: Machine) -> Machine:
    """Drop the records of steps that are no longer in their list (L6)."""
    assert machine.definition
    names = {(step.list, step.name) for step in machine.definition.steps}
    return replace(
        machine,
        journal=frozenset(record for record in machine.journal if ("first_boot", record[0]) in names),
        done_in_boot=frozenset(record for record in machine.done_in_boot if ("every_boot", record[0]) in names),
    )


def run(machine: Machine, world: World, source: str) -> Iterator[Machine]:
    """Run the due steps in order up to the first that fails, and record each that succeeds (L1 to L6)."""
    assert machine.definition
    definition, fingerprints = machine.definition, machine.definition.fingerprints()
    outcomes: list[str] = []
    result = "ok" if source == "cloud" or not world.answers else "failed"  # L11: a damaged payload is never ok
    for step in definition.steps:
        kept = "journal" if step.list == "first_boot" else "done_in_boot"
        record, records = (step.name, fingerprints[step.name]), getattr(machine, kept)
        if record in records:
            outcomes.append(f"skipped {step.name}")
            continue
        machine = replace(machine, ran=(*machine.ran, mark(step, definition)))
        yield machine
        if step.body in world.broken:  # L4
            outcomes.append(f"failed {step.name}")
            result = "failed"
            break
        others = frozenset(other for other in records if other[0] != step.name)
        machine = replace(machine, **{kept: others | {record}})
        yield machine
        outcomes.append(f"ran {step.name}")
    outcomes += [f"pending {step.name}" for step in definition.steps[len(outcomes) :]]
    yield replace(
        machine,
        status=Status(
            result=result,
            source=source,
            boot="first" if machine.first_boot == machine.boot else "later",
            instance=machine.instance,
            steps=tuple(outcomes),
        ),
    )


def rerun(machine: Machine, world: World, name: str) -> Iterator[Machine]:
    """Make one step of the definition due, and apply."""
    yield machine
    definition = machine.obeys(world)
    if definition and name in definition.fingerprints():
        yield from apply(
            replace(
                machine,
                journal=frozenset(record for record in machine.journal if record[0] != name),
                done_in_boot=frozenset(record for record in machine.done_in_boot if record[0] != name),
            ),
            world,
        )


def on_a_full_disk(event: Event, machine: Machine, world: World) -> Iterator[Machine]:
    """What fits is done. What does not ends the apply, failed, and a definition that does not leaves the last in force (L11)."""
    *_, end = event(machine, world)
    yield end
    for definition_fits in (True, False):
        for moment in event(machine, world if definition_fits else replace(world, damaged=True)):
            yield replace(moment, status=Status("failed"))
