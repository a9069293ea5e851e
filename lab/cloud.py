"""What the lab knows of a cloud, as one value; each cloud's folder has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import LabError

if TYPE_CHECKING:
    from .consoles.service import CloudConsole
    from .metadata.service import MetadataHandler
    from .metadata.store import Store
    from .objects.service import ObjectHandler
    from .providers.provider import Provider
    from .providers.records import Records

METADATA_ADDRESS = "169.254.169.254"
ARCHIVE_NAME = "archive.internal"
ARCHIVE_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One cloud: its network, what tells a guest that it runs there, and its services.

    The services are functions that import what they return, as each process of the lab needs only some of them.

    Attributes:
        name: As in `aws`.
        package: Pulumi's name of it.
        network: The first three numbers of the addresses.
        name_server: The address that machines ask for names.
        service_addresses: Where its metadata services listen.
        dhcp_server: The address that its DHCP server gives as its own.
        dhcp_options: What that answers beside lease, gateway, name server and host name, by the number of the option.
        mac_prefix: The first five numbers of the hardware addresses.
        virtualization: What systemd-detect-virt says in such a VM.
        datasource: Of cloud-init; None: the machine has a guest agent in place of cloud-init.
        removed_package: Of the common image: the other clouds' agent.
        payload_limit: Bytes in the slot, before base64.
        metadata_names: The names under which the metadata service answers.
        store_name: The name under which the object store answers; `*` stands for any word.
        id_is_uuid: Whether the instance id is the UUID of the hardware.
        new_identity: Makes a new instance id, as the cloud writes them, and a new UUID of the hardware.
        hardware: The DMI fields of a VM, named as below /sys/class/dmi/id, of its instance id and UUID.
        hostname: Of the machine's name and its address.
        metadata: The machines as its metadata services see them, and who answers at which address.
        store: Who answers as its object store, and finds the identity behind a machine.
        console: Its API for consoles and restarts.
        provider: Its resources.
    """

    name: str
    package: str
    network: str
    name_server: str
    service_addresses: tuple[str, ...]
    dhcp_server: str
    dhcp_options: Mapping[int, bytes]
    mac_prefix: str
    virtualization: str
    datasource: str | None
    removed_package: str
    payload_limit: int
    metadata_names: tuple[str, ...] = ()
    store_name: str
    id_is_uuid: bool = False
    new_identity: Callable[[], tuple[str, str]]
    hardware: Callable[[str, str], dict[str, str]]
    hostname: Callable[[str, str], str]
    metadata: Callable[[], tuple[type[Store], Mapping[str, type[MetadataHandler]]]]
    store: Callable[[], tuple[type[ObjectHandler], Callable[[Records, str], str | None]]]
    console: Callable[[], type[CloudConsole]]
    provider: Callable[[], type[Provider]]

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
