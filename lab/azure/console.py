"""Azure's Resource Manager: boot diagnostics with the blob behind them, instance view, restart; and tokens for it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from ..consoles.service import Answer, CloudConsole, Request, same, serial
from ..providers.machines import Machine

VM = "azure-native:compute:VirtualMachine"
_VM = re.compile(
    r"(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachines/[^/]+)/(\w+)",
    re.IGNORECASE,
)
_OPERATION = re.compile(r"/subscriptions/[^/]+/providers/Microsoft\.Compute/locations/[^/]+/operations/([^/]+)")
_BLOB = "/bootdiagnostics"


class AzureConsole(CloudConsole):
    """Answer as Azure does."""

    foreign = ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_ENVIRONMENT", "AZURE_CLIENT_ID")

    def variables(self) -> Mapping[str, str]:
        """Return where Azure's SDK finds this service, and the token."""
        return {
            "ARM_ENDPOINT": self.machinery.address,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": f"{self.machinery.address}/msi/token",
            "IDENTITY_HEADER": self.machinery.token,
        }

    def answer(self, request: Request) -> Answer | None:
        """Answer a request for a token, a blob, or below `/subscriptions/`."""
        if request.path == "/msi/token":
            return self._token(request)
        if request.path.startswith(f"{_BLOB}/"):
            return self._blob(request)
        if not request.path.startswith("/subscriptions/"):
            return None
        if not same(request.headers.get("Authorization"), f"Bearer {self.machinery.token}"):
            return _error(401, "InvalidAuthenticationToken", "The access token is invalid.")
        operation = _OPERATION.fullmatch(request.path)
        if operation:
            return self._operation(operation[1])
        found = _VM.fullmatch(request.path)
        machine = self.machinery.machine(VM, found[1]) if found else None
        if found is None or machine is None:
            return _error(404, "ResourceNotFound", f"The Resource '{request.path}' was not found.")
        return self._machine(request, found[1], found[2], machine)

    def _token(self, request: Request) -> Answer:
        """Answer as the endpoint of managed identities does."""
        if not same(request.headers.get("X-IDENTITY-HEADER"), self.machinery.token):
            return _json({"statusCode": 401, "message": "The header X-IDENTITY-HEADER is not the secret."}, 401)
        return _json(
            {
                "access_token": self.machinery.token,
                "expires_on": str(int(time.time()) + 86_400),
                "resource": request.query.get("resource", ""),
                "token_type": "Bearer",
            }
        )

    def _blob(self, request: Request) -> Answer:
        machine = self.machinery.machine(VM, unquote(request.path.removeprefix(_BLOB)))
        if not same(request.query.get("sig"), self.machinery.token):
            return Answer(status=403, kind="application/xml")
        if machine is None:
            return Answer(status=404, kind="application/xml")
        return Answer(body=serial(machine), kind="application/octet-stream")

    def _machine(self, request: Request, id: str, verb: str, machine: Machine) -> Answer:
        asked = (request.method, verb)
        if asked == ("POST", "retrieveBootDiagnosticsData"):
            blob = f"{self.machinery.address}{_BLOB}{quote(id)}?sv=2024-11-04&sr=b&sp=r&sig={self.machinery.token}"
            return _json({"serialConsoleLogBlobUri": blob})
        if asked == ("GET", "instanceView"):
            power = "running" if machine.state == "running" else "stopped"
            codes = ("ProvisioningState/succeeded", f"PowerState/{power}")
            return _json({"statuses": [{"code": code, "level": "Info"} for code in codes]})
        if asked == ("POST", "restart"):
            return self._restart(id, machine)
        return _error(404, "InvalidResourceType", f"{request.method} {verb!r} is not known to the local cloud")

    def _restart(self, id: str, machine: Machine) -> Answer:
        if machine.state != "running":
            return _error(409, "OperationNotAllowed", "Operation 'restart' is not allowed since the VM is not running.")
        work = self.machinery.begin("restart", id, machine.reboot)
        subscription = "/".join(id.split("/")[:3])
        where = f"{subscription}/providers/Microsoft.Compute/locations/local/operations/{work.name}"
        link = f"{self.machinery.address}{where}?api-version=2024-11-01"
        return Answer(status=202, headers={"Azure-AsyncOperation": link, "Location": link, "Retry-After": "1"})

    def _operation(self, name: str) -> Answer:
        work = self.machinery.works.get(name)
        if work is None:
            return _error(404, "NotFound", f"There is no operation {name}.")
        status = "InProgress" if not work.done else "Failed" if work.error else "Succeeded"
        content: dict[str, Any] = {"name": work.name, "status": status}
        if work.error:
            content["error"] = {"code": "InternalExecutionError", "message": work.error}
        return _json(content, headers={"Retry-After": "1"})


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=status, body=json.dumps(content).encode(), headers=headers or {})


def _error(status: int, code: str, message: str) -> Answer:
    return _json({"error": {"code": code, "message": message}}, status)
