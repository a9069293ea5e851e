"""What the three APIs have in common: who asks, which machine is meant, and work that goes on after the answer."""

from __future__ import annotations

import hmac
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import parse_qsl, urlsplit

from .. import loopback
from ..errors import LabError
from ..providers.machines import Machine, Machines
from ..providers.records import Records, records_folder
from ..server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a cloud's API."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API says to it."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Work:
    """Something that a cloud does after it has answered: under way until `done`, failed if there is an `error`."""

    name: str
    kind: str
    target: str
    done: bool = False
    error: str | None = None


class Machinery:
    """The lab as the APIs see it: machines found by the id of their resource, and the work under way.

    Args:
        machines: The lab.
        state: Its state folder.
        address: Where this service is found, for links in answers.
        token: What a request must know to be answered.
    """

    def __init__(self, machines: Machines, state: Path, address: str, token: str) -> None:
        self.machines, self.state, self.address, self.token = machines, state, address, token
        self.works: dict[str, Work] = {}

    def machine(self, token: str, id: str) -> Machine | None:
        """Return the machine behind a VM of a type; ids are the same in any letter case, as on Azure."""
        records = Records(records_folder(self.state) / token.partition(":")[0]).all()
        wanted = (one.machine for one in records if one.token == token and one.id.casefold() == id.casefold())
        name = next(wanted, None)
        return next((machine for machine in self.machines.machines() if machine.name == name), None)

    def begin(self, kind: str, target: str, job: Callable[[], None]) -> Work:
        """Do something after the answer."""
        work = Work(f"operation-{secrets.token_hex(8)}", kind, target)
        self.works[work.name] = work

        def run() -> None:
            try:
                job()
            except LabError as error:
                work.error = str(error)
            finally:
                work.done = True

        threading.Thread(target=run, daemon=True).start()
        return work


def same(given: str | None, secret: str) -> bool:
    """Tell whether a request has given a secret, in a time that says nothing of how much of it was right."""
    return hmac.compare_digest((given or "").encode(errors="replace"), secret.encode())


class CloudConsole(ABC):
    """One cloud's API.

    Attributes:
        foreign: Variables that would lead the cloud's SDK to a real account or away from the lab.
    """

    foreign: ClassVar[tuple[str, ...]]

    def __init__(self, machinery: Machinery) -> None:
        self.machinery = machinery

    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """Return the variables by which the cloud's SDK finds this service."""

    @abstractmethod
    def answer(self, request: Request) -> Answer | None:
        """Answer a request; None if it is not for this cloud."""


class Handler(BaseHTTPRequestHandler):
    """Hand each request to the cloud that it is for."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a request that fails is told by who sent it."""

    def handle_request(self) -> None:
        """Answer as the cloud does."""
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers=self.headers,
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answers = (cloud.answer(request) for cloud in cast("Service", self.server).clouds)
        self.send(next((answer for answer in answers if answer is not None), Answer(status=404)))

    do_GET = do_POST = handle_request

    def send(self, answer: Answer) -> None:
        """Send an answer."""
        try:
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # who asked has gone


class Service(Server):
    """Serve the clouds on a free port of the loopback, to processes of this user."""

    def __init__(self) -> None:
        super().__init__((loopback.ADDRESS, 0), Handler)
        self.address = f"http://{loopback.ADDRESS}:{self.server_address[1]}"
        self.clouds: Sequence[CloudConsole] = ()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Close a connection of another user's before a word of it is read."""
        return loopback.own_user(client_address[1], int(self.server_address[1]))


def serial(machine: Machine) -> bytes:
    """Return a machine's console with the line ends of a serial line."""
    return machine.console().replace("\n", "\r\n").encode()
