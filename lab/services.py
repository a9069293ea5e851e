"""The services of one cloud, in one process that lives in its network: metadata, object store, DHCP, DNS, package archive.

Started as `python -m lab.services CLOUD MACHINES FOLDER ARCHIVE`; writes FOLDER/ready when all of them listen.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from . import dhcp, dns
from .certificates import AUTHORITY
from .cloud import ARCHIVE_NAME, ARCHIVE_PORT, METADATA_ADDRESS, Cloud
from .clouds import cloud_named
from .host import make_closed, write_atomically
from .identities import Identities
from .metadata import refusal
from .metadata.service import MetadataHandler
from .metadata.store import Store
from .objects.service import ObjectHandler, ObjectServer
from .providers.records import Records, records_folder
from .server import Server

BRIDGE = "br0"

class ArchiveHandler(SimpleHTTPRequestHandler):
    """Hands out the files of the package archive."""

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a package that is missing is the machine's own error message."""


def metadata_servers(cloud: Cloud, machines: Path, log: Path) -> tuple[Store, list[Server]]:
    """Return the store of the cloud's machines and its metadata servers, already listening."""
    kind, handlers = cloud.metadata()
    MetadataHandler.store = kind(machines, cloud.name, log)
    return MetadataHandler.store, [Server((address, 80), handler) for address, handler in handlers.items()]


def object_store(cloud: Cloud, state: Path, store: Store) -> Server:
    """Return the cloud's object store, already listening, which knows the machines by what their metadata told them."""
    handler, find = cloud.store()
    identities = Identities(Records(records_folder(state) / cloud.package), find)
    MetadataHandler.identities = store.identities = ObjectHandler.identities = identities
    ObjectHandler.log = store
    return ObjectServer((cloud.gateway, 443), handler, state / AUTHORITY)


def names(cloud: Cloud) -> dict[str, str]:
    """Return the names that the cloud's name server knows."""
    # On gcp the script runner looks the store up before any download, too, 20 times 5 s if it is not there.
    known = {ARCHIVE_NAME: cloud.gateway, cloud.store_name: cloud.gateway}
    return known | dict.fromkeys(cloud.metadata_names, METADATA_ADDRESS)


def _run(job: Callable[[], None]) -> None:
    try:
        job()
    except BaseException:
        traceback.print_exc()
    # Half of a cloud would only make boots slow, and nobody would know why.
    os._exit(1)


def main() -> None:
    """Serve until killed."""
    cloud, machines, folder, archive = cloud_named(sys.argv[1]), *map(Path, sys.argv[2:5])
    store, servers = metadata_servers(cloud, machines, folder / "requests.jsonl")
    servers.append(object_store(cloud, machines.parent, store))
    make_closed(archive.parent)
    archive.mkdir(exist_ok=True)
    servers.append(Server((cloud.gateway, ARCHIVE_PORT), partial(ArchiveHandler, directory=str(archive))))
    jobs: list[Callable[[], None]] = [server.serve_forever for server in servers]
    jobs.append(partial(dhcp.serve, dhcp.open_socket(BRIDGE), cloud, store))
    jobs.append(partial(dns.serve, dns.open_socket(cloud.name_server), names(cloud)))
    jobs += [partial(refusal.serve, refusal.open_socket(address), store) for address in cloud.service_addresses]
    threads = [threading.Thread(target=_run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    write_atomically(folder / "ready", str(os.getpid()).encode())
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
