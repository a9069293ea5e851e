"""The schemas of the packages: other teams' programs are compiled against them."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from hosted.__main__ import FOLDER, packages, published
from hosted.host import Package
from hosted.schema import VERSION
from hosted.spelling import camel
from startup.definition import STEP_TYPES
from tests.checkout import ROOT

PACKAGES = packages()
by_cloud = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.cloud)


def schema(package: Package) -> dict[str, Any]:
    return json.loads(package.schema())


def test_there_is_a_package_for_each_cloud() -> None:
    """Each serves its own cloud's component."""
    assert {("aws", "AwsVm"), ("gcp", "GcpVm"), ("azure", "AzureVm")} == {
        (package.cloud, package.component.__name__) for package in PACKAGES
    }


@by_cloud
def test_what_is_published_changes_by_a_commit_only(package: Package) -> None:
    """hosted/CLOUD/schema.json is what the package serves; `python -m hosted` writes it anew.

    A field that goes away or has to be given breaks other teams' programs: CHANGELOG.md says so.
    """
    assert (FOLDER / package.cloud / "schema.json").read_text("utf-8") == published(package)


@by_cloud
def test_every_argument_can_be_given(package: Package) -> None:
    """The component's inputs are its arguments in Python, with the definition's parts in place of `startup`."""
    resource = schema(package)["resources"][package.token]
    own = {camel(field.name) for field in dataclasses.fields(package.args)} - {"startup"}

    assert own | {"definition", "firstBoot", "everyBoot", "shutdown"} == set(resource["inputProperties"])
    assert [] == resource["requiredInputs"]


@by_cloud
def test_every_field_of_every_step_can_be_given(package: Package) -> None:
    """A step has the fields of all kinds; the kind decides which are taken."""
    types = schema(package)["types"]
    step = types[f"evenboot-{package.cloud}:index:Step"]
    kinds = types[f"evenboot-{package.cloud}:index:StepKind"]

    assert {"kind"} | {camel(field.name) for kind in STEP_TYPES for field in dataclasses.fields(kind)} == set(
        step["properties"]
    )
    assert [kind.kind for kind in STEP_TYPES] == [member["value"] for member in kinds["enum"]]
    assert ["kind"] == step["required"]


@by_cloud
def test_the_outputs_are_those_of_the_contract(package: Package) -> None:
    """`id` is called `vmId`, as Pulumi keeps that name; a VM may have no public address, and has all else."""
    resource = schema(package)["resources"][package.token]
    own = {"roleName"} if package.cloud == "aws" else set()

    assert {"vmId", "privateAddress", "publicAddress", "fingerprint", "identity"} | own == set(resource["properties"])
    assert {"publicAddress"} == set(resource["properties"]) - set(resource["required"])


def described(value: Any) -> list[dict[str, Any]]:
    """Every property and every type of a schema."""
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("properties", "inputProperties", "types", "resources"):
                found.extend(one.values())
            found.extend(described(one))
    return found


@by_cloud
def test_the_docstrings_are_the_documentation(package: Package) -> None:
    """Every field has its docstring's words, in the spelling of data; texts with few choices explain themselves."""
    texts = [one.get("description", "") for one in described(schema(package)) if "enum" not in one]

    assert len(texts) > 50
    assert "" not in texts
    assert [] == [text for text in texts if re.search(r"`[a-z]+_[a-z_]+`|\b(True|False|None)\b", text)]


@by_cloud
def test_only_what_may_be_known_late_is_an_input(package: Package) -> None:
    """A definition is plain: in a typed language an Output or a secret in it does not compile."""
    inputs = schema(package)["resources"][package.token]["inputProperties"]
    late = {name for name, one in inputs.items() if not one.get("plain")}
    maps = {name: one["additionalProperties"] for name, one in inputs.items() if one.get("type") == "object"}

    assert late - {"resourceGroup"} == {"image", "overflow", "subnet"}
    assert {"values", "tags"} == {name for name, entries in maps.items() if not entries.get("plain")}


def test_the_version_is_the_projects() -> None:
    """A package has the version of the wheel."""
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()


@by_cloud
def test_a_package_brings_one_sdk_in_the_versions_of_the_project(package: Package) -> None:
    """An AWS team installs no other cloud's SDK; what it installs is what the tests ran with."""
    pins = re.findall(r"^([a-z0-9-]+)==", (FOLDER / package.cloud / "requirements.txt").read_text(), re.MULTILINE)
    project = (ROOT / "requirements-dev.txt").read_text()
    blocks = re.split(r"\n(?=\S)", (FOLDER / package.cloud / "requirements.txt").read_text().rstrip())
    sdk = {"aws": "pulumi-aws", "gcp": "pulumi-gcp", "azure": "pulumi-azure-native"}[package.cloud]

    assert {"pulumi", sdk} == {name for name in pins if name.startswith("pulumi")}
    assert "deflate" in pins
    assert [] == [block for block in blocks if not block.startswith("#") and block not in project]


@by_cloud
def test_pulumi_looks_into_the_packages_own_environment(package: Package) -> None:
    """`virtualenv` is named: without it Pulumi would want the provider plugins of whatever Python is around."""
    text = (FOLDER / package.cloud / "PulumiPlugin.yaml").read_text()

    assert re.search(r"^runtime:\n  name: python\n", text)
    assert "    virtualenv: venv\n" in text
