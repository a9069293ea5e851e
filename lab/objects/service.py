"""An object store over HTTPS: each host gets its certificate from the lab's own authority when it is first asked for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

from ..certificates import certificate
from ..identities import Identities
from ..metadata.store import Store
from ..server import Server


class ObjectHandler(BaseHTTPRequestHandler):
    """One request; a cloud's store says in `answer` what it gets."""

    protocol_version = "HTTP/1.1"
    service: ClassVar[str]
    log: ClassVar[Store]
    identities: ClassVar[Identities]

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: requests go to the cloud's log instead."""

    def do_GET(self) -> None:
        """Answer as the store does."""
        self.answer()

    do_HEAD = do_GET

    def answer(self) -> None:
        """Answer the request."""
        raise NotImplementedError

    @property
    def host(self) -> str:
        """Return the host that was asked."""
        return self.headers.get("Host", "").partition(":")[0].lower()

    def bearer(self) -> str:
        """Return the token that the request carries, "" if it carries none."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def respond(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer and note it."""
        ip = self.client_address[0]
        self.log.log(service=self.service, ip=ip, method=self.command, path=self.path, status=status, bytes=len(body))
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class ObjectServer(Server):
    """A store that listens, with a certificate for whatever host it is asked as.

    Args:
        address: Where it listens.
        handler: Answers its requests.
        authority: The folder of the lab's authority.
    """

    def __init__(self, address: tuple[str, int], handler: type[ObjectHandler], authority: Path) -> None:
        super().__init__(address, handler)
        self._authority, self._contexts, self._lock = authority, dict[str, ssl.SSLContext](), threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = self._choose
        # Hands are shaken where the request is read, in a thread of its own.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def _choose(self, connection: ssl.SSLObject, host: str | None, context: ssl.SSLContext) -> int | None:
        if not host:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._contexts[host].load_cert_chain(certificate(self._authority, host))
        connection.context = self._contexts[host]
        return None
