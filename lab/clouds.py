"""The fixed properties of the three clouds, and of the hardware they show to a machine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import LabError

METADATA_ADDRESS = "169.254.169.254"
WIRESERVER_ADDRESS = "168.63.129.16"
ARCHIVE_NAME = "archive.internal"
ARCHIVE_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One cloud: its network, and what tells a guest that it runs there."""

    name: str
    network: str  # the first three numbers of the addresses
    mac_prefix: str
    virtualization: str  # what systemd-detect-virt says in such a VM
    service_addresses: tuple[str, ...]
    datasource: str | None  # of cloud-init; None: the machine has a guest agent in place of cloud-init
    removed_package: str  # of the common image: the other clouds' agent
    payload_limit: int  # bytes in the slot, before base64

    @property
    def gateway(self) -> str:
        """Return the address of the cloud's side of the network, where the package archive is too."""
        return f"{self.network}.1"

    def check_payload(self, payload: bytes | None) -> None:
        """Raise `LabError` for a payload that the cloud's API would refuse."""
        if payload is not None and len(payload) > self.payload_limit:
            raise LabError(
                f"{self.name} refuses the payload: {len(payload):,} bytes, and at most {self.payload_limit:,} fit"
            )

    @property
    def name_server(self) -> str:
        """Return the address that machines ask for names."""
        return METADATA_ADDRESS if self.name == "gcp" else self.gateway


CLOUDS: Mapping[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="aws",
            network="10.0.0",
            mac_prefix="0e:00:00:00:01",
            virtualization="amazon",
            service_addresses=(METADATA_ADDRESS,),
            datasource="Ec2",
            removed_package="google-guest-agent",
            payload_limit=16_384,
        ),
        Cloud(
            name="gcp",
            network="10.128.0",
            mac_prefix="42:01:0a:80:00",
            virtualization="google",
            service_addresses=(METADATA_ADDRESS,),
            datasource=None,
            removed_package="cloud-init",
            payload_limit=262_144,
        ),
        Cloud(
            name="azure",
            network="10.1.0",
            mac_prefix="00:0d:3a:00:02",
            virtualization="microsoft",
            service_addresses=(METADATA_ADDRESS, WIRESERVER_ADDRESS),
            datasource="Azure",
            removed_package="google-guest-agent",
            payload_limit=49_152,
        ),
    )
}


def cloud_named(name: str) -> Cloud:
    """Return a cloud by its name; `LabError` with the known names if there is none."""
    if name not in CLOUDS:
        raise LabError(f"cloud {name!r} is none of {', '.join(CLOUDS)}")
    return CLOUDS[name]


def new_identity(cloud: str) -> tuple[str, str]:
    """Return a new instance id, as the cloud writes them, and a new UUID of the hardware."""
    identity = uuid.uuid4()
    if cloud == "aws":  # on EC2 the UUID of the hardware starts with "ec2"
        return f"i-0{identity.hex[:16]}", f"ec2{str(identity)[3:]}"
    if cloud == "gcp":
        return str(10**18 + identity.int % (8 * 10**18)), str(identity)
    return str(identity), str(identity)


def hardware(cloud: str, instance_id: str, vm_uuid: str) -> dict[str, str]:
    """Return the DMI fields of a VM, named as below /sys/class/dmi/id."""
    if cloud == "aws":
        return {
            "sys_vendor": "Amazon EC2",
            "product_name": "t3.micro",
            "product_uuid": vm_uuid,
            "product_serial": vm_uuid,
            "board_vendor": "Amazon EC2",
            "bios_vendor": "Amazon EC2",
            "chassis_asset_tag": "Amazon EC2",
            "board_asset_tag": instance_id,
        }
    if cloud == "azure":
        return {
            "sys_vendor": "Microsoft Corporation",
            "product_name": "Virtual Machine",
            "product_uuid": vm_uuid,
            "product_serial": "0000-0000-0000",
            "board_vendor": "Microsoft Corporation",
            "board_name": "Virtual Machine",
            "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77",
        }
    return {
        "sys_vendor": "Google",
        "product_name": "Google Compute Engine",
        "product_uuid": vm_uuid,
        "product_serial": f"GoogleCloud-{vm_uuid.replace('-', '').upper()}",
        "bios_vendor": "Google",
        "board_vendor": "Google",
        "board_name": "Google Compute Engine",
    }
