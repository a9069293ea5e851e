"""A repository of tiny rpm packages, and dnf or zypper in a throw-away root that use it: the real programs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from startup.testing.machine import Machine

PROGRAMS = ("rpmbuild", "rpm", "createrepo_c")
SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: a test
License: none
BuildArch: noarch
{more}
%description
a test
%install
mkdir -p %{{buildroot}}/opt
echo {version} >%{{buildroot}}/opt/{name}
%files
/opt/{name}
"""


def why_not(manager: str) -> str | None:
    """Say why the scenarios of a package manager cannot run here, or None."""
    missing = [name for name in (manager, *PROGRAMS) if shutil.which(name) is None]
    return f"not installed: {' '.join(missing)}" if missing else None


def set_up(machine: Machine, manager: str) -> None:
    """Make the manager the only one of the root, with an empty repository."""
    for name in ("apt-get", "dpkg", "dpkg-query"):
        (machine.sees / "usr/local/bin" / name).unlink()
    others = " ".join({"apt-get", "dnf", "zypper"} - {manager})
    machine.run(f"for name in {others}; do [ ! -e /usr/bin/$name ] || mount --bind /dev/null /usr/bin/$name; done")
    for folder in ("repository", "var/lib/rpm", "var/cache", "etc/dnf", "etc/yum.repos.d", "etc/zypp/repos.d"):
        (machine.sees / folder).mkdir(parents=True, exist_ok=True)
    repository = "[local]\nname=local\nbaseurl=file:///repository\nenabled=1\ngpgcheck=0\nautorefresh=0\n"
    (machine.sees / "etc/yum.repos.d/local.repo").write_text(repository)
    (machine.sees / "etc/zypp/repos.d/local.repo").write_text(repository)
    (machine.sees / "etc/os-release").write_text("ID=test\nVERSION_ID=1\n")
    (machine.sees / "etc/dnf/dnf.conf").write_text(
        "[main]\nmodule_platform_id=platform:test\nreposdir=/etc/yum.repos.d\n"
    )
    (machine.sees / "etc/zypp/zypp.conf").write_text("[main]\narch = x86_64\n")
    # Debian's rpm and zypper have different ideas of where the database is; on their own systems they agree.
    (machine.sees / "etc/rpm").mkdir()
    (machine.sees / "etc/rpm/macros").write_text("%_dbpath /var/lib/rpm\n")
    # Notes each call; the real program does the work.
    wrapper = machine.sees / f"usr/local/bin/{manager}"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>/calls\nexec /usr/bin/{manager} "$@"\n')
    wrapper.chmod(0o755)
    machine.run("rpm --initdb").check_returncode()
    index(machine)


def offer(machine: Machine, folder: Path, name: str, version: str = "1.0", more: str = "") -> None:
    """Build a package with one file, /opt/NAME, and put it into the repository."""
    folder.mkdir(exist_ok=True)
    spec = folder / f"{name}-{version}.spec"
    spec.write_text(SPEC.format(name=name, version=version, more=more))
    built = subprocess.run(
        ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}", str(spec)], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    for package in (folder / "RPMS/noarch").glob("*.rpm"):
        (machine.sees / "repository" / package.name).write_bytes(package.read_bytes())
    index(machine)


def index(machine: Machine) -> None:
    """Describe the packages in the repository."""
    machine.run("createrepo_c --quiet /repository").check_returncode()
