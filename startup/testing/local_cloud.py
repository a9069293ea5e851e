"""The VMs of a Pulumi program, booted on this computer by the local cloud for one test.

The local cloud (`lab`) is not in the wheel: a project names a checkout of evenboot on its PYTHONPATH. It is called as a
user calls it, `python -m lab`, in a folder and with a prefix of the tests' own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .root import unavailable
from .status import Status

# Fixed, so that a run finds what a killed one has left; only root can make something there, and be first.
PLACE = "/var/lib/evenboot-kit"
PLACES = 10
LONGEST_SECONDS = 1800
NO_LAB = "the local cloud is not in the wheel: put a checkout of evenboot, and what its requirements.txt names, on PYTHONPATH"


@dataclass(frozen=True, slots=True)
class Vm:
    """One VM of the program."""

    cloud: LocalCloud
    name: str

    def status(self) -> Status:
        """Return what `evenboot status --json` prints there, when the apply that runs has ended."""
        answer = self.exec("evenboot", "status", "--json", "--wait", "300")
        if not answer.stdout.startswith("{"):
            raise AssertionError(f"{self.name} has no status: {(answer.stderr or answer.stdout).strip()}")
        return Status(json.loads(answer.stdout))

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the VM as root; its exit code and what it prints come back."""
        return self.cloud.command("exec", self.name, "--", *command)

    def reboot(self) -> Status:
        """Reboot in order, wait until the VM has obeyed, and return the status of the new boot."""
        self.cloud.command("reboot", self.name)
        return self.status()

    def console(self) -> str:
        """Return the serial console of all boots."""
        return self.cloud.command("console", self.name).stdout


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A local cloud of the test's own: the folder of its state, the prefix of its names."""

    state: Path
    prefix: str

    def vm(self, name: str) -> Vm:
        """Return a VM by its name, which is that of its component."""
        known = sorted(path.name for path in (self.state / "machines").glob("[!.]*"))
        if name not in known:
            raise AssertionError(f"there is no VM {name!r}; the program has {', '.join(known) or 'none'}")
        return Vm(self, name)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call `python -m lab` for this local cloud."""
        own = {"EVENBOOT_LAB_STATE": str(self.state), "EVENBOOT_LAB_PREFIX": self.prefix}
        path = os.pathsep.join(one or str(Path.cwd()) for one in sys.path)
        return subprocess.run(
            [sys.executable, "-m", "lab", *words], env={**os.environ, **own, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LONGEST_SECONDS,
        )  # fmt: skip


def why_not() -> str | None:
    """Say why the local cloud cannot run here, or None."""
    answer = LocalCloud(Path(f"{PLACE}-0"), "ebk0-").command("check")
    said = answer.stderr.strip().splitlines() or ["nothing"]
    if answer.returncode == 0:
        return None
    if said[-1].startswith("error: "):
        return "machines cannot boot here: " + answer.stderr.strip().removeprefix("error: ")
    if "No module named lab" in said[-1]:
        return NO_LAB
    return f"the local cloud cannot be loaded ({said[-1]}): install what its checkout's requirements.txt names"


@contextmanager
def booted(program: str | Path, *, stack: str, beside: Path) -> Generator[LocalCloud]:
    """Boot the VMs of a program, and remove them at the end.

    Args:
        program: The folder of its Pulumi.yaml.
        stack: The stack whose configuration it gets, from `Pulumi.STACK.yaml`.
        beside: The folder from which a relative path starts.

    Raises:
        AssertionError: The program, the deployment or a step of a VM failed; it tells what was printed.
    """
    if reason := why_not():
        unavailable(reason)
    with _free_place() as number:
        cloud = LocalCloud(Path(f"{PLACE}-{number}"), f"ebk{number}-")
        _must(cloud, "down")
        try:
            _must(cloud, "up", "--stack", stack, "--project", str((beside / program).resolve()))
            yield cloud
        finally:
            _must(cloud, "down")
            shutil.rmtree(cloud.state)


def _must(cloud: LocalCloud, *words: str) -> None:
    answer = cloud.command(*words)
    if answer.returncode != 0:
        raise AssertionError(f"python -m lab {words[0]} failed:\n{answer.stdout}{answer.stderr}")


@contextmanager
def _free_place() -> Generator[int]:
    for number in range(PLACES):
        path = Path(f"{PLACE}-{number}.lock")
        with path.open("w") as lock:
            if not _taken(lock, path):
                continue
            try:
                yield number
            finally:
                path.unlink()
            return
    raise AssertionError(f"{PLACES} test runs boot machines at once")


def _taken(lock: IO[str], path: Path) -> bool:
    """Take a lock; False if another has it, or has just removed its file."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(path.stat(), os.fstat(lock.fileno()))
    except (BlockingIOError, FileNotFoundError):
        return False
