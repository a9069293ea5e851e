"""The serial console of a VM on Google Cloud.

Credentials are found as Pulumi's provider finds them: `GOOGLE_OAUTH_ACCESS_TOKEN`, `GOOGLE_CREDENTIALS` (a service
account's key or its path), then Google's own order (`GOOGLE_APPLICATION_CREDENTIALS`, the login of
`gcloud auth application-default login`, the computer's service account). `GOOGLE_COMPUTE_CUSTOM_ENDPOINT` is the
provider's, too: a private or other endpoint.

It speaks to the REST interface with google-auth. google-cloud-compute cannot be loaded beside Pulumi's provider server,
in which this runs when another language makes the VM: both register the message `google.rpc.Status`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..console import ConsoleBusy, ConsoleError, missing_sdk

READ = "compute.instances.getSerialPortOutput"
RESTART = "compute.instances.get, .stop, .start and compute.zoneOperations.get"
NEWEST_BYTES = 131_072
"""Of the 1 MB that Google keeps: enough for many results, and little enough to be read every 2 seconds."""

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_STARTING = {"PROVISIONING", "STAGING", "REPAIRING", "PENDING"}
_STOP_SECONDS = 300
_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 20
_ENDPOINT = "https://compute.googleapis.com"

_sessions: dict[tuple[str | None, ...], Any] = {}
_making = threading.Lock()


class _Refused(Exception):
    """What Google answers in place of what was asked for.

    Attributes:
        code: The status of HTTP.
        reasons: Google's words for it, as `quotaExceeded`.
    """

    def __init__(self, code: int, message: str, reasons: set[str]) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.reasons = code, reasons


class GcpConsole:
    """Read the console of one VM of Compute Engine, and restart it.

    Args:
        name: What messages call it.
        project: The project's id.
        zone: As in `"europe-west3-a"`.
        instance: The VM's name in its zone.
    """

    def __init__(self, name: str, project: str, zone: str, instance: str) -> None:
        self.name = name
        self._zone_path = f"projects/{project}/zones/{zone}"
        self._path = f"{self._zone_path}/instances/{instance}"
        self._stopping, self._start = False, None

    def read(self) -> str:
        """Return the last 128 KB of serial port 1; see `Console.read`."""
        with self._explained(READ):
            where = {"port": 1, "start": -NEWEST_BYTES}
            return str(self._ask("GET", f"{self._path}/serialPort", where).get("contents", ""))

    def restart(self) -> bool:
        """Stop the VM in order and start it again, which gives it another ephemeral address; see `Console.restart`.

        Google's `reset` would pull the plug: no shutdown step would run. Called again after `ConsoleBusy`, it goes on
        where it was.
        """
        with self._explained(RESTART):
            if self._start is None:
                if not self._stop():
                    return False
                self._start = str(self._ask("POST", f"{self._path}/start")["name"])
            self._finish(self._start)
        self._stopping, self._start = False, None
        return True

    def _stop(self) -> bool:
        """Stop the VM and wait until it is off; return False if it was off before."""
        end = time.monotonic() + _STOP_SECONDS
        while (status := self._ask("GET", self._path)["status"]) != "TERMINATED":
            if status in _STARTING or time.monotonic() > end:
                raise ConsoleBusy(f"{self.name}: its state is {status} for now")
            if status == "RUNNING" and not self._stopping:
                self._ask("POST", f"{self._path}/stop")
                self._stopping = True
            elif not self._stopping:  # somebody stops or suspends it
                return False
            time.sleep(_LOOK_SECONDS)
        return self._stopping

    def _finish(self, operation: str) -> None:
        """Wait until an operation is done; raise what it failed with."""
        end = time.monotonic() + _STOP_SECONDS
        while (found := self._ask("GET", f"{self._zone_path}/operations/{operation}"))["status"] != "DONE":
            if time.monotonic() > end:
                raise ConsoleBusy(f"{self.name}: it is still being started")
            time.sleep(_LOOK_SECONDS)
        errors = found.get("error", {}).get("errors", [])
        said = "; ".join(f"{one.get('code')}: {one.get('message')}" for one in errors)
        if said:
            self._stopping, self._start = True, None
            raise ConsoleError(f"{self.name}: it was stopped and cannot be started: {said}")

    def _ask(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to one request."""
        endpoint = os.environ.get("GOOGLE_COMPUTE_CUSTOM_ENDPOINT")
        url = f"{_host(endpoint) if endpoint else _ENDPOINT}/compute/v1/{path}"
        answer = _session().request(method, url, params=query, timeout=_ANSWER_SECONDS)
        if answer.ok:
            return dict(answer.json())
        raise _refusal(answer)

    @contextmanager
    def _explained(self, right: str) -> Iterator[None]:
        """Turn what the SDK raises into errors that say what to do."""
        try:
            from google.auth import exceptions as auth
            from requests import exceptions as http
        except ImportError as error:
            raise missing_sdk(self.name, "gcp", error) from None
        try:
            yield
        except ImportError as error:
            raise missing_sdk(self.name, "gcp", error) from None
        except _Refused as error:
            raise self._refused(error, right) from error
        except http.JSONDecodeError as error:
            raise ConsoleBusy(f"{self.name}: Google does not answer as it should: {error}") from error
        except http.RequestException as error:
            raise ConsoleBusy(f"{self.name}: Google does not answer: {error}") from error
        except auth.RefreshError as error:
            raise ConsoleError(f"{self.name}: Google does not accept the credentials: {error}; renew them") from error
        except auth.TransportError as error:
            raise ConsoleBusy(f"{self.name}: Google's login does not answer: {error}") from error
        except (auth.GoogleAuthError, OSError, ValueError) as error:
            raise ConsoleError(
                f"{self.name}: cannot log in to Google Cloud: {error}; run `gcloud auth application-default login`, or "
                "set GOOGLE_CREDENTIALS (those in the stack's configuration are known to Pulumi only)"
            ) from error

    def _refused(self, error: _Refused, right: str) -> ConsoleError:
        limits = {"rateLimitExceeded", "quotaExceeded", "userRateLimitExceeded"}
        if error.code in (404, 429) or error.code >= 500 or error.reasons & limits:
            return ConsoleBusy(f"{self.name}: Google says {error}")
        if error.code == 401:
            return ConsoleError(f"{self.name}: Google does not accept the credentials: {error}; renew them")
        if error.code == 403:
            return ConsoleError(f"{self.name}: who deploys needs the right {right}: {error}")
        return ConsoleError(f"{self.name}: Google refuses: {error}")


def _session() -> Any:
    """Return the logged-in session of these variables, made once."""
    from google.auth.transport.requests import AuthorizedSession

    login = [os.environ.get(name) for name in ("GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS")]
    with _making:
        if (key := tuple(login)) not in _sessions:
            _sessions[key] = AuthorizedSession(_credentials(*login))
        return _sessions[key]


def _refusal(answer: Any) -> _Refused:
    try:
        said = answer.json()["error"]
        reasons = {str(one.get("reason")) for one in said.get("errors", [])}
        return _Refused(answer.status_code, str(said["message"]), reasons)
    except (ValueError, TypeError, KeyError, AttributeError):
        return _Refused(answer.status_code, answer.text[:200], set())


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
