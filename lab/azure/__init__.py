"""The local Azure."""

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


WIRESERVER_ADDRESS = "168.63.129.16"
_GATEWAY = inet_aton("10.1.0.1")


def _new_identity() -> tuple[str, str]:
    identity = str(uuid.uuid4())
    return identity, identity


def _hardware(instance_id: str, vm_uuid: str) -> dict[str, str]:
    return {
        "sys_vendor": "Microsoft Corporation",
        "product_name": "Virtual Machine",
        "product_uuid": vm_uuid,
        "product_serial": "0000-0000-0000",
        "board_vendor": "Microsoft Corporation",
        "board_name": "Virtual Machine",
        "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77",
    }


def _hostname(name: str, address: str) -> str:
    return name


def _metadata() -> tuple[type[Store], Mapping[str, type[MetadataHandler]]]:
    from ..metadata.store import Store
    from .metadata import AzureHandler, WireserverHandler

    return Store, {METADATA_ADDRESS: AzureHandler, WIRESERVER_ADDRESS: WireserverHandler}


def _store() -> tuple[type[ObjectHandler], Callable[[Records, str], str | None]]:
    from .store import BlobHandler, principal_of

    return BlobHandler, principal_of


def _console() -> type[CloudConsole]:
    from .console import AzureConsole

    return AzureConsole


def _provider() -> type[Provider]:
    from .provider import AzureNativeProvider

    return AzureNativeProvider


CLOUD = Cloud(
    name="azure",
    package="azure-native",
    network="10.1.0",
    name_server="10.1.0.1",
    service_addresses=(METADATA_ADDRESS, WIRESERVER_ADDRESS),
    dhcp_server="10.1.0.1",
    dhcp_options={
        1: inet_aton("255.255.255.0"),
        15: b"local.internal",
        121: b"".join(bytes([32]) + inet_aton(host) + _GATEWAY for host in (WIRESERVER_ADDRESS, METADATA_ADDRESS))
        + bytes([0])
        + _GATEWAY,
        245: inet_aton(WIRESERVER_ADDRESS),
    },
    mac_prefix="00:0d:3a:00:02",
    virtualization="microsoft",
    datasource="Azure",
    removed_package="google-guest-agent",
    payload_limit=49_152,
    store_name="*.blob.core.windows.net",
    id_is_uuid=True,
    new_identity=_new_identity,
    hardware=_hardware,
    hostname=_hostname,
    metadata=_metadata,
    store=_store,
    console=_console,
    provider=_provider,
)
