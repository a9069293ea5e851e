"""The serial console of a VM on Azure, as boot diagnostics keep it.

Credentials are found as Pulumi's provider finds them (`ARM_TENANT_ID`, `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`), then in
azure-identity's own order (`AZURE_...`, managed identity, `az login`). `ARM_ENVIRONMENT` chooses a sovereign cloud as it does for
the provider; `ARM_ENDPOINT` names another Resource Manager, as on Azure Stack.
"""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..console import ConsoleBusy, ConsoleError, missing_sdk

READ = "Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action"
RESTART = "Microsoft.Compute/virtualMachines/instanceView/read and .../restart/action"

_ANSWER_SECONDS = 20
_RESTART_SECONDS = 600
_LOOK_SECONDS = 2.0
# The text's address holds its own right to be read; asking for it anew counts against a small quota.
_ADDRESS_MINUTES = 60

_clients: dict[tuple[str | None, ...], Any] = {}
_making = threading.Lock()


class _Cloud(NamedTuple):
    manager: str
    audience: str
    login: str


_CLOUDS = {
    "public": _Cloud(
        "https://management.azure.com", "https://management.azure.com/.default", "login.microsoftonline.com"
    ),
    "usgovernment": _Cloud(
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "login.microsoftonline.us",
    ),
    "china": _Cloud(
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "login.chinacloudapi.cn",
    ),
}


class AzureConsole:
    """Read the console of one VM on Azure, and restart it.

    Args:
        name: What messages call it.
        subscription: The subscription's id.
        group: The resource group's name.
        machine: The VM's name in its group.
    """

    def __init__(self, name: str, subscription: str, group: str, machine: str) -> None:
        self.name, self.subscription, self.group, self.machine = name, subscription, group, machine
        self._text_at: str | None = None
        self._text_until = 0.0

    def read(self) -> str:
        """Return the text that boot diagnostics keep; see `Console.read`."""
        with self._explained(READ):
            if self._text_at is None or time.monotonic() > self._text_until:
                self._text_at = self._ask_address()
                self._text_until = time.monotonic() + 60 * (_ADDRESS_MINUTES - 5)
            return self._fetch(self._text_at)

    def restart(self) -> bool:
        """Restart the VM as its operating system would, which keeps its addresses; see `Console.restart`."""
        with self._explained(RESTART):
            from azure.core.exceptions import ServiceRequestError, ServiceResponseError

            client, options = self._client()
            machines = client.virtual_machines
            view = machines.instance_view(self.group, self.machine, **options)
            power = {str(status.code) for status in view.statuses or [] if str(status.code).startswith("PowerState/")}
            if power == {"PowerState/running"}:
                restart = machines.begin_restart(self.group, self.machine, polling_interval=_LOOK_SECONDS, **options)
                with suppress(ServiceRequestError, ServiceResponseError):  # it goes on, whether or not Azure says so
                    restart.wait(timeout=_RESTART_SECONDS)
        if power == {"PowerState/starting"}:
            raise ConsoleBusy(f"{self.name}: it is being started")
        return power == {"PowerState/running"}

    def _ask_address(self) -> str:
        client, options = self._client()
        found = client.virtual_machines.retrieve_boot_diagnostics_data(
            self.group, self.machine, sas_uri_expiration_time_in_minutes=_ADDRESS_MINUTES, **options
        )
        if not found.serial_console_log_blob_uri:
            raise ConsoleError(f"{self.name}: its console is kept nowhere; turn boot diagnostics on (boot_diagnostics)")
        return str(found.serial_console_log_blob_uri)

    def _fetch(self, address: str) -> str:
        try:
            with urllib.request.urlopen(address, timeout=_ANSWER_SECONDS) as answer:
                return str(answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            self._text_at = None
            if error.code == 404:  # the VM has not written a word yet
                return ""
            raise ConsoleBusy(f"{self.name}: Azure's storage says {error.code} {error.reason}") from None
        except OSError as error:
            raise ConsoleBusy(f"{self.name}: Azure's storage does not answer: {error}") from error

    def _client(self) -> tuple[Any, dict[str, Any]]:
        from azure.mgmt.compute import ComputeManagementClient

        cloud = self._cloud()
        login = [os.environ.get(f"ARM_{name}") for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")]
        key = (self.subscription, cloud.manager, *login)
        with _making:
            if key not in _clients:
                _clients[key] = ComputeManagementClient(
                    _credential(cloud, *login),
                    self.subscription,
                    base_url=cloud.manager,
                    credential_scopes=[cloud.audience],
                    retry_total=1,
                    connection_timeout=10,
                    read_timeout=_ANSWER_SECONDS,
                )
        # The SDK sends no token without TLS; what listens on this computer itself needs none.
        here = urlsplit(cloud.manager).hostname in ("127.0.0.1", "::1", "localhost")
        return _clients[key], {"enforce_https": not here}

    def _cloud(self) -> _Cloud:
        chosen = os.environ.get("ARM_ENVIRONMENT") or "public"
        if chosen not in _CLOUDS:
            raise ConsoleError(f"{self.name}: ARM_ENVIRONMENT is {chosen!r}; it is one of {', '.join(_CLOUDS)}")
        cloud, own = _CLOUDS[chosen], os.environ.get("ARM_ENDPOINT")
        return cloud._replace(manager=own.rstrip("/"), audience=f"{own.rstrip('/')}/.default") if own else cloud

    @contextmanager
    def _explained(self, right: str) -> Iterator[None]:
        """Turn what the SDK raises into errors that say what to do."""
        try:
            from azure.core import exceptions
        except ImportError as error:
            raise missing_sdk(self.name, "azure", error) from None
        try:
            yield
        except ImportError as error:
            raise missing_sdk(self.name, "azure", error) from None
        except exceptions.ClientAuthenticationError as error:
            raise ConsoleError(
                f"{self.name}: cannot log in to Azure: {_words(error)}; run `az login`, or set ARM_TENANT_ID, "
                "ARM_CLIENT_ID and ARM_CLIENT_SECRET (those in the stack's configuration are known to Pulumi only)"
            ) from error
        except exceptions.HttpResponseError as error:
            raise self._refused(error, right) from error
        except exceptions.AzureError as error:
            raise ConsoleBusy(f"{self.name}: Azure does not answer: {_words(error)}") from error

    def _refused(self, error: Any, right: str) -> ConsoleError:
        status, said = error.status_code or 0, _words(error)
        if status < 400 or status in (404, 408, 429) or status >= 500:
            return ConsoleBusy(f"{self.name}: Azure says {said}")
        if status == 403:
            return ConsoleError(f"{self.name}: who deploys needs the right {right}: {said}")
        return ConsoleError(f"{self.name}: Azure refuses: {said}")


def _credential(cloud: _Cloud, tenant: str | None, client: str | None, secret: str | None) -> Any:
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    if tenant and client and secret:
        return ClientSecretCredential(tenant, client, secret, authority=cloud.login)
    return DefaultAzureCredential(authority=os.environ.get("AZURE_AUTHORITY_HOST") or cloud.login)


def _words(error: Exception) -> str:
    """Return an error's text in one line, without the advice where to read about errors."""
    lines = [line.strip() for line in str(error).splitlines()]
    return "; ".join(line for line in lines if line and "aka.ms" not in line) or type(error).__name__
