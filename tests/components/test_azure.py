"""The exact children of AzureVm. Mocks do not prove that Azure accepts them."""

from __future__ import annotations

import base64
import hashlib
import struct

import pulumi
import pytest

from components import AzureVm, AzureVmArgs, Inbound, VmArgsError
from components.azure.vm import NOBODYS_KEY
from startup import render
from startup.testing.deployment import Deployment, deploy

from .conftest import SCRIPT

GROUP = "evenboot-westeurope-1"
POLICIES = {"privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"}


def vm(name: str = "web", opts: pulumi.ResourceOptions | None = None, **arguments: object) -> Deployment:
    return deploy(lambda: made(name, opts, **arguments))


def made(name: str = "web", opts: pulumi.ResourceOptions | None = None, **arguments: object) -> dict[str, object]:
    machine = AzureVm(name, AzureVmArgs(startup=SCRIPT, **arguments), opts)  # pyright: ignore[reportArgumentType]
    outputs = ("id", "private_address", "public_address", "fingerprint", "identity")
    return {name: getattr(machine, name) for name in outputs}


def test_it_has_exactly_these_children() -> None:
    """`children`: A VM with nothing but a definition is these resources."""
    assert [
        ("azure-native:compute:VirtualMachine", "web-vm"),
        ("azure-native:managedidentity:UserAssignedIdentity", "web-identity"),
        ("azure-native:network:NetworkInterface", "web-nic"),
        ("azure-native:network:NetworkSecurityGroup", "web-firewall"),
        ("azure-native:network:PublicIPAddress", "web-address"),
        ("azure-native:network:VirtualNetwork", "evenboot-westeurope"),
        ("azure-native:resources:ResourceGroup", "evenboot-westeurope"),
        ("evenboot:index:AzureVm", "web"),
        ("pulumi:index:Stash", "web-steps"),
    ] == vm().all()


def test_the_vm_is_secure_from_the_start() -> None:
    """`startup`, `security`: Exactly these properties, the definition's payload in `user_data`, and no `custom_data`."""
    assert {
        "vmName": "web",
        "resourceGroupName": GROUP,
        "location": "westeurope",
        "hardwareProfile": {"vmSize": "Standard_B1s"},
        "osProfile": {
            "computerName": "web",
            "adminUsername": "vmadmin",
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "provisionVMAgent": True,
                "ssh": {"publicKeys": [{"path": "/home/vmadmin/.ssh/authorized_keys", "keyData": NOBODYS_KEY}]},
            },
        },
        "storageProfile": {
            "imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "latest"},
            "osDisk": {
                "createOption": "FromImage",
                "deleteOption": "Delete",
                "diskSizeGB": 30,
                "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
            },
        },
        "networkProfile": {"networkInterfaces": [{"id": "web-nic-id", "primary": True}]},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": ["web-identity-id"]},
        "userData": render(SCRIPT, {}, "azure").base64,
        "securityProfile": {
            "securityType": "TrustedLaunch",
            "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        },
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
    } == vm().resource("web-vm").properties


def test_network_and_address() -> None:
    """The shared network, and a fixed address on the VM's own interface."""
    deployment = vm()

    assert {
        "resourceGroupName": GROUP,
        "location": "westeurope",
        "addressSpace": {"addressPrefixes": ["10.70.0.0/16"]},
        "subnets": [{"name": "vms", "addressPrefix": "10.70.0.0/20", "defaultOutboundAccess": False, **POLICIES}],
        "enableDdosProtection": False,
        "enableVmProtection": False,
    } == deployment.resource("evenboot-westeurope", "VirtualNetwork").properties
    assert {
        "resourceGroupName": GROUP,
        "location": "westeurope",
        "sku": {"name": "Standard"},
        "publicIPAllocationMethod": "Static",
    } == deployment.resource("web-address").properties
    assert {
        "resourceGroupName": GROUP,
        "location": "westeurope",
        "networkSecurityGroup": {"id": "web-firewall-id"},
        "ipConfigurations": [
            {
                "name": "primary",
                "primary": True,
                "privateIPAllocationMethod": "Dynamic",
                "subnet": {"id": "/subnets/vms", **POLICIES},
                "publicIPAddress": {"id": "web-address-id"},
            }
        ],
    } == deployment.resource("web-nic").properties


def test_nothing_may_come_in() -> None:
    """`inbound`: The security group has no rule of its own."""
    assert {
        "resourceGroupName": GROUP,
        "location": "westeurope",
        "securityRules": [],
    } == vm().resource("web-firewall").properties


def test_inbound_opens_ports() -> None:
    """`inbound`: Each entry of `inbound` is one rule, with a priority of its own."""
    rules = vm(inbound=[Inbound(80), Inbound(53, sources=["10.0.0.0/8"], protocol="udp")]).resource("web-firewall")

    common = {"direction": "Inbound", "access": "Allow", "sourcePortRange": "*", "destinationAddressPrefix": "*"}
    assert [
        {
            **common,
            "name": "tcp-80",
            "priority": 100,
            "protocol": "Tcp",
            "sourceAddressPrefixes": ["0.0.0.0/0"],
            "destinationPortRange": "80",
        },
        {
            **common,
            "name": "udp-53",
            "priority": 101,
            "protocol": "Udp",
            "sourceAddressPrefixes": ["10.0.0.0/8"],
            "destinationPortRange": "53",
        },
    ] == rules.properties["securityRules"]


def test_each_default_can_be_loosened_by_name() -> None:
    """`security`, `disk_gib`: The named arguments reach the VM."""
    properties = vm(secure_boot=False, boot_diagnostics=False, disk_gib=64, zone="2").resource("web-vm").properties

    assert {"secureBootEnabled": False, "vTpmEnabled": True} == properties["securityProfile"]["uefiSettings"]
    assert {"enabled": False} == properties["diagnosticsProfile"]["bootDiagnostics"]
    assert 64 == properties["storageProfile"]["osDisk"]["diskSizeGB"]
    assert ["2"] == properties["zones"]
    assert "securityProfile" not in vm(trusted_launch=False).resource("web-vm").properties


def test_a_group_and_subnet_of_ones_own_make_nothing_shared() -> None:
    """`subnet`, `public_address`: With both given, nothing at stack level is made, and there is no public address."""
    deployment = vm(resource_group="mine", subnet="/subscriptions/s/subnets/own")

    assert "azure-native:resources:ResourceGroup" not in dict(deployment.all())
    assert "azure-native:network:VirtualNetwork" not in dict(deployment.all())
    assert "azure-native:network:PublicIPAddress" not in dict(deployment.all())
    assert "mine" == deployment.resource("web-vm").properties["resourceGroupName"]
    assert deployment.outputs["public_address"] is None


def test_vms_share_a_network_by_location_and_provider() -> None:
    """`subnet`: Two VMs of a location share; another location and another provider have networks of their own."""

    def program() -> None:
        other = pulumi.ProviderResource("azure-native", "other", {})
        made("a")
        made("b")
        made("c", location="eastus")
        made("d", pulumi.ResourceOptions(provider=other))

    deployment = deploy(program)

    assert deployment.error is None
    expected = ["evenboot-eastus", "evenboot-other-westeurope", "evenboot-westeurope"]
    for shared in ("azure-native:network:VirtualNetwork", "azure-native:resources:ResourceGroup"):
        assert expected == [name for kind, name in deployment.all() if kind == shared]
        assert deployment.resource("evenboot-eastus", shared).parent.endswith("::evenboot-test")


@pytest.mark.parametrize(
    ("image", "vm_size", "expected"),
    [
        ("debian-12", "Standard_D2ps_v5", {"publisher": "Debian", "offer": "debian-12", "sku": "12-arm64"}),
        ("ubuntu-24.04", "Standard_B1s", {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}),
        (
            "ubuntu-24.04",
            "Standard_E4pds_v6",
            {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server-arm64"},
        ),
        ("a:b:c:latest", "Standard_B1s", {"publisher": "a", "offer": "b", "sku": "c"}),
    ],
)
def test_images_are_chosen_for_the_processor(image: str, vm_size: str, expected: dict[str, str]) -> None:
    """`image`: A name becomes publisher, offer and sku, and Azure takes the newest version once."""
    profile = vm(image=image, vm_size=vm_size).resource("web-vm").properties["storageProfile"]

    assert {**expected, "version": "latest"} == profile["imageReference"]


@pytest.mark.parametrize(("given", "size"), [(20, 30), (64, 64)])
def test_an_image_of_ones_own_has_a_disk_that_holds_it(given: int, size: int) -> None:
    """`image`, `disk_gib`: An image's id is taken as it is; Azure makes no disk smaller than its image."""
    profile = vm(image="/subscriptions/s/images/mine", disk_gib=given).resource("web-vm").properties["storageProfile"]

    assert {"id": "/subscriptions/s/images/mine"} == profile["imageReference"]
    assert size == profile["osDisk"]["diskSizeGB"]


def test_outputs_say_where_the_vm_is() -> None:
    """`outputs`: The outputs of the contract; the identity is the principal's id."""
    outputs = vm().outputs

    assert ("web-vm-id", "10.70.0.4", "198.51.100.3", "principal-web-identity") == (
        outputs["id"],
        outputs["private_address"],
        outputs["public_address"],
        outputs["identity"],
    )


def test_tags_reach_all_children() -> None:
    """`tags`: Each child of the VM has the tags; what is shared has not."""
    deployment = vm(tags={"team": "a"})

    for name in ("web-vm", "web-identity", "web-firewall", "web-nic", "web-address"):
        assert {"team": "a"} == deployment.resource(name).properties["tags"], name
    assert "tags" not in deployment.resource("evenboot-westeurope", "VirtualNetwork").properties


def test_what_azure_cannot_change_makes_a_new_vm() -> None:
    """A changed key, user or image replaces the VM, which otherwise fails in the middle of an update."""
    request = vm().resource("web-vm").request

    assert ["osProfile", "storageProfile.imageReference", "zones"] == list(request.replaceOnChanges)


def test_nobody_has_the_private_half_of_the_key() -> None:
    """`ssh_public_key`: The key is the first point on the curve among hashes of a text, so it was not made from a private key."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, prime - 2, prime) % prime

    def on_curve(encoded: bytes) -> bool:
        y = int.from_bytes(encoded, "little") & ((1 << 255) - 1)
        x_squared = (y * y - 1) * pow(d * y * y + 1, prime - 2, prime) % prime
        return y < prime and pow(x_squared, (prime - 1) // 2, prime) == 1

    hashes = (
        hashlib.sha256(f"evenboot: nobody has the private half of this key, {number}".encode()).digest()
        for number in range(100)
    )
    point = next(encoded for encoded in hashes if on_curve(encoded))
    blob = struct.pack(">I11sI32s", 11, b"ssh-ed25519", 32, point)

    assert f"ssh-ed25519 {base64.b64encode(blob).decode()} nobody" == NOBODYS_KEY


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("disk_gib", 5000, "at most 4,095 GiB"),
        ("admin_username", "Admin", "which Azure refuses"),
        ("admin_username", "a/../root", "small letters, digits"),
        ("ssh_public_key", "ecdsa-sha2-nistp256 " + "A" * 104 + " me", "which this cloud refuses"),
    ],
)
def test_what_azure_refuses_is_said_before(field: str, value: object, says: str) -> None:
    """What Azure would refuse in the middle of a deployment is a problem before anything is made."""
    with pytest.raises(VmArgsError, match=says):
        AzureVm("web", AzureVmArgs(startup=SCRIPT, location="westeurope", **{field: value}))  # pyright: ignore[reportArgumentType]


def test_a_location_has_one_spelling() -> None:
    """The portal's spelling of a location means the same network and group."""
    assert vm(location="westeurope").resource("web-vm").properties == vm(location="West Europe").resource("web-vm").properties


def test_a_wait_needs_the_consoles_text() -> None:
    """`wait`: Without boot diagnostics there is no console to read, which is said before anything is registered."""
    error = vm(wait=True, boot_diagnostics=False).error

    assert "\n  wait: needs the console's text; leave boot_diagnostics at True" in str(error)
