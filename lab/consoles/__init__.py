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
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .. import loopback
from ..clouds import CLOUDS
from ..providers.machines import Machines
from .service import Machinery, Service


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
    service.clouds = [cloud.console()(machinery) for cloud in CLOUDS.values()]
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        found = [cloud.variables() for cloud in service.clouds]
        yield dict(ChainMap({"NO_PROXY": loopback.ADDRESS}, *map(dict, found)))
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
    foreign = {"HTTP_PROXY", "http_proxy"}.union(*(cloud.console().foreign for cloud in CLOUDS.values()))
    return {name: text for name, text in of.items() if name not in foreign} | dict(variables)


def _become(environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    os.environ.update(environment)
