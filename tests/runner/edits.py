"""The edits of a definition that histories are made of: each is possible at any time, and each has its way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from startup import Shell, StartupScript

from .model import Definition, Step

NAMES = "abcd"
VALUES = ("one", "t'wo $HOME")
LISTS = ("first_boot", "every_boot")
BEGINNING = Definition(
    (
        Step("a", "first_boot", "a0"),
        Step("b", "first_boot", "b0", uses=True),
        Step("c", "first_boot", "c0", rerun_on=("b",)),
        Step("d", "every_boot", "d0"),
    ),
    VALUES[0],
)


def change(step: Step) -> Step:
    return replace(step, body=step.body[0] + "10"[int(step.body[1])])


def rename(step: Step) -> Step:
    return replace(step, name=step.name.swapcase())


def move(step: Step) -> Step:
    return replace(step, list=LISTS[1 - LISTS.index(step.list)])


def use(step: Step) -> Step:
    return replace(step, uses=not step.uses)


def limit(step: Step) -> Step:
    return replace(step, timeout_seconds=2700 - step.timeout_seconds)


CHANGES: dict[str, Callable[[Step], Step]] = {
    "change": change, "rename": rename, "move": move, "use": use, "limit": limit,
}  # fmt: skip
EDITS = ("change", "rename", "move", "use", "limit", "remove", "first", "last", "rerun_on", "value")


def edited(definition: Definition, edit: str, name: str) -> Definition:
    """Edit the step of a name, however it is called by now; one that is missing is added, whatever the edit."""
    if edit == "value":
        return replace(definition, value=VALUES[1 - VALUES.index(definition.value)])
    place = next((place for place, step in enumerate(definition.steps) if step.name.lower() == name), None)
    if place is None:
        return arranged(definition, (*definition.steps, Step(name, LISTS[name > "b"], f"{name}0")), {})
    step, before, after = definition.steps[place], definition.steps[:place], definition.steps[place + 1 :]
    if edit in CHANGES:
        new = CHANGES[edit](step)
        return arranged(definition, (*before, new, *after), {step.name: new.name})
    if edit == "rerun_on":
        step = replace(step, rerun_on=() if step.rerun_on else tuple(other.name for other in before[-1:]))
        return arranged(definition, (*before, step, *after), {})
    if edit == "remove" and before + after:
        return arranged(definition, before + after, {})
    return arranged(definition, (step, *before, *after) if edit == "first" else (*before, *after, step), {})


def arranged(definition: Definition, steps: tuple[Step, ...], renamed: dict[str, str]) -> Definition:
    """Steps in the order of running, where `rerun_on` names only what stands earlier."""
    found: list[Step] = []
    for step in sorted(steps, key=lambda step: LISTS.index(step.list)):
        wanted = [renamed.get(name, name) for name in step.rerun_on]
        earlier = {other.name for other in found}
        found.append(replace(step, rerun_on=tuple(name for name in wanted if name in earlier)))
    return replace(definition, steps=tuple(found))


def written(definition: Definition) -> tuple[StartupScript, dict[str, str]]:
    """The definition as a user writes it, and its values. A step notes in /done that it runs, and succeeds if it works."""
    lists: dict[str, list[Shell]] = {name: [] for name in LISTS}
    for step in definition.steps:
        script = f'echo "{step.body} ${{VALUE--}}" >>/done\nworks {step.body}\n'
        shell = Shell(step.name, script=script, uses=["VALUE"] if step.uses else [], rerun_on=step.rerun_on,
                      timeout_seconds=step.timeout_seconds)  # fmt: skip
        lists[step.list].append(shell)
    values = {"VALUE": definition.value} if any(step.uses for step in definition.steps) else {}
    return StartupScript("site", first_boot=lists["first_boot"], every_boot=lists["every_boot"]), values
