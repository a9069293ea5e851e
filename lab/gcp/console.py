"""The REST API of Compute Engine: an instance, its serial port, stop, start and reset, and operations of a zone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..consoles.service import Answer, CloudConsole, Request, Work, same, serial
from ..providers.machines import Machine

VM = "gcp:compute/instance:Instance"

SERIAL_LIMIT = 1_048_576
"""Bytes of the serial port that Google keeps."""

_INSTANCE = re.compile(r"/compute/v1/(projects/[^/]+/zones/[^/]+/instances/([^/]+))(?:/(\w+))?")
_OPERATION = re.compile(r"/compute/v1/(projects/[^/]+/zones/[^/]+)/operations/([^/]+)(?:/wait)?")


class GceConsole(CloudConsole):
    """Answer as Compute Engine does."""

    foreign = ("GOOGLE_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS")

    def variables(self) -> Mapping[str, str]:
        """Return where Google's SDK finds this service, and the token."""
        return {
            "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{self.machinery.address}/compute/v1/",
            "GOOGLE_OAUTH_ACCESS_TOKEN": self.machinery.token,
        }

    def answer(self, request: Request) -> Answer | None:
        """Answer a request below `/compute/v1/`."""
        if not request.path.startswith("/compute/v1/"):
            return None
        if not same(request.headers.get("Authorization"), f"Bearer {self.machinery.token}"):
            return _error(401, "authError", "Request had invalid authentication credentials.")
        operation = _OPERATION.fullmatch(request.path)
        if operation and operation[2] in self.machinery.works:
            return self._operation(operation[1], self.machinery.works[operation[2]])
        found = _INSTANCE.fullmatch(request.path)
        machine = self.machinery.machine(VM, found[1]) if found else None
        if found is None or machine is None:
            what = f"The resource '{request.path.removeprefix('/compute/v1/')}' was not found"
            return _error(404, "notFound", what)
        return self._instance(request, found[1], found[3] or "", machine)

    def _instance(self, request: Request, id: str, verb: str, machine: Machine) -> Answer:
        jobs: Mapping[str, Callable[[], None]] = {
            "stop": machine.stop,
            "start": machine.start,
            "reset": lambda: _reset(machine),
        }
        if request.method == "GET" and verb == "":
            status = "RUNNING" if machine.state == "running" else "TERMINATED"
            return _json(
                {"kind": "compute#instance", "id": machine.instance_id, "name": machine.name, "status": status}
            )
        if request.method == "GET" and verb == "serialPort":
            return _serial_port(int(request.query.get("start") or 0), serial(machine))
        if request.method == "POST" and verb in jobs:
            work = self.machinery.begin(verb, id, jobs[verb])
            return self._operation(id.rpartition("/instances/")[0], work)
        return _error(404, "notFound", f"{request.method} {verb!r} is not known to the local cloud")

    def _operation(self, zone: str, work: Work) -> Answer:
        api = f"{self.machinery.address}/compute/v1"
        content: dict[str, Any] = {
            "kind": "compute#operation",
            "id": str(int(work.name.rpartition("-")[2], 16)),
            "name": work.name,
            "zone": f"{api}/{zone}",
            "operationType": work.kind,
            "targetLink": f"{api}/{work.target}",
            "status": "DONE" if work.done else "RUNNING",
            "progress": 100 if work.done else 0,
            "selfLink": f"{api}/{zone}/operations/{work.name}",
        }
        if work.error:
            content["error"] = {"errors": [{"code": "INTERNAL_ERROR", "message": work.error}]}
            content |= {"httpErrorStatusCode": 500, "httpErrorMessage": work.error}
        return _json(content)


def _reset(machine: Machine) -> None:
    machine.cut_power()
    machine.start()


def _serial_port(start: int, text: bytes) -> Answer:
    """Answer with the text from a position on; a negative one counts from the end."""
    oldest = max(0, len(text) - SERIAL_LIMIT)
    begin = min(max(oldest, len(text) + start if start < 0 else start), len(text))
    contents = text[begin:].decode(errors="replace")
    return _json(
        {"kind": "compute#serialPortOutput", "contents": contents, "start": str(begin), "next": str(len(text))}
    )


def _json(content: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(content).encode(), kind="application/json; charset=UTF-8")


def _error(status: int, reason: str, message: str) -> Answer:
    error = {"message": message, "domain": "global", "reason": reason}
    return _json({"error": {"code": status, "message": message, "errors": [error]}}, status)
