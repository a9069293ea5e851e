"""Deployments under Pulumi's mocks, as a user's test sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

import components
from startup import Shell, StartupScript, render, render_or_overflow
from startup.testing import Machine
from startup.testing.deployment import Deployment

CLOUDS = ("aws", "gcp", "azure")
APP = StartupScript("app", first_boot=[Shell("one", script="echo one >>/done")])
# More than fits any slot, and nothing that a compressor finds.
LARGE = StartupScript("large", first_boot=[Shell("one", script="".join(f"# {n * n * 7919:x}\n" for n in range(60_000)))])


def program(cloud: str, definition: StartupScript = APP, opts: Any = None, **arguments: Any) -> Callable[[], None]:
    """A program with one VM."""

    def make() -> None:
        vm, args = components.vm_on(cloud)
        vm("app", args(startup=definition, **arguments), opts)

    return make


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_payload_boots(deploy: Callable[..., Deployment], machine_of: Callable[[str], Machine], cloud: str) -> None:
    """`kit`: What the slot holds is the rendered text, and a machine boots it."""
    deployment = deploy(program(cloud))

    assert render(APP, {}, components_cloud(cloud)).text == deployment.script("app") == deployment.script("app-vm")
    assert "ok" == machine_of(cloud).boot(deployment.payload("app")).result


def components_cloud(cloud: str) -> Any:
    """The name of a cloud, which is one of three."""
    return cloud


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_script_in_an_object_is_found(deploy: Callable[..., Deployment], cloud: str) -> None:
    """A slot that only fetches an object shows the text of that object."""
    deployment = deploy(program(cloud, LARGE, overflow=True))
    overflow = render_or_overflow(LARGE, {}, components_cloud(cloud))

    assert overflow.text == deployment.script("app")


def test_options_are_those_that_were_given(deploy: Callable[..., Deployment]) -> None:
    """`kit`: Options that Pulumi's own mocks hide are there by their Python names, and those that were not given are not."""
    alias = pulumi.Alias(name="old")
    deployment = deploy(program("gcp", opts=pulumi.ResourceOptions(protect=True, aliases=[alias], ignore_changes=["labels"])))
    options = deployment.resource("app", "GcpVm").options

    assert options["protect"] is True
    assert [{"spec": {"name": "old"}}] == options["aliases"]
    assert ["labels"] == options["ignore_changes"]
    assert options["parent"].endswith("pulumi:pulumi:Stack::evenboot-test")
    assert deployment.resource("app-vm").options["parent"].endswith("evenboot:index:GcpVm::app")
    assert not {"retain_on_delete", "deleted_with", "import_"} & options.keys()


def test_the_tree_has_each_resource_in_its_place(deploy: Callable[..., Deployment]) -> None:
    """The component stands below the stack, and its children below it."""
    tree = deploy(program("aws")).tree()

    assert {"aws:ec2/instance:Instance app-vm", "aws:iam/role:Role app-role"} <= tree["evenboot:index:AwsVm app"].keys()


def test_a_program_is_run_as_pulumi_runs_it(deploy: Callable[..., Deployment], tmp_path: Path) -> None:
    """A folder's `__main__.py` finds its modules and its configuration, and a second run starts anew."""
    text = "import pulumi\nfrom own import word\npulumi.export('said', word + pulumi.Config().require('more'))\n"
    (tmp_path / "__main__.py").write_text(text)
    # Python takes a text of the same second and the same length for the one that it has compiled.
    for word in ("one", "three"):
        (tmp_path / "own.py").write_text(f"word = '{word}'\n")
        assert {"said": f"{word}!"} == deploy(tmp_path, config={"evenboot:more": "!"}).outputs


def test_what_is_not_there(deploy: Callable[..., Deployment]) -> None:
    """A wrong name is answered with the names that there are."""
    with pytest.raises(AssertionError, match=r"0 VMs are called 'db'; the VMs are \['app-vm'\]"):
        deploy(program("aws")).payload("db")
