"""Which tests prove which promise: read from the docstrings of the tests, which begin with the promise's name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROMISES = {
    "L1": "At the first boot the first-boot steps run in order, then the every-boot steps.",
    "L2": "At a later boot done steps are skipped, the others run first, and the every-boot steps run once.",
    "L3": "A first-boot step is recorded after it succeeded and what it wrote is on disk; the record survives a power cut.",
    "L4": "A failing step ends the apply: nothing runs after it, and the result names it.",
    "L5": "Killed at any instant, the next apply goes on at the step that was cut; no finished first-boot step runs again.",
    "L6": "A changed definition or value makes exactly the steps concerned due again, once.",
    "L7": "A VM made from an image of another is a new machine and obeys its own slot only.",
    "L8": "The same instance id in other letters is the same instance.",
    "L9": "Without the metadata service the last definition that arrived is obeyed, on the same machine only.",
    "L10": "Applies that overlap are one after another.",
    "L11": "A full or read-only disk, a missing tool, a damaged payload: a clear failure, never a false `ok`.",
    "L12": "Each apply leaves a status on the VM and the same on one line of the serial console.",
    "L13": "An orderly stop interrupts the apply and runs the shutdown steps, 60 seconds for all.",
    "L14": "A secret's text is nowhere.",
    "L15": "No decision rests on a time stamp.",
    "L16": "A step's text cannot hurt the runner.",
    "L17": "A later boot with nothing due costs next to nothing.",
    "R1": "The same definition and values give the same bytes.",
    "R2": "Rendering looks at no clock, network or environment.",
    "R3": "What does not fit its slot fails before the cloud is asked.",
    "R4": "No value is ever pasted into shell code.",
    "R5": "What fits uncompressed can be read in the cloud's console.",
    "R6": "All problems of a definition come together, each with its place and the way out.",
}
# A measure is no test: what a promise about cost has is a figure.
MEASURED = {"L17": "measured: [results](../bench/results.md#runner)"}
ROOMS = {"tests/boot": "booted machines", "tests/runner": "throw-away root"}
ELSEWHERE = "elsewhere"


def table() -> str:
    """Return a row for each promise, with the tests in each room: how many in which file."""
    proofs = list(_proofs())
    if unknown := {promise for promise, *_ in proofs} - set(PROMISES):
        raise SystemExit(f"tests name promises that nobody made: {', '.join(sorted(unknown))}")
    places = [*ROOMS.values(), ELSEWHERE]
    lines = [f"| | promise | {' | '.join(places)} |", f"| --- | --- |{' --- |' * len(places)}"]
    for promise, sentence in PROMISES.items():
        cells = [_cell([file for name, place, file in proofs if (name, place) == (promise, wanted)]) for wanted in places]
        if not any(cells):
            cells[-1] = MEASURED[promise]
        lines.append(f"| {promise} | {sentence} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(files: list[Path]) -> str:
    links = [f"[{file.stem.removeprefix('test_')}](../{file})&nbsp;{files.count(file)}" for file in sorted(set(files))]
    return ", ".join(links)


def _proofs() -> Iterator[tuple[str, str, Path]]:
    """Yield promise, place and file for each test that names a promise."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file = path.relative_to(ROOT)
        place = ROOMS.get(str(file.parent), ELSEWHERE)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield from ((promise, place, file) for promise in _promises(ast.get_docstring(node) or ""))


def _promises(docstring: str) -> Iterator[str]:
    """Yield the promises with which a docstring begins: "L3, L9: ..." or "L1 to L12 under ...: ..."."""
    if found := re.match(r"([LR])(\d+) to \1(\d+)\b", docstring):
        yield from (f"{found[1]}{number}" for number in range(int(found[2]), int(found[3]) + 1))
    elif found := re.match(r"((?:[LR]\d+(?:, | and )?)+):", docstring):
        yield from re.findall(r"[LR]\d+", found[1])
