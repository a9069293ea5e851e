"""Everything that a throw-away root holds, to look at, to compare and to come back to."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# What the root has from the host, from the kernel and from the tests; nothing there changes, but for the folder of commands.
LEFT_OUT = {"usr", "proc", "sys", "dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom", "dev/fd"}
COMMANDS = "usr/local/sbin"


class Entry(NamedTuple):
    """One file, folder or link: its kind and permissions, its owners, and its content or where it points to."""

    mode: int
    owner: int
    group: int
    content: bytes


Tree = Mapping[str, Entry]


def read_tree(root: Path) -> dict[str, Entry]:
    """Return what is below a root, by path."""
    tree: dict[str, Entry] = {}
    folders = ["", COMMANDS]
    while folders:
        folder = folders.pop()
        for found in os.scandir(f"{root}/{folder}"):
            path = f"{folder}/{found.name}" if folder else found.name
            if path in LEFT_OUT:
                continue
            about = found.stat(follow_symlinks=False)
            content = b""
            if stat.S_ISREG(about.st_mode):
                with open(found.path, "rb", buffering=0) as file:  # noqa: PTH123  there are many, and Path is slow
                    content = file.readall()
            elif stat.S_ISLNK(about.st_mode):
                content = os.fsencode(os.readlink(found.path))  # noqa: PTH115
            elif stat.S_ISDIR(about.st_mode):
                folders.append(path)
            tree[path] = Entry(about.st_mode, about.st_uid, about.st_gid, content)
    return tree


def restore_tree(root: Path, wanted: Tree) -> None:
    """Make what is below a root as it was. A file keeps its inode, as it may be mounted somewhere."""
    now = read_tree(root)
    for path in sorted(now, reverse=True):
        if path not in wanted or stat.S_IFMT(now[path].mode) != stat.S_IFMT(wanted[path].mode):
            (root / path).rmdir() if stat.S_ISDIR(now.pop(path).mode) else (root / path).unlink()
    for path in sorted(wanted):
        if now.get(path) != wanted[path]:
            _put(root / path, wanted[path], path in now)


def _put(path: Path, entry: Entry, exists: bool) -> None:
    if stat.S_ISLNK(entry.mode):
        path.unlink(missing_ok=True)
        path.symlink_to(os.fsdecode(entry.content))
    elif stat.S_ISFIFO(entry.mode):
        if not exists:
            os.mkfifo(path)
    elif stat.S_ISDIR(entry.mode):
        path.mkdir(exist_ok=True)
    else:
        path.write_bytes(entry.content)
    os.chown(path, entry.owner, entry.group, follow_symlinks=False)
    if not stat.S_ISLNK(entry.mode):
        path.chmod(stat.S_IMODE(entry.mode))
