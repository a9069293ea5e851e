"""What `pulumi new` makes of the folders in templates/: a project that works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from hosted.schema import VERSION
from lab import pulumi_cli
from startup.testing.root import why_not

from .checkout import ROOT

TEMPLATES = ROOT / "templates"
CLOUDS = {"aws": "Aws", "gcp": "Gcp", "azure": "Azure"}
NEEDS = {"aws": {"aws:region"}, "gcp": {"gcp:project", "gcp:zone"}, "azure": {"azure-native:location"}}
PULUMI = pulumi_cli.find()
# Runs a project's program as tests/components does, with the answers that its prompts suggest.
DEPLOY = """
import runpy, sys
from startup.testing.deployment import deploy
for open_to in ("", "203.0.113.0/24"):
    config = {"evenboot:siteName": "Mine", "evenboot:openTo": open_to}
    deployment = deploy(lambda: runpy.run_path(sys.argv[1], run_name="__main__") and None, config=config)
    if deployment.error:
        raise deployment.error
    print(*(kind for kind, name in deployment.all() if kind.startswith("evenboot")), *deployment.outputs)
"""
each = pytest.mark.parametrize("cloud", CLOUDS)


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a project installs: the wheel of this checkout, unpacked."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def project(cloud: str, folder: Path) -> Path:
    """A new project, as `pulumi new` leaves it: a copy with the two words replaced."""
    made = folder / "my-vm"
    shutil.copytree(TEMPLATES / f"evenboot-{cloud}", made, ignore=shutil.ignore_patterns("venv", "__pycache__"))
    file = made / "Pulumi.yaml"
    file.write_text(file.read_text().replace("${PROJECT}", "my-vm").replace("${DESCRIPTION}", "A VM of mine"))
    return made


def run(folder: Path, site: Path, *arguments: str, root: bool = False) -> str:
    path = os.pathsep.join([str(site), str(folder), *([str(ROOT)] if root else [])])
    result = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert 0 == result.returncode, result.stdout + result.stderr
    return result.stdout


def test_there_is_a_template_for_each_cloud() -> None:
    """`templates`: Each choice has a folder, is listed with its description, and nothing else lies there to choose from."""
    folders = [f"evenboot-{cloud}" for cloud in CLOUDS]
    settings = {name: yaml.safe_load((TEMPLATES / name / "Pulumi.yaml").read_text()) for name in folders}
    listed = re.findall(r"^\| \[(\S+)\]\(\1\) \| (.+) \|$", (TEMPLATES / "README.md").read_text(), re.MULTILINE)

    assert {name: one["template"]["description"] for name, one in settings.items()} == dict(listed)
    assert {*folders, "README.md"} == {path.name for path in TEMPLATES.iterdir()}


@each
def test_the_project_asks_for_what_its_cloud_needs(cloud: str, tmp_path: Path) -> None:
    """Name and description are the user's; what the cloud wants is asked for, each with a line that says what it is."""
    settings = yaml.safe_load((project(cloud, tmp_path) / "Pulumi.yaml").read_text())
    asked = settings["template"]["config"]

    assert ("my-vm", "A VM of mine") == (settings["name"], settings["description"])
    assert NEEDS[cloud] | {"siteName", "openTo"} == asked.keys()
    assert all(one["description"] for one in asked.values())
    assert "${" not in str(settings)


@each
def test_the_projects_own_test_passes(cloud: str, tmp_path: Path, site: Path) -> None:
    """`templates`: The definition that one starts with has a test, which runs with what the project installs."""
    made = project(cloud, tmp_path)

    expected = r"^1 passed, 2 skipped" if why_not() else r"^3 passed"
    assert re.search(expected, run(made, site, "-m", "pytest", "-q", "-p", "no:cacheprovider"), re.MULTILINE)


@each
def test_the_projects_program_makes_one_vm(cloud: str, tmp_path: Path, site: Path) -> None:
    """`templates`: Under mocks the program registers one VM of its cloud and exports its address, open to somebody or not."""
    made = project(cloud, tmp_path)

    lines = run(made, site, "-c", DEPLOY, str(made / "__main__.py"), root=True).splitlines()

    assert [f"evenboot:index:{CLOUDS[cloud]}Vm address identity"] * 2 == lines


@each
def test_the_text_that_is_shown_first_is_true(cloud: str, tmp_path: Path, site: Path) -> None:
    """The commands of the quickstart that need no cloud do what they say."""
    made = project(cloud, tmp_path)
    text = yaml.safe_load((made / "Pulumi.yaml").read_text())["template"]["quickstart"]
    [check] = re.findall(r"^ +venv/bin/python (-m evenboot.+)$", text, re.MULTILINE)

    assert "web-server: 4 steps, no problems, values taken as given: SITE_NAME\n" == run(made, site, *check.split())


@each
def test_the_project_installs_this_version_with_one_sdk(cloud: str) -> None:
    """The wheel is wanted in the version of the template, with the extra of the cloud."""
    wanted = (TEMPLATES / f"evenboot-{cloud}" / "requirements.txt").read_text().splitlines()

    assert [f"evenboot[{cloud}]=={VERSION}", "pytest"] == wanted


def test_the_templates_differ_in_the_cloud_only() -> None:
    """The definition and its test are one text."""
    for name in ("web.py", "test_web.py", "__main__.py", ".gitignore"):
        texts = {
            re.sub(rf"{cloud}|AWS|Google Cloud|{title}", "CLOUD", (TEMPLATES / f"evenboot-{cloud}" / name).read_text())
            for cloud, title in CLOUDS.items()
        }
        assert 1 == len(texts), name


@pytest.mark.skipif(not PULUMI, reason="no pulumi command with its Python support on PATH")
@each
def test_pulumi_takes_the_template(cloud: str, tmp_path: Path) -> None:
    """`templates`: `pulumi new` makes the project that the tests above make by hand."""
    environment = {**os.environ, "PULUMI_HOME": str(tmp_path / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    command = [str(PULUMI), "new", str(TEMPLATES / f"evenboot-{cloud}"), "--generate-only", "--yes", "--non-interactive"]
    own = ["--name", "my-vm", "--description", "A VM of mine", "--dir", str(tmp_path / "new")]
    result = subprocess.run([*command, *own], env=environment, capture_output=True, text=True)

    assert 0 == result.returncode, result.stdout + result.stderr
    by_hand = project(cloud, tmp_path)
    for path in by_hand.iterdir():
        made = (tmp_path / "new" / path.name).read_text()
        if path.name == "Pulumi.yaml":
            wanted = yaml.safe_load(path.read_text())
            assert {name: wanted[name] for name in ("name", "description", "runtime")} == {
                name: value for name, value in yaml.safe_load(made).items() if name in ("name", "description", "runtime")
            }
        else:
            assert path.read_text() == made
