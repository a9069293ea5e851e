"""What clouds say when they refuse, and which argument is named for it. The texts are the clouds' own."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pulumi
import pytest

from components import Inbound, VmArgsError
from components.cloud_errors import advice, asked, missing, on_refusal
from startup.testing.deployment import deploy

from .conftest import Kind


@pytest.mark.parametrize(
    ("cloud", "said", "argument"),
    [
        ("aws", "VcpuLimitExceeded: You have requested more vCPU capacity than your current limit", "instance_type"),
        ("aws", "InsufficientInstanceCapacity: We currently do not have sufficient t3.micro capacity", "instance_type"),
        ("aws", "InvalidAMIID.NotFound: The image id '[ami-0]' does not exist", "image"),
        ("aws", "reading SSM Parameter (/aws/service/x): couldn't find resource: ParameterNotFound", "image"),
        ("aws", "InvalidSubnetID.NotFound: The subnet ID 'subnet-0' does not exist", "subnet"),
        ("aws", "UnauthorizedOperation: You are not authorized to perform this operation", ""),
        ("aws", "No valid credential sources found", ""),
        ("aws", "Invalid AWS Region: eu-centrl-1", "the provider's region (aws:region)"),
        ("gcp", "googleapi: Error 403: Quota 'CPUS' exceeded.  Limit: 8.0 in region europe-west3.", "machine_type"),
        ("gcp", "googleapi: Error 403: Required 'compute.instances.create' permission for 'x', forbidden", ""),
        ("gcp", "The zone 'x' does not have enough resources: ZONE_RESOURCE_POOL_EXHAUSTED", "machine_type"),
        ("gcp", "Invalid value for field 'resource.machineType': 'x'. Machine type with name 'x' does not exist", "machine_type"),
        ("gcp", "Error resolving image name 'debian-cloud/none': Could not find image or family debian-cloud/none", "image"),
        ("gcp", "googleapi: Error 404: The resource 'projects/my-project' was not found", "the provider's project (gcp:project)"),
        ("aws", "InvalidBlockDeviceMapping: Volume of size 20GB is smaller than snapshot 'snap-0'", "disk_gib"),
        ("gcp", "Requested disk size cannot be smaller than the image size (20 GB)", "disk_gib"),
        ("azure", "Disk size 30 GB is smaller than the size of the corresponding disk in the VM image", "disk_gib"),
        ("azure", "SubscriptionNotFound: could not be found", "the provider's subscription (azure-native:subscriptionId)"),
        ("azure", "The provided location 'westeurop' is not available for resource group. List of", "location"),
        ("azure", "The value Standard_B0 provided for the VM size is not valid. The valid sizes are", "vm_size"),
        ("azure", 'Code="ResourceGroupNotFound" Message="Resource group \'shop\' could not be found."', "resource_group"),
        ("azure", "Code=QuotaExceeded: Operation could not be completed as it results in exceeding quota", "vm_size"),
        ("azure", "AuthorizationFailed: The client 'x' does not have authorization to perform action", ""),
        ("azure", "SkuNotAvailable: The requested VM size Standard_B1s is not available in westeurope", "vm_size"),
        ("azure", "PlatformImageNotFound: The platform image 'Debian:debian-12:x:latest' is not available", "image"),
    ],
)
def test_a_refusal_names_the_argument_to_change(cloud: Any, said: str, argument: str) -> None:
    """`refusals`: Nothing is named where no argument helps: rights and credentials."""
    found = advice(cloud, said)

    assert found is not None
    assert argument == found[0]
    assert argument in found[1]


def test_what_is_not_known_is_not_explained() -> None:
    """`refusals`: The cloud's own words stand alone then."""
    assert advice("aws", "InternalError: an internal error has occurred") is None


def test_a_failed_look_up_is_a_problem_of_its_argument() -> None:
    """`refusals`: With the cloud's words, also when they are not known."""

    def refuse() -> None:
        raise Exception("invoke of aws:ssm/getParameter:getParameter failed: something new ()")

    with pytest.raises(VmArgsError) as caught:
        asked("AwsVm 'web'", "aws", "image", refuse)

    assert [("image", True)] == [(one.path, "something new" in one.message) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("invoke of x failed: InvalidAMIID.NotFound: The image id does not exist ()", "image"),
        ("invoke of x failed: Invalid AWS Region: eu-centrl-1 ()", "the provider's region (aws:region)"),
        ("invoke of x failed: UnauthorizedOperation: not authorized, or the image was not found ()", None),
        ("invoke of x failed: something new ()", None),
    ],
)
def test_only_what_is_known_to_be_missing_is_a_problem(said: str, path: str | None) -> None:
    """`refusals`: Who may not look, or gets no answer, deploys all the same: what is wrong is said then."""

    def look() -> None:
        raise Exception(said)

    found = missing("aws", "image", look)

    assert path == (found and found.path)
    assert missing("aws", "image", lambda: None) is None


def test_all_that_a_cloud_is_asked_to_make_has_the_hook(kind: Kind) -> None:
    """`refusals`: A place is refused where the first thing is made, which need not be the VM."""
    deployment = kind.deploy(inbound=[Inbound(80)])
    made = [one for one in deployment.registered if one.type.startswith(f"{kind.package}:")]

    assert len(made) >= 4
    assert [] == [one.name for one in made if not list(one.request.hooks.on_error)]


@pytest.mark.parametrize("said", ["VcpuLimitExceeded: more than your limit", "InternalError: something new", None])
def test_what_was_refused_is_not_tried_again(said: str | None) -> None:
    """`refusals`: The hook asks for no second try, whether it knows what the cloud says or not."""
    hooks: list[pulumi.ErrorHook] = []
    assert deploy(lambda: hooks.extend(on_refusal().on_error or [])).error is None
    args = pulumi.ErrorHookArgs(
        urn="urn:pulumi:dev::shop::aws:ec2/instance:Instance::web-vm",
        id="", name="web-vm", type="aws:ec2/instance:Instance", failed_operation="create", errors=[said] if said else [],
    )  # fmt: skip

    async def again() -> list[object]:
        answers = [hook(args) for hook in hooks]
        return [await answer if inspect.isawaitable(answer) else answer for answer in answers]

    assert [False] == asyncio.run(again())


def test_what_says_already_what_to_do_is_left_as_it_is() -> None:
    """A problem found in a look-up's answer is not a failed look-up."""

    def refuse() -> None:
        raise pulumi.RunError("subnet: no default VPC")

    with pytest.raises(pulumi.RunError, match=r"^subnet: no default VPC$"):
        asked("AwsVm 'web'", "aws", "subnet", refuse)
