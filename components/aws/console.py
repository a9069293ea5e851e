"""The serial console of an EC2 instance.

boto3 finds credentials, profile and endpoint by itself: `AWS_PROFILE`, `AWS_ACCESS_KEY_ID` and the like,
`AWS_ENDPOINT_URL_EC2` for a private endpoint. The region comes from the instance's ARN.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..console import ConsoleBusy, ConsoleError, missing_sdk

READ = "ec2:GetConsoleOutput"
RESTART = "ec2:DescribeInstances and ec2:RebootInstances"

# What passes by itself; an instance is not found for some seconds after it was made.
_BUSY = {"InvalidInstanceID.NotFound", "RequestLimitExceeded", "Throttling", "ThrottlingException", "Unavailable"}
_LOGIN = {"AuthFailure", "ExpiredToken", "InvalidClientTokenId", "RequestExpired", "SignatureDoesNotMatch"}
_FORBIDDEN = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"}

# A client takes a tenth of a second and megabytes to make, and may be used by many threads: one for all instances.
_clients: dict[tuple[str | None, ...], Any] = {}
_making = threading.Lock()


class AwsConsole:
    """Read the console of one EC2 instance, and restart it.

    Args:
        name: What messages call it.
        region: As in `"eu-central-1"`.
        instance: As in `"i-0123456789abcdef0"`.
    """

    def __init__(self, name: str, region: str, instance: str) -> None:
        self.name, self.region, self.instance = name, region, instance

    def read(self) -> str:
        """Return the last 64 KB of the console, as EC2 has them; see `Console.read`."""
        with self._explained(READ):
            from botocore.exceptions import ClientError

            client = self._client()
            try:
                answer = client.get_console_output(InstanceId=self.instance, Latest=True)
            except ClientError as error:
                # Instance types older than Nitro only have the text of the last start or stop.
                if _code(error) != "UnsupportedOperation":
                    raise
                answer = client.get_console_output(InstanceId=self.instance)
            return str(answer.get("Output") or "")

    def restart(self) -> bool:
        """Reboot the instance as its operating system would, which keeps its addresses; see `Console.restart`."""
        with self._explained(RESTART):
            client = self._client()
            found = client.describe_instances(InstanceIds=[self.instance])["Reservations"]
            state = found[0]["Instances"][0]["State"]["Name"]
            if state == "running":
                client.reboot_instances(InstanceIds=[self.instance])
        if state == "pending":
            raise ConsoleBusy(f"{self.name}: {self.instance} is being started")
        return bool(state == "running")

    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        chosen = ("AWS_PROFILE", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL")
        key = (self.region, *map(os.environ.get, chosen))
        with _making:
            if key not in _clients:
                config = Config(
                    connect_timeout=10,
                    read_timeout=20,
                    max_pool_connections=32,
                    retries={"mode": "standard", "total_max_attempts": 2},
                )
                _clients[key] = boto3.Session(region_name=self.region).client("ec2", config=config)
            return _clients[key]

    @contextmanager
    def _explained(self, right: str) -> Iterator[None]:
        """Turn what boto3 raises into errors that say what to do."""
        try:
            from botocore import exceptions
            from botocore.parsers import ResponseParserError
        except ImportError as error:
            raise missing_sdk(self.name, "aws", error) from None
        try:
            yield
        except ImportError as error:
            raise missing_sdk(self.name, "aws", error) from None
        except exceptions.ClientError as error:
            raise self._refused(error, right) from error
        except (exceptions.HTTPClientError, exceptions.ConnectionError, ResponseParserError) as error:
            raise ConsoleBusy(f"{self.name}: EC2 in {self.region} does not answer: {error}") from error
        except exceptions.BotoCoreError as error:  # no credentials, no such profile, a session that has ended
            raise ConsoleError(
                f"{self.name}: cannot log in to AWS: {error}; boto3 needs credentials in its environment, such as "
                "AWS_PROFILE or AWS_ACCESS_KEY_ID (those in the stack's configuration are known to Pulumi only)"
            ) from error

    def _refused(self, error: Any, right: str) -> ConsoleError:
        code = _code(error)
        said = f"{code}: {error.response.get('Error', {}).get('Message', '')}".strip(": ")
        if code in _BUSY or int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500:
            return ConsoleBusy(f"{self.name}: EC2 in {self.region} says {said}")
        if code in _LOGIN:
            return ConsoleError(f"{self.name}: AWS does not accept the credentials: {said}; renew them")
        if code in _FORBIDDEN:
            return ConsoleError(f"{self.name}: who deploys needs the right {right} on {self.instance}: {said}")
        return ConsoleError(f"{self.name}: EC2 in {self.region} refuses: {said}")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
