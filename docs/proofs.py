"""Which tests prove which promise: read from the docstrings of the tests, which begin with the promise's name.

`python docs/proofs.py L3 wait` names those tests, each with its sentence.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
# What else is promised is named by its subject; of components that is the argument, where there is one.
SUBJECTS = {
    "startup": "The slot holds the definition as it was rendered, in the form of the cloud.",
    "values": "What is known only at deployment reaches the slot; a preview does not know it, and nothing fails.",
    "on_change": "A changed definition updates, restarts or replaces a VM that exists, or leaves it as it is.",
    "overflow": "What exceeds the slot lies in the cloud's store, where this VM alone may read it.",
    "wait": "The deployment ends with the VM's `ok` for this definition, and fails with the step that failed.",
    "image": "A name becomes the cloud's image once: a newer one never replaces a VM.",
    "subnet": "Without one, VMs share a network per location and provider; on aws it is the default VPC's.",
    "public_address": "There is one without `subnet`, and with it only when it is asked for.",
    "inbound": "Nothing may come in but what is named.",
    "disk_gib": "The root disk has this size.",
    "ssh_public_key": "Nobody may log in without it.",
    "tags": "Every child that can have tags has these.",
    "security": "Metadata service, disk, boot and identity are closed until an argument opens them.",
    "outputs": "Id, addresses, fingerprint and identity are there on each cloud.",
    "children": "A VM is exactly these resources, below the component and with its options.",
    "preview": "A preview shows the steps that change, and says what the VM will do.",
    "refusals": "What a cloud refuses is told with the argument to change.",
    "status": "`python -m components status` tells the newest result of each VM of a stack.",
    "package": "From another language the same VM comes out, and the same messages.",
    "templates": "`pulumi new` makes a project whose program and test work.",
    "check": "`python -m startup check` names every problem, and what it took as given.",
    "render": "`python -m startup render` writes the slot's bytes, and nothing else.",
    "plan": "`python -m startup plan` says which steps a VM would run, and why.",
    "import": "`python -m startup import` carries over or names everything, and shows no secret.",
    "kit": "A user's test sees what a boot, a reboot, an edit or a kill leaves, and which step is not repeatable.",
    "lab": "The local cloud boots the program's VMs with the clouds' agents, takes what the clouds take, and leaves nothing.",
}
# A measure is no test: what a promise about cost has is a figure.
MEASURED = {"L17": "measured: [results](../bench/results.md#runner)"}
# What a folder's tests run on; the first that fits.
ROOMS = {
    "tests/boot": "booted machines",
    "tests/runner": "throw-away root",
    "tests/attacks": "throw-away root",
    "tests/kit": "test kit",
    "tests/components/consoles": "stand-ins of the APIs",
    "tests/components": "mocks",
    "tests/hosted": "packages",
    "tests/lab": "local cloud",
    "tests": "Python",
}
ENGINE = "real engine"
PLACES = [*dict.fromkeys(ROOMS.values()), ENGINE]


@dataclass(frozen=True)
class Proof:
    """A test, the promise that it names, and what it runs on."""

    promise: str
    place: str
    file: Path
    line: int
    test: str
    sentence: str


def rows(promises: Mapping[str, str], found: list[Proof]) -> Iterator[tuple[str, str, str]]:
    """Yield each promise with what it is proven on: how many tests in which file."""
    for promise, sentence in promises.items():
        yield promise if promise in PROMISES else f"`{promise}`", sentence, _cell(promise, found)


def made() -> list[Proof]:
    """Return all proofs; fails when a test names a promise that nobody made."""
    found = list(proofs())
    if unknown := {proof.promise for proof in found} - {*PROMISES, *SUBJECTS}:
        raise SystemExit(f"tests name promises that nobody made: {', '.join(sorted(unknown))}")
    return found


def proofs() -> Iterator[Proof]:
    """Yield each test once for each promise that its docstring begins with."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                sentence = " ".join((ast.get_docstring(node) or "").split())
                for promise in _promises(sentence):
                    yield Proof(promise, _place(file, node), file, node.lineno, node.name, sentence)


def _place(file: Path, test: ast.FunctionDef) -> str:
    """Return what a test runs on. One that boots does so on every cloud: it takes the fixture that goes through them."""
    arguments = {argument.arg for argument in test.args.args}
    asked = any("PULUMI" in ast.unparse(decorator) for decorator in test.decorator_list)
    if asked or "engine" in arguments or file.stem.endswith("_with_pulumi"):
        return ENGINE
    folder = next(folder for folder in ROOMS if file.is_relative_to(folder))
    if folder == "tests/boot" and "cloud" not in arguments:
        raise SystemExit(f"{file}: {test.name} names a promise and boots on one cloud only")
    return ROOMS[folder]


def _cell(promise: str, found: list[Proof]) -> str:
    """Return the files, by place; "not proven" where there is neither test nor figure."""
    parts: list[str] = []
    for place in PLACES:
        files = [proof.file for proof in found if (proof.promise, proof.place) == (promise, place)]
        links = [f"[{file.stem.removeprefix('test_')}](../{file}) {files.count(file)}" for file in sorted(set(files))]
        if links:
            parts.append(f"_{place}:_ {', '.join(links)}")
    return "<br>".join(parts) or MEASURED.get(promise, "**not proven**")


def _promises(sentence: str) -> Iterator[str]:
    """Yield the promises with which a sentence begins: "L3, L9: ...", "`wait`: ...", "L1 to L12 under ...: ..."."""
    if found := re.match(r"([LR])(\d+) to \1(\d+)\b", sentence):
        yield from (f"{found[1]}{number}" for number in range(int(found[2]), int(found[3]) + 1))
    elif found := re.match(r"((?:(?:[LR]\d+|`\w+`)(?:, | and )?)+):", sentence):
        yield from re.findall(r"\w\w+", found[1].replace(" and ", " "))


if __name__ == "__main__":
    for proof in proofs():
        if proof.promise in sys.argv[1:]:
            print(f"{proof.file}:{proof.line}: {proof.test}: {proof.sentence}")
