"""The local AWS."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from socket import inet_aton
from typing import TYPE_CHECKING

from ..cloud import METADATA_ADDRESS, Cloud

if TYPE_CHECKING:
    from ..consoles.service import CloudConsole
    from ..metadata.service import MetadataHandler
    from ..metadata.store import Store
    from ..objects.service import ObjectHandler
    from ..providers.provider import Provider
    from ..providers.records import Records


def _new_identity() -> tuple[str, str]:
    identity = uuid.uuid4()  # on EC2 it starts with "ec2"
    return f"i-0{identity.hex[:16]}", f"ec2{str(identity)[3:]}"


def _hardware(instance_id: str, vm_uuid: str) -> dict[str, str]:
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


def _hostname(name: str, address: str) -> str:
    return f"ip-{address.replace('.', '-')}"


def _metadata() -> tuple[type[Store], Mapping[str, type[MetadataHandler]]]:
    from ..metadata.store import Store
    from .metadata import Ec2Handler

    return Store, {METADATA_ADDRESS: Ec2Handler}


def _store() -> tuple[type[ObjectHandler], Callable[[Records, str], str | None]]:
    from .store import S3Handler, role_of

    return S3Handler, role_of


def _console() -> type[CloudConsole]:
    from .console import Ec2Console

    return Ec2Console


def _provider() -> type[Provider]:
    from .provider import AwsProvider

    return AwsProvider


CLOUD = Cloud(
    name="aws",
    package="aws",
    network="10.0.0",
    name_server="10.0.0.1",
    service_addresses=(METADATA_ADDRESS,),
    dhcp_server="10.0.0.1",
    dhcp_options={1: inet_aton("255.255.255.0"), 15: b"local.internal"},
    mac_prefix="0e:00:00:00:01",
    virtualization="amazon",
    datasource="Ec2",
    removed_package="google-guest-agent",
    payload_limit=16_384,
    store_name="*.s3.*.amazonaws.com",
    new_identity=_new_identity,
    hardware=_hardware,
    hostname=_hostname,
    metadata=_metadata,
    store=_store,
    console=_console,
    provider=_provider,
)
