"""A Debian archive of tiny packages, and apt and dpkg in a throw-away root that use it: the real programs."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from startup.testing.machine import Machine

FOLDERS = (
    "etc/apt/sources.list.d etc/apt/apt.conf.d etc/apt/preferences.d var/lib/apt/lists/partial var/log/apt "
    "var/cache/apt/archives/partial var/lib/dpkg/info var/lib/dpkg/updates var/lib/dpkg/triggers archive"
)


def why_not() -> str | None:
    """Say why apt's scenarios cannot run here, or None."""
    missing = [name for name in ("apt-get", "dpkg", "dpkg-deb") if shutil.which(name) is None]
    return f"not installed: {' '.join(missing)}" if missing else None


def set_up(machine: Machine) -> None:
    """Make apt and dpkg work in the root, with no package installed and an empty archive."""
    for folder in FOLDERS.split():
        (machine.sees / folder).mkdir(parents=True, exist_ok=True)
    (machine.sees / "var/lib/dpkg/status").write_text("")
    (machine.sees / "var/lib/dpkg/available").write_text("")
    (machine.sees / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/archive ./\n")
    (machine.sees / "archive/Packages").write_text("")
    (machine.sees / "usr/local/bin/dpkg-query").unlink(missing_ok=True)
    # Notes each call; the real programs do the work.
    for name in ("apt-get", "dpkg"):
        wrapper = machine.sees / f"usr/local/bin/{name}"
        wrapper.write_text(f'#!/bin/sh\necho "{name} $*" >>/calls\nexec /usr/bin/{name} "$@"\n')
        wrapper.chmod(0o755)


def offer(machine: Machine, folder: Path, name: str, version: str = "1.0", **scripts: str) -> None:
    """Build a package with one file, /opt/NAME, and put it into the archive."""
    tree = folder / f"{name}_{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "opt").mkdir()
    (tree / "opt" / name).write_text(version + "\n")
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a test\n"
    )
    (tree / "DEBIAN/control").write_text(control)
    for script, text in scripts.items():
        (tree / "DEBIAN" / script).write_text(text)
        (tree / "DEBIAN" / script).chmod(0o755)
    package = machine.sees / f"archive/{name}_{version}_all.deb"
    built = folder / package.name
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(built)], check=True, capture_output=True
    )
    data = built.read_bytes()
    package.write_bytes(data)
    with (machine.sees / "archive/Packages").open("a") as index:
        index.write(f"{control}Filename: ./{package.name}\nSize: {len(data)}\nSHA256: {sha256(data).hexdigest()}\n\n")
