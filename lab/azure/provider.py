"""The local Azure: the resources of package `azure-native` that VMs need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..errors import LabError
from ..providers.machines import Machine
from ..providers.provider import Provider
from ..providers.records import Record
from ..providers.resources import ANYTHING, Failure, Resource
from ..providers.slots import base64_problem, decoded
from ..providers.wire import Plain, Unknown
from . import storage

USER_DATA_LIMIT = 65_536
"""Characters of base64, as the API takes them: 49,152 bytes before."""

CUSTOM_DATA_LIMIT = 65_535
"""Bytes before base64."""

IMAGES = ("debian-12", "debian-13")

_USER = "azure-native:managedidentity:UserAssignedIdentity"
_TAGS = {"*": str}
_ID = {"id": str}
_SUBNET_POLICIES = {"privateEndpointNetworkPolicies": str, "privateLinkServiceNetworkPolicies": str}
_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"


def _child(namespace: str, name: str) -> str:
    return f"{_GROUP}/providers/Microsoft.{namespace}/{name}"


def _reported(kind: str, name: str) -> dict[str, str]:
    return {"name": name, "type": f"Microsoft.{kind}", "provisioningState": "Succeeded"}


_RULE = {
    "name": str,
    "description": str,
    "priority": int,
    "direction": str,
    "access": str,
    "protocol": str,
    "sourceAddressPrefix": str,
    "sourceAddressPrefixes": [str],
    "sourcePortRange": str,
    "sourcePortRanges": [str],
    "destinationAddressPrefix": str,
    "destinationAddressPrefixes": [str],
    "destinationPortRange": str,
    "destinationPortRanges": [str],
}

_VM = Resource(
    token="azure-native:compute:VirtualMachine",
    id=_child("Compute", "virtualMachines/{vmName}"),
    named="vmName",
    hyphen="",
    inputs={
        "vmName": str,
        "resourceGroupName": str,
        "location": str,
        "hardwareProfile": {"vmSize": str},
        "osProfile": {
            "computerName": str,
            "adminUsername": str,
            "adminPassword": str,
            "customData": str,
            "linuxConfiguration": {
                "disablePasswordAuthentication": bool,
                "provisionVMAgent": bool,
                "enableVMAgentPlatformUpdates": bool,
                "patchSettings": ANYTHING,
                "ssh": {"publicKeys": [{"path": str, "keyData": str}]},
            },
        },
        "storageProfile": {
            "imageReference": {"publisher": str, "offer": str, "sku": str, "version": str, "id": str},
            "osDisk": {
                "name": str,
                "createOption": str,
                "deleteOption": str,
                "diskSizeGB": int,
                "caching": str,
                "managedDisk": {"storageAccountType": str},
            },
            "dataDisks": ANYTHING,
        },
        "networkProfile": {"networkInterfaces": [{"id": str, "primary": bool, "deleteOption": str}]},
        "identity": {"type": str, "userAssignedIdentities": [str]},
        "securityProfile": {
            "securityType": str,
            "encryptionAtHost": bool,
            "uefiSettings": {"secureBootEnabled": bool, "vTpmEnabled": bool},
        },
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": bool, "storageUri": str}},
        "userData": str,
        "zones": [str],
        "priority": str,
        "tags": _TAGS,
    },
    required=("resourceGroupName", "storageProfile.osDisk.createOption"),
    replaces=("vmName", "resourceGroupName", "location"),
    immutable=(
        "osProfile.customData",
        "osProfile.computerName",
        "osProfile.adminUsername",
        "osProfile.linuxConfiguration.ssh",
        "osProfile.linuxConfiguration.disablePasswordAuthentication",
        "storageProfile.imageReference",
        "zones",
    ),
    outputs=_reported("Compute/virtualMachines", "{vmName}"),
)

_RESTARTS = ("hardwareProfile",)
"""A new size reboots the VM."""


def _get_client_config(arguments: Plain, cloud: Provider) -> Plain:
    return {name: cloud.settings[name] for name in ("subscriptionId", "tenantId", "clientId")} | {"objectId": ""}


def _get_resource_group(arguments: Plain, cloud: Provider) -> Plain:
    return _group_of(arguments, cloud).state


def _get_subnet(arguments: Plain, cloud: Provider) -> Plain:
    group = _group_of(arguments, cloud)
    id = f"{group.id}/providers/Microsoft.Network/virtualNetworks/{arguments['virtualNetworkName']}"
    network = cloud.records.get("azure-native:network:VirtualNetwork", id)
    subnets = network.state["subnets"] if network else []
    found = [subnet for subnet in subnets if subnet["name"] == arguments["subnetName"]]
    if not found:
        raise LabError(f'Code="NotFound" Message="Resource {id}/subnets/{arguments["subnetName"]} not found."')
    return found[0]


def _get_image(arguments: Plain, cloud: Provider) -> Plain:
    name = str(arguments.get("imageName") or arguments.get("galleryImageName"))
    if _image({"id": name}) is None:
        raise LabError(f'Code="ResourceNotFound" Message="The Resource \'{name}\' was not found."')
    return {"id": name, "name": name}


def _group_of(arguments: Plain, cloud: Provider) -> Record:
    name = str(arguments["resourceGroupName"])
    id = f"/subscriptions/{cloud.settings['subscriptionId']}/resourceGroups/{name}"
    group = cloud.records.get("azure-native:resources:ResourceGroup", id)
    if group is None:
        raise LabError(f"Code=\"ResourceGroupNotFound\" Message=\"Resource group '{name}' could not be found.\"")
    return group


class AzureNativeProvider(Provider):
    """Provide virtual machines of Azure, and what stands around them."""

    package = "azure-native"
    version = "3.29.0"
    cloud = "azure"
    vm = _VM.token
    vm_outputs = ("vmId",)
    settings_known = {
        "location": "westeurope",
        "subscriptionId": "00000000-0000-4000-a000-000000000000",
        "tenantId": "",
        "clientId": "",
    }
    lookups = {
        "azure-native:authorization:getClientConfig": _get_client_config,
        "azure-native:resources:getResourceGroup": _get_resource_group,
        "azure-native:network:getSubnet": _get_subnet,
        "azure-native:compute:getImage": _get_image,
        "azure-native:compute:getGalleryImage": _get_image,
    }
    tables = (
        _VM,
        *storage.TABLES,
        Resource(
            token="azure-native:resources:ResourceGroup",
            id=_GROUP,
            named="resourceGroupName",
            hyphen="",
            inputs={"resourceGroupName": str, "location": str, "managedBy": str, "tags": _TAGS},
            replaces=("resourceGroupName", "location", "managedBy"),
            outputs={"name": "{resourceGroupName}", "type": "Microsoft.Resources/resourceGroups"},
        ),
        Resource(
            token="azure-native:network:VirtualNetwork",
            id=_child("Network", "virtualNetworks/{virtualNetworkName}"),
            named="virtualNetworkName",
            hyphen="",
            inputs={
                "virtualNetworkName": str,
                "resourceGroupName": str,
                "location": str,
                "addressSpace": {"addressPrefixes": [str]},
                "enableDdosProtection": bool,
                "enableVmProtection": bool,
                "subnets": [
                    {
                        "name": str,
                        "addressPrefix": str,
                        "addressPrefixes": [str],
                        "defaultOutboundAccess": bool,
                        **_SUBNET_POLICIES,
                        "networkSecurityGroup": _ID,
                        "natGateway": _ID,
                        "serviceEndpoints": ANYTHING,
                    }
                ],
                "tags": _TAGS,
            },
            required=("resourceGroupName",),
            replaces=("virtualNetworkName", "resourceGroupName", "location"),
            outputs=_reported("Network/virtualNetworks", "{virtualNetworkName}"),
        ),
        Resource(
            token="azure-native:network:NetworkSecurityGroup",
            id=_child("Network", "networkSecurityGroups/{networkSecurityGroupName}"),
            named="networkSecurityGroupName",
            hyphen="",
            inputs={
                "networkSecurityGroupName": str,
                "resourceGroupName": str,
                "location": str,
                "securityRules": [_RULE],
                "flushConnection": bool,
                "tags": _TAGS,
            },
            required=(
                "resourceGroupName",
                "securityRules.access",
                "securityRules.direction",
                "securityRules.priority",
                "securityRules.protocol",
            ),
            replaces=("networkSecurityGroupName", "resourceGroupName", "location"),
            outputs=_reported("Network/networkSecurityGroups", "{networkSecurityGroupName}"),
        ),
        Resource(
            token="azure-native:network:PublicIPAddress",
            id=_child("Network", "publicIPAddresses/{publicIpAddressName}"),
            named="publicIpAddressName",
            hyphen="",
            inputs={
                "publicIpAddressName": str,
                "resourceGroupName": str,
                "location": str,
                "sku": {"name": str, "tier": str},
                "publicIPAllocationMethod": str,
                "publicIPAddressVersion": str,
                "idleTimeoutInMinutes": int,
                "deleteOption": str,
                "dnsSettings": {"domainNameLabel": str},
                "zones": [str],
                "tags": _TAGS,
            },
            required=("resourceGroupName",),
            replaces=("publicIpAddressName", "resourceGroupName", "location", "publicIPAddressVersion", "sku", "zones"),
            outputs={
                **_reported("Network/publicIPAddresses", "{publicIpAddressName}"),
                "ipAddress": "192.0.2.{byte}",
            },
        ),
        Resource(
            token="azure-native:network:NetworkInterface",
            id=_child("Network", "networkInterfaces/{networkInterfaceName}"),
            named="networkInterfaceName",
            hyphen="",
            inputs={
                "networkInterfaceName": str,
                "resourceGroupName": str,
                "location": str,
                "networkSecurityGroup": _ID,
                "ipConfigurations": [
                    {
                        "name": str,
                        "primary": bool,
                        "privateIPAllocationMethod": str,
                        "privateIPAddress": str,
                        "privateIPAddressVersion": str,
                        "subnet": {**_ID, **_SUBNET_POLICIES},
                        "publicIPAddress": _ID,
                    }
                ],
                "enableAcceleratedNetworking": bool,
                "enableIPForwarding": bool,
                "tags": _TAGS,
            },
            required=("resourceGroupName",),
            replaces=("networkInterfaceName", "resourceGroupName", "location"),
            outputs=_reported("Network/networkInterfaces", "{networkInterfaceName}"),
        ),
        Resource(
            token=_USER,
            id=_child("ManagedIdentity", "userAssignedIdentities/{resourceName}"),
            named="resourceName",
            hyphen="",
            inputs={"resourceName": str, "resourceGroupName": str, "location": str, "tags": _TAGS},
            required=("resourceGroupName",),
            replaces=("resourceName", "resourceGroupName", "location"),
            outputs={
                "name": "{resourceName}",
                "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
                "principalId": "{uuid}",
                "clientId": "{uuid}",
            },
        ),
    )

    def computed(self, record: Record) -> Plain:
        """Return what depends on more than names: ids of a network's subnets, addresses of an interface."""
        if record.token == "azure-native:network:VirtualNetwork":
            given = record.inputs.get("subnets") or []
            return {"subnets": [{**subnet, "id": f"{record.id}/subnets/{subnet.get('name')}"} for subnet in given]}
        if record.token == "azure-native:network:NetworkInterface":
            given = record.inputs.get("ipConfigurations") or []
            old = record.computed.get("ipConfigurations") or [{}]
            if len({_network_of(one) for one in (*old, *given)} - {""}) > 1:
                raise LabError("409: a network interface can change its subnet, but not its virtual network")
            address = old[0].get("privateIPAddress") or self.machines.free_address(self.cloud)
            return {"ipConfigurations": [{"privateIPAddress": address, **configuration} for configuration in given]}
        if record.token == self.vm and record.inputs.get("identity"):
            return {"identity": self._identity(record.inputs["identity"])}
        return {}

    def _identity(self, identity: Plain) -> Plain:
        """Return an identity as Azure reports it: a list of ids goes in, a map with details comes out."""
        users = {id: self.records.get(_USER, id) for id in identity.get("userAssignedIdentities") or []}
        details = {
            id: {key: user.computed[key] for key in ("principalId", "clientId")} if user else {}
            for id, user in users.items()
        }
        return {**identity, "userAssignedIdentities": details}

    def computed_names(self, token: str) -> tuple[str, ...]:
        """Return the names of what `computed` adds."""
        names = {
            "azure-native:network:VirtualNetwork": ("subnets",),
            "azure-native:network:NetworkInterface": ("ipConfigurations",),
            self.vm: ("identity",),
        }
        return names.get(token, ())

    def vm_problems(self, inputs: Plain) -> Iterator[Failure]:
        """Yield what Azure refuses."""
        profile = inputs.get("osProfile") or {}
        yield from base64_problem("osProfile.customData", profile.get("customData"), CUSTOM_DATA_LIMIT)
        data = inputs.get("userData")
        if isinstance(data, str) and len(data) > USER_DATA_LIMIT:
            yield Failure("userData", f"is limited to {USER_DATA_LIMIT} characters of base64, got {len(data)}")
        else:
            yield from base64_problem("userData", data, USER_DATA_LIMIT)
        reference = (inputs.get("storageProfile") or {}).get("imageReference") or {}
        if not any(isinstance(value, Unknown) for value in reference.values()) and _image(reference) is None:
            path = "storageProfile.imageReference"
            yield Failure(path, f"{dict(reference)} was not found; the local cloud has Debian 12 and 13")
        for name in ("computerName", "adminUsername"):
            if not profile.get(name):
                yield Failure(f"osProfile.{name}", "missing required property")

    def vm_name(self, inputs: Plain) -> str:
        """Return the VM's name."""
        return str(inputs["vmName"])

    def vm_image(self, inputs: Plain) -> str:
        """Return the lab's image behind the reference."""
        found = _image(inputs["storageProfile"]["imageReference"])
        if found is None:
            raise LabError("the image of this VM was not found")
        return found

    def vm_payload(self, inputs: Plain) -> bytes | None:
        """Return the user data."""
        return decoded(inputs.get("userData"))

    def vm_address(self, inputs: Plain) -> str | None:
        """Return the address of the VM's network interface."""
        interfaces = (inputs.get("networkProfile") or {}).get("networkInterfaces") or []
        interface = (
            self.records.get("azure-native:network:NetworkInterface", interfaces[0]["id"]) if interfaces else None
        )
        return interface.computed["ipConfigurations"][0]["privateIPAddress"] if interface else None

    def vm_computed(self, machine: Machine, inputs: Plain) -> Plain:
        """Return the VM's own id."""
        return {"vmId": machine.instance_id}

    def vm_restart_needed(self, changed: Mapping[str, str], new: Plain) -> bool:
        """Tell whether Azure restarts the VM for these changes."""
        return any(path.partition(".")[0] in _RESTARTS for path in changed)


def _network_of(configuration: Plain) -> str:
    """Return the virtual network of an interface's configuration, "" if it has none yet."""
    return str((configuration.get("subnet") or {}).get("id") or "").rpartition("/subnets/")[0].lower()


def _image(reference: Mapping[str, object]) -> str | None:
    match = re.search(r"debian-1[23]", f"{reference.get('offer') or ''} {reference.get('id') or ''}")
    return match[0] if match and match[0] in IMAGES else None
