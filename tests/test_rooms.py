"""The walls between the packages: who may import whom, and what an import loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .checkout import ROOT, committed

SDKS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure": "pulumi_azure_native"}
# The SDKs with which consoles are read; each reader imports its own, and only when it reads.
READERS = {"aws": {"boto3", "botocore"}, "gcp": {"google", "requests"}, "azure": {"azure"}}
# what each package may import beside itself and the standard library
MAY_IMPORT = {
    "startup": {"deflate"},
    "components": {"startup", "pulumi", *SDKS.values()},
    # a package's own program finds `hosted` by its place in the repository
    "hosted": {"components", "google", "grpc", "hosted", "pulumi", "startup"},
    "lab": {"components", "google", "grpc", "pulumi", "rich", "semver", "yaml"},
}


# the part of startup that tests of definitions import, and what it may import beside
KIT = ROOT / "startup/testing"
KIT_MAY_IMPORT = {path: {"pytest"} for path in KIT.glob("*.py")} | {KIT / "deployment.py": {"pulumi"}}


def modules(package: str) -> list[Path]:
    """The Python files of a package."""
    return [path for path in committed() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == package]


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """The dotted names of what a file imports, wherever in it, also for types only."""
    package = name_of(path).split(".")[: None if path.name == "__init__.py" else -1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*base, *([node.module] if node.module else []), alias.name]) for alias in node.names)


def absolute_imports(path: Path) -> Iterator[str]:
    """Top-level names that a file imports absolutely, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


# What loads a module by a name that is made at run time, and why.
BY_NAME = {
    "components/__init__.py": "the component of a cloud loads its SDK, and only when it is asked for",
    "components/console_sdks.py": "looks whether an SDK is there, without loading it",
    "hosted/__main__.py": "the package of each cloud, one after another",
    "lab/program.py": "the user's program",
    "startup/delivery/document.py": "the compressor, which only one cloud needs, and which has no types",
    "startup/importing/yaml_text.py": "PyYAML may be missing, which the message says",
    "startup/testing/deployment.py": "the user's program",
}
BY_NAME_CALLS = {"import_module", "__import__", "find_spec", "spec_from_file_location", "run_path", "run_module"}


def loads_by_name(path: Path) -> bool:
    """Whether a file loads, or looks for, a module in another way than by an import statement."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(getattr(call, "attr", getattr(call, "id", "")) in BY_NAME_CALLS for call in calls)


def test_nothing_is_imported_by_a_trick() -> None:
    """No wall is gone round: what loads a module by its name is listed with its reason."""
    files = [path for package in MAY_IMPORT for path in modules(package)]
    assert sorted(BY_NAME) == sorted(str(path.relative_to(ROOT)) for path in files if loads_by_name(path))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_make_no_circle(package: str) -> None:
    """No module of a package imports itself by way of others, not even in a function or for types only."""
    files = {name_of(path): path for path in modules(package)}
    reaches = {
        name: {one if one in files else one.rpartition(".")[0] for one in imports(path)} & files.keys() - {name}
        for name, path in files.items()
    }
    while True:
        ends = reaches.keys() - set().union(*reaches.values()) | {n for n, to in reaches.items() if not to & reaches.keys()}
        if not ends:
            break
        reaches = {name: to for name, to in reaches.items() if name not in ends}

    assert files
    assert [] == sorted(reaches)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    """startup knows nobody, components knows startup and Pulumi, hosted those two, lab what a cloud knows.

    Inside a package imports are relative.
    """
    allowed = MAY_IMPORT[package] | set(sys.stdlib_module_names)
    files = modules(package)
    more = {ROOT / f"components/{cloud}/console.py": names for cloud, names in READERS.items()} | KIT_MAY_IMPORT

    assert files
    assert [] == [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in absolute_imports(path)
        if name not in allowed | more.get(path, set())
    ]


def loaded_by(code: str, *options: str) -> set[str]:
    """Top-level modules that are loaded after the code ran in a Python of its own."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in result.stdout.split()}


def test_startup_needs_the_standard_library_only() -> None:
    """A Python without a single package installed imports startup and renders a definition."""
    code = "from startup import *\nrender(StartupScript('a', first_boot=[Shell('b', script='true')]), {}, 'gcp')"

    assert "startup" in loaded_by(code, "-S", "-I")


def test_importer_alone_needs_pyyaml() -> None:
    """PyYAML is loaded by `startup.importing`, and by it only when there is YAML to read; nothing else asks for either."""
    asking = [path for path in modules("startup") if '"yaml"' in path.read_text()]

    assert {ROOT / "startup/importing"} == {path.parent for path in asking}
    assert "yaml" not in loaded_by("import startup.__main__, startup.importing")
    assert [] == [
        path for path in modules("startup") if path.parent.name != "importing" and path.name != "__main__.py"
        and "importing" in path.read_text()
    ]  # fmt: skip


def test_kit_is_loaded_by_tests_only() -> None:
    """Neither the library nor its commands load the kit or pytest; the kit loads Pulumi only for deployments."""
    assert "pytest" not in loaded_by("import startup, startup.__main__, startup.importing")
    assert "pulumi" not in loaded_by("import startup.testing.plugin, startup.testing.local_cloud")
    assert [] == [
        str(path.relative_to(ROOT)) for path in modules("startup") if path.parent != KIT and "testing" in path.read_text()
    ]


@pytest.mark.parametrize("cloud", SDKS)
def test_one_cloud_loads_no_other_sdk(cloud: str) -> None:
    """A program with the VMs of one cloud loads no other cloud's SDK."""
    loaded = loaded_by(f"from components import {cloud.capitalize()}Vm")

    assert {SDKS[cloud]} == loaded & set(SDKS.values())


@pytest.mark.parametrize("cloud", SDKS)
def test_the_package_of_a_cloud_loads_no_other_sdk(cloud: str) -> None:
    """The process that serves a cloud's package loads its SDK only."""
    loaded = loaded_by(f"from importlib import import_module; import_module('hosted.{cloud}.__main__').PACKAGE.schema()")

    assert {SDKS[cloud]} == loaded & set(SDKS.values())


def test_reading_steps_needs_no_pulumi() -> None:
    """What turns data into a definition is plain Python."""
    assert "pulumi" not in loaded_by("import hosted.steps")


def test_components_loads_no_sdk_by_itself() -> None:
    """Importing the package loads no SDK: the component does."""
    assert not loaded_by("import components") & set(SDKS.values())


def test_reading_consoles_needs_no_pulumi_and_no_sdk_before_a_console_is_read() -> None:
    """The command that shows results starts at once, and loads the SDK of a cloud when it reads from that cloud."""
    vms = "console_at('w', 'projects/p/zones/z/instances/w'), console_at('w', 'arn:aws:ec2:r:1:instance/i-0')"
    loaded = loaded_by(f"import components.__main__\nfrom components.consoles import console_at\n{vms}")

    assert not loaded & {"pulumi", *SDKS.values(), *(name for names in READERS.values() for name in names)}


# Code outside a cloud's folders that names one, and why; `{cloud}` stands for its name.
CLOUD_PLACES = ("startup/delivery/{cloud}.py", "components/{cloud}/", "hosted/{cloud}/", "lab/{cloud}/")
NAMES_CLOUDS = {
    "components/__init__.py": "the names that users import",
    "components/cloud_errors.py": "the clouds' own words, by which their refusals are known",
    "components/clouds.py": "the list of the folders",
    "lab/clouds.py": "the list of the folders",
    "startup/delivery/__init__.py": "the list of the files, and their names as a type",
    "startup/importing/cautions.py": "addresses and tools of clouds that a text to be imported may hold",
    "startup/overflow.py": "the default of an argument",
    "startup/rendering.py": "the default of an argument",
    "startup/testing/deployment.py": "what Pulumi's mocks answer for each cloud's resources",
    "startup/testing/kills.py": "the default of an argument",
    "startup/testing/machine.py": "the default of an argument; one cloud's agent keeps no user data",
    "startup/testing/plugin.py": "the default of a fixture",
    "startup/testing/repeating.py": "the default of an argument",
}


def named_clouds(path: Path) -> set[str]:
    """The clouds that the code of a file names: in its words and its texts, apart from comments and docstrings."""
    tree = ast.parse(path.read_text())
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    words = [
        word
        for node in ast.walk(tree)
        if id(node) not in documents
        for word in (getattr(node, part, "") for part in ("id", "attr", "name", "value", "module", "arg"))
        if isinstance(word, str)
    ]
    forms = {cloud: re.compile(rf"(?<![a-z])(?i:{cloud})(?![a-z])|{cloud.capitalize()}[A-Z]") for cloud in SDKS}
    return {cloud for cloud, form in forms.items() if any(map(form.search, words))}


def test_a_cloud_is_its_folders() -> None:
    """What `CONTRIBUTING.md` lists under "Add a cloud" is all that names one; elsewhere only these files do, for a reason."""
    found = {
        str(path.relative_to(ROOT))
        for package in MAY_IMPORT
        for path in modules(package)
        for cloud in named_clouds(path)
        if not any(str(path.relative_to(ROOT)).startswith(place.format(cloud=cloud)) for place in CLOUD_PLACES)
    }
    assert sorted(NAMES_CLOUDS) == sorted(found)
