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
from .clouds import ARCHIVE_NAME, ARCHIVE_PORT, METADATA_ADDRESS, WIRESERVER_ADDRESS, Cloud, cloud_named
from .host import make_closed, write_atomically
from .metadata import refusal
from .metadata.gce import GceStore
from .metadata.service import MetadataHandler, Server
from .metadata.store import Store
from .objects import blobs, gcs, s3
from .objects.identities import Identities
from .objects.service import ObjectHandler, ObjectServer
from .providers import records_folder
from .providers.records import Records

BRIDGE = "br0"
STORES = {"aws": "*.s3.*.amazonaws.com", "gcp": "storage.googleapis.com", "azure": "*.blob.core.windows.net"}
"""The names under which the object stores answer."""


class ArchiveHandler(SimpleHTTPRequestHandler):
    """Hands out the files of the package archive."""

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a package that is missing is the machine's own error message."""


def metadata_servers(cloud: Cloud, machines: Path, log: Path) -> tuple[Store, list[Server]]:
    """Return the store of the cloud's machines and its metadata servers, already listening."""
    if cloud.name == "gcp":
        from .metadata.gce import GceHandler

        MetadataHandler.store = GceHandler.gce = GceStore(machines, cloud.name, log)
        return MetadataHandler.store, [Server((METADATA_ADDRESS, 80), GceHandler)]
    MetadataHandler.store = Store(machines, cloud.name, log)
    if cloud.name == "azure":
        from .metadata.azure import AzureHandler, WireserverHandler

        servers = [Server((METADATA_ADDRESS, 80), AzureHandler), Server((WIRESERVER_ADDRESS, 80), WireserverHandler)]
        return MetadataHandler.store, servers
    from .metadata.ec2 import Ec2Handler

    return MetadataHandler.store, [Server((METADATA_ADDRESS, 80), Ec2Handler)]


def object_store(cloud: Cloud, state: Path, log: Store) -> Server:
    """Return the cloud's object store, already listening, which knows the machines by what their metadata told them."""
    package, find, handler = {
        "aws": ("aws", s3.role_of, s3.S3Handler),
        "gcp": ("gcp", gcs.account_of, gcs.GcsHandler),
        "azure": ("azure-native", blobs.principal_of, blobs.BlobHandler),
    }[cloud.name]
    identities = Identities(Records(records_folder(state) / package), find)
    MetadataHandler.identities = GceStore.identities = ObjectHandler.identities = identities
    ObjectHandler.log = log
    return ObjectServer((cloud.gateway, 443), handler, state / AUTHORITY)


def names(cloud: Cloud) -> dict[str, str]:
    """Return the names that the cloud's name server knows."""
    known = {ARCHIVE_NAME: cloud.gateway}
    if cloud.name == "gcp":
        for name in ("metadata.google.internal", "metadata"):
            known[name] = METADATA_ADDRESS
    # On gcp the script runner looks the store up before any download, too, 20 times 5 s if it is not there.
    return {**known, STORES[cloud.name]: cloud.gateway}


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
