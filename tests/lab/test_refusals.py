"""What a cloud does not have or refuses: said with the argument to change, before anything is made where that can be seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .one_vm import OneVm

STEPS = {"one": "echo 1"}
GROUP = "/subscriptions/00000000-0000-4000-a000-000000000000/resourceGroups/mine/providers"
SUBNET = f"{GROUP}/Microsoft.Network/virtualNetworks/net/subnets/own"
ELSEWHERE = SUBNET.replace("00000000-", "11111111-")


@pytest.fixture
def vm(request: pytest.FixtureRequest) -> Iterator[OneVm]:
    """A cloud's VM."""
    with tempfile.TemporaryDirectory(prefix="eb-") as folder:
        yield OneVm(Path(folder), request.param)


@pytest.mark.parametrize(
    ("vm", "arguments", "names"),
    [
        ("aws", {"subnet": "subnet-0123"}, ["subnet: cannot be looked up", "give the id of another as `subnet`"]),
        ("aws", {"image": "ami-0123456789abcdef0"}, ["image: names what is not there", "give another `image`"]),
        ("aws", {"instance_type": "t3micro"}, ["instance_type: names what is not there", "change instance_type or"]),
        ("gcp", {"zone": "europe-west3-z"}, ["zone: is wrong", "Unknown zone", "change zone"]),
        ("gcp", {"machine_type": "e2micro"}, ["machine_type: names what is not there", "change machine_type or zone"]),
        ("gcp", {"image": "projects/p/global/images/none"}, ["image: names what is not there", "give another `image`"]),
        ("gcp", {"image": "projects/p/global/images/family/none"}, ["image: names what is not there"]),
        ("gcp", {"subnet": "projects/p/regions/r/subnetworks/s"}, ["subnet: names what is not there", "or leave it out"]),
        ("gcp", {"machine_type": "e2micro", "image": "projects/p/global/images/none"}, ["machine_type: ", "image: "]),
        ("azure", {"resource_group": "none"}, ["resource_group: names what is not there", "or leave it out"]),
        ("azure", {"subnet": SUBNET}, ["subnet: names what is not there", "give the id of another as `subnet`"]),
        ("azure", {"image": f"{GROUP}/Microsoft.Compute/images/x"}, ["image: names what is not there"]),
        ("azure", {"image": f"{GROUP}/Microsoft.Compute/galleries/g/images/x/versions/latest"}, ["image: names"]),
    ],
    indirect=["vm"],
)
def test_what_is_not_there_is_said_before_anything_is_made(vm: OneVm, arguments: Any, names: list[str]) -> None:
    """`refusals`: Each argument that names something, on each cloud; all of them together."""
    did = vm.up(STEPS, **arguments)

    assert ("same", False) == (did.vm, did.ok)
    assert "cannot be made as asked" in did.said
    for name in names:
        assert name in did.said
    assert not list(vm.lab.state.glob("engine/clouds/**/*.json"))


@pytest.mark.parametrize(
    ("vm", "arguments"),
    [
        ("gcp", {"machine_type": "e2-custom-2-4096"}),
        ("azure", {"subnet": ELSEWHERE}),
        ("azure", {"image": "Debian:debian-12:12-gen2:0.20250101.1"}),
    ],
    indirect=["vm"],
)
def test_what_cannot_be_looked_for_is_taken_as_it_is(vm: OneVm, arguments: Any) -> None:
    """Custom types are in no list, publishers' images and other subscriptions in no look-up."""
    did = vm.up(STEPS, **arguments)

    assert did.ok, did.said


@pytest.mark.parametrize(
    ("vm", "refusal", "advice"),
    [
        ("aws", "VcpuLimitExceeded: more than your limit", "choose a smaller instance_type, change the provider's region"),
        ("aws", "UnauthorizedOperation: You are not authorized", "who deploys lacks a right that the cloud names above"),
        ("gcp", "Quota 'CPUS' exceeded. Limit: 8.0", "choose a smaller machine_type, change zone, or ask the cloud for more"),
        ("gcp", "Required 'compute.instances.create' permission", "who deploys lacks a right that the cloud names above"),
        ("azure", "QuotaExceeded: no more cores", "choose a smaller vm_size, change location, or ask the cloud for more"),
        ("azure", "AuthorizationFailed: the client", "who deploys lacks a right that the cloud names above"),
    ],
    indirect=["vm"],
)
def test_what_a_cloud_refuses_is_said_with_the_argument_to_change(
    vm: OneVm, refusal: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A quota or a right is known only when the VM is made; the cloud's words stay, and what to do stands beside them."""
    (vm.lab.folder / "refuses").write_text(refusal)
    did = vm.up(STEPS)

    assert not did.ok
    assert refusal in did.said
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [True] == [text.startswith("web-vm: ") and advice in text for text in said], said
