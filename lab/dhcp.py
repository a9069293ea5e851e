"""The DHCP server of one cloud: a machine is found by its hardware address and gets what the cloud's server says."""

from __future__ import annotations

import socket
import struct

from .cloud import Cloud
from .metadata.store import Store

DISCOVER, OFFER, REQUEST, ACKNOWLEDGE = 1, 2, 3, 5
MAGIC = b"\x63\x82\x53\x63"
LEASE_SECONDS = 86400
as_bytes = socket.inet_aton


def _parse_options(packet: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    at = 240
    while at + 1 < len(packet) and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        size = packet[at + 1]
        options[packet[at]] = packet[at + 2 : at + 2 + size]
        at += 2 + size
    return options


def _option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def _cloud_options(cloud: Cloud, hostname: str) -> bytes:
    options = {3: as_bytes(cloud.gateway), 12: hostname.encode(), 6: as_bytes(cloud.name_server), **cloud.dhcp_options}
    return b"".join(_option(code, value) for code, value in options.items())


def answer(packet: bytes, cloud: Cloud, store: Store) -> bytes | None:
    """Return the reply to a packet, or None if there is nothing to say to it."""
    if len(packet) < 240 or packet[0] != 1:
        return None
    kind = _parse_options(packet).get(53, b"\0")[0]
    found = store.find("mac", packet[28:34].hex(":"))
    if found is None or kind not in (DISCOVER, REQUEST):
        return None
    gateway, machine = as_bytes(cloud.gateway), found[1]
    header = (2, 1, 6, 0, packet[4:8], 0, 0x8000, bytes(4), as_bytes(machine["ip"]), gateway, bytes(4))
    reply = struct.pack("!BBBB4sHH4s4s4s4s", *header) + packet[28:44] + bytes(192) + MAGIC
    reply += _option(53, bytes([OFFER if kind == DISCOVER else ACKNOWLEDGE])) + _option(54, as_bytes(cloud.dhcp_server))
    reply += _option(51, struct.pack("!I", LEASE_SECONDS)) + _cloud_options(cloud, machine["hostname"]) + b"\xff"
    return reply.ljust(300, b"\0")


def open_socket(interface: str) -> socket.socket:
    """Return a socket that hears and answers machines which have no address yet."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    listener.bind(("0.0.0.0", 67))
    return listener


def serve(listener: socket.socket, cloud: Cloud, store: Store) -> None:
    """Answer for ever."""
    while True:
        reply = answer(listener.recv(4096), cloud, store)
        if reply is not None:
            try:
                listener.sendto(reply, ("255.255.255.255", 68))
            except OSError as error:
                print("dhcp:", error, flush=True)
