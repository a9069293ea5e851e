"""What would be lost if the power failed before a call of a trace: changes that no fsync, syncfs or sync has put on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from startup.testing.tracing import Call

RENAMES = ("rename", "renameat", "renameat2")
ALL = ("sync", "syncfs")
ONE = ("fsync", "fdatasync")
LINKS = ("symlink", "symlinkat")  # what a link says is on disk with its name
NAMES = ("link", "linkat", *LINKS, "mkdir", "mkdirat", "mknod", "mknodat", *RENAMES)
GONE = ("unlink", "unlinkat", "rmdir")


@dataclass(slots=True)
class Disk:
    """What is not on disk yet.

    Attributes:
        dirty: Each path whose content or, for a folder, whose list of names is only in memory, with the number of the
            first call that began after the change.
    """

    dirty: dict[str, int] = field(default_factory=dict)

    def see(self, call: Call) -> None:
        """Take one call into account."""
        if call.name in ALL:
            self.clean(list(self.dirty), call)
        elif call.name in ONE:
            self.clean(call.paths, call)
        else:
            if call.name in RENAMES:
                self.move(*call.paths)
            if call.name in (*NAMES, *GONE) or call.name.startswith(("open", "creat")):
                for path in call.paths:
                    self.dirty[folder_of(path)] = call.until
            if call.name in GONE:
                self.dirty.pop(call.paths[0], None)
            elif call.name not in (*RENAMES, *LINKS):
                self.dirty[call.paths[-1]] = call.until

    def clean(self, paths: Iterable[str], call: Call) -> None:
        for path in paths:
            if self.dirty.get(path, call.number + 1) <= call.number:
                del self.dirty[path]

    def move(self, old: str, new: str) -> None:
        for path in list(self.dirty):
            if path == new or path.startswith(f"{new}/"):
                del self.dirty[path]
        for path in list(self.dirty):
            if path == old or path.startswith(f"{old}/"):
                self.dirty[new + path[len(old) :]] = self.dirty.pop(path)


def folder_of(path: str) -> str:
    """Return the folder in which a path has its name."""
    return path.rpartition("/")[0] or "/"


def unsynced(calls: Sequence[Call], before: Call) -> set[str]:
    """Return the paths whose last change might not be on disk when a call begins."""
    disk = Disk()
    for call in calls:
        # A change counts from its beginning on, a sync only when it has ended.
        over = call.until and call.until <= before.number
        if call.number < before.number and not failed(call) and (over or call.name not in (*ALL, *ONE)):
            disk.see(call)
    return set(disk.dirty)


def failed(call: Call) -> bool:
    """Whether a call came back without having changed anything."""
    return call.result is not None and call.result < 0


def renamed_into(calls: Sequence[Call], place: str) -> list[Call]:
    """Return the calls that renamed something to a path, or into a folder when the place ends with a slash."""
    return [
        call
        for call in calls
        if call.name in RENAMES
        and not failed(call)
        and (call.paths[1] == place or (place.endswith("/") and folder_of(call.paths[1]) == place.rstrip("/")))
    ]
