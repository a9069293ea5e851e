"""A metadata service over HTTP: it knows which machine asks, and refuses to work during an outage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from ..identities import Identities
from .store import Store

SLOW_BYTES = 100  # a second, during the outage "slow"


class MetadataHandler(BaseHTTPRequestHandler):
    """One request; a cloud's service says in `answer` what it gets."""

    protocol_version = "HTTP/1.1"
    store: Store
    identities: Identities
    service: str
    body: bytes
    instance: dict[str, Any]

    @property
    def ip(self) -> str:
        """Return the address of the machine that asks."""
        return self.client_address[0]

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: requests go to the store's log instead."""

    def read_body(self) -> bytes:
        """Return the request's body, whole or in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def handle_request(self) -> None:
        """Answer as the cloud does, or as the outage says."""
        self.body = self.read_body()
        instance = self.store.instance(self.ip)
        if instance is None or instance["outage"] == "503":
            self.respond(503, "Service Unavailable")
            return
        self.instance = instance
        self.answer()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def answer(self) -> None:
        """Answer the request of `self.instance`."""
        raise NotImplementedError

    def respond(
        self,
        status: int,
        body: str | bytes = b"",
        content_type: str = "text/plain",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send an answer and note it."""
        data = body.encode() if isinstance(body, str) else body
        self.store.log(
            service=self.service,
            ip=self.ip,
            method=self.command,
            path=self.path,
            status=status,
            bytes=len(data),
            agent=self.headers.get("User-Agent", ""),
        )
        try:
            if self.slow:
                time.sleep(1)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.send_body(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the machine went away, for example in a power cut

    @property
    def slow(self) -> bool:
        """Tell whether the machine that asks has to wait for each byte."""
        instance = self.store.instance(self.ip)
        return instance is not None and instance["outage"] == "slow"

    def send_body(self, data: bytes) -> None:
        """Send it at once, or as slowly as the outage says for as long as there is one."""
        while data and self.slow:
            self.wfile.write(data[:SLOW_BYTES])
            data = data[SLOW_BYTES:]
            time.sleep(1)
        self.wfile.write(data)
