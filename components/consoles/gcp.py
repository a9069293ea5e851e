"""The serial console of a VM on Google Cloud.

Credentials are found as Pulumi's provider finds them: `GOOGLE_OAUTH_ACCESS_TOKEN`, `GOOGLE_CREDENTIALS` (a service
account's key or its path), then Google's own order (`GOOGLE_APPLICATION_CREDENTIALS`, the login of
`gcloud auth application-default login`, the computer's service account). `GOOGLE_COMPUTE_CUSTOM_ENDPOINT` is the
provider's, too: a private or other endpoint.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from . import ConsoleBusy, ConsoleError, missing_sdk

READ = "compute.instances.getSerialPortOutput"
RESTART = "compute.instances.get, .stop, .start and compute.zoneOperations.get"
NEWEST_BYTES = 131_072
"""Of the 1 MB that Google keeps: enough for many results, and little enough to be read every 2 seconds."""

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_STARTING = {"PROVISIONING", "STAGING", "REPAIRING", "PENDING"}
_STOP_SECONDS = 300
_LOOK_SECONDS = 1.0
# The SDK itself would try again for 10 minutes, without a word.
_ONCE: dict[str, Any] = {"retry": None, "timeout": 20}

_clients: dict[tuple[str | None, ...], Any] = {}
_making = threading.Lock()


class GcpConsole:
    """Read the console of one VM of Compute Engine, and restart it.

    Args:
        name: What messages call it.
        project: The project's id.
        zone: As in `"europe-west3-a"`.
        instance: The VM's name in its zone.
    """

    def __init__(self, name: str, project: str, zone: str, instance: str) -> None:
        self.name, self.zone = name, zone
        self._place = {"project": project, "zone": zone, "instance": instance}
        self._stopping, self._start = False, None

    def read(self) -> str:
        """Return the last 128 KB of serial port 1; see `Console.read`."""
        with self._explained(READ):
            client = self._client("Instances")
            request = {**self._place, "port": 1, "start": -NEWEST_BYTES}
            return str(client.get_serial_port_output(request=request, **_ONCE).contents)

    def restart(self) -> bool:
        """Stop the VM in order and start it again, which gives it another ephemeral address; see `Console.restart`.

        Google's `reset` would pull the plug: no shutdown step would run. Called again after `ConsoleBusy`, it goes on
        where it was.
        """
        with self._explained(RESTART):
            if self._start is None:
                if not self._stop():
                    return False
                self._start = self._client("Instances").start_unary(request=self._place, **_ONCE).name
            self._finish(self._start)
        self._stopping, self._start = False, None
        return True

    def _stop(self) -> bool:
        """Stop the VM and wait until it is off; return False if it was off before."""
        client, end = self._client("Instances"), time.monotonic() + _STOP_SECONDS
        while (status := client.get(request=self._place, **_ONCE).status) != "TERMINATED":
            if status in _STARTING or time.monotonic() > end:
                raise ConsoleBusy(f"{self.name}: its state is {status} for now")
            if status == "RUNNING" and not self._stopping:
                client.stop_unary(request=self._place, **_ONCE)
                self._stopping = True
            elif not self._stopping:  # somebody stops or suspends it
                return False
            time.sleep(_LOOK_SECONDS)
        return self._stopping

    def _finish(self, operation: str) -> None:
        """Wait until an operation is done; raise what it failed with."""
        client, end = self._client("ZoneOperations"), time.monotonic() + _STOP_SECONDS
        place = {"project": self._place["project"], "zone": self.zone, "operation": operation}
        while (found := client.get(request=place, **_ONCE)).status.name != "DONE":
            if time.monotonic() > end:
                raise ConsoleBusy(f"{self.name}: it is still being started")
            time.sleep(_LOOK_SECONDS)
        said = "; ".join(f"{one.code}: {one.message}" for one in found.error.errors)
        if said:
            self._stopping, self._start = True, None
            raise ConsoleError(f"{self.name}: it was stopped and cannot be started: {said}")

    def _client(self, kind: str) -> Any:
        from google.api_core.client_options import ClientOptions
        from google.cloud import compute_v1

        chosen = ("GOOGLE_COMPUTE_CUSTOM_ENDPOINT", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS")
        endpoint, *login = map(os.environ.get, chosen)
        key = (kind, endpoint, *login)
        with _making:
            if key not in _clients:
                make = getattr(compute_v1, f"{kind}Client")
                options = ClientOptions(api_endpoint=_host(endpoint)) if endpoint else None
                _clients[key] = make(credentials=_credentials(*login), client_options=options)
            return _clients[key]

    @contextmanager
    def _explained(self, right: str) -> Iterator[None]:
        """Turn what the SDK raises into errors that say what to do."""
        try:
            from google.api_core import exceptions as api
            from google.auth import exceptions as auth
            from google.protobuf.json_format import ParseError
            from requests import exceptions as http
        except ImportError as error:
            raise missing_sdk(self.name, "gcp", error) from None
        try:
            yield
        except ImportError as error:
            raise missing_sdk(self.name, "gcp", error) from None
        except (api.TooManyRequests, api.NotFound, api.ServerError, http.RequestException) as error:
            raise ConsoleBusy(f"{self.name}: Google says {error}") from error
        except (api.RetryError, TimeoutError, ParseError) as error:
            raise ConsoleBusy(f"{self.name}: Google does not answer as it should: {error}") from error
        except api.Unauthorized as error:
            raise ConsoleError(f"{self.name}: Google does not accept the credentials: {error}; renew them") from error
        except api.Forbidden as error:
            raise self._forbidden(error, right) from error
        except auth.RefreshError as error:
            raise ConsoleError(f"{self.name}: Google does not accept the credentials: {error}; renew them") from error
        except auth.TransportError as error:
            raise ConsoleBusy(f"{self.name}: Google's login does not answer: {error}") from error
        except (auth.GoogleAuthError, OSError, JSONDecodeError) as error:
            raise ConsoleError(
                f"{self.name}: cannot log in to Google Cloud: {error}; run `gcloud auth application-default login`, or "
                "set GOOGLE_CREDENTIALS (those in the stack's configuration are known to Pulumi only)"
            ) from error
        except api.GoogleAPIError as error:
            raise ConsoleError(f"{self.name}: Google refuses: {error}") from error

    def _forbidden(self, error: Any, right: str) -> ConsoleError:
        reasons = {str(one.get("reason")) for one in error.errors if isinstance(one, dict)}
        if reasons & {"rateLimitExceeded", "quotaExceeded", "userRateLimitExceeded"}:
            return ConsoleBusy(f"{self.name}: Google says {error}")
        return ConsoleError(f"{self.name}: who deploys needs the right {right}: {error}")


def _host(endpoint: str) -> str:
    """Return scheme and host of an endpoint as the provider takes it, with the API's path."""
    return endpoint.rstrip("/").removesuffix("/compute/v1")


def _credentials(token: str | None, key: str | None) -> Any:
    import google.auth
    from google.oauth2 import credentials, service_account

    if token:
        return credentials.Credentials(token=token)
    if key:
        text = key if key.lstrip().startswith("{") else Path(key).read_text(encoding="utf-8")
        return service_account.Credentials.from_service_account_info(json.loads(text), scopes=_SCOPES)
    return google.auth.default(scopes=_SCOPES)[0]
