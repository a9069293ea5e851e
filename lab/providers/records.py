"""Keep what the local cloud has: one JSON file per resource, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any


def records_folder(state: Path) -> Path:
    """Return where the local clouds keep what they have, below the lab's state folder."""
    return state / "engine" / "clouds"



@dataclass(slots=True, kw_only=True)
class Record:
    """Hold one resource of the cloud.

    `made` is false while its creation is under way (a command killed then leaves it so); `machine` names the lab's
    machine behind a VM.
    """

    token: str
    id: str
    urn: str
    inputs: dict[str, Any]
    computed: dict[str, Any] = field(default_factory=dict[str, Any])
    machine: str = ""
    made: bool = True

    @property
    def state(self) -> dict[str, Any]:
        """Return the properties that the cloud reports: what was given and what it computed."""
        return {**self.inputs, **self.computed}


class Records:
    """Store the records of one cloud in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, token: str, id: str) -> Record | None:
        """Return a record, or None if the cloud has no such resource."""
        try:
            return Record(**json.loads(self._path(token, id).read_text()))
        except FileNotFoundError:
            return None

    def put(self, record: Record) -> None:
        """Write a record; after a crash the file is the old or the new one."""
        write_json(self._path(record.token, record.id), asdict(record))

    def remove(self, record: Record) -> None:
        """Remove a record; one that is gone is fine."""
        self._path(record.token, record.id).unlink(missing_ok=True)

    def of_urn(self, urn: str) -> Iterator[Record]:
        """Yield the records that were created for a resource of the program."""
        return (record for record in self.all() if record.urn == urn)

    def all(self) -> Iterator[Record]:
        """Yield every record of this cloud."""
        for path in sorted(self.folder.glob("*.json")):
            with contextlib.suppress(FileNotFoundError):
                yield Record(**json.loads(path.read_text()))

    def _path(self, token: str, id: str) -> Path:
        readable = "".join(c if c.isalnum() or c in "-_." else "-" for c in id)[-60:]
        return self.folder / f"{readable}.{sha256(f'{token} {id}'.encode()).hexdigest()[:12]}.json"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file for its owner only, whole or not at all, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
