"""Metadata service, store and proxy in the network of a throw-away root: a program of its own, which is to be started there."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

PLACES = {"metadata": ("169.254.169.254", 80), "store": ("127.0.0.1", 8080), "proxy": ("127.0.0.1", 3128)}
SERVICE = "/computeMetadata/v1/instance"
TOKEN = b'{"access_token":"the-token","expires_in":3599,"token_type":"Bearer"}'


class Server(ThreadingHTTPServer):
    """One of the three; `machine` is where the files lie from which it answers."""

    daemon_threads = True

    def __init__(self, who: str, machine: Path) -> None:
        self.who, self.machine = who, machine
        super().__init__(PLACES[who], Handler)

    def answer(self, path: str) -> bytes | None:
        """Return what is at a path, None if there is nothing."""
        if self.who == "proxy":
            return b"mallory"
        if self.who == "store":
            file = self.machine / "objects" / path.rpartition("/")[2]
        elif path == f"{SERVICE}/service-accounts/default/token":
            return TOKEN
        else:
            names = {f"{SERVICE}/id": "id", f"{SERVICE}/attributes/startup-script": "payload"}
            file = self.machine / "metadata" / names.get(path, "none")
        return file.read_bytes() if file.exists() else None


class Handler(BaseHTTPRequestHandler):
    """Notes each request, and answers it, or never while the file `/hangs` names the server."""

    def do_GET(self) -> None:
        """Answer."""
        server = cast(Server, self.server)
        with (server.machine / "heard").open("a") as heard:
            heard.write(f"{server.who} {self.path}\n")
        hangs = server.machine / "hangs"
        while hangs.exists() and server.who in hangs.read_text():
            time.sleep(0.05)
        content = server.answer(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def bring_up() -> None:
    """Let the loopback device be there, with the address of the metadata service beside its own."""
    address = struct.pack("16sH2x4s8x", b"lo:1", socket.AF_INET, socket.inet_aton(PLACES["metadata"][0]))
    up = struct.pack("16sH14x", b"lo", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        fcntl.ioctl(device, 0x8914, up)  # SIOCSIFFLAGS
        fcntl.ioctl(device, 0x8916, address)  # SIOCSIFADDR


if __name__ == "__main__":
    bring_up()
    for name in PLACES:
        threading.Thread(target=Server(name, Path(sys.argv[1])).serve_forever).start()
    print("ready", flush=True)
