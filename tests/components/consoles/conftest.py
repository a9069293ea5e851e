"""The three clouds' APIs as the readers meet them: how each answers, and how each refuses."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.console import Console
from components.consoles import console_at
from tests.components.stand_in import Asked, Said, StandIn

AWS_VM = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"
GCP_VM = "projects/shop/zones/europe-west3-a/instances/web"
AZURE_VM = "/subscriptions/5b6f/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/web"
TOKEN = "not-a-real-token"

Answer = Callable[[Asked], Said]

# What a developer's or a build server's environment may hold, and what no test may use.
_FOREIGN = ("AWS_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "ARM_", "AZURE_", "IDENTITY_", "MSI_", "GCE_")


@dataclass(frozen=True)
class Api:
    """One cloud's API, and where its readers look for it."""

    cloud: str
    vm: str
    right: str
    error: Callable[[int, str, str], Said]
    text: Callable[[str], Said]
    sdk: str
    forbidden: tuple[int, str]
    throttled: tuple[int, str]
    missing: tuple[int, str]
    login: tuple[int, str]

    @property
    def endpoint(self) -> str:
        """Return the variable that names the API's address."""
        return next(iter(self.variables("")))

    def variables(self, address: str) -> dict[str, str]:
        """Return the variables with which the SDK finds this address."""
        return {
            "aws": {
                "AWS_ENDPOINT_URL_EC2": address,
                "AWS_ACCESS_KEY_ID": TOKEN,
                "AWS_SECRET_ACCESS_KEY": TOKEN,
            },
            "gcp": {
                "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{address}/compute/v1/",
                "GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN,
            },
            "azure": {
                "ARM_ENDPOINT": address,
                "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
                "IDENTITY_ENDPOINT": f"{address}/msi/token",
                "IDENTITY_HEADER": TOKEN,
            },
        }[self.cloud]


def _ec2_error(status: int, code: str, message: str) -> Said:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Said(status, f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>")


def _ec2_text(text: str) -> Said:
    output = base64.b64encode(text.encode()).decode()
    fields = f"<instanceId>i-0123456789abcdef0</instanceId><output>{output}</output>"
    return Said(200, f'<R xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{fields}</R>')


def _gce_error(status: int, reason: str, message: str) -> Said:
    error = {"code": status, "message": message, "errors": [{"message": message, "reason": reason}]}
    return Said(status, json.dumps({"error": error}))


def _azure_error(status: int, code: str, message: str) -> Said:
    return Said(status, json.dumps({"error": {"code": code, "message": message}}))


APIS = [
    Api(
        cloud="aws",
        vm=AWS_VM,
        right="ec2:GetConsoleOutput",
        error=_ec2_error,
        text=_ec2_text,
        sdk="botocore",
        forbidden=(403, "UnauthorizedOperation"),
        throttled=(503, "RequestLimitExceeded"),
        missing=(400, "InvalidInstanceID.NotFound"),
        login=(401, "AuthFailure"),
    ),
    Api(
        cloud="gcp",
        vm=GCP_VM,
        right="compute.instances.getSerialPortOutput",
        error=_gce_error,
        text=lambda text: Said(200, json.dumps({"contents": text, "start": "0", "next": "1"})),
        sdk="google.auth",
        forbidden=(403, "forbidden"),
        throttled=(403, "rateLimitExceeded"),
        missing=(404, "notFound"),
        login=(401, "authError"),
    ),
    Api(
        cloud="azure",
        vm=AZURE_VM,
        right="Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action",
        error=_azure_error,
        text=lambda text: Said(200, text, {"Content-Type": "application/octet-stream"}),
        sdk="azure.core",
        forbidden=(403, "AuthorizationFailed"),
        throttled=(429, "TooManyRequests"),
        missing=(404, "ResourceNotFound"),
        login=(401, "InvalidAuthenticationToken"),
    ),
]


@pytest.fixture(params=APIS, ids=lambda api: api.cloud)
def api(request: pytest.FixtureRequest) -> Api:
    """Each cloud's API in turn."""
    return request.param


@pytest.fixture(autouse=True)
def _nobodys_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take every account away that this computer may have, and what would ask a metadata service for one."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN) or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")


Opened = tuple[Console, StandIn]


@pytest.fixture(scope="session")
def clouds() -> Iterator[Mapping[str, StandIn]]:
    """Serve the three clouds for all tests, as the SDKs' clients take long to make and are kept by address."""
    with ExitStack() as servers:
        yield {api.cloud: servers.enter_context(StandIn(lambda asked: Said(404))) for api in APIS}


@pytest.fixture
def opened(clouds: Mapping[str, StandIn], monkeypatch: pytest.MonkeyPatch) -> Callable[[Api, Answer], Opened]:
    """Return a function that opens the console of a VM whose cloud answers as told."""

    def open_console(api: Api, answer: Answer) -> Opened:
        server = clouds[api.cloud]
        server.asked.clear()
        server.answer = with_azures_ways(server, answer) if api.cloud == "azure" else answer
        for name, text in api.variables(server.address).items():
            monkeypatch.setenv(name, text)
        return console_at("web", api.vm), server

    return open_console


def with_azures_ways(server: StandIn, answer: Answer) -> Answer:
    """Give a token to whoever asks, and let the console lie in a blob."""

    def as_azure(asked: Asked) -> Said:
        if asked.path == "/msi/token":
            return Said(200, json.dumps({"access_token": TOKEN, "expires_on": "4102444800", "token_type": "Bearer"}))
        said = answer(asked)
        if asked.path.endswith("/retrieveBootDiagnosticsData") and said.status < 400 and "<html>" not in said.body:
            return Said(200, json.dumps({"serialConsoleLogBlobUri": f"{server.address}/blob?sig=secret"}))
        return said

    return as_azure
