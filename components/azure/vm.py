"""A VM on Azure that obeys a startup script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi_azure_native import compute, managedidentity, network, resources

from ..arguments import VmArgs, flags, key_refused, needed_text, problems_of, text_or_nothing
from ..component import Vm
from ..console_sdks import console_problems
from ..objects import content_or_bootstrap, script_to_store
from ..options import shared_options, vm_options
from ..sharing import once, shared_name
from ..startup import Problem
from ..values import Delivered
from .lookups import ACCOUNT, not_there

# publisher:offer:sku of the second generation, which trusted launch needs. Azure takes the newest version when the VM
# is made; the text never changes.
_IMAGES = {
    ("debian-12", "amd64"): "Debian:debian-12:12-gen2:latest",
    ("debian-12", "arm64"): "Debian:debian-12:12-arm64:latest",
    ("ubuntu-24.04", "amd64"): "Canonical:ubuntu-24_04-lts:server:latest",
    ("ubuntu-24.04", "arm64"): "Canonical:ubuntu-24_04-lts:server-arm64:latest",
}
# Those images have disks of this size, as most have, and Azure makes none smaller than its image.
_IMAGE_GIB = 30
# A "p" among the letters behind the number of processors, as in Standard_D2ps_v5.
_ARM = re.compile(r"Standard_[A-Z]+\d+(-\d+)?[a-z]*p[a-z]*_v\d+", re.IGNORECASE)
_OWN_IMAGE = re.compile(r"/\S+|[^:\s/]+(:[^:\s/]+){3}")
_SUBNET = re.compile(r"/subscriptions/.+/subnets/[^/]+", re.IGNORECASE)
_SLOT = ("userData",)
_BOOTS_FOR = {"vm_size": ("hardwareProfile", "vmSize")}
"""For this Azure restarts the VM."""
# Azure refuses these changes on a VM that exists, while its provider would try them.
_FIXED = ("osProfile", "storageProfile.imageReference", "zones")

# Azure makes no Linux VM without a password or a key. This is a key of which nobody has the private half: the point was
# not computed from one, it is the first one on the curve among SHA-256("evenboot: nobody has the private half of this
# key, N") for N = 0, 1, ... It is constant so that it never changes a VM; tests/components/test_azure.py derives it.
NOBODYS_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF9qLFVX1tWEUeQ6a5UVR04YA5s7uUyFn5/0E9rwjFzH nobody"


@dataclass(frozen=True, kw_only=True)
class AzureVmArgs(VmArgs):
    """Say what a VM on Azure is: the common arguments, and Azure's own.

    Azure's images have disks of 30 GiB or more, so that a smaller `disk_gib` becomes 30.

    Attributes:
        vm_size: Azure's size; the image is chosen for its processor.
        location: Where it is, as in `"westeurope"`; the stack's `azure-native:location` when not given.
        resource_group: The name of the group that it belongs to; one per program and location when not given.
        zone: The availability zone, `"1"` to `"3"`; Azure's choice when not given.
        admin_username: The login that `ssh_public_key` is for.
        trusted_launch: Loosens the VM: False for sizes and images that cannot do it.
        secure_boot: Loosens trusted launch: False lets the VM boot unsigned kernel modules.
        boot_diagnostics: Loosens observation: False keeps the console's text nowhere.
    """

    vm_size: str = "Standard_B1s"
    location: str | None = None
    resource_group: pulumi.Input[str] | None = None
    zone: str | None = None
    admin_username: str = "vmadmin"
    trusted_launch: bool = True
    secure_boot: bool = True
    boot_diagnostics: bool = True


class _Place(NamedTuple):
    location: str
    group: pulumi.Input[str]
    tags: dict[str, pulumi.Input[str]] | None


class AzureVm(Vm):
    """Make an Azure VM that obeys a startup script.

    Secure from the start: no rule lets anything in from outside (`inbound` opens), trusted launch (`trusted_launch`,
    `secure_boot`), no password, boot diagnostics in managed storage (`boot_diagnostics`), a user-assigned identity
    without any right (grant what it needs to `identity`). Disks are always encrypted.
    VMs in one network reach each other, as Azure's own rules have it.

    Children, named after the component (`web`):
        `web-vm`: the VM; its name is the component's name.
        `web-identity`: its identity.
        `web-firewall`: its network security group, with `inbound`.
        `web-nic`: its network interface.
        `web-address`: with a public address, that address.
        `web-script`, `web-scripts`, `web-reads-script`: with `overflow`, a script that exceeds the slot, its container,
            and the identity's right to read in there.
        `web-steps`: what the VM was told: its steps and their fingerprints, for previews.
        `web-result`: with `wait`, the definition that it was last waited for.

    Shared by the VMs of the stack, belonging to the stack, one per location and provider (with the provider's name
    behind `evenboot` unless it is the default one):
        `evenboot-westeurope`: a resource group, for those that give no `resource_group` or no `subnet`, and for scripts that
            exceed their slots; and a network, for those that give no `subnet`.
        `evenboot3f1c09ab`: with `overflow=True`, the storage account of the scripts that exceed their slots; the digits
            stand for location and provider.

    Attributes:
        startup: The definition it was given.
        id: The VM's id.
        private_address: Its address in the network.
        public_address: Its address in the internet, or None.
        fingerprint: The definition's fingerprint.
        identity: The principal id of its identity.

    Example:
        ```python
        vm = AzureVm("web", AzureVmArgs(startup=web_server, location="westeurope", inbound=[Inbound(80)]))
        pulumi.export("address", vm.public_address)
        ```
    """

    _token = "evenboot:index:AzureVm"
    _cloud = "azure"
    _kind = AzureVmArgs
    _slot = _SLOT
    _boots_for = _BOOTS_FOR

    @classmethod
    def problems(cls, name: str, args: AzureVmArgs) -> Iterator[Problem]:
        """Yield what is wrong with the arguments of a VM, beside `startup` and the texts of `values`."""
        return _problems(name, args, _location(args))

    @classmethod
    def _missing(cls, args: AzureVmArgs, provider: pulumi.ProviderResource | None) -> Iterable[Problem | None]:
        return not_there(args.image, args.subnet, args.resource_group, provider)

    def __init__(self, name: str, args: AzureVmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
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
        location = _location(args)
        place = _Place(location, args.resource_group or _group(location, provider), dict(args.tags) or None)
        identity = managedidentity.UserAssignedIdentity(
            f"{name}-identity", resource_group_name=place.group, location=location, tags=place.tags, opts=children
        )
        address = _address(name, place, children) if args.has_public_address else None
        nic = _interface(name, args, place, address, provider, children)
        vm = compute.VirtualMachine(
            f"{name}-vm",
            vm_name=name,
            resource_group_name=place.group,
            location=location,
            zones=[args.zone] if args.zone else None,
            hardware_profile=compute.HardwareProfileArgs(vm_size=args.vm_size),
            os_profile=_os_profile(name, args),
            storage_profile=_storage_profile(args),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[compute.NetworkInterfaceReferenceArgs(id=nic.id, primary=True)]
            ),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
            ),
            # Never custom_data: Azure cannot change it, and cloud-init ignores user_data where there is some.
            user_data=_content(name, args, self._delivered, place, identity, provider, children),
            security_profile=_security_profile(args),
            diagnostics_profile=compute.DiagnosticsProfileArgs(
                boot_diagnostics=compute.BootDiagnosticsArgs(enabled=args.boot_diagnostics)
            ),
            tags=place.tags,
            opts=vm_options(
                self,
                opts,
                delivered=self._delivered,
                vm=self._deployed,
                fixed=_FIXED,
                delete_before_replace=True,
            ),
        )
        self._publish(
            args,
            id=vm.id,
            lasting_id=vm.vm_id,
            address=vm.id,
            private_address=nic.ip_configurations[0].private_ip_address,
            public_address=address.ip_address if address else None,
            identity=identity.principal_id,
        )


def _content(
    name: str,
    args: AzureVmArgs,
    delivered: Delivered,
    place: _Place,
    identity: managedidentity.UserAssignedIdentity,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> pulumi.Input[str]:
    script = script_to_store(name, args, delivered, children)
    if script is None:
        return delivered.content
    from .store import store  # only who needs the store loads its part of the SDK

    group = _group(place.location, provider)
    stored = store(name, script, args.overflow, place.location, group, identity, provider, children)
    return content_or_bootstrap("azure", args, delivered, stored)


def _location(args: AzureVmArgs) -> str:
    given = getattr(args, "location", None) or pulumi.Config("azure-native").get("location") or ""
    # "West Europe" is the same place as "westeurope", and names are made of it.
    return given.replace(" ", "").lower() if isinstance(given, str) else given


_LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_REFUSED = {
    "1", "123", "a", "actuser", "adm", "admin", "admin1", "admin2", "administrator", "aspnet", "backup", "console",
    "david", "guest", "john", "owner", "root", "server", "sql", "support", "support_388945a0", "sys", "sys2", "test",
    "test1", "test2", "test3", "user", "user1", "user2", "user3", "user4", "user5", "video",
}  # fmt: skip


def _problems(name: str, args: AzureVmArgs, location: str) -> Iterator[Problem]:
    yield from problems_of(
        name,
        args,
        lambda image: bool(_OWN_IMAGE.fullmatch(image)),
        "an image's id ('/subscriptions/...') or 'publisher:offer:sku:version'",
    )
    yield from needed_text("vm_size", args.vm_size, "Standard_B1s")
    yield from needed_text("admin_username", args.admin_username, "vmadmin")
    if isinstance(args.admin_username, str):
        if args.admin_username.lower() in _REFUSED:
            yield Problem("admin_username", f"is {args.admin_username!r}, which Azure refuses; choose another")
        elif args.admin_username and not _LOGIN.fullmatch(args.admin_username):
            yield Problem(
                "admin_username", f"is {args.admin_username!r}; give 1 to 32 small letters, digits, '_' or '-'"
            )
    yield from key_refused(args)
    if isinstance(args.overflow, str) and args.overflow and not ACCOUNT.fullmatch(args.overflow):
        yield Problem(
            "overflow", f"is {args.overflow!r}; give True, or the id of a storage account ('/subscriptions/...')"
        )
    yield from console_problems(args, "azure")
    if args.wait and not args.boot_diagnostics:
        yield Problem("wait", "needs the console's text; leave boot_diagnostics at True")
    if isinstance(args.disk_gib, int) and args.disk_gib > 4095:
        yield Problem("disk_gib", f"is {args.disk_gib}; Azure boots from disks of at most 4,095 GiB")
    yield from flags(args, "trusted_launch", "secure_boot", "boot_diagnostics")
    if not location:
        yield Problem(
            "location",
            "is not given; give it, or set it for the stack: pulumi config set azure-native:location westeurope",
        )
    else:
        yield from needed_text("location", location, "westeurope")
    yield from text_or_nothing("resource_group", args.resource_group, "the name of a resource group")
    if isinstance(args.subnet, str) and args.subnet and not _SUBNET.fullmatch(args.subnet):
        yield Problem("subnet", f"is {args.subnet!r}; give a subnet's id ('/subscriptions/.../subnets/...')")
    if args.zone not in (None, "1", "2", "3"):
        yield Problem("zone", f"is {args.zone!r}; give '1', '2' or '3', or leave it out")


def _group(location: str, provider: pulumi.ProviderResource | None) -> pulumi.Output[str]:
    def make() -> pulumi.Output[str]:
        group = resources.ResourceGroup(
            shared_name(provider, location), location=location, opts=shared_options(provider)
        )
        return group.name

    return once(provider, ("group", location), make)


def _shared_subnet(location: str, provider: pulumi.ProviderResource | None) -> pulumi.Output[str]:
    def make() -> pulumi.Output[str]:
        net = network.VirtualNetwork(
            shared_name(provider, location),
            resource_group_name=_group(location, provider),
            location=location,
            address_space=network.AddressSpaceArgs(address_prefixes=["10.70.0.0/16"]),
            subnets=[
                # As on the other clouds, a VM without a public address has no way out.
                network.SubnetArgs(name="vms", address_prefix="10.70.0.0/20", default_outbound_access=False)
            ],
            opts=shared_options(provider),
        )
        return net.subnets[0].id

    return once(provider, ("subnet", location), make)


def _address(name: str, place: _Place, children: pulumi.ResourceOptions) -> network.PublicIPAddress:
    return network.PublicIPAddress(
        f"{name}-address",
        resource_group_name=place.group,
        location=place.location,
        sku=network.PublicIPAddressSkuArgs(name=network.PublicIPAddressSkuName.STANDARD),
        public_ip_allocation_method=network.IPAllocationMethod.STATIC,
        tags=place.tags,
        opts=children,
    )


def _interface(
    name: str,
    args: AzureVmArgs,
    place: _Place,
    address: network.PublicIPAddress | None,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> network.NetworkInterface:
    subnet = args.subnet or _shared_subnet(place.location, provider)
    return network.NetworkInterface(
        f"{name}-nic",
        resource_group_name=place.group,
        location=place.location,
        network_security_group=network.NetworkSecurityGroupArgs(id=_firewall(name, args, place, children).id),
        ip_configurations=[
            network.NetworkInterfaceIPConfigurationArgs(
                name="primary",
                primary=True,
                private_ip_allocation_method=network.IPAllocationMethod.DYNAMIC,
                subnet=network.SubnetArgs(id=subnet),
                public_ip_address=network.PublicIPAddressArgs(id=address.id) if address else None,
            )
        ],
        tags=place.tags,
        opts=children,
    )


def _firewall(
    name: str, args: AzureVmArgs, place: _Place, children: pulumi.ResourceOptions
) -> network.NetworkSecurityGroup:
    return network.NetworkSecurityGroup(
        f"{name}-firewall",
        resource_group_name=place.group,
        location=place.location,
        security_rules=[
            network.SecurityRuleArgs(
                name=f"{rule.protocol}-{rule.port}",
                priority=100 + index,
                direction=network.SecurityRuleDirection.INBOUND,
                access=network.SecurityRuleAccess.ALLOW,
                protocol=rule.protocol.capitalize(),
                source_address_prefixes=list(rule.sources),
                source_port_range="*",
                destination_address_prefix="*",
                destination_port_range=str(rule.port),
            )
            for index, rule in enumerate(args.inbound)
        ],
        tags=place.tags,
        opts=children,
    )


def _os_profile(name: str, args: AzureVmArgs) -> compute.OSProfileArgs:
    key = compute.SshPublicKeyArgs(
        path=f"/home/{args.admin_username}/.ssh/authorized_keys", key_data=(args.ssh_public_key or NOBODYS_KEY).strip()
    )
    return compute.OSProfileArgs(
        computer_name=name,
        admin_username=args.admin_username,
        linux_configuration=compute.LinuxConfigurationArgs(
            disable_password_authentication=True,
            provision_vm_agent=True,
            ssh=compute.SshConfigurationArgs(public_keys=[key]),
        ),
    )


def _storage_profile(args: AzureVmArgs) -> compute.StorageProfileArgs:
    return compute.StorageProfileArgs(
        image_reference=_image(args),
        os_disk=compute.OSDiskArgs(
            create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
            delete_option=compute.DiskDeleteOptionTypes.DELETE,
            disk_size_gb=max(args.disk_gib, _IMAGE_GIB),
            managed_disk=compute.ManagedDiskParametersArgs(
                storage_account_type=compute.StorageAccountTypes.STANDARD_SS_D_LRS
            ),
        ),
    )


def _image(args: AzureVmArgs) -> compute.ImageReferenceArgs:
    if not isinstance(args.image, str):
        return compute.ImageReferenceArgs(id=args.image)
    arch = "arm64" if _ARM.fullmatch(args.vm_size) else "amd64"
    image = _IMAGES.get((args.image, arch), args.image)
    if image.startswith("/"):
        return compute.ImageReferenceArgs(id=image)
    publisher, offer, sku, version = image.split(":")
    return compute.ImageReferenceArgs(publisher=publisher, offer=offer, sku=sku, version=version)


def _security_profile(args: AzureVmArgs) -> compute.SecurityProfileArgs | None:
    if not args.trusted_launch:
        return None
    return compute.SecurityProfileArgs(
        security_type=compute.SecurityTypes.TRUSTED_LAUNCH,
        uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=args.secure_boot, v_tpm_enabled=True),
    )
