"""A cloud's API for one test: an HTTP server on the loopback that gives prepared answers and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: str


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class StandIn(ThreadingHTTPServer):
    """Answer each request with what `answer` returns for it; `asked` has all of them."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Asked], Said]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.asked = answer, list[Asked]()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> StandIn:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()

    def paths(self) -> list[str]:
        """Return what was asked for, without what comes before the last part of the path."""
        return [f"{one.method} {one.path.rpartition('/')[2]}" for one in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        server, parts = cast(StandIn, self.server), urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), self.headers, body)
        server.asked.append(asked)
        said = server.answer(asked)
        self.send_response(said.status)
        for name, value in {"Content-Type": "application/json", **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body.encode())))
        self.end_headers()
        self.wfile.write(said.body.encode())

    do_GET = do_POST = _serve
