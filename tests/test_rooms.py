"""The walls between the packages: who may import whom, and what an import loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .checkout import ROOT, committed

SDKS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure": "pulumi_azure_native"}
# what each package may import beside itself and the standard library
MAY_IMPORT = {
    "startup": {"zopfli"},
    "components": {"startup", "pulumi", *SDKS.values()},
    "lab": {"components", "google", "grpc", "pulumi", "rich", "semver", "yaml"},
}


def modules(package: str) -> list[Path]:
    """The Python files of a package."""
    return [path for path in committed() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == package]


def absolute_imports(path: Path) -> Iterator[str]:
    """Top-level names that a file imports absolutely, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    """startup knows nobody, components knows startup and Pulumi, lab what a cloud knows.

    Inside a package imports are relative.
    """
    allowed = MAY_IMPORT[package] | set(sys.stdlib_module_names)
    files = modules(package)

    assert files
    assert [] == [
        f"{path.relative_to(ROOT)} imports {name}" for path in files for name in absolute_imports(path) if name not in allowed
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


@pytest.mark.parametrize("cloud", SDKS)
def test_one_cloud_loads_no_other_sdk(cloud: str) -> None:
    """A program with the VMs of one cloud loads no other cloud's SDK."""
    loaded = loaded_by(f"from components import {cloud.capitalize()}Vm")

    assert {SDKS[cloud]} == loaded & set(SDKS.values())


def test_components_loads_no_sdk_by_itself() -> None:
    """Importing the package loads no SDK: the component does."""
    assert not loaded_by("import components") & set(SDKS.values())
