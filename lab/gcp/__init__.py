"""The local Google Cloud."""

from __future__ import annotations

import struct
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


_GATEWAY = inet_aton("10.128.0.1")


def _new_identity() -> tuple[str, str]:
    identity = uuid.uuid4()
    return str(10**18 + identity.int % (8 * 10**18)), str(identity)


def _hardware(instance_id: str, vm_uuid: str) -> dict[str, str]:
    return {
        "sys_vendor": "Google",
        "product_name": "Google Compute Engine",
        "product_uuid": vm_uuid,
        "product_serial": f"GoogleCloud-{vm_uuid.replace('-', '').upper()}",
        "bios_vendor": "Google",
        "board_vendor": "Google",
        "board_name": "Google Compute Engine",
    }


def _hostname(name: str, address: str) -> str:
    return f"{name}.us-central1-a.c.local-project.internal"


def _metadata() -> tuple[type[Store], Mapping[str, type[MetadataHandler]]]:
    from .metadata import GceHandler, GceStore

    return GceStore, {METADATA_ADDRESS: GceHandler}


def _store() -> tuple[type[ObjectHandler], Callable[[Records, str], str | None]]:
    from .store import GcsHandler, account_of

    return GcsHandler, account_of


def _console() -> type[CloudConsole]:
    from .console import GceConsole

    return GceConsole


def _provider() -> type[Provider]:
    from .provider import GcpProvider

    return GcpProvider


CLOUD = Cloud(
    name="gcp",
    package="gcp",
    network="10.128.0",
    name_server=METADATA_ADDRESS,
    service_addresses=(METADATA_ADDRESS,),
    dhcp_server=METADATA_ADDRESS,
    # A lease for one address: even the gateway needs a route of its own.
    dhcp_options={
        1: inet_aton("255.255.255.255"),
        26: struct.pack("!H", 1460),
        42: inet_aton(METADATA_ADDRESS),
        121: bytes([32]) + _GATEWAY + bytes(4) + bytes([0]) + _GATEWAY,
    },
    mac_prefix="42:01:0a:80:00",
    virtualization="google",
    datasource=None,
    removed_package="cloud-init",
    payload_limit=262_144,
    metadata_names=("metadata.google.internal", "metadata"),
    store_name="storage.googleapis.com",
    new_identity=_new_identity,
    hardware=_hardware,
    hostname=_hostname,
    metadata=_metadata,
    store=_store,
    console=_console,
    provider=_provider,
)
