"""What a process is about to change that stopped before a system call."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .calls import CALLS, CHANGES_IN_OPEN, MACHINE, O_TMPFILE

AT_FDCWD = -100


class Info(ctypes.Structure):
    """struct ptrace_syscall_info as it is where the filter stops a call; at the end of one, `number` is what it returned."""

    _fields_ = [("op", ctypes.c_uint8), ("arch", ctypes.c_uint32), ("ip", ctypes.c_uint64), ("sp", ctypes.c_uint64),
                ("number", ctypes.c_int64), ("arguments", ctypes.c_uint64 * 6), ("data", ctypes.c_uint32)]  # fmt: skip


def change(pid: int, info: Info) -> tuple[str, tuple[str, ...]] | None:
    """Return the name of the call before which a process stopped and the paths that it changes; None if it changes nothing."""
    if info.arch != MACHINE.mark:
        raise OSError("a program for another machine runs (of 32 bits?): its calls cannot be told")
    name = MACHINE.calls[info.number]
    kinds = CALLS[name][2]
    paths = tuple(_paths(pid, kinds, info.arguments))
    if "w" in kinds:
        changes = Path(f"/proc/{pid}/fd/{_int(info.arguments[kinds.index('w')])}").is_file()
    elif name.startswith("open") or name == "creat":
        changes = _opening_changes(pid, name, info, paths[0])
    else:
        changes = True
    return (name, paths) if changes else None


def _opening_changes(pid: int, name: str, info: Info, path: str) -> bool:
    """Whether a file is made or emptied."""
    if name == "creat":
        flags = CHANGES_IN_OPEN
    elif name == "openat2":
        flags = int.from_bytes(_memory(pid, info.arguments[2], 8), sys.byteorder)
    else:
        flags = info.arguments[1 if name == "open" else 2]
    try:
        found = _outside(pid, path).lstat()
    except FileNotFoundError:
        return bool(flags & (os.O_CREAT | O_TMPFILE))
    return bool(stat.S_ISREG(found.st_mode) and flags & os.O_TRUNC) or flags & O_TMPFILE == O_TMPFILE


def _paths(pid: int, kinds: str, arguments: Sequence[int]) -> Iterator[str]:
    folder = AT_FDCWD
    for kind, argument in zip(kinds, arguments, strict=False):
        if kind == "d":
            folder = _int(argument)
        elif kind in "pP":
            text = os.fsdecode(_memory(pid, argument, 4096).partition(b"\0")[0]) if argument else ""
            start = "" if text.startswith("/") else _seen(pid, "cwd" if folder == AT_FDCWD else f"fd/{folder}")
            yield _resolved(pid, f"{start}/{text}", kind == "P") if text else start
        elif kind in "fw":
            yield _seen(pid, f"fd/{_int(argument)}")


def _int(argument: int) -> int:
    return ctypes.c_int(argument & 0xFFFFFFFF).value


def _memory(pid: int, address: int, size: int) -> bytes:
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        return os.pread(memory, size, address)
    finally:
        os.close(memory)


def _seen(pid: int, link: str) -> str:
    """Return what a link in /proc/PID points to, as the process itself sees it."""
    root, path = (Path(f"/proc/{pid}/{name}").readlink() for name in ("root", link))
    return str("/" / path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _outside(pid: int, path: str) -> Path:
    return Path(f"/proc/{pid}/root{path}")


def _resolved(pid: int, path: str, follow: bool) -> str:
    """Follow the links in a path as the process would; in its last part only on demand."""
    left, done, links = [part for part in path.split("/") if part not in ("", ".")], Path("/"), 0
    while left:
        part, *left = left
        target = None
        if part != ".." and (left or follow) and links < 40:
            with contextlib.suppress(OSError):
                target = _outside(pid, f"{done / part}").readlink()
        if target is None:
            done = done.parent if part == ".." else done / part
        else:
            links += 1
            done = Path("/") if target.is_absolute() else done
            left = [*(part for part in target.parts if part != "/"), *left]
    return str(done)
