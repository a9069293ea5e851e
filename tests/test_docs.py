"""The documentation is true: its code runs, its output is what is printed, and what it lists is what there is.

"""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import components
import startup
from components.aws import console as aws
from components.azure import console as azure
from components.gcp import console as gcp
from startup.definition import STEP_TYPES, StartupScript, Step
from startup.delivery import CLOUDS
from startup.loading import load
from startup.testing.deployment import deploy
from startup.testing.machine import Machine
from startup.testing.root import why_not

from .checkout import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "templates/README.md")
RUNNER = ROOT / "startup" / "runner"
REFERENCE = [
    ("python -m startup", ROOT / "docs" / "commands.md"),
    ("python -m lab", ROOT / "docs" / "commands.md"),
    ("evenboot", ROOT / "docs" / "on-the-machine.md"),
]
# The blocks that are not run, by page and a line of theirs, and why; the test's report lists them.
NOT_RUN = {
    ("README.md", "$ make up"): "it needs root and half a minute; the boot suite boots machines of its own",
    ("README.md", "$ pulumi stack init aws-dev"): "it needs a cloud account, and the VM costs money until `pulumi destroy`",
    ("README.md", "$ python -m pip wheel --no-deps --wheel-dir wheels ."): "it loads packages; the wheel is built and tested",
    ("README.md", "$ pulumi package add ../evenboot/hosted/aws"): "it needs the pulumi command, and loads packages",
    ("deploy.md", "$ evenboot check my_site.py"): "it needs a cloud account",
    ("image.md", "# evenboot clean"): "it needs a cloud account",
    ("import.md", "$ python -m startup import server/ >server.py"): "it needs the script above",
    ("night.md", "$ python -m components status --stack prod"): "it needs deployed VMs; tested against the local cloud",
    ("results.md", "$ python -m components status --stack dev"): "it needs deployed VMs; tested against the local cloud",
    ("sharing.md", "$ pulumi package add ../evenboot/hosted/aws"): "it needs the pulumi command; what it leads to is tested",
    ("sharing.md", "$ python3 -m pip wheel --no-deps --wheel-dir wheels ."): "it loads packages; what comes out is tested",
    ("testing.md", "$ python -m lab up --project ../my-program"): "it needs root and a program of yours",
    ("testing.md", '@pytest.mark.local_cloud("../my-program", stack="local")'): "the boot suite has a test like it",
}
MACHINE = ROOT / "docs" / "on-the-machine.md"


@dataclass(frozen=True)
class Block:
    """A block of code in a page."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None  # why it is not run

    @property
    def name(self) -> str | None:
        """The file that the block is, when its first line says so."""
        found = re.match(r"# (\w+\.py)\n", self.text)
        return found[1] if found else None

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text: list[str] = []
    start, language = 0, None
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if language is None and line.startswith("```"):
            language, start, text = line[3:].strip(), number, []
        elif language is None:
            pass
        elif line == "```":
            reason = next((why for (where, has), why in NOT_RUN.items() if where == page.name and has in text), None)
            yield Block(page, start, language, "".join(f"{line}\n" for line in text), reason)
            language = None
        else:
            text.append(line)
    assert language is None, f"{page}: a block has no end"


BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(*languages: str) -> Any:
    """Call a test with each block in one of the languages."""
    chosen = [block for block in BLOCKS if block.language in languages]
    assert chosen
    return pytest.mark.parametrize("block", chosen, ids=str)


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the block's page and the README name, from which they can be imported."""
    block: Block = request.node.callspec.params["block"]
    if block.reason:
        pytest.skip(f"{block} is not run: {block.reason}")
    named = {other.name: other.text for other in BLOCKS if other.page in (PAGES[0], block.page) and other.name}
    for name, text in named.items():
        (tmp_path / name).write_text(text, "utf-8")
        # A page's module is loaded anew, and is gone when its test has ended: other tests have modules of the same names.
        module = name.removesuffix(".py")
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
        del sys.modules[module]
    # As in the wheel.
    (tmp_path / "evenboot").mkdir()
    for name in ("components", "startup"):
        (tmp_path / "evenboot" / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_what_is_not_run_is_there() -> None:
    """Each reason not to run a block is that of one block."""
    assert len(NOT_RUN) == len([block for block in BLOCKS if block.reason])


@of("python")
def test_python_runs(block: Block, folder: Path) -> None:
    """A Python block runs in a namespace of its own: tests in pytest, what uses Pulumi under mocks, the rest as it is."""
    code = compile(block.text, str(block), "exec", dont_inherit=True)
    if block.name and block.name.startswith("test_"):
        pytest_run(folder / block.name)
    elif re.search(r"^(from|import) ((evenboot\.)?components|pulumi)", block.text, re.MULTILINE):
        deployment = deploy(lambda: exec(code, {"__name__": "__main__"}))

        assert deployment.error is None
        assert deployment.all()
    else:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(code, names)

        assert any(type(value).__name__ == StartupScript.__name__ for value in names.values())


def pytest_run(file: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "startup.testing.plugin", file.name]
    path = os.pathsep.join([str(ROOT), str(file.parent)])
    run = subprocess.run(command, cwd=file.parent, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)

    assert 0 == run.returncode, run.stdout


@of("pycon")
def test_examples_print_what_they_say(block: Block) -> None:
    """A block with prompts is an example of the steps, and prints what stands below them."""
    names = {name: getattr(startup, name) for name in startup.__all__}
    example = doctest.DocTestParser().get_doctest(block.text, names, str(block), str(block.page), block.line)
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)

    assert example.examples
    assert [] == report


@of("console", "sh")
def test_commands_print_what_is_shown(block: Block, folder: Path) -> None:
    """A command prints what stands below it, or ends well if nothing does.

    `$` is the prompt of the author's machine, `#` that of the VM, where `reboot` reboots.
    """
    if block.text.startswith("# "):
        if reason := why_not():
            pytest.skip(reason)
        with Machine(folder / "machine") as machine:
            on_the_vm(machine, definition_of(block, folder))
            check(block, "# ", lambda command: vm_command(machine, command))
        return
    known = ("python -m startup ", "evenboot ")
    assert all(command.startswith(known) for command, _ in commands(block, "$ ")), "nobody runs this block"
    check(block, "$ ", lambda command: author_command(folder, command))


def commands(block: Block, prompt: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output that is shown below it."""
    for part in re.split(rf"^{re.escape(prompt)}", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def check(block: Block, prompt: str, run: Callable[[str], tuple[int, str]]) -> None:
    for command, shown in commands(block, prompt):
        code, printed = run(command)

        assert normal(shown) == normal(printed) if shown else code == 0, command


def normal(text: str) -> str:
    """Output without what differs from run to run."""
    text = re.sub(r"\b\d+\.\d s\b", "N s", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text).rstrip()


def author_command(folder: Path, command: str) -> tuple[int, str]:
    """Run a command with `python` and, as the wheel has it, `evenboot` on PATH."""
    python = folder / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    for name, module in (("python", ""), ("evenboot", " -m evenboot.startup")):
        (python.parent / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        (python.parent / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return run.returncode, run.stdout


def definition_of(block: Block, folder: Path) -> StartupScript:
    """The definition that a page shows."""
    file = next(other.name for other in BLOCKS if other.page == block.page and other.name)
    return load(str(folder / file))


def on_the_vm(machine: Machine, definition: StartupScript) -> None:
    """Boot a machine for the first time, on which packages can be installed."""
    machine.package("nginx", services=["nginx"])
    uses = {name for _, _, step in definition.steps() for name in getattr(step, "uses", ())}
    machine.boot(definition, dict.fromkeys(uses, "10.0.0.7:8000"))


def vm_command(machine: Machine, command: str) -> tuple[int, str]:
    if command == "reboot":
        machine.boot()
        return 0, ""
    run = machine.run(f"{command} 2>&1")
    return run.returncode, run.stdout


def test_first_screen_is_short() -> None:
    """The README shows the definition in at most 15 lines, and the VM in 4."""
    definition, vm = [block for block in BLOCKS if block.page == PAGES[0] and block.language == "python"][:2]

    assert len(definition.text.splitlines()) <= 15
    assert len(vm.text.splitlines()) <= 4


def generator() -> ModuleType:
    """The program that writes the references."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_references_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, arguments, outputs, calls and promises stand there as the code has them: `python docs/generate.py` was called."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    generate = generator()
    steps = (ROOT / "docs" / "steps.md").read_text("utf-8")

    assert set(get_args(Step)) == set(STEP_TYPES)
    assert [kind.__name__ for kind in STEP_TYPES] == re.findall(r"^## (\w+)$", steps, re.MULTILINE)
    for name in generate.PAGES:
        assert generate.page(name) == (ROOT / "docs" / name).read_text("utf-8"), "call: python docs/generate.py"


def documented(pattern: str, *pages: Path) -> set[str]:
    """What a pattern's group finds in pages."""
    return {found for page in pages or PAGES for found in re.findall(pattern, page.read_text("utf-8"))}


def test_commands_that_are_shown_exist() -> None:
    """No page shows a call of `python -m startup`, `python -m lab` or `evenboot` that there is not."""
    of_startup, of_lab, of_vm = (documented(rf"\n\| `{words} (\w+)", *pages) for words, *pages in REFERENCE)

    assert of_startup and of_lab and of_vm
    assert documented(r"python -m (?:evenboot\.)?startup ([a-z]\w*)") <= of_startup
    assert documented(r"python -m lab ([a-z]\w*)") <= of_lab
    assert documented(r"(?:`|\$ |# )evenboot ([a-z]\w*)") <= of_startup | of_vm


@pytest.mark.parametrize("cloud", CLOUDS)
def test_children_are_documented(cloud: str) -> None:
    """docs/components.md names each child that a VM has on a cloud when it is given nothing but a definition."""
    name = {"aws": "Aws", "gcp": "Gcp", "azure": "Azure"}[cloud]
    kind, args = getattr(components, f"{name}Vm"), getattr(components, f"{name}VmArgs")
    script = StartupScript("site", every_boot=[startup.Shell("one", script="true")])
    made = {child for _, child in deploy(lambda: kind("web", args(startup=script)) and None).all()}
    rows = re.findall(r"^\| (`web-.+?) \| (.+?) \|", (ROOT / "docs" / "components.md").read_text("utf-8"), re.MULTILINE)
    shown = {child for names, where in rows if cloud in where.split(", ") for child in re.findall(r"`(.+?)`", names)}

    assert {child for child in made if child.startswith("web-")} == shown


def test_rights_to_read_are_documented() -> None:
    """docs/results.md has the rights that the readers ask for."""
    page = ROOT / "docs" / "results.md"
    asked = " ".join(f"{reader.READ} {reader.RESTART}" for reader in (aws, azure, gcp))
    rights = set(re.findall(r"[\w./]*[.:/]\w+", asked))

    assert rights <= documented(r"`([^`\n]+)`", page)


def runner_text() -> str:
    return "".join(path.read_text() for path in sorted(RUNNER.iterdir()) if path.is_file())


def places_of_the_runner() -> dict[str, str]:
    """What the runner calls its places, by name: `run` is `/run/evenboot`."""
    places: dict[str, str] = {}
    for name, value in re.findall(r"\b([a-z_]+)=(\S*/\S*)", (RUNNER / "paths.sh").read_text()):
        places[name] = re.sub(r"\$([a-z_]+)", lambda found: places[found[1]], value)
    return places


def paths_in_its_folders() -> set[str]:
    """What the runner makes below its own folders; the first part of it where the rest has no fixed name."""
    places = places_of_the_runner()
    found = re.findall(r"\$\{?([a-z_]+)[:?}]*((?:/[\w.-]+)*)/?", runner_text())
    used = {re.sub(r"(/new)?\.(new)?$", "", places[name] + rest) for name, rest in found if name in places}
    return {path for path in used if path.startswith((f"{places['state']}/", f"{places['run']}/"))}


def paths_beside_them() -> set[str]:
    """What the payloads put in place outside of those folders, and the log."""
    definition = StartupScript("all", first_boot=[startup.Service("ssh")], shutdown=[startup.Shell("bye", script="true")])
    tables = [startup.render(definition, {}, cloud).text.partition("\n@ files ")[2] for cloud in ("aws", "gcp", "azure")]
    log = places_of_the_runner()["log_file"]
    return {path for table in tables for path in re.findall(r"^\d+ \S+ (/.+)$", table, re.MULTILINE)} | {log, f"{log}.1"}


def test_paths_are_documented() -> None:
    """docs/on-the-machine.md lists each path that the runner makes, and no other."""
    rows = [line.split("|")[1] for line in MACHINE.read_text("utf-8").splitlines() if line.startswith("| `/")]
    shown = {path for row in rows for path in re.findall(r"`([^`]+)`", row)}
    starts = {path.partition("<")[0].rstrip("/.") for path in shown}
    patterns = {re.sub(r"<.+?>", "*", path) for path in shown}
    inside, beside = paths_in_its_folders(), paths_beside_them()

    assert inside <= starts
    assert [] == [path for path in beside if not any(fnmatch(path, pattern) for pattern in patterns)]
    own = tuple(places_of_the_runner()[name] for name in ("state", "run"))
    assert [] == [path for path in starts if path.startswith(own) and path not in inside]
    others = [pattern for pattern in patterns if not pattern.startswith(own)]
    assert [] == [pattern for pattern in others if not any(fnmatch(path, pattern) for path in beside)]


def test_exit_codes_are_documented() -> None:
    """docs/on-the-machine.md explains each exit code that the runner gives of its own accord."""
    given = {int(code) for code in re.findall(r"\b(?:exit|return|give_up)[ =](\d+)\b", runner_text())}
    of_timeout = {124, 137}
    of_functions = {3, 4}  # between the runner's parts, never seen outside
    rows = re.findall(r"^\| (\d+(?:, \d+)*) \|", MACHINE.read_text("utf-8"), re.MULTILINE)
    explained = {int(code) for row in rows for code in row.split(", ")}

    assert given - of_functions | of_timeout == explained


def test_messages_are_those_of_the_runner() -> None:
    """What one may see at night is what the runner says."""
    table = MACHINE.read_text("utf-8").partition("## What to type at night")[2].partition("\n## ")[0]
    messages = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)

    assert messages
    for message in messages:
        pieces = [piece.strip(" :") for piece in re.split(r"failed:|step 'x'|\d+|\.\.\.| s$", message)]
        assert [] == [piece for piece in pieces if piece not in runner_text()], message


@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_fields_of_the_status_are_documented(tmp_path: Path) -> None:
    """docs/on-the-machine.md explains each field of the status, in its order."""
    with Machine(tmp_path) as machine:
        status = machine.boot(StartupScript("site", every_boot=[startup.Shell("one", script="true")]))
    table = MACHINE.read_text("utf-8").partition("| field | holds |\n")[2].partition("\n\n")[0]
    shown = [field for row in table.splitlines()[1:] for field in re.findall(r"`(\w+)`", row.split("|")[1])]

    assert list(status) == shown
    assert all(f"`{field}`" in table for field in status["steps"][0])


def test_limits_are_those_of_the_slots() -> None:
    """README and docs/clouds.md have the limits of the code."""
    limits = [f"{CLOUDS[cloud].LIMIT:,}" for cloud in ("aws", "gcp", "azure")]
    readme, clouds = (page.read_text("utf-8") for page in (PAGES[0], ROOT / "docs" / "clouds.md"))

    assert f"| bytes that fit | {' | '.join(limits)} |" in readme
    assert limits == re.findall(r"[\d,]+(?= bytes)", next(row for row in clouds.splitlines() if row.startswith("| limit")))


def test_the_environment_of_a_step_is_documented() -> None:
    """docs/on-the-machine.md names what the runner gives to each step."""
    program = (RUNNER / "environment.sh").read_text().replace("\\\n", "")
    given = re.search(r"env -i (.+) \"\$@\"", program)
    passed = re.search(r"for name in (.+); do", program)
    assert given
    assert passed
    # The runner's own; a step does not see them.
    own = {"EVENBOOT_ENV=own", "LC_ALL=C"}
    page = MACHINE.read_text("utf-8")
    for variable in {*given[1].split(), *(name for name in passed[1].split() if name.islower())} - own:
        assert f"`{variable}`" in page or variable.startswith("PATH=")


def test_what_a_stack_needs_is_documented() -> None:
    """README names Pulumi's version as Pulumi.yaml requires it, and each stack with what is set for it."""
    readme = PAGES[0].read_text("utf-8")
    required = re.search(r'requiredPulumiVersion: ">=(\d+\.\d+)', (ROOT / "Pulumi.yaml").read_text())
    assert required
    assert f"Pulumi {required[1]} or later" in readme
    for file in sorted(ROOT.glob("Pulumi.*-dev.yaml")):
        row = re.search(rf"^\| `{file.stem.removeprefix('Pulumi.')}` .+", readme, re.MULTILINE)
        keys = re.findall(r"^  ((?!evenboot)[\w-]+:\w+):", file.read_text(), re.MULTILINE)

        assert row
        assert keys == re.findall(r"`([\w-]+:\w+)`", row[0])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / name for name in BESIDE)], ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    """A link inside the project leads to a file that is there, and to one of its headings."""
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert [] == broken


def test_every_page_is_reached() -> None:
    """The README leads to each page."""
    assert [] == [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in PAGES[0].read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_has_a_sentence_on_each_line(page: Path) -> None:
    """A line of prose ends with its sentence, so that a change shows as what it is."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    prose = [line for line in text.splitlines() if line and not re.match(r"[#|<\-]|\d+\. ", line)]

    assert [] == [line for line in prose if not line.endswith((".", ":", "_"))]
