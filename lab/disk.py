"""A machine's disk: an overlay of its own layer on the layers of its image, which can be small enough to be filled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import certificates
from .cloud import METADATA_ADDRESS
from .clouds import cloud_named
from .errors import LabError
from .host import command

_NSPAWN = Path("/run/systemd/nspawn")
NSPAWN_LOCKS = _NSPAWN / "locks"
NSPAWN_FOLDERS = (_NSPAWN / "propagate", _NSPAWN / "unix-export")
"""Where systemd-nspawn has a folder for each machine; in the second one, which came with systemd 256, it is a mount."""


def own_layer(folder: Path, size_mib: int | None) -> Path:
    """Return the folder with what a machine has written: all that differs from its image."""
    return folder / ("small/upper" if size_mib else "upper")


def mount(folder: Path, layers: Sequence[str], size_mib: int | None) -> None:
    """Mount the disk of the machine with this folder at `root` in it, unless it is mounted.

    Args:
        folder: the machine's.
        layers: of its image, the top one first.
        size_mib: what the machine can write before its disk is full; such a disk lies in memory. None: no limit.
    """
    root, upper = folder / "root", own_layer(folder, size_mib)
    if root.is_mount():
        return
    if size_mib and not upper.parent.is_mount():
        upper.parent.mkdir(exist_ok=True)
        command("mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=700", "tmpfs", upper.parent)
        command("cp", "-a", folder / "upper", folder / "work", upper.parent)
    options = f"lowerdir={':'.join(layers)},upperdir={upper},workdir={upper.parent}/work"
    command("mount", "-t", "overlay", "overlay", "-o", options, root)


def unmount(place: Path) -> None:
    """Take a folder of a machine off this computer's file system, with the lock files that systemd-nspawn left for it."""
    while place.is_mount():
        status = place.stat()
        for lock in NSPAWN_LOCKS.glob(f"inode-*:{status.st_ino}"):
            if lock.name in (f"inode-{status.st_dev:x}:{status.st_ino}", f"inode-{status.st_dev}:{status.st_ino}"):
                lock.unlink(missing_ok=True)
        try:
            command("umount", place)
        except LabError:  # somebody's shell stands in it; what it sees goes away with that shell
            command("umount", "--lazy", place)


def nspawn_folders(prefix: str) -> list[str]:
    """Return the machines with this prefix for which systemd-nspawn has folders."""
    return sorted({path.name for folder in NSPAWN_FOLDERS for path in folder.glob(f"{prefix}*")})


def remove_nspawn_folders(name: str) -> None:
    """Remove the folders of a machine that is off: one whose power was cut leaves them, and would not start over a mount."""
    for folder in NSPAWN_FOLDERS:
        unmount(folder / name)
        with suppress(FileNotFoundError):
            (folder / name).rmdir()


def adapt(upper: Path, lower: Sequence[Path], cloud: str, name: str, authority: Path) -> None:
    """Write what differs from machine to machine, and from lab to lab, to a new disk's own layer."""
    certificates.trust(authority, upper, lower)
    if cloud_named(cloud).datasource:
        return  # cloud-init does the rest
    etc = upper / "etc"
    (etc / "network/interfaces.d").mkdir(parents=True, exist_ok=True)
    (etc / "network/interfaces.d/eth0").write_text("auto eth0\niface eth0 inet dhcp\n")
    (etc / "hostname").write_text(f"{name}\n")
    hosts = next((layer / "etc/hosts" for layer in (upper, *lower) if (layer / "etc/hosts").exists()), None)
    text = hosts.read_text() if hosts else "127.0.0.1 localhost\n"
    names = cloud_named(cloud).metadata_names
    if names[0] not in text:
        text += f"{METADATA_ADDRESS} {' '.join(names)}\n"
    (etc / "hosts").write_text(text)
