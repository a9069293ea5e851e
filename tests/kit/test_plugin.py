"""The kit as another project gets it: from the wheel, beside a `components` folder of its own, and without root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from startup.testing.root import why_not
from tests.checkout import ROOT

PROJECT = """
import components
from evenboot.components import GcpVm, GcpVmArgs
from evenboot.startup import Packages, Service, Shell, StartupScript, User, render
from evenboot.startup.testing import Machine, Status, assert_idempotent, assert_survives_any_kill

APP = StartupScript("app", first_boot=[Packages(["nginx"]), Service("nginx")], every_boot=[Shell("warm", script="true")])

def test_machine(machine, machine_of):
    assert isinstance(machine, Machine)
    assert components.OURS
    for cloud in ("aws", "azure"):
        assert machine_of(cloud).boot(APP).result == "ok"
    assert machine.boot(APP).result == "ok"
    machine.clone()
    machine.cut_power(at="service nginx")
    assert machine.boot().named("ran") == ["service nginx", "warm"]

def test_assertions():
    assert_idempotent(APP)
    assert_survives_any_kill(APP)

def test_deployment(deploy):
    deployment = deploy(lambda: GcpVm("app", GcpVmArgs(startup=APP)) and None)
    assert deployment.error is None
    assert deployment.script("app") == render(APP, {}, "gcp").text
"""
ACCOUNTS = """
def test_accounts(machine):
    machine.boot(StartupScript("app", first_boot=[User("app")]))
"""


def run(folder: Path, site: Path, *arguments: str, by: Sequence[str] = (), python: str = sys.executable) -> str:
    """Run a project's tests with what it has installed; what pytest prints."""
    more = [path for path in sys.path if "site-packages" in path] if python != sys.executable else []
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(site), *more]), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder),
    }  # fmt: skip
    command = [*by, python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"--basetemp={folder}/temporary", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return result.stdout + result.stderr


@pytest.fixture
def project(wheel: Path) -> Iterator[tuple[Path, Path]]:
    """A project and what it has installed, in a place that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="evenboot-"))
    folder.chmod(0o755)
    zipfile.ZipFile(wheel).extractall(folder / "site")
    made = folder / "project"
    (made / "components").mkdir(parents=True)
    (made / "components/__init__.py").write_text("OURS = True\n")
    (made / "test_app.py").write_text(PROJECT)
    yield made, folder / "site"
    shutil.rmtree(folder)


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_from_the_wheel(project: tuple[Path, Path]) -> None:
    """`kit`: pytest finds the plugin by itself, and the kit works beside the project's own `components`."""
    printed = run(*project)

    assert "3 passed" in printed, printed


def test_local_cloud_is_said_to_be_missing(project: tuple[Path, Path]) -> None:
    """A test on the local cloud runs only when asked for, and then says where the local cloud is to be had."""
    text = "import pytest\n@pytest.mark.local_cloud('.')\ndef test_it(local_cloud): ...\n"
    (project[0] / "test_cloud.py").write_text(text)

    assert "ask for it with --local-cloud" in run(*project, "test_cloud.py")
    assert "put a checkout of evenboot" in run(*project, "--local-cloud", "test_cloud.py")
    (project[0] / "test_cloud.py").write_text("def test_it(local_cloud): ...\n")
    assert "needs the marker: @pytest.mark.local_cloud(FOLDER)" in run(*project, "--local-cloud", "test_cloud.py")


def test_without_root(project: tuple[Path, Path]) -> None:
    """`kit`: Another user has machines in a user namespace; what needs other accounts is skipped with the reason."""
    python = next((found for found in ("/usr/bin/python3", sys.executable) if same_version(found)), None)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.geteuid() != 0 or not shutil.which("setpriv") or not python:
        pytest.skip("takes root, setpriv and a Python that others can run")
    if subprocess.run([*nobody, "unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    (project[0] / "test_app.py").write_text(PROJECT + ACCOUNTS)
    os.chown(project[0], 65534, 65534)
    printed = run(*project, "-k", "not deployment", by=nobody, python=python)

    assert "2 passed, 1 skipped" in printed, printed
    assert "step 'user app' acts on other accounts than root's, which takes root" in printed


def same_version(python: str) -> bool:
    """Whether this Python can use the packages of ours, and others than root can run it."""
    others = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if shutil.which("setpriv") else []
    code = "import sys, os; os.access(sys.executable, os.X_OK) or sys.exit(1); print(sys.version_info[:2])"
    found = subprocess.run([*others, python, "-c", code], capture_output=True, text=True, cwd="/")
    return found.stdout.strip() == str(sys.version_info[:2])


def test_where_there_are_no_machines(project: tuple[Path, Path]) -> None:
    """A computer without the programs that it takes skips, and says which are missing."""
    (project[0] / "bin").mkdir()
    printed = run(*project, "-k", "machine or assertions", by=["env", f"PATH={project[0]}/bin"])

    assert "2 skipped" in printed, printed
    assert "a throw-away root needs unshare, nsenter, mount, bash" in printed


def test_the_plugin_loads_little() -> None:
    """Every test run of a project that has it installed loads the plugin: it loads neither the kit nor Pulumi."""
    code = "import startup.testing.plugin, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    assert "pytest" in loaded
    assert not {"pulumi", "startup.testing.deployment", "startup.testing.local_cloud", "lab"} & set(loaded)
