"""Control groups: how the lab keeps systems apart, and finds every process it has started."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import LabError, LabTimeout


def hierarchies() -> list[Path]:
    """Return the mount points of the control group hierarchies that systemd uses: cgroup2, and systemd's own of cgroup1."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    found = [
        Path(mount[1])
        for mount in mounts
        if mount[2] == "cgroup2" or (mount[2] == "cgroup" and "name=systemd" in mount[3].split(","))
    ]
    return list(dict.fromkeys(path for path in found if path.is_relative_to("/sys/fs/cgroup")))


class ControlGroup:
    """A control group of its own for each machine, keeper and cloud, in all hierarchies that systemd uses.

    Otherwise the machines would share one group and each systemd would manage the others' services.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.directories = [parent / name for parent in hierarchies()]

    @classmethod
    def all(cls, prefix: str) -> list[ControlGroup]:
        """Return the groups that exist now with names that begin with `prefix`."""
        names = {path.name for parent in hierarchies() for path in parent.glob(f"{prefix}*") if path.is_dir()}
        return [cls(name) for name in sorted(names)]

    @property
    def exists(self) -> bool:
        """Tell whether the group is there, with or without processes."""
        return any(directory.exists() for directory in self.directories)

    def create(self) -> None:
        """Make the group anew, without processes.

        systemd from 257 on starts services right in their group, and in a group that was ever killed they would be
        dead at birth: so every power-on needs a new one.
        """
        self.kill()
        for directory in self.directories:
            directory.mkdir()

    def processes(self) -> set[int]:
        """Return the ids of the processes in the group and in the groups below it."""
        found: set[int] = set()
        for directory in self.directories:
            # The groups below may be removed meanwhile, which `os.walk` overlooks.
            for folder, _, _ in os.walk(directory):
                try:
                    found.update(int(line) for line in Path(folder, "cgroup.procs").read_text().split())
                except OSError:
                    pass
        return found - {0}

    def kill(self, seconds: float = 20) -> None:
        """Kill every process in the group and remove it; `LabTimeout` when that takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while processes := self.processes():
            if time.monotonic() > end:
                raise LabTimeout(f"processes {sorted(processes)} of control group {self.name} do not end")
            for pid in processes:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        self._remove(end)

    def _remove(self, end: float) -> None:
        for directory in self.directories:
            while directory.exists():
                try:
                    for path in sorted((p for p in directory.rglob("*") if p.is_dir()), reverse=True):
                        path.rmdir()
                    directory.rmdir()
                except FileNotFoundError:
                    pass  # somebody else removes it too
                except OSError as error:
                    if time.monotonic() > end:
                        raise LabTimeout(f"control group {directory} cannot be removed: {error}") from None
                    time.sleep(0.01)

    def signal(self, pid: int, number: int) -> bool:
        """Send a signal to `pid` if it is a member of this group; tell whether it was."""
        if pid not in self.processes():
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def freeze(self, frozen: bool, seconds: float = 10) -> None:
        """Stop all processes of the group where they are, or let them go on."""
        end = time.monotonic() + seconds
        for directory in self.directories:
            switch = directory / "cgroup.freeze"
            if not switch.exists():
                continue  # cgroup1
            switch.write_text("1" if frozen else "0")
            while f"frozen {int(frozen)}" not in (directory / "cgroup.events").read_text():
                if time.monotonic() > end:
                    raise LabTimeout(f"control group {self.name} does not {'freeze' if frozen else 'thaw'}")
                time.sleep(0.01)

    def spawn(
        self, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in the group, in a session of its own that Ctrl-C does not reach; its output goes to `log`."""
        with log.open("ab") as output:
            return subprocess.Popen(
                ["sh", "-c", self._join() + '\nexec "$@"', "sh", *map(str, argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=env,
            )

    def detach(self, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start a program in the group that outlives this process and is no child of it."""
        with log.open("ab") as output:
            # The shell that ends at once leaves the program to PID 1, so nobody here has to wait for it.
            result = subprocess.run(
                ["sh", "-c", self._join() + '\n"$@" &', "sh", *map(str, argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=env,
                check=False,
            )
        if result.returncode:
            raise LabError(f"control group {self.name} does not take processes: {log.read_text()[-500:]}")

    def _join(self) -> str:
        return "\n".join(f"echo $$ >{shlex.quote(str(path))}/cgroup.procs || exit 1" for path in self.directories)
