"""A VM on AWS that obeys a startup script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pulumi
from pulumi_aws import ec2, iam, ssm

from ..arguments import VmArgs, flags, key_refused, needed_text, problems_of
from ..cloud_errors import asked
from ..component import Vm
from ..console_sdks import console_problems
from ..objects import content_or_bootstrap, script_to_store
from ..options import vm_options
from ..sharing import known, once
from ..startup import Problem
from ..values import Delivered
from .lookups import not_there, zones_with

# Names of public SSM parameters, which their makers keep at the newest image.
_IMAGES = {
    "debian-12": "/aws/service/debian/release/12/latest/{arch}",
    "ubuntu-24.04": "/aws/service/canonical/ubuntu/server/24.04/stable/current/{arch}/hvm/ebs-gp3/ami-id",
}
_OWN_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}")
# Graviton: a "g" behind the generation's number, as in t4g or m7gd; a1 was the first.
_ARM = re.compile(r"(a1|[a-z]+\d+[a-z]*g[a-z]*)\..*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_SLOT = ("userDataBase64",)
_BOOTS_FOR = {"instance_type": ("instanceType",)}
"""For these EC2 stops and starts an instance, as for its slot."""


@dataclass(frozen=True, kw_only=True)
class AwsVmArgs(VmArgs):
    """Say what a VM on AWS is: the common arguments, and AWS's own.

    Attributes:
        instance_type: EC2's type; the image is looked up for its processor.
        allow_imdsv1: Loosens the metadata service: True accepts requests without a session token.
        metadata_hop_limit: Loosens the metadata service: 2 lets containers on the VM reach it. From 1 to 64.
        encrypt_disk: Loosens the root disk: False leaves it unencrypted.
    """

    instance_type: str = "t3.micro"
    allow_imdsv1: bool = False
    metadata_hop_limit: int = 1
    encrypt_disk: bool = True


class _Network(NamedTuple):
    subnet: pulumi.Input[str]
    vpc: pulumi.Input[str]


class AwsVm(Vm):
    """Make an EC2 instance that obeys a startup script.

    Secure from the start: nothing may come in (`inbound` opens), IMDSv2 only (`allow_imdsv1`), an encrypted root disk
    (`encrypt_disk`), a role of its own without any right (grant what it needs to `identity`).
    An image and a subnet that were looked up are kept: newer images and other subnets change nothing for this VM.

    Children, named after the component (`web`):
        `web-vm`: the instance; its tag `Name` is the component's name.
        `web-role`, `web-profile`: its identity.
        `web-firewall`: its security group; everything out, `inbound` in.
        `web-key`: with `ssh_public_key`, its key pair.
        `web-image-debian-12-amd64`: the image that was looked up (not with an id as `image`). Another `image`
            makes another VM; the newest one of the same name comes with `pulumi up --replace` of this child.
        `web-network`: the subnet that was looked up, and its VPC (not with `subnet`).
        `web-script`, `web-reads-script`: with `overflow`, a script that exceeds the slot, and the right to read it.
        `web-steps`: what the VM was told: its steps and their fingerprints, for previews.
        `web-result`: with `wait`, the definition that it was last waited for.

    Shared by the VMs of the stack, belonging to the stack, one per provider (with its name behind `evenboot` unless it
    is the default one):
        `evenboot-objects`: with `overflow=True`, the bucket of the scripts that exceed their slots.

    Attributes:
        startup: The definition it was given.
        id: The instance's id.
        private_address: Its address in the network.
        public_address: Its address in the internet, or None.
        fingerprint: The definition's fingerprint.
        identity: The ARN of its role.
        role_name: The name of its role, for policies that are attached to it.

    Example:
        ```python
        vm = AwsVm("web", AwsVmArgs(startup=web_server, inbound=[Inbound(80)]))
        pulumi.export("address", vm.public_address)
        ```
    """

    role_name: pulumi.Output[str]
    _token = "evenboot:index:AwsVm"
    _cloud = "aws"
    _kind = AwsVmArgs
    _slot = _SLOT
    _boots_for = _BOOTS_FOR

    @classmethod
    def problems(cls, name: str, args: AwsVmArgs) -> Iterator[Problem]:
        """Yield what is wrong with the arguments of a VM, beside `startup` and the texts of `values`."""
        return _problems(name, args)

    @classmethod
    def _missing(cls, args: AwsVmArgs, provider: pulumi.ProviderResource | None) -> Iterable[Problem | None]:
        own_image = args.image if isinstance(args.image, str) and args.image not in _IMAGES else None
        return not_there(own_image, args.instance_type, provider)

    def __init__(self, name: str, args: AwsVmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the VM and what belongs to it.

        Args:
            name: The component's name, from which those of its children and of the VM itself are made.
            args: What the VM is.
            opts: Pulumi's options; those for a VM (`depends_on`, `ignore_changes`, ...) are handed on to it.

        Raises:
            VmArgsError: Something is wrong with the definition or another argument; nothing has been registered.
        """
        self._begin(name, args, opts)
        provider, children = self._provider, self._children
        network = _network(self, name, args, provider)
        role, profile = _identity(name, args, children)
        vm = ec2.Instance(
            f"{name}-vm",
            ami=_image(self, name, args, provider),
            instance_type=args.instance_type,
            subnet_id=network.subnet,
            associate_public_ip_address=args.has_public_address,
            vpc_security_group_ids=[_firewall(name, args, network.vpc, children).id],
            iam_instance_profile=profile.name,
            key_name=_key_name(name, args, children),
            user_data_base64=_content(name, args, self._delivered, role, provider, children),
            # A change is obeyed in place; a new VM is `on_change="replace"`, alike on the three clouds.
            user_data_replace_on_change=False,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="optional" if args.allow_imdsv1 else "required",
                http_put_response_hop_limit=args.metadata_hop_limit,
            ),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                encrypted=args.encrypt_disk,
                volume_size=args.disk_gib,
                volume_type="gp3",
                delete_on_termination=True,
                tags=args.tags or None,
            ),
            tags={"Name": name, **args.tags},
            opts=vm_options(self, opts, delivered=self._delivered, vm=self._deployed, decided=_DECIDED),
        )
        self.role_name = role.name
        if not args.has_public_address:
            vm.associate_public_ip_address.apply(lambda has: _still_public(self, has))
        self._publish(
            args,
            id=vm.id,
            lasting_id=vm.id,
            address=vm.arn,
            private_address=vm.private_ip,
            public_address=vm.public_ip.apply(lambda address: address or None),
            identity=role.arn,
        )


_DECIDED = ("associatePublicIpAddress",)
"""A refresh finds no public address on a stopped instance, and the provider would make a new one for that."""


def _still_public(vm: AwsVm, has_address: bool | None) -> None:
    if has_address:
        pulumi.log.warn(
            "public_address: the VM keeps its public address, which is decided once; for a VM without one: pulumi up --replace",
            vm,
        )


def _content(
    name: str,
    args: AwsVmArgs,
    delivered: Delivered,
    role: iam.Role,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> pulumi.Input[str]:
    script = script_to_store(name, args, delivered, children)
    if script is None:
        return delivered.content
    from .store import store  # only who needs the store loads its part of the SDK

    stored = store(name, script, args.overflow, role, provider, children)
    return content_or_bootstrap("aws", args, delivered, stored)


def _problems(name: str, args: AwsVmArgs) -> Iterator[Problem]:
    yield from problems_of(name, args, lambda image: bool(_OWN_IMAGE.fullmatch(image)), "the id of an AMI ('ami-...')")
    yield from needed_text("instance_type", args.instance_type, "t3.micro")
    yield from flags(args, "allow_imdsv1", "encrypt_disk")
    yield from key_refused(args)
    if isinstance(args.overflow, str) and args.overflow and not _BUCKET.fullmatch(args.overflow):
        yield Problem(
            "overflow", f"is {args.overflow!r}; give True, or the name of a bucket without dots, with which there is no TLS"
        )
    yield from console_problems(args, "aws")
    limit = args.metadata_hop_limit
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 64:
        yield Problem("metadata_hop_limit", f"is {limit!r}; give a whole number from 1 to 64")


def _image(vm: AwsVm, name: str, args: AwsVmArgs, provider: pulumi.ProviderResource | None) -> pulumi.Input[str]:
    path = _IMAGES.get(args.image) if isinstance(args.image, str) else None
    if path is None:
        return args.image
    arch = "arm64" if _ARM.fullmatch(args.instance_type) else "amd64"
    options = pulumi.InvokeOptions(provider=provider)
    found = once(
        provider,
        ("image", args.image, arch),
        lambda: asked(
            f"AwsVm {name!r}",
            "aws",
            "image",
            lambda: ssm.get_parameter(name=path.format(arch=arch), opts=options).insecure_value,
        ),
    )
    return _stashed(vm, f"{name}-image-{args.image}-{arch}", known(found))


def _network(vm: AwsVm, name: str, args: AwsVmArgs, provider: pulumi.ProviderResource | None) -> _Network:
    if args.subnet is None:
        kind = args.instance_type
        found = once(
            provider,
            ("network", kind),
            lambda: asked(f"AwsVm {name!r}", "aws", "subnet", lambda: _default_network(kind, provider)),
        )
        stashed = _stashed(vm, f"{name}-network", known(found and found._asdict()))
        return _Network(stashed["subnet"], stashed["vpc"])
    given = args.subnet
    return _Network(given, once(provider, ("vpc of", given), lambda: _vpc_of(f"AwsVm {name!r}", given, provider)))


def _default_network(instance_type: str, provider: pulumi.ProviderResource | None) -> _Network | None:
    options = pulumi.InvokeOptions(provider=provider)
    # Default VPCs have a subnet in each zone, and not every zone has every type.
    zones = zones_with(instance_type, provider)
    subnets = ec2.get_subnets(
        filters=[
            ec2.GetSubnetsFilterArgs(name="default-for-az", values=["true"]),
            # A type that the region lacks has no zones; a filter with no values would be none.
            ec2.GetSubnetsFilterArgs(name="availability-zone", values=zones or ["none"]),
        ],
        opts=options,
    ).ids
    if known(subnets) is pulumi.UNKNOWN:
        return None
    if not subnets:
        raise pulumi.RunError(_NO_SUBNET.format(instance_type))
    # The cloud answers in any order.
    subnet = min(subnets)
    return _Network(subnet, ec2.get_subnet(id=subnet, opts=options).vpc_id)


def _vpc_of(vm: str, subnet: pulumi.Input[str], provider: pulumi.ProviderResource | None) -> pulumi.Input[str]:
    options = pulumi.InvokeOptions(provider=provider)
    if isinstance(subnet, str):
        return known(asked(vm, "aws", "subnet", lambda: ec2.get_subnet(id=subnet, opts=options).vpc_id))
    return ec2.get_subnet_output(id=subnet, opts=options).vpc_id


_NO_SUBNET = (
    "subnet: no default VPC in this account and region has a subnet for {}; give the id of a subnet in `subnet`, "
    "or make a default VPC with `aws ec2 create-default-vpc`"
)


def _stashed(vm: AwsVm, name: str, found: pulumi.Input[Any]) -> pulumi.Output[Any]:
    """Keep in the state what was found first, whatever later look-ups find."""
    stash = pulumi.Stash(name, input=found, opts=pulumi.ResourceOptions(parent=vm, ignore_changes=["input"]))
    # As its input is never changed, this is what the state has. To ignore changes on the instance itself would keep
    # the old image also when another one is asked for.
    return stash.input


def _identity(name: str, args: AwsVmArgs, children: pulumi.ResourceOptions) -> tuple[iam.Role, iam.InstanceProfile]:
    role = iam.Role(
        f"{name}-role",
        description=f"The identity of the VM {name}",
        assume_role_policy=_EC2_MAY_ASSUME,
        tags=args.tags or None,
        opts=children,
    )
    return role, iam.InstanceProfile(f"{name}-profile", role=role.name, tags=args.tags or None, opts=children)


_EC2_MAY_ASSUME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)


def _firewall(
    name: str, args: AwsVmArgs, vpc: pulumi.Input[str], children: pulumi.ResourceOptions
) -> ec2.SecurityGroup:
    return ec2.SecurityGroup(
        f"{name}-firewall",
        description=f"What may reach the VM {name}",
        vpc_id=vpc,
        ingress=[
            ec2.SecurityGroupIngressArgs(
                description=f"{rule.protocol} {rule.port}",
                protocol=rule.protocol,
                from_port=rule.port,
                to_port=rule.port,
                cidr_blocks=list(rule.sources),
            )
            for rule in args.inbound
        ],
        # Without this the provider would take away the rule that AWS gives to each new group.
        egress=[ec2.SecurityGroupEgressArgs(protocol="-1", from_port=0, to_port=0, cidr_blocks=["0.0.0.0/0"])],
        tags=args.tags or None,
        opts=children,
    )


def _key_name(name: str, args: AwsVmArgs, children: pulumi.ResourceOptions) -> pulumi.Output[str] | None:
    if args.ssh_public_key is None:
        return None
    key = ec2.KeyPair(f"{name}-key", public_key=args.ssh_public_key.strip(), tags=args.tags or None, opts=children)
    return key.key_name
