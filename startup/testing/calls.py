"""Which system calls change the file system, and a filter that makes a process stop before each of them.

As a program: wait until the process is traced, put it under the filter, and become a command.
It knows the standard library only, and little of that, as it starts with each command that is traced.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

# Name: number on x86-64, number on arm64, what the arguments are: "d" the folder that the next path starts from, "p" a path,
# "P" one whose last part is followed if it is a link, "f" a descriptor, "w" one that is written to, "-" anything else.
CALLS: dict[str, tuple[int | None, int | None, str]] = {
    "open": (2, None, "P"), "openat": (257, 56, "dP"), "openat2": (437, 437, "dP"), "creat": (85, None, "P"),
    "write": (1, 64, "w"), "writev": (20, 66, "w"), "pwrite64": (18, 68, "w"), "pwritev": (296, 70, "w"),
    "pwritev2": (328, 287, "w"), "sendfile": (40, 71, "w"), "splice": (275, 76, "--w"), "copy_file_range": (326, 285, "--w"),
    "fallocate": (285, 47, "w"), "ftruncate": (77, 46, "w"), "truncate": (76, 45, "P"), "ioctl": (16, 29, "w"),
    "rename": (82, None, "pp"), "renameat": (264, 38, "dpdp"), "renameat2": (316, 276, "dpdp"),
    "link": (86, None, "pp"), "linkat": (265, 37, "dpdp"), "symlink": (88, None, "-p"), "symlinkat": (266, 36, "-dp"),
    "unlink": (87, None, "p"), "unlinkat": (263, 35, "dp"), "mkdir": (83, None, "p"), "mkdirat": (258, 34, "dp"),
    "rmdir": (84, None, "p"), "mknod": (133, None, "p"), "mknodat": (259, 33, "dp"),
    "chmod": (90, None, "P"), "fchmod": (91, 52, "f"), "fchmodat": (268, 53, "dP"), "fchmodat2": (452, 452, "dP"),
    "chown": (92, None, "P"), "fchown": (93, 55, "f"), "lchown": (94, None, "p"), "fchownat": (260, 54, "dP"),
    "utime": (132, None, "P"), "utimes": (235, None, "P"), "futimesat": (261, None, "dP"), "utimensat": (280, 88, "dP"),
    "setxattr": (188, 5, "P"), "lsetxattr": (189, 6, "p"), "fsetxattr": (190, 7, "f"),
    "removexattr": (197, 14, "P"), "lremovexattr": (198, 15, "p"), "fremovexattr": (199, 16, "f"),
    "sync": (162, 81, ""), "syncfs": (306, 267, "f"), "fsync": (74, 82, "f"), "fdatasync": (75, 83, "f"),
}  # fmt: skip
# A machine's name: its mark in seccomp and ptrace, the column of its numbers.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
O_TMPFILE = 0o20000000
CHANGES_IN_OPEN = os.O_CREAT | os.O_TRUNC | O_TMPFILE
CLONES_IN_IOCTL = (0x40049409, 0x4020940D)  # FICLONE, FICLONERANGE

class Machine:
    """The numbers that stand for this machine and its calls."""

    def __init__(self, name: str) -> None:
        if name not in MACHINES:
            raise OSError(f"processes can be traced on {' and '.join(MACHINES)}, not on {name}")
        self.mark, column = MACHINES[name]
        self.numbers = {call: number for call, row in CALLS.items() if isinstance(number := row[column], int)}
        self.calls = {number: call for call, number in self.numbers.items()}


MACHINE = Machine(platform.machine())


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def _filter() -> list[tuple[int, int, int, int]]:
    """Return the filter, as the kernel's little machine reads it (struct sock_filter)."""
    load, equal, any_of, end = 0x20, 0x15, 0x45, 0x06
    number, arch, arguments = 0, 4, [16 + 8 * index for index in range(6)]
    stop, allow = (end, 0, 0, 0x7FF00000), (end, 0, 0, 0x7FFF0000)
    program: list[tuple[int, int, int, int]] = [(load, 0, 0, arch), (equal, 1, 0, MACHINE.mark), stop, (load, 0, 0, number)]
    for name, value in MACHINE.numbers.items():
        if name in ("open", "openat"):
            flags = arguments[1 if name == "open" else 2]
            program += [(equal, 0, 4, value), (load, 0, 0, flags), (any_of, 0, 1, CHANGES_IN_OPEN), stop, allow]
        elif name == "ioctl":
            either = [(equal, 0, 1, request) for request in CLONES_IN_IOCTL]
            program += [(equal, 0, 6, value), (load, 0, 0, arguments[1]), either[0], stop, either[1], stop, allow]
        else:
            program += [(equal, 0, 1, value), stop]
    return [*program, allow]


def stop_before_changes() -> None:
    """Put this process and all that it will start under the filter. Whoever traces it must do so by then."""
    program = _filter()
    instructions = (_Instruction * len(program))(*program)
    filter = _Program(len(program), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    set_filter, no_new_rights = (22, 2, ctypes.byref(filter), 0, 0), (38, 1, 0, 0, 0)
    if libc.prctl(*set_filter) and (libc.prctl(*no_new_rights) or libc.prctl(*set_filter)):
        raise OSError(ctypes.get_errno(), "the filter for system calls was refused")


if __name__ == "__main__":
    os.read(int(sys.argv[1]), 1)
    os.close(int(sys.argv[1]))
    stop_before_changes()
    os.execvp(sys.argv[2], sys.argv[2:])
