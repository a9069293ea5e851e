"""The clouds' APIs for consoles and restarts, for the lab's machines: one small service on the loopback.

It lives in the process that needs it, as long as that does. It listens to processes of this user only, and takes
nobody's word but that of the variables in `environment`, which are the ones that the clouds' own SDKs read: there, where
no other user of the computer can read it, is the token that each request must bring. The signature of a request to EC2
is not looked at; the token is its key.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..providers.machines import Machines
from .azure import AzureConsoles
from .ec2 import Ec2Consoles
from .gce import GceConsoles
from .service import Machinery, Service

# What would lead an SDK to a real account or away from the lab.
_FOREIGN = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ENDPOINT_URL",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "ARM_CLIENT_ID",
    "ARM_CLIENT_SECRET",
    "ARM_TENANT_ID",
    "ARM_ENVIRONMENT",
    "AZURE_CLIENT_ID",
    "HTTP_PROXY",
    "http_proxy",
)


@contextmanager
def serving(machines: Machines, state: Path) -> Iterator[Mapping[str, str]]:
    """Serve the consoles of a lab's machines; yield the variables with which the clouds' SDKs find them.

    Args:
        machines: The lab.
        state: Its state folder, where the providers keep their records.
    """
    token = secrets.token_hex(20)
    service = Service()
    machinery = Machinery(machines, state, service.address, token)
    service.clouds = (Ec2Consoles(machinery), GceConsoles(machinery), AzureConsoles(machinery))
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT_URL_EC2": service.address,
            "AWS_ACCESS_KEY_ID": token,
            "AWS_SECRET_ACCESS_KEY": token,
            "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{service.address}/compute/v1/",
            "GOOGLE_OAUTH_ACCESS_TOKEN": token,
            "ARM_ENDPOINT": service.address,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": f"{service.address}/msi/token",
            "IDENTITY_HEADER": token,
            "NO_PROXY": "127.0.0.1",
        }
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


@contextmanager
def at_hand(machines: Machines, state: Path) -> Iterator[None]:
    """Serve the consoles to this process itself: a program that runs in it finds them."""
    before = dict(os.environ)
    with serving(machines, state) as variables:
        around = environment(before, variables)
        _become(around)
        try:
            yield
        finally:
            _become(before)


def environment(of: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the clouds' SDKs find the lab and nothing else.

    Args:
        of: The environment to begin with.
        variables: What `serving` gave.
    """
    return {name: text for name, text in of.items() if name not in _FOREIGN} | dict(variables)


def _become(environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    os.environ.update(environment)
