"""A VM on Google Cloud that obeys a startup script."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi_gcp import compute, serviceaccount

from ..arguments import VmArgs, flags, needed_text, problems_of
from ..component import Vm
from ..console_sdks import console_problems
from ..objects import content_or_bootstrap, script_to_store
from ..options import shared_options, vm_options
from ..sharing import once, shared_name
from ..startup import Problem
from ..values import Delivered
from .lookups import not_there

# Families: Google Cloud takes the newest image when the VM is made; the text never changes.
_IMAGES = {
    ("debian-12", "amd64"): "projects/debian-cloud/global/images/family/debian-12",
    ("debian-12", "arm64"): "projects/debian-cloud/global/images/family/debian-12-arm64",
    ("ubuntu-24.04", "amd64"): "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64",
    ("ubuntu-24.04", "arm64"): "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-arm64",
}
_ARM = re.compile(r"(t2a|c4a|n4a|a4x)-.*")
_ZONE = re.compile(r"[a-z]+-[a-z]+\d+-[a-z]")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_TEXT = re.compile(r"[a-z0-9_-]{0,63}")
_READS_OBJECTS = re.compile(r"cloud-platform|devstorage\.|^storage-(ro|rw|full)$")
_SLOT = ("metadata", "startup-script")
_BOOTS_FOR = {
    "machine_type": ("machineType",),
    "scopes": ("serviceAccount", "scopes"),
    "secure_boot": ("shieldedInstanceConfig", "enableSecureBoot"),
}
"""For these the provider stops and starts the VM."""


@dataclass(frozen=True, kw_only=True)
class GcpVmArgs(VmArgs):
    """Say what a VM on Google Cloud is: the common arguments, and Google Cloud's own.

    Attributes:
        machine_type: Compute Engine's type; the image is chosen for its processor.
        disk_type: The kind of the root disk; c4a, n4a and other new types want `"hyperdisk-balanced"`.
        zone: Where it is, as in `"europe-west3-a"`; the stack's `gcp:zone` when not given.
        ssh_user: The login that `ssh_public_key` is for.
        scopes: What the VM's tokens may be used for at most; its rights are those granted to its identity, none at first.
        secure_boot: Loosens the shielded VM: False lets it boot unsigned kernel modules.
        project_ssh_keys: Loosens the login: True lets in the keys of the project's metadata.
        serial_console: Loosens the console: True allows to type into it; reading it is always possible.
    """

    machine_type: str = "e2-micro"
    disk_type: str = "pd-balanced"
    zone: str | None = None
    ssh_user: str = "vmadmin"
    scopes: Sequence[str] = ("https://www.googleapis.com/auth/cloud-platform",)
    secure_boot: bool = True
    project_ssh_keys: bool = False
    serial_console: bool = False


class _Network(NamedTuple):
    network: pulumi.Output[str]
    subnet: pulumi.Output[str]


class GcpVm(Vm):
    """Make a Compute Engine instance that obeys a startup script.

    Secure from the start: a network of its own where nothing may come in (`inbound` opens), a shielded VM
    (`secure_boot`), no SSH keys of the project (`project_ssh_keys`), no typing into the serial console
    (`serial_console`), a service account of its own without any right (grant what it needs to `identity`).
    Disks are always encrypted.

    Children, named after the component (`web`):
        `web-vm`: the instance; its name is the component's name.
        `web-identity`: its service account.
        `web-tcp-80`: one firewall rule for each of `inbound`.
        `web-script`, `web-reads-script`: with `overflow`, a script that exceeds the slot, and the right to read it.
        `web-steps`: what the VM was told: its steps and their fingerprints, for previews.
        `web-result`: with `wait`, the definition that it was last waited for.

    Shared by the VMs of the stack that give no `subnet`, belonging to the stack:
        `evenboot-europe-west3`: a network and its subnetwork, one of each per region and provider (with the
            provider's name behind `evenboot` unless it is the default one).

    Shared by the VMs of the stack with `overflow=True`, belonging to the stack:
        `evenboot-objects-europe-west3`: the bucket of the scripts that exceed their slots, one per region and provider.

    Attributes:
        startup: The definition it was given.
        id: The instance's id.
        private_address: Its address in the network.
        public_address: Its address in the internet, or None.
        fingerprint: The definition's fingerprint.
        identity: Its service account as IAM policies name it: `serviceAccount:...`.

    Example:
        ```python
        vm = GcpVm("web", GcpVmArgs(startup=web_server, zone="europe-west3-a", inbound=[Inbound(80)]))
        pulumi.export("address", vm.public_address)
        ```
    """

    _token = "evenboot:index:GcpVm"
    _cloud = "gcp"
    _kind = GcpVmArgs
    _slot = _SLOT
    _boots_for = _BOOTS_FOR

    @classmethod
    def problems(cls, name: str, args: GcpVmArgs) -> Iterator[Problem]:
        """Yield what is wrong with the arguments of a VM, beside `startup` and the texts of `values`."""
        return _problems(name, args, _zone(args))

    @classmethod
    def _missing(cls, args: GcpVmArgs, provider: pulumi.ProviderResource | None) -> Iterable[Problem | None]:
        return not_there(args.image, args.machine_type, _zone(args), args.subnet, provider)

    def __init__(self, name: str, args: GcpVmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
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
        zone = _zone(args)
        network = _network(zone, provider) if args.subnet is None else None
        account = serviceaccount.Account(
            f"{name}-identity",
            account_id=_account_id(name),
            display_name=f"The identity of the VM {name}",
            opts=children,
        )
        _open_inbound(name, args, network, account, provider, children)
        vm = compute.Instance(
            f"{name}-vm",
            name=name,
            zone=zone,
            machine_type=args.machine_type,
            boot_disk=_boot_disk(args),
            network_interfaces=[_interface(args, network)],
            metadata=_metadata(args, _content(name, args, self._delivered, zone, account, provider, children)),
            service_account=compute.InstanceServiceAccountArgs(email=account.email, scopes=list(args.scopes)),
            shielded_instance_config=compute.InstanceShieldedInstanceConfigArgs(
                enable_secure_boot=args.secure_boot, enable_vtpm=True, enable_integrity_monitoring=True
            ),
            # A new machine type or identity stops and starts the VM, as on the other clouds, and is no error.
            allow_stopping_for_update=True,
            labels=args.tags or None,
            opts=vm_options(self, opts, delivered=self._delivered, vm=self._deployed, delete_before_replace=True),
        )
        interface = vm.network_interfaces[0]
        self._publish(
            args,
            id=vm.id,
            lasting_id=vm.instance_id,
            address=vm.id,
            private_address=interface.network_ip,
            public_address=interface.access_configs[0].nat_ip if args.has_public_address else None,
            identity=account.member,
        )


def _zone(args: GcpVmArgs) -> str:
    return (getattr(args, "zone", None) or pulumi.Config("gcp").get("zone")) or ""


def _problems(name: str, args: GcpVmArgs, zone: str) -> Iterator[Problem]:
    yield from problems_of(name, args, lambda image: "/" in image, "an image's path ('projects/.../images/...')")
    yield from needed_text("machine_type", args.machine_type, "e2-micro")
    yield from needed_text("disk_type", args.disk_type, "pd-balanced")
    yield from needed_text("ssh_user", args.ssh_user, "vmadmin")
    yield from flags(args, "secure_boot", "project_ssh_keys", "serial_console")
    yield from console_problems(args, "gcp")
    if not zone:
        yield Problem(
            "zone", "is not given; give it, or set it for the stack: pulumi config set gcp:zone europe-west3-a"
        )
    elif not isinstance(zone, str) or not _ZONE.fullmatch(zone):
        yield Problem("zone", f"is {zone!r}, no zone such as 'europe-west3-a'")
    if isinstance(args.scopes, str) or not args.scopes:
        yield Problem(
            "scopes", f"is {args.scopes!r}; give a list such as ['https://www.googleapis.com/auth/cloud-platform']"
        )
    elif args.overflow is not False and not any(_READS_OBJECTS.search(str(scope)) for scope in args.scopes):
        yield Problem(
            "scopes",
            f"are {list(args.scopes)}, with which the VM reads no object; add "
            "'https://www.googleapis.com/auth/devstorage.read_only', or take out overflow",
        )
    for key, text in args.tags.items() if isinstance(args.tags, Mapping) else ():
        if not _LABEL.fullmatch(str(key)) or (isinstance(text, str) and not _LABEL_TEXT.fullmatch(text)):
            yield Problem(
                f"tags.{key}", f"is {text!r}; labels are small letters, digits, _ and -, 63 characters at most"
            )


def _content(
    name: str,
    args: GcpVmArgs,
    delivered: Delivered,
    zone: str,
    account: serviceaccount.Account,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> pulumi.Input[str]:
    script = script_to_store(name, args, delivered, children)
    if script is None:
        return delivered.content
    from .store import store  # only who needs the store loads its part of the SDK

    stored = store(name, script, args.overflow, zone.rpartition("-")[0], account, provider, children)
    return content_or_bootstrap("gcp", args, delivered, stored)


def _network(zone: str, provider: pulumi.ProviderResource | None) -> _Network:
    region = zone.rpartition("-")[0]
    return once(provider, ("network", region), lambda: _new_network(region, provider))


def _new_network(region: str, provider: pulumi.ProviderResource | None) -> _Network:
    # Not the project's `default` network, which lets SSH and RDP in from everywhere.
    network = compute.Network(
        shared_name(provider, region),
        auto_create_subnetworks=False,
        description="VMs that were given no subnet",
        opts=shared_options(provider),
    )
    subnet = compute.Subnetwork(
        shared_name(provider, region),
        network=network.id,
        region=region,
        ip_cidr_range="10.70.0.0/20",
        private_ip_google_access=True,
        opts=shared_options(provider),
    )
    return _Network(network.id, subnet.id)


def _account_id(name: str) -> str:
    # At most 30 characters, one in a project: the stack is in it, so that two stacks can have a VM of the same name.
    whole = f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}"
    return f"{name[:19].rstrip('-')}-{hashlib.sha256(whole.encode()).hexdigest()[:10]}"


def _open_inbound(
    name: str,
    args: GcpVmArgs,
    shared: _Network | None,
    account: serviceaccount.Account,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> None:
    if not args.inbound:
        return
    network = shared.network if shared else _network_of(args.subnet, provider)
    for rule in args.inbound:
        compute.Firewall(
            f"{name}-{rule.protocol}-{rule.port}",
            network=network,
            description=f"Opens {rule.protocol} {rule.port} of the VM {name}",
            direction="INGRESS",
            allows=[compute.FirewallAllowArgs(protocol=rule.protocol, ports=[str(rule.port)])],
            source_ranges=list(rule.sources),
            target_service_accounts=[account.email],
            opts=children,
        )


def _network_of(subnet: pulumi.Input[str] | None, provider: pulumi.ProviderResource | None) -> pulumi.Output[str]:
    options = pulumi.InvokeOptions(provider=provider)
    return once(
        provider,
        ("network of", subnet),
        lambda: compute.get_subnetwork_output(self_link=subnet, opts=options).network,
    )


def _boot_disk(args: GcpVmArgs) -> compute.InstanceBootDiskArgs:
    arch = "arm64" if _ARM.fullmatch(args.machine_type) else "amd64"
    image = _IMAGES.get((args.image, arch), args.image) if isinstance(args.image, str) else args.image
    return compute.InstanceBootDiskArgs(
        auto_delete=True,
        initialize_params=compute.InstanceBootDiskInitializeParamsArgs(
            image=image, size=args.disk_gib, type=args.disk_type, labels=args.tags or None
        ),
    )


def _interface(args: GcpVmArgs, network: _Network | None) -> compute.InstanceNetworkInterfaceArgs:
    return compute.InstanceNetworkInterfaceArgs(
        subnetwork=network.subnet if network else args.subnet,
        access_configs=[compute.InstanceNetworkInterfaceAccessConfigArgs()] if args.has_public_address else None,
    )


def _metadata(args: GcpVmArgs, script: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    metadata: dict[str, pulumi.Input[str]] = {
        "startup-script": script,
        "block-project-ssh-keys": "FALSE" if args.project_ssh_keys else "TRUE",
        "serial-port-enable": "TRUE" if args.serial_console else "FALSE",
    }
    if args.ssh_public_key is not None:
        metadata["ssh-keys"] = f"{args.ssh_user}:{args.ssh_public_key.strip()}"
    return metadata
