"""The program in this repository, unmodified, under mocks."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest

from startup import render, validate
from startup.testing.deployment import Deployment, deploy
from web import web_server

ROOT = Path(__file__).parents[2]
COMPONENTS = {"aws": "evenboot:index:AwsVm", "gcp": "evenboot:index:GcpVm", "azure": "evenboot:index:AzureVm"}


def run(clouds: Any, preview: bool = False, **config: Any) -> Deployment:
    return deploy(
        lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__") and None,
        preview=preview,
        config={"evenboot:clouds": clouds, **{f"evenboot:{key}": value for key, value in config.items()}},
    )


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize("clouds", [["aws"], ["gcp"], ["azure"], ["aws", "gcp", "azure"]], ids="-".join)
def test_there_is_one_vm_on_each_chosen_cloud(clouds: list[str], preview: bool) -> None:
    """One definition becomes one VM per cloud, and the outputs of each are exported."""
    deployment = run(clouds, preview)

    assert deployment.error is None
    assert sorted((COMPONENTS[cloud], f"web-{cloud}") for cloud in clouds) == [
        entry for entry in deployment.all() if entry[0].startswith("evenboot:")
    ]
    assert {f"web-{cloud}" for cloud in clouds} == deployment.outputs.keys()


def test_the_exports_say_where_each_vm_is() -> None:
    """Each VM has the outputs of the contract."""
    exported = run(["gcp"]).outputs["web-gcp"]

    assert {"id", "private_address", "public_address", "fingerprint", "identity"} == exported.keys()
    assert "198.51.100.2" == exported["public_address"]


@pytest.mark.parametrize("clouds", [["aws", "oracle"], ["AWS"], [7]], ids=str)
def test_an_unknown_cloud_is_one_clear_line(clouds: list[Any]) -> None:
    """It is named with those that there are, before anything is registered."""
    deployment = run(clouds)

    assert isinstance(deployment.error, pulumi.RunError)
    assert f"{clouds[-1]!r} is no cloud that this project knows; choose from aws, gcp, azure" == str(deployment.error)
    assert [] == deployment.all()


def test_nothing_is_open_unless_configured() -> None:
    """`openTo` opens port 80 to the ranges that it names."""
    assert [] == run(["aws"]).resource("web-aws-firewall").properties["ingress"]
    opened = run(["aws"], openTo=["203.0.113.0/24"]).resource("web-aws-firewall").properties["ingress"]
    assert [(80, ["203.0.113.0/24"])] == [(rule["fromPort"], rule["cidrBlocks"]) for rule in opened]


def test_the_sites_name_reaches_the_slot() -> None:
    """The configured text is a value of the definition."""
    metadata = run(["gcp"], siteName="Café & Co").resource("web-gcp-vm").properties["metadata"]

    assert render(web_server, {"SITE_NAME": "Café & Co"}, "gcp").text == metadata["startup-script"]


def test_the_definition_is_sound_and_fits_everywhere() -> None:
    """It has no problem, and its payload fits each cloud's slot."""
    assert () == validate(web_server, {"SITE_NAME": "Evenboot"})
    for cloud in ("aws", "gcp", "azure"):
        payload = render(web_server, {"SITE_NAME": "Evenboot"}, cloud)
        assert payload.size <= payload.limit


def test_the_program_has_no_logic() -> None:
    """The whole of it is under 40 lines."""
    assert len((ROOT / "__main__.py").read_text().splitlines()) < 40


def test_each_stack_has_what_its_clouds_need() -> None:
    """A stack's file has region, project or location of its clouds, and every key is declared or a provider's."""
    needs = {"aws": {"aws:region"}, "gcp": {"gcp:project", "gcp:zone"}, "azure": {"azure-native:location"}}
    stacks = {"aws-dev": ["aws"], "gcp-dev": ["gcp"], "azure-dev": ["azure"], "local": ["aws", "gcp", "azure"]}
    for stack, clouds in stacks.items():
        text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
        keys = set(re.findall(r"^  ([a-z-]+:[A-Za-z]+): ", text, re.MULTILINE))
        assert f"evenboot:clouds: [{', '.join(clouds)}]" in text
        assert {"evenboot:clouds"}.union(*(needs[cloud] for cloud in clouds)) == keys, stack
