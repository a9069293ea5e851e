"""What the embedded run has deployed: the resources in order of creation, in one file written after each operation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from .providers.records import write_json


@dataclass(slots=True, kw_only=True)
class Entry:
    """Hold one deployed resource.

    `obsolete` marks one that was replaced and still has to be deleted; `trigger` is its `replacement_trigger`.
    """

    urn: str
    type: str
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict[str, Any])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    dependencies: list[str] = field(default_factory=list[str])
    custom: bool = True
    protect: bool = False
    trigger: Any = None
    obsolete: bool = False

    @property
    def name(self) -> str:
        """Return the name that the program gave the resource."""
        return self.urn.split("::", 3)[3]


class Deployment:
    """Keep the entries; every change is on disk when the call returns, so a killed command loses nothing.

    `creating` lists the URNs whose creation had begun when the file was last written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.RLock()
        content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self.entries = [Entry(**entry) for entry in content.get("resources", [])]
        self.creating: list[str] = content.get("creating", [])

    def find(self, urn: str) -> Entry | None:
        """Return the current entry of a resource."""
        with self._lock:
            return next((entry for entry in self.entries if entry.urn == urn and not entry.obsolete), None)

    def ids(self, urn: str) -> set[str]:
        """Return the ids of a resource, replaced ones that are still to be deleted included."""
        return {entry.id for entry in self.entries if entry.urn == urn}

    def begin(self, urn: str) -> None:
        """Note that the creation of a resource begins."""
        with self._lock:
            self.creating.append(urn)
            self._save()

    def end(self, urn: str, entry: Entry | None) -> None:
        """Note that a creation ended, with an entry or without one."""
        with self._lock:
            self.creating = [name for name in self.creating if name != urn]
            if entry is not None:
                self.entries.append(entry)
            self._save()

    def save(self) -> None:
        """Write changed entries."""
        with self._lock:
            self._save()

    def remove(self, entry: Entry) -> None:
        """Drop an entry."""
        with self._lock:
            self.entries = [other for other in self.entries if other is not entry]
            self._save()

    def deletion_order(self) -> Iterator[Entry]:
        """Yield all entries, each after those that depend on it."""
        order = TopologicalSorter({entry.urn: set(entry.dependencies) for entry in self.entries}).static_order()
        place = {urn: index for index, urn in enumerate(order)}
        yield from sorted(self.entries, key=lambda entry: (not entry.obsolete, -place[entry.urn]))

    def export(self) -> dict[str, Any]:
        """Return what there is in the form of `pulumi stack export`."""
        kept = ("urn", "type", "id", "inputs", "outputs", "custom")
        resources = [{name: getattr(entry, name) for name in kept} for entry in self.entries if not entry.obsolete]
        return {"version": 3, "deployment": {"resources": resources}}

    def _save(self) -> None:
        write_json(self.path, {"resources": [asdict(entry) for entry in self.entries], "creating": self.creating})
