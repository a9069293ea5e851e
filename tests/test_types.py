"""The types that users see: mypy and pyright agree on what is right and what is wrong in a user's program.

The checkers read the programs in a folder of their own, with an environment that has this checkout, the wheel and Pulumi: as
they stand, for a program beside a checkout, and once more with the names that the packages have in the wheel.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import site
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import components
import startup
import startup.testing
from components import AwsVmArgs, AzureVmArgs, GcpVmArgs, Inbound
from startup import StartupScript
from startup.definition import STEP_TYPES
from startup.testing import assert_idempotent, assert_survives_any_kill
from startup.testing.deployment import deploy

from .checkout import ROOT

PROGRAMS = ROOT / "tests" / "programs"
# The clouds' SDKs are as large as all else together, a hundred times over, and no type that a user of the components sees
# comes from them: mypy would need minutes.
MYPY = """\
[mypy]
strict = true
[mypy-pulumi_aws.*,pulumi_gcp.*,pulumi_azure_native.*]
follow_imports = skip
"""
PYRIGHT = {"typeCheckingMode": "strict"}

Lines = set[tuple[str, int]]
"""Places in programs: names of files, and numbers of lines."""


@pytest.fixture(scope="module")
def project(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project with the programs, and with an environment, in which everything is installed."""
    project = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    [packages] = project.glob(".venv/lib/python*/site-packages")
    (packages / "installed.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]))
    zipfile.ZipFile(wheel).extractall(packages)
    for program in PROGRAMS.glob("*.py"):
        text = program.read_text()
        (project / program.name).write_text(text)
        named = re.sub(r"^from (startup|components)\b", r"from evenboot.\1", text, flags=re.MULTILINE)
        (project / f"wheel_{program.name}").write_text(named)
    (project / "mypy.ini").write_text(MYPY)
    (project / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    return project


def call(project: Path, *command: str) -> str:
    """What a checker prints; it has to come to an end with or without findings."""
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    command = (str(Path(sys.executable).parent / command[0]), *command[1:])
    run = subprocess.run(command, cwd=project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return run.stdout


def mypy(project: Path) -> Lines:
    """Where mypy finds errors."""
    names = sorted(path.name for path in project.glob("*.py"))
    found = call(project, "mypy", "--python-executable", ".venv/bin/python", "--cache-dir", ".cache", *names)
    return {(name, int(line)) for name, line in re.findall(r"^(\S+?):(\d+): error: ", found, re.MULTILINE)}


def pyright(project: Path) -> Lines:
    """Where pyright finds errors."""
    found = json.loads(call(project, "basedpyright", "--outputjson", "--pythonpath", ".venv/bin/python"))
    errors = [one for one in found["generalDiagnostics"] if one["severity"] == "error"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in errors}


@pytest.mark.parametrize("check", [mypy, pyright], ids=["mypy", "pyright"])
def test_mistakes_are_found_and_nothing_else(project: Path, check: Callable[[Path], Lines]) -> None:
    """A type checker passes a program that gives every argument, and finds each mistake of another."""
    programs = {path.name: path.read_text().splitlines() for path in project.glob("*.py")}
    marked = {
        (name, number) for name, lines in programs.items() for number, line in enumerate(lines, 1) if "# mistake" in line
    }

    assert {"every_argument.py", "mistakes.py", "wheel_every_argument.py", "wheel_mistakes.py"} == set(programs)
    assert {"mistakes.py", "wheel_mistakes.py"} == {name for name, _ in marked}
    assert marked == check(project)


def calls(program: Path) -> Iterable[tuple[str, set[str | int]]]:
    """The calls in a program: the name of what is called, and the arguments that it gets, by name or by place."""
    for node in ast.walk(ast.parse(program.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield called, {*range(len(node.args)), *(keyword.arg for keyword in node.keywords if keyword.arg)}


def arguments(subject: Any) -> list[str]:
    """The names of what a class or a function takes, in its order."""
    return [name for name in inspect.signature(subject).parameters if name != "self"]


VALUES = (*STEP_TYPES, StartupScript, AwsVmArgs, GcpVmArgs, AzureVmArgs, Inbound)
FUNCTIONS = (assert_idempotent, assert_survives_any_kill, deploy)


@pytest.mark.parametrize("subject", [*VALUES, *FUNCTIONS], ids=lambda subject: subject.__name__)
def test_every_argument_is_given(subject: Any) -> None:
    """The program gives every argument of every step, of the components and of the kit, so that no type is untried."""
    given = [names for called, names in calls(PROGRAMS / "every_argument.py") if called == subject.__name__]
    names = arguments(subject)

    assert names
    assert set() == {name for place, name in enumerate(names) if not any({place, name} & one for one in given)}
    if subject in VALUES:
        assert set(names) == {field.name for field in fields(subject)}


def test_every_name_is_used() -> None:
    """The program uses all that the packages offer, and all of the kit that docs/testing.md shows."""
    nodes = list(ast.walk(ast.parse((PROGRAMS / "every_argument.py").read_text())))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    offered = {*startup.__all__, *components.__all__, *startup.testing.__all__}
    shown = re.findall(r"\b(?:machine|deployment|vm|local_cloud)\.(\w+)", (ROOT / "docs" / "testing.md").read_text())

    assert set() == offered - {node.id for node in nodes if isinstance(node, ast.Name)}
    assert len(shown) > 30
    assert set() == set(shown) - attributes
