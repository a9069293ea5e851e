"""`assert_idempotent`: applied once more, nothing changes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..definition import Reboot, StartupScript
from ..delivery import Cloud
from .differences import differences, left_by_steps
from .machine import Machine
from .tree import Entry, read_tree

Prepare = Callable[[Machine], object]


def assert_idempotent(
    definition: StartupScript,
    *,
    values: Mapping[str, str] | None = None,
    prepare: Prepare | None = None,
    ignore: Iterable[str] = (),
    cloud: Cloud = "gcp",
) -> None:
    """Assert that a definition can be applied again without changing anything.

    A machine boots for the first time and reboots, at which exactly the every-boot steps run. Then each step runs once more,
    on its own, as `evenboot rerun STEP` does, and must leave every file, folder and link as it was.

    Args:
        definition: The definition.
        values: Its values.
        prepare: Called with the machine before its first boot, to set up stand-ins.
        ignore: Paths that may differ, with `*` as in `/var/cache/*`: what a step writes anew each time on purpose.
        cloud: Whose machine it is.

    Raises:
        AssertionError: It names the step, and what it changed.

    Example:
        assert_idempotent(app, values={"PORT": "80"}, prepare=lambda machine: machine.stand_in("nginx"))
    """
    ignored = list(ignore)
    with tempfile.TemporaryDirectory(prefix="evenboot-") as folder, Machine(Path(folder), cloud=cloud) as machine:
        if prepare:
            prepare(machine)
        machine.boot(definition, values).well("first boot")
        again = machine.reboot().well("second boot")
        wanted = [step.name for step in definition.every_boot]
        if again.named("ran") != wanted:
            raise AssertionError(f"at the second boot ran {again.named('ran')}, but the every-boot steps are {wanted}")
        changed = list(_changes(machine, definition, ignored))
    if changed:
        raise AssertionError("\n".join([f"{definition.name!r} is not idempotent", *changed]))


def _changes(machine: Machine, definition: StartupScript, ignore: list[str]) -> Iterable[str]:
    before = _look(machine, ignore)
    for step in (*definition.first_boot, *definition.every_boot):
        if isinstance(step, Reboot):
            continue
        machine.rerun(step.name).well(f"step {step.name!r}, run once more")
        after = _look(machine, ignore)
        if found := list(differences(before, after)):
            yield f"step {step.name!r}, run once more, changes"
            yield from (f"  {line}" for line in found)
        before = after


def _look(machine: Machine, ignore: list[str]) -> dict[str, Entry]:
    return left_by_steps(read_tree(machine.sees), ignore)
