"""The exact children of AwsVm. Mocks do not prove that AWS accepts them."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from components import AwsVm, AwsVmArgs, Inbound
from startup import render
from startup.testing.deployment import ANSWERS, FOUND, Deployment, deploy

from .conftest import SCRIPT

AMI = "ami-0123456789abcdef0"


def vm(name: str = "web", opts: pulumi.ResourceOptions | None = None, **arguments: object) -> Deployment:
    return deploy(lambda: made(name, opts, **arguments))


def made(name: str = "web", opts: pulumi.ResourceOptions | None = None, **arguments: object) -> dict[str, object]:
    machine = AwsVm(name, AwsVmArgs(startup=SCRIPT, **arguments), opts)  # pyright: ignore[reportArgumentType]
    outputs = ("id", "private_address", "public_address", "fingerprint", "identity", "role_name")
    return {name: getattr(machine, name) for name in outputs}


def test_it_has_exactly_these_children() -> None:
    """`children`: A VM with nothing but a definition is these resources, and nothing else is registered."""
    assert [
        ("aws:ec2/instance:Instance", "web-vm"),
        ("aws:ec2/securityGroup:SecurityGroup", "web-firewall"),
        ("aws:iam/instanceProfile:InstanceProfile", "web-profile"),
        ("aws:iam/role:Role", "web-role"),
        ("evenboot:index:AwsVm", "web"),
        ("pulumi:index:Stash", "web-image-debian-12-amd64"),
        ("pulumi:index:Stash", "web-network"),
        ("pulumi:index:Stash", "web-steps"),
    ] == vm().all()


def test_the_instance_is_secure_from_the_start() -> None:
    """`startup`, `security`: Exactly these properties, the definition's payload in `user_data_base64`, never in `user_data`."""
    assert {
        "ami": AMI,
        "instanceType": "t3.micro",
        "subnetId": "subnet-a",
        "associatePublicIpAddress": True,
        "vpcSecurityGroupIds": ["web-firewall-id"],
        "iamInstanceProfile": "web-profile-1",
        "userDataBase64": render(SCRIPT, {}, "aws").base64,
        "userDataReplaceOnChange": False,
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "rootBlockDevice": {"encrypted": True, "volumeSize": 20, "volumeType": "gp3", "deleteOnTermination": True},
        "tags": {"Name": "web"},
    } == vm().resource("web-vm").properties


def test_nothing_may_come_in() -> None:
    """`inbound`: The security group has no inbound rule, and lets everything out."""
    assert {
        "description": "What may reach the VM web",
        "vpcId": "vpc-default",
        "ingress": [],
        "egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}],
    } == vm().resource("web-firewall").properties


def test_the_identity_has_no_right() -> None:
    """`security`: EC2 may assume the role, and no policy is attached."""
    deployment = vm()

    role = deployment.resource("web-role").properties
    assert {"assumeRolePolicy", "description"} == role.keys()
    assert {"Service": "ec2.amazonaws.com"} == json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"]
    assert {"role": "web-role-1"} == deployment.resource("web-profile").properties


def test_inbound_opens_ports() -> None:
    """`inbound`: Each entry of `inbound` is one rule."""
    rules = vm(inbound=[Inbound(80), Inbound(53, sources=["10.0.0.0/8"], protocol="udp")])

    assert [
        {"description": "tcp 80", "protocol": "tcp", "fromPort": 80, "toPort": 80, "cidrBlocks": ["0.0.0.0/0"]},
        {"description": "udp 53", "protocol": "udp", "fromPort": 53, "toPort": 53, "cidrBlocks": ["10.0.0.0/8"]},
    ] == rules.resource("web-firewall").properties["ingress"]


def test_each_default_can_be_loosened_by_name() -> None:
    """`security`, `disk_gib`, `public_address`: The named arguments reach the instance."""
    properties = (
        vm(allow_imdsv1=True, metadata_hop_limit=2, encrypt_disk=False, disk_gib=50, public_address=False)
        .resource("web-vm")
        .properties
    )

    assert {"httpEndpoint": "enabled", "httpTokens": "optional", "httpPutResponseHopLimit": 2} == properties[
        "metadataOptions"
    ]
    assert (False, 50) == (properties["rootBlockDevice"]["encrypted"], properties["rootBlockDevice"]["volumeSize"])
    assert properties["associatePublicIpAddress"] is False


def test_a_key_is_registered_only_when_given() -> None:
    """`ssh_public_key`: With `ssh_public_key` there is a key pair, and the instance names it."""
    deployment = vm(ssh_public_key="ssh-ed25519 AAAA me\n")

    assert {"publicKey": "ssh-ed25519 AAAA me"} == deployment.resource("web-key").properties
    assert "web-key-1" == deployment.resource("web-vm").properties["keyName"]


def test_outputs_say_where_the_vm_is() -> None:
    """`outputs`: The outputs of the contract; the identity is the role's ARN."""
    outputs = vm().outputs

    assert "web-vm-id" == outputs["id"]
    assert ("172.31.0.2", "198.51.100.1") == (outputs["private_address"], outputs["public_address"])
    assert ("arn:aws:iam::1:role/web-role", "web-role-1") == (outputs["identity"], outputs["role_name"])
    assert 64 == len(outputs["fingerprint"])


def test_no_public_address_is_none() -> None:
    """The provider's empty text is not handed on."""
    assert vm(public_address=False).outputs["public_address"] is None


def test_a_public_address_that_stays_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """`public_address`: It is decided once; who asks for none later is told that the VM has one, by output and warning."""
    has = {"privateIp": "172.31.0.2", "associatePublicIpAddress": True, "publicIp": "198.51.100.1"}
    monkeypatch.setitem(ANSWERS, "aws:ec2/instance:Instance", lambda name, inputs: has)
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, resource: warned.append(text))

    assert "198.51.100.1" == vm(public_address=False).outputs["public_address"]
    assert ["public_address: the VM keeps its public address"] == [text.partition(",")[0] for text in warned]
    assert "198.51.100.1" == vm(public_address=True).outputs["public_address"]
    assert 1 == len(warned)


@pytest.mark.parametrize(
    ("image", "instance_type", "parameter"),
    [
        ("debian-12", "t3.micro", "/aws/service/debian/release/12/latest/amd64"),
        ("debian-12", "t4g.micro", "/aws/service/debian/release/12/latest/arm64"),
        ("debian-12", "g4dn.xlarge", "/aws/service/debian/release/12/latest/amd64"),
        (
            "ubuntu-24.04",
            "m7gd.large",
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
        ),
    ],
)
def test_images_are_looked_up_for_the_processor(image: str, instance_type: str, parameter: str) -> None:
    """`image`: The image's public SSM parameter is read, for the processor of the instance type."""
    found = vm(image=image, instance_type=instance_type).looked_up

    assert [{"name": parameter}] == [args for token, args, _ in found if token == "aws:ssm/getParameter:getParameter"]


def test_an_image_that_was_looked_up_is_kept() -> None:
    """`image`: The first find stays in the state: a newer image is ignored, and the instance uses what is kept.

    The engine's part, to keep an ignored input, is not proven by mocks.
    """
    deployment = vm()

    for name in ("web-image-debian-12-amd64", "web-network"):
        assert ["input"] == list(deployment.resource(name).request.ignoreChanges)
    assert ["associatePublicIpAddress"] == list(deployment.resource("web-vm").request.ignoreChanges)


def test_an_image_of_ones_own_is_not_looked_up() -> None:
    """`image`: An AMI's id is taken as it is, once it is seen to be there; a change of it is a change of the instance."""
    deployment = vm(image="ami-aaaaaaaa", subnet="subnet-own")

    assert "ami-aaaaaaaa" == deployment.resource("web-vm").properties["ami"]
    assert ("aws:ec2/getSubnet:getSubnet", {"id": "subnet-own"}, "") in deployment.looked_up
    assert "aws:ssm/getParameter:getParameter" not in [token for token, _, _ in deployment.looked_up]
    assert ["web-steps"] == [name for kind, name in deployment.all() if kind == "pulumi:index:Stash"]


def test_a_subnet_of_ones_own_has_no_public_address() -> None:
    """`public_address`: With `subnet` the VM has a public address only when asked for."""
    properties = vm(subnet="subnet-own").resource("web-vm").properties

    assert ("subnet-own", False) == (properties["subnetId"], properties["associatePublicIpAddress"])


def test_a_subnet_that_is_made_in_the_same_program_works() -> None:
    """`subnet`: An Output as `subnet` reaches instance and look-up."""
    deployment = deploy(lambda: made(subnet=pulumi.Output.from_input("subnet-new")))

    assert "subnet-new" == deployment.resource("web-vm").properties["subnetId"]
    assert ("aws:ec2/getSubnet:getSubnet", {"id": "subnet-new"}, "") in deployment.looked_up


def test_an_account_without_default_subnet_is_told_so() -> None:
    """`subnet`: No subnet found: one clear error that names `subnet`."""
    error = deploy(made, found={"aws:ec2/getSubnets:getSubnets": {"ids": []}}).error

    assert isinstance(error, pulumi.RunError)
    assert str(error).startswith("subnet: no default VPC in this account and region has a subnet for t3.micro;")


def test_only_zones_that_have_the_instance_type_count() -> None:
    """`subnet`: Subnets are looked for in the zones that offer the type, among those of the default VPC."""
    found = [args for token, args, _ in vm().looked_up if token == "aws:ec2/getSubnets:getSubnets"]

    assert [
        {
            "filters": [
                {"name": "default-for-az", "values": ["true"]},
                {"name": "availability-zone", "values": ["eu-central-1b", "eu-central-1a"]},
            ]
        }
    ] == found


def test_tags_reach_all_children_that_can_have_them() -> None:
    """`tags`: Role, profile, group, key, instance and disk have the tags; the instance its name beside them."""
    deployment = deploy(
        lambda: made(tags={"team": pulumi.Output.from_input("a")}, ssh_public_key="ssh-ed25519 AAAA me")
    )

    for name in ("web-role", "web-profile", "web-firewall", "web-key"):
        assert {"team": "a"} == deployment.resource(name).properties["tags"], name
    instance = deployment.resource("web-vm").properties
    assert {"team": "a", "Name": "web"} == instance["tags"]
    assert {"team": "a"} == instance["rootBlockDevice"]["tags"]


def test_a_missing_subnet_is_said_where_the_vm_is_made() -> None:
    """Look-ups are answered while the VM is made, not somewhere behind it: a program can catch what they say."""
    said: list[str] = []

    def program() -> None:
        try:
            made()
        except pulumi.RunError as error:
            said.append(str(error))

    deployment = deploy(program, found={"aws:ec2/getSubnets:getSubnets": {"ids": []}})

    assert deployment.error is None
    assert ["subnet: no default VPC"] == [text[:22] for text in said]


def test_a_preview_works_while_the_provider_cannot_be_asked() -> None:
    """A provider whose own configuration is not known yet answers nothing: image and subnet are unknown then."""
    nothing: dict[str, Any] = {token: {} for token in FOUND if token.startswith("aws:")}
    deployment = deploy(made, preview=True, found=nothing)

    assert deployment.error is None
    for name in ("web-image-debian-12-amd64", "web-network"):
        assert isinstance(deployment.resource(name).properties["input"], pulumi.output.Unknown)


def test_two_vms_look_up_once() -> None:
    """What was found for one VM serves the next; each keeps it for itself."""
    deployment = deploy(lambda: {**made("a"), **made("b")})

    assert 4 == len(deployment.looked_up)
    assert {"a-network", "b-network"} <= {name for _, name in deployment.all()}


@pytest.mark.parametrize("limit", [0, 65, True, "2"])
def test_a_hop_limit_has_bounds(limit: object) -> None:
    """What AWS would refuse in the middle of a deployment is said before."""
    assert f"\n  metadata_hop_limit: is {limit!r}; give a whole number from 1 to 64" in str(vm(metadata_hop_limit=limit).error)
