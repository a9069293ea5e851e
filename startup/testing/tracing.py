"""Watch a command and all its descendants change the file system, call by call, and kill them before any of these calls.

It is done with ptrace and a seccomp filter: only calls that change it stop, all others run at full speed. Nothing is
needed but Linux 5.3 or later on x86-64 or arm64. What is not seen: writes to memory that is mapped from a file, io_uring.

    trace(["sh", "-c", "echo a >/tmp/b"]).calls     each call, with the paths that it changes
    trace(["sh", "-c", "echo a >/tmp/b"], kill_at=2)     the file is there and empty
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import calls
from .changes import Info, change

SEIZE, CONT, SYSCALL, LISTEN, GETEVENTMSG, GET_SYSCALL_INFO = 0x4206, 7, 24, 0x4208, 0x4201, 0x420E
# TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC, TRACESECCOMP, EXITKILL
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
EVENT_EXEC, EVENT_SECCOMP, EVENT_STOP = 4, 7, 128
SYSCALL_STOP = signal.SIGTRAP | 0x80
WNOTHREAD, WALL = 0x20000000, 0x40000000


@dataclass(slots=True)
class Call:
    """One call that changes the file system.

    Attributes:
        number: Its place among all calls of the run, from 1 on.
        pid: The process, as this process sees it.
        program: The name of its program.
        name: The name of the call.
        paths: What it changes, links resolved, as the process sees it.
        result: What it returned; None if it was killed before its end.
        until: The number of the first call that began after this one had ended; 0 as long as it has not ended.
    """

    number: int
    pid: int
    program: str
    name: str
    paths: tuple[str, ...]
    result: int | None = None
    until: int = 0

    def __str__(self) -> str:
        end = "never ended" if self.result is None else self.result
        return f"{self.number} {self.program}[{self.pid}] {self.name} {' '.join(self.paths)} = {end}"


@dataclass(slots=True)
class Trace:
    """What a command did.

    Attributes:
        calls: Its calls that change the file system, in the order in which they began.
        killed: Whether it came to the call before which it was to be killed. That call is the last one in `calls`.
        exit_code: The exit code of the command, negative the signal that ended it.
    """

    calls: list[Call] = field(default_factory=list)
    killed: bool = False
    exit_code: int | None = None


def trace(
    command: Sequence[str], *, kill_at: int | None = None, before: Callable[[Call], bool] | None = None, seconds: float = 60
) -> Trace:
    """Run a command, and return when it and all its descendants have ended.

    Args:
        command: The command and its arguments; it reads nothing and what it prints is dropped.
        kill_at: Kill all of it before the call of this number is executed, counted over all processes from 1 on.
        before: Called before each call is executed, when no other is under way: what it sees of the file system is what
            a kill at this moment would leave. All is killed when it returns True.
        seconds: Kill all of it when it takes longer than this.

    Raises:
        TimeoutError: It took too long.
        OSError: It could not be traced here.
    """
    # ptrace belongs to a thread: one of its own sees no other children of this process.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_Tracer(kill_at, before).run, list(command), seconds).result()


class _Tracer:
    def __init__(self, kill_at: int | None, before: Callable[[Call], bool] | None) -> None:
        self.kill_at, self.before = kill_at, before
        self.trace = Trace()
        self.alive: set[int] = set()
        self.inside: dict[int, Call] = {}
        self.waiting: list[int] = []
        self.late = False

    def run(self, command: list[str], seconds: float) -> Trace:
        read, write = os.pipe()
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", calls.__file__, str(read), *command], pass_fds=[read],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read)
        self.alive.add(launcher.pid)
        clock = threading.Timer(seconds, self.end_late)
        clock.start()
        try:
            _ptrace(SEIZE, launcher.pid, 0, OPTIONS)
            os.write(write, b"!")
            launcher.returncode = self.trace.exit_code = self.follow(launcher.pid)
        finally:
            self.kill()
            clock.cancel()
            os.close(write)
        if self.late:
            raise TimeoutError(f"{command[0]} ran for more than {seconds} s; its last call was {self.trace.calls[-1:]}")
        return self.trace

    def end_late(self) -> None:
        self.late = True
        self.kill()

    def kill(self) -> None:
        """Kill all of it. Nothing changes from here on, as whoever wants to change something stops and is not resumed."""
        for pid in list(self.alive):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def follow(self, first: int) -> int:
        """Resume whatever stops until nothing is left; return the exit code of the first process."""
        code = -signal.SIGKILL
        while True:
            try:
                pid, status = os.waitpid(-1, WALL | WNOTHREAD)
            except ChildProcessError:
                return code
            if not os.WIFSTOPPED(status):
                self.alive.discard(pid)
                if pid == first:
                    code = os.waitstatus_to_exitcode(status)
                if self.inside.pop(pid, None):
                    self.admit()
            elif self.trace.killed or self.late:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            else:
                self.alive.add(pid)
                # A process may be killed by another at any time.
                with contextlib.suppress(ProcessLookupError):
                    self.stopped(pid, os.WSTOPSIG(status), status >> 16)

    def stopped(self, pid: int, number: int, event: int) -> None:
        if event == EVENT_SECCOMP:
            self.enter(pid)
        elif number == SYSCALL_STOP:
            self.leave(pid)
        elif event == EVENT_STOP and number != signal.SIGTRAP:
            _ptrace(LISTEN, pid)  # it was told to stop, and stays so until it is told to go on
        else:
            if event == EVENT_EXEC:
                self.alive -= {_event(pid)} - {pid}  # a thread that executes a program takes its process' id
            _ptrace(CONT, pid, 0, 0 if event else number)

    def enter(self, pid: int) -> None:
        if self.before and self.inside:
            self.waiting.append(pid)
            return
        found = change(pid, _info(pid))
        if not found:
            _ptrace(CONT, pid)
            return
        program = Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
        call = Call(len(self.trace.calls) + 1, pid, program, *found)
        self.trace.calls.append(call)
        if call.number == self.kill_at or (self.before and self.before(call)):
            self.trace.killed = True
            self.kill()
        elif self.kill_at:
            _ptrace(CONT, pid)
        else:
            self.inside[pid] = call
            _ptrace(SYSCALL, pid)

    def leave(self, pid: int) -> None:
        if call := self.inside.pop(pid, None):
            call.result, call.until = _info(pid).number, len(self.trace.calls) + 1
        _ptrace(CONT, pid)
        self.admit()

    def admit(self) -> None:
        """Let those go on that waited for the end of another's call, one after the other."""
        while self.waiting and not self.inside and not self.trace.killed:
            with contextlib.suppress(ProcessLookupError):
                self.enter(self.waiting.pop(0))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, pid: int, address: int = 0, data: int | object = 0) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace {request:#x}: {os.strerror(error)}")


def _event(pid: int) -> int:
    message = ctypes.c_ulong()
    _ptrace(GETEVENTMSG, pid, 0, ctypes.byref(message))
    return message.value


def _info(pid: int) -> Info:
    info = Info()
    _ptrace(GET_SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.byref(info))
    return info
