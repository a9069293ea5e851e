"""The machines as the metadata services see them: files that are read again for each request."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from ..identities import Identities


class Store:
    """The machines of one cloud, found by address; anything about a machine can change at any moment.

    Args:
        machines: the folder with one folder per machine, with `instance.json` and, if it has one, `payload`.
        cloud: which machines count.
        log: the file that gets one JSON object per request.
    """

    identities: Identities

    def __init__(self, machines: Path, cloud: str, log: Path) -> None:
        self.machines, self.cloud, self.log_file = machines, cloud, log
        self._lock = threading.Lock()
        self._places: dict[str, Path] = {}

    def find(self, key: str, value: str) -> tuple[Path, dict[str, Any]] | None:
        """Return folder and definition of the machine whose definition has this value, for example of `ip` or `mac`."""
        known = self._places.get(value)
        for folder in [*([known] if known else []), *self.machines.glob("[!.]*")]:
            try:
                instance: dict[str, Any] = json.loads((folder / "instance.json").read_text())
            except (FileNotFoundError, NotADirectoryError):
                continue  # just removed
            if instance["cloud"] == self.cloud and instance[key] == value:
                self._places[value] = folder
                return folder, instance
        return None

    def instance(self, ip: str) -> dict[str, Any] | None:
        """Return the definition of the machine with this address."""
        found = self.find("ip", ip)
        return found[1] if found else None

    def payload(self, ip: str) -> bytes | None:
        """Return the payload of the machine with this address."""
        found = self.find("ip", ip)
        try:
            return (found[0] / "payload").read_bytes() if found else None
        except FileNotFoundError:
            return None

    def log(self, **entry: Any) -> None:
        """Note one request."""
        entry["time"] = round(time.time(), 3)
        with self._lock, self.log_file.open("a") as log:
            log.write(json.dumps(entry) + "\n")
