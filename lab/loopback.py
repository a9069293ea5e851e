"""Who is at the other end of a connection on the loopback, which every user of this computer can reach."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

ADDRESS = "127.0.0.1"
_TABLES = {Path("/proc/net/tcp"): "", Path("/proc/net/tcp6"): "::ffff:"}  # a socket of IPv6 may connect to IPv4, too
_ESTABLISHED = "01"


def own_user(client: int, server: int) -> bool:
    """Tell whether a process of this user has opened, and still holds, a connection from port `client` to port `server`.

    The kernel says who opened it. Only while it is established: a socket that its process has closed counts as root's,
    and whoever sends a request and leaves at once would be taken for root.
    """
    # The tables are not read in one piece, and a row may be missed while others come and go.
    return any(owner == os.geteuid() for _ in range(3) for owner in _owners(client, server))


def _owners(client: int, server: int) -> Iterator[int]:
    for table, prefix in _TABLES.items():
        near, far = (f"{_words(prefix)}:{port:04X}" for port in (client, server))
        for line in table.read_text().splitlines() if table.exists() else ():
            fields = line.split()
            if fields[1:4] == [near, far, _ESTABLISHED]:
                yield int(fields[7])


def _words(prefix: str) -> str:
    """Return the loopback's address as the kernel writes it: words of 32 bits in this computer's order."""
    packed = socket.inet_pton(socket.AF_INET6 if prefix else socket.AF_INET, prefix + ADDRESS)
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))
