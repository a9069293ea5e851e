"""This computer: what it must have to run the local cloud, and how its programs are called."""

from __future__ import annotations

import fcntl
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .control_group import hierarchies
from .errors import LabError

# program -> the Debian and Ubuntu package that brings it
PROGRAMS: Mapping[str, str] = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "openssl": "openssl",
}
SYSTEM_PACKAGES: tuple[str, ...] = (
    "systemd-container",
    "mmdebstrap",
    "debian-archive-keyring",  # Ubuntu does not have it by itself
    "iproute2",
    "util-linux",
    "mount",
    "openssl",
)
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


TEMPORARY = ".evenboot-lab-"
"""What the names of temporary folders begin with."""
WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Before a command that takes long: it ends with this process, whatever ends that."""


def environment() -> dict[str, str]:
    """Return the environment for the host's programs: the caller's, with the folders of system programs."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:{SBIN}", "LC_ALL": "C.UTF-8"}


def command(*argv: str | Path, check: bool = True, input: str | None = None) -> str:
    """Run a program of this computer and return what it prints; `LabError` with its complaint when it fails."""
    words = [str(word) for word in argv]
    stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
    result = subprocess.run(words, capture_output=True, text=True, errors="replace", env=environment(), **stdin)  # pyright: ignore[reportCallIssue, reportArgumentType]
    if check and result.returncode:
        raise LabError(f"{shlex.join(words)}: status {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def command_with_us(*argv: str | Path, check: bool = True) -> str:
    """Run a program as `command` does; it ends with this process, whatever ends that."""
    return command(*WITH_US, *argv, check=check)


def write_atomically(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file as a whole: a reader sees either the old or the new content, however many write at once.

    Args:
        path: The file.
        data: Its new content.
        mode: Its permissions, less what the umask takes away.
    """
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.new")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
    temporary.replace(path)


def close(folder: Path) -> None:
    """Let nobody but this user, whose it must be, into a folder; one that is not there is passed over.

    Raises:
        LabError: The folder is another user's.
    """
    with suppress(FileNotFoundError), _ours(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                raise PermissionError
            os.fchmod(handle, 0o700)
        finally:
            os.close(handle)


def make_closed(folder: Path) -> None:
    """Have a folder that nobody but this user can enter; `LabError` as of `close`."""
    with _ours(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    close(folder)


@contextmanager
def _ours(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        other = "call it with sudo, or give another folder (EVENBOOT_LAB_STATE, EVENBOOT_LAB_CACHE)"
        raise LabError(f"{folder} belongs to another user: {other}") from None


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a folder that goes away with this block, and that `abandoned` finds when the process is killed in it."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=parent) as name:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(handle)


def abandoned(paths: Iterable[tuple[Path, Path]]) -> Iterator[Path]:
    """Yield what nobody works on, and keep it so meanwhile.

    Args:
        paths: Each with the file or folder that is locked by whoever works on it.
    """
    for path, lock in sorted(paths):
        with suppress(OSError):
            handle = os.open(lock, os.O_RDONLY | (0 if lock.is_dir() else os.O_CREAT), 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield path
            finally:
                os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; one that is gone is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def advice(console: str) -> str:
    """Return what to do when a machine's console says that this computer has no more of something, else ""."""
    if "inotify" not in console or "Too many open files" not in console:
        return ""
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    allowed = limit.read_text().strip() if limit.exists() else "few"
    return (
        f"this computer lets root have {allowed} inotify instances, of which each machine takes about eight; "
        "stop machines that are not needed, or allow more: sysctl fs.inotify.max_user_instances=1024\n"
    )


def missing_packages() -> list[str]:
    """Return the Debian packages whose programs this computer lacks."""
    path = environment()["PATH"]
    keyring = () if Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists() else ("debian-archive-keyring",)
    return sorted(
        {*keyring} | {package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None}
    )


def install_missing(progress: Callable[[str], None] = lambda text: None) -> list[str]:
    """Install what is missing with apt-get, and return the packages; `LabError` says what to do where that cannot be."""
    _must_be_linux()
    missing = missing_packages()
    if not missing:
        return []
    by_hand = f"install them by hand: apt-get install {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise LabError(
            f"missing system packages {', '.join(missing)}, and this is neither Debian nor Ubuntu: {by_hand}"
        )
    if os.geteuid():
        raise LabError(f"missing system packages {', '.join(missing)}, and only root may install them: {by_hand}")
    progress(f"installing the system packages {', '.join(missing)}")
    # On a machine that was just started, unattended upgrades may hold the lock for a while.
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300")
    install = (*apt, "install", "--yes", "--no-install-recommends", *missing)
    try:
        command(*install)
    except LabError:
        command(*apt, "update")
        command(*install)
    return missing


def _must_be_linux() -> None:
    if sys.platform != "linux":
        raise LabError(
            f"the local cloud needs Linux; this is {platform.system()}: use a Linux machine, or a VM with Debian 12"
        )


def check(folder: Path) -> None:
    """Raise `LabError` with one clear text if this computer cannot run the local cloud with its disks in `folder`."""
    _must_be_linux()
    if os.geteuid():
        raise LabError("the local cloud needs root for mounts and network namespaces: call it with sudo")
    if missing := missing_packages():
        raise LabError(f"missing system packages: apt-get install {' '.join(missing)}")
    if not hierarchies():
        raise LabError("the local cloud needs control groups version 2: mount cgroup2 below /sys/fs/cgroup")
    _probe("network namespaces", ["unshare", "--net", "true"])
    _probe_overlay(folder)


def _probe_overlay(place: Path) -> None:
    there = place.exists()
    make_closed(place)
    try:
        _mount_overlay(place)
    finally:
        if not there:
            with suppress(OSError):  # another command has begun to use it
                place.rmdir()


def _mount_overlay(place: Path) -> None:
    with temporary_folder(place) as folder:
        for name in ("lower", "upper", "work", "root"):
            (folder / name).mkdir()
        options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        # In a mount namespace of its own the mount goes away with the process, whatever ends it.
        _probe(
            f"overlay mounts in {place}",
            ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{folder}/root"],
        )


def _probe(what: str, argv: Sequence[str]) -> None:
    try:
        command_with_us(*argv)
    except LabError as error:
        raise LabError(f"this computer does not allow {what} (a container?): {error}") from None
