"""What the clouds' small services answer, byte by byte, without a network."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path

import pytest

from lab import dhcp, dns
from lab.clouds import cloud_named
from lab.errors import LabError
from lab.metadata.refusal import refusal
from lab.metadata.store import Store

NAMES = {"archive.internal": "10.0.0.1"}


def query(name: str, kind: int = 1) -> bytes:
    """Return a DNS query."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34" + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def test_a_known_name_has_its_address_however_it_is_written() -> None:
    """Names are found in capital letters too."""
    assert dns.answer(query("Archive.Internal"), NAMES).endswith(socket.inet_aton("10.0.0.1"))


@pytest.mark.parametrize(("name", "kind", "code"), [("example.org", 1, 3), ("archive.internal", 28, 0)])
def test_what_does_not_exist_is_denied_at_once(name: str, kind: int, code: int) -> None:
    """An unknown name does not exist (3), a known one has no IPv6 address (0, without an answer)."""
    reply = dns.answer(query(name, kind), NAMES)
    assert (reply[3] & 15, reply[6:8]) == (code, b"\0\0")


def store(folder: Path, cloud: str) -> Store:
    """Return a store with one machine."""
    (folder / "web").mkdir()
    machine = {"cloud": cloud, "ip": "10.1.0.7", "mac": "00:0d:3a:00:02:07", "hostname": "web", "outage": "ok"}
    (folder / "web/instance.json").write_text(json.dumps(machine))
    return Store(folder, cloud, folder / "log")


def discover(mac: str) -> bytes:
    """Return a DHCP packet that looks for a server."""
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, b"abcd", 0, 0) + bytes(16) + bytes.fromhex(mac.replace(":", ""))
    return head.ljust(236, b"\0") + dhcp.MAGIC + bytes([53, 1, dhcp.DISCOVER, 255])


def test_azure_offers_the_wireserver_with_the_address(tmp_path: Path) -> None:
    """Option 245 names the wireserver; the offered address is the machine's own."""
    reply = dhcp.answer(discover("00:0d:3a:00:02:07"), cloud_named("azure"), store(tmp_path, "azure"))
    assert reply is not None
    assert reply[16:20] == socket.inet_aton("10.1.0.7")
    assert bytes([245, 4]) + socket.inet_aton("168.63.129.16") in reply


def test_a_machine_of_another_cloud_gets_no_address(tmp_path: Path) -> None:
    """The clouds' networks know their own machines only."""
    folder = store(tmp_path, "azure").machines
    others = Store(folder, "aws", folder / "log")
    assert dhcp.answer(discover("00:0d:3a:00:02:07"), cloud_named("aws"), others) is None


def test_a_refusal_acknowledges_the_connection_it_refuses() -> None:
    """The segment RST carries the number after the client's, and a checksum that adds up."""
    client, service = socket.inet_aton("10.0.0.10"), socket.inet_aton("169.254.169.254")
    segment = struct.pack("!HHIIHHHH", 50000, 80, 1000, 0, 5 << 12 | 2, 64240, 0, 0)
    found = refusal(b"\x45" + bytes(11) + client + service + segment)
    assert found is not None
    address, answer = found
    ports_and_numbers = struct.unpack("!HHIIH", answer[:14])
    assert (address, ports_and_numbers) == ("10.0.0.10", (80, 50000, 0, 1001, 5 << 12 | 20))
    words = struct.unpack("!16H", service + client + struct.pack("!HH", 6, 20) + answer)
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


@pytest.mark.parametrize(("cloud", "limit"), [("aws", 16_384), ("gcp", 262_144), ("azure", 49_152)])
def test_a_payload_beyond_the_clouds_limit_is_refused(cloud: str, limit: int) -> None:
    """The message names size and limit."""
    cloud_named(cloud).check_payload(b"x" * limit)
    with pytest.raises(LabError, match=f"{limit + 1:,} bytes, and at most {limit:,} fit"):
        cloud_named(cloud).check_payload(b"x" * (limit + 1))
