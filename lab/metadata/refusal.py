"""The outage "refuse": whoever connects to the metadata service is told that nobody listens.

The service itself goes on listening for the other machines, so the answers to this one are routed nowhere (see
`CloudNetwork.obey_outage`), and from here it gets the kernel's word for "connection refused": a TCP segment RST.
"""

from __future__ import annotations

import socket
import struct

from .store import Store

FIN, SYN, RST, ACK = 1, 2, 4, 16
PORT = 80


def refusal(packet: bytes) -> tuple[str, bytes] | None:
    """Return the address of who sent an IPv4 packet to the service, and the TCP segment that refuses it.

    None if the packet is for another port, or is a refusal itself.
    """
    header = (packet[0] & 15) * 4
    source, target = packet[12:16], packet[16:20]
    segment = packet[header:]
    their_port, port, sequence, acknowledged, offset_flags = struct.unpack("!HHIIH", segment[:14])
    flags = offset_flags & 63
    if port != PORT or flags & RST:
        return None
    if flags & ACK:
        numbers = (acknowledged, 0, RST)
    else:
        length = len(segment) - (offset_flags >> 12) * 4 + bool(flags & SYN) + bool(flags & FIN)
        numbers = (0, (sequence + length) % 2**32, RST | ACK)
    answer = _segment(port, their_port, *numbers, checksum=0)
    pseudo = target + source + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(answer))
    checksum = _checksum(pseudo + answer)
    return socket.inet_ntoa(source), _segment(port, their_port, *numbers, checksum=checksum)


def _segment(port: int, their_port: int, sequence: int, acknowledged: int, flags: int, *, checksum: int) -> bytes:
    return struct.pack("!HHIIHHHH", port, their_port, sequence, acknowledged, 5 << 12 | flags, 0, checksum, 0)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def open_socket(address: str) -> socket.socket:
    """Return a socket that sees what is sent to a service's address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    listener.bind((address, 0))
    return listener


def serve(listener: socket.socket, store: Store) -> None:
    """Refuse for ever, whom the store says."""
    while True:
        packet = listener.recv(65535)
        found = refusal(packet)
        if found is None:
            continue
        machine = store.instance(found[0])
        if machine and machine["outage"] == "refuse":
            try:
                listener.sendto(found[1], (found[0], 0))
            except OSError as error:
                print("refusal:", error, flush=True)
