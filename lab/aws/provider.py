"""The local EC2: the resources and look-ups of package `aws` that VMs need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256

from ..errors import LabError
from ..providers.machines import Machine
from ..providers.provider import Provider
from ..providers.resources import Failure, Resource
from ..providers.slots import base64_problem, decoded
from ..providers.wire import Plain, Unknown
from . import storage

LIMIT = 16_384
"""Bytes of user data before base64."""

ACCOUNT = "123456789012"
IMAGES = {f"ami-{sha256(name.encode()).hexdigest()[:17]}": name for name in ("debian-12", "debian-13")}

_TAGS = {"*": str}
_RULE = {
    "description": str,
    "protocol": str,
    "fromPort": int,
    "toPort": int,
    "cidrBlocks": [str],
    "ipv6CidrBlocks": [str],
    "prefixListIds": [str],
    "securityGroups": [str],
    "self": bool,
}
_ARN = "arn:aws:{service}:{{region}}:" + ACCOUNT + ":{path}"
_IAM_ARN = f"arn:aws:iam::{ACCOUNT}:"

_INSTANCE = Resource(
    token="aws:ec2/instance:Instance",
    id="i-pending-{hex17}",
    inputs={
        "ami": str,
        "instanceType": str,
        "subnetId": str,
        "availabilityZone": str,
        "associatePublicIpAddress": bool,
        "privateIp": str,
        "vpcSecurityGroupIds": [str],
        "iamInstanceProfile": str,
        "keyName": str,
        "userData": str,
        "userDataBase64": str,
        "userDataReplaceOnChange": bool,
        "metadataOptions": {
            "httpEndpoint": str,
            "httpTokens": str,
            "httpPutResponseHopLimit": int,
            "httpProtocolIpv6": str,
            "instanceMetadataTags": str,
        },
        "rootBlockDevice": {
            "encrypted": bool,
            "kmsKeyId": str,
            "volumeSize": int,
            "volumeType": str,
            "iops": int,
            "throughput": int,
            "deleteOnTermination": bool,
            "tags": _TAGS,
        },
        "monitoring": bool,
        "sourceDestCheck": bool,
        "ebsOptimized": bool,
        "disableApiTermination": bool,
        "instanceInitiatedShutdownBehavior": str,
        "region": str,
        "tags": _TAGS,
    },
    replaces=(
        "ami",
        "subnetId",
        "availabilityZone",
        "associatePublicIpAddress",
        "privateIp",
        "keyName",
        "ebsOptimized",
        "region",
        "rootBlockDevice.encrypted",
        "rootBlockDevice.kmsKeyId",
    ),
    outputs={"primaryNetworkInterfaceId": "eni-{hex17}"},
)

_RESTARTS = ("instanceType", "userData", "userDataBase64")
"""What EC2 changes only while the instance is stopped."""


def _get_parameter(arguments: Plain, cloud: Provider) -> Plain:
    name = str(arguments.get("name", ""))
    match = re.fullmatch(r"/aws/service/debian/release/(\d+)/latest/(amd64|arm64)", name)
    found = [ami for ami, image in IMAGES.items() if match and image == f"debian-{match[1]}"]
    if not found:
        raise LabError(f"the local cloud has no parameter {name!r}; it has images of Debian 12 and 13 only")
    return {
        "id": name,
        "name": name,
        "arn": f"arn:aws:ssm:{cloud.settings['region']}::parameter{name}",
        "type": "String",
        "value": found[0],
        "insecureValue": found[0],
        "version": 1,
        "region": cloud.settings["region"],
    }


def _get_instance_type_offerings(arguments: Plain, cloud: Provider) -> Plain:
    types = [kind for kind in _filter(arguments, "instance-type") or ["t3.micro"] if _TYPE.fullmatch(kind)]
    zones = [f"{cloud.settings['region']}{letter}" for letter in "ab"]
    pairs = [(kind, zone) for kind in types for zone in zones]
    return {
        "id": cloud.settings["region"],
        "instanceTypes": [kind for kind, _ in pairs],
        "locations": [zone for _, zone in pairs],
        "locationTypes": ["availability-zone"] * len(pairs),
        "region": cloud.settings["region"],
    }


_TYPE = re.compile(r"[a-z]+\d[a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal[a-z0-9-]*)")
"""What instance types look like; the local cloud has all that do."""


def _get_ami(arguments: Plain, cloud: Provider) -> Plain:
    found = [ami for ami in _filter(arguments, "image-id") if ami in IMAGES]
    if not found:
        raise LabError("Your query returned no results. Please change your search criteria and try again.")
    return {"id": found[0], "imageId": found[0], "name": IMAGES[found[0]], "architecture": "x86_64"}


def _get_subnets(arguments: Plain, cloud: Provider) -> Plain:
    zones = _filter(arguments, "availability-zone") or [f"{cloud.settings['region']}{letter}" for letter in "ab"]
    return {"id": cloud.settings["region"], "ids": [_subnet(zone) for zone in zones], "region": cloud.settings["region"]}


def _get_subnet(arguments: Plain, cloud: Provider) -> Plain:
    zones = {_subnet(f"{cloud.settings['region']}{letter}"): f"{cloud.settings['region']}{letter}" for letter in "abc"}
    id = str(arguments.get("id", ""))
    if id not in zones:
        raise LabError(f"InvalidSubnetID.NotFound: the local cloud has no subnet {id!r}; it has {', '.join(zones)}")
    zone = zones[id]
    return {
        "id": id,
        "vpcId": _digits("vpc", cloud.settings["region"]),
        "availabilityZone": zone,
        "cidrBlock": "10.0.0.0/24",
        "defaultForAz": True,
        "mapPublicIpOnLaunch": True,
        "arn": f"arn:aws:ec2:{cloud.settings['region']}:{ACCOUNT}:subnet/{id}",
        "region": cloud.settings["region"],
    }


def _filter(arguments: Plain, name: str) -> list[str]:
    return [value for item in arguments.get("filters") or [] if item["name"] == name for value in item["values"]]


def _subnet(zone: str) -> str:
    return _digits("subnet", zone)


def _digits(kind: str, name: str) -> str:
    return f"{kind}-0{sha256(name.encode()).hexdigest()[:16]}"


class AwsProvider(Provider):
    """Provide instances of EC2, and what stands around them."""

    package = "aws"
    version = "7.51.1"
    cloud = "aws"
    vm = _INSTANCE.token
    vm_outputs = ("privateIp", "publicIp", "arn", "instanceState", "privateDns")
    vm_id_is_the_machines = True
    settings_known = {"region": "us-east-1", "profile": "", "defaultTags": ""}
    lookups = {
        "aws:ssm/getParameter:getParameter": _get_parameter,
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": _get_instance_type_offerings,
        "aws:ec2/getAmi:getAmi": _get_ami,
        "aws:ec2/getSubnets:getSubnets": _get_subnets,
        "aws:ec2/getSubnet:getSubnet": _get_subnet,
        "aws:s3/getBucket:getBucket": storage.get_bucket,
    }
    tables = (
        _INSTANCE,
        *storage.TABLES,
        Resource(
            token="aws:iam/role:Role",
            id="{name}",
            named="name",
            inputs={
                "name": str,
                "assumeRolePolicy": str,
                "description": str,
                "path": str,
                "maxSessionDuration": int,
                "permissionsBoundary": str,
                "forceDetachPolicies": bool,
                "tags": _TAGS,
            },
            required=("assumeRolePolicy",),
            replaces=("name", "path"),
            outputs={"arn": _IAM_ARN + "role/{name}", "uniqueId": "AROA{hex17}"},
        ),
        Resource(
            token="aws:iam/instanceProfile:InstanceProfile",
            id="{name}",
            named="name",
            inputs={"name": str, "role": str, "path": str, "tags": _TAGS},
            replaces=("name", "path"),
            outputs={"arn": _IAM_ARN + "instance-profile/{name}", "uniqueId": "AIPA{hex17}"},
        ),
        Resource(
            token="aws:ec2/securityGroup:SecurityGroup",
            id="sg-{hex17}",
            named="name",
            inputs={
                "name": str,
                "description": str,
                "vpcId": str,
                "ingress": [_RULE],
                "egress": [_RULE],
                "revokeRulesOnDelete": bool,
                "region": str,
                "tags": _TAGS,
            },
            required=(
                "ingress.protocol",
                "ingress.fromPort",
                "ingress.toPort",
                "egress.protocol",
                "egress.fromPort",
                "egress.toPort",
            ),
            replaces=("name", "description", "vpcId", "region"),
            defaults={"description": "Managed by Pulumi"},
            outputs={"arn": _ARN.format(service="ec2", path="security-group/{id}"), "ownerId": ACCOUNT},
        ),
        Resource(
            token="aws:ec2/keyPair:KeyPair",
            id="{keyName}",
            named="keyName",
            inputs={"keyName": str, "publicKey": str, "region": str, "tags": _TAGS},
            required=("publicKey",),
            replaces=("keyName", "publicKey", "region"),
            outputs={"arn": _ARN.format(service="ec2", path="key-pair/{keyName}"), "keyPairId": "key-{hex17}"},
        ),
    )

    def vm_problems(self, inputs: Plain) -> Iterator[Failure]:
        """Yield what RunInstances refuses."""
        if not inputs.get("ami"):
            yield Failure("ami", "missing required property")
        elif not isinstance(inputs["ami"], Unknown) and inputs["ami"] not in IMAGES:
            known = ", ".join(f"{ami} ({image})" for ami, image in IMAGES.items())
            yield Failure("ami", f"InvalidAMIID.NotFound: {inputs['ami']!r}; the local cloud has {known}")
        if inputs.get("userData") is not None and inputs.get("userDataBase64") is not None:
            yield Failure("userDataBase64", "conflicts with userData")
        yield from base64_problem("userDataBase64", inputs.get("userDataBase64"), LIMIT)
        text = inputs.get("userData")
        if isinstance(text, str) and len(text.encode()) > LIMIT:
            yield Failure("userData", f"user data is limited to {LIMIT} bytes, got {len(text.encode())}")

    def vm_name(self, inputs: Plain) -> str:
        """Return the tag `Name`, as the console shows it."""
        name = str((inputs.get("tags") or {}).get("Name") or "instance")
        return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")[:40] or "instance"

    def vm_image(self, inputs: Plain) -> str:
        """Return the lab's image behind the AMI."""
        return IMAGES[inputs["ami"]]

    def vm_payload(self, inputs: Plain) -> bytes | None:
        """Return the user data."""
        if inputs.get("userData") is not None:
            return str(inputs["userData"]).encode()
        return decoded(inputs.get("userDataBase64"))

    def vm_computed(self, machine: Machine, inputs: Plain) -> Plain:
        """Return addresses; the public one is of a network for examples, as nobody outside can reach the machine."""
        number = machine.address.rpartition(".")[2]
        region = self.settings["region"]
        return {
            "privateIp": machine.address,
            "privateDns": f"ip-{machine.address.replace('.', '-')}.{region}.compute.internal",
            "publicIp": f"203.0.113.{number}" if inputs.get("associatePublicIpAddress") else "",
            "arn": f"arn:aws:ec2:{region}:{ACCOUNT}:instance/{machine.instance_id}",
            "instanceState": "running",
        }

    def vm_restart_needed(self, changed: Mapping[str, str], new: Plain) -> bool:
        """Tell whether EC2 must stop the instance: user data and type change only while it is stopped."""
        return any(path in _RESTARTS for path in changed)
