"""A throw-away root: a tmpfs in namespaces of its own with the host's /usr, read-only, and everything else new.

It has no network, and nothing of it is left when it ends. Root makes it directly; another user as root of a user
namespace, where only root's own account can be used.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

STAND_INS = Path(__file__).with_name("stand_ins")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AS_ROOT = ("--mount", "--pid", "--net")
NAMESPACES = AS_ROOT if sys.platform == "linux" and os.geteuid() == 0 else ("--user", *AS_ROOT)
MAKE_ROOT = """
set -e
root=$1 shell=$2 stand_ins=$3
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc/systemd/system etc/pam.d var/log var/tmp var/lib/dpkg run tmp root home opt mnt srv dev proc sys/class/dmi/id \\
    metadata stand-ins/calls
chmod 1777 tmp var/tmp
for name in bin sbin lib lib64; do [ ! -e "/$name" ] || ln -s "usr/$name" "$name"; done
mount --bind /usr usr
mount -o remount,bind,ro usr
mount -t tmpfs -o mode=755 tmpfs usr/local
mkdir -p usr/local/bin usr/local/sbin
install -m 755 "$stand_ins"/* usr/local/bin/
# /bin/sh is the shell under test.
shell=$(readlink -f "$(command -v "$shell")")
if [ "$shell" != "$(readlink -f /bin/sh)" ]; then
    rm bin
    mkdir bin
    ln -s /usr/bin/* bin/
    ln -sf "$shell" bin/sh
fi
for path in alternatives ld.so.cache nsswitch.conf; do [ ! -e "/etc/$path" ] || cp -RP "/etc/$path" etc/; done
rm -f etc/alternatives/*.gz
printf 'root:x:0:0:root:/root:/bin/bash\\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\\n' >etc/passwd
printf 'root:x:0:\\nnogroup:x:65534:\\n' >etc/group
printf 'root:*:19000::::::\\n' >etc/shadow
printf 'USERGROUPS_ENAB yes\\nCREATE_HOME no\\n' >etc/login.defs
for rule in 'auth sufficient pam_rootok' 'account required pam_permit' 'session required pam_permit'; do
    echo "$rule.so" >>etc/pam.d/runuser
done
printf '127.0.0.1 localhost\\n' >etc/hosts
printf 'ID=debian\\nVERSION_ID="12"\\nVERSION_CODENAME=bookworm\\n' >etc/os-release
for name in null zero full random urandom; do : >"dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
ln -s /proc/self/fd dev/fd
: >dev/console
mount -t proc proc proc
: >boot_id
mount --bind boot_id proc/sys/kernel/random/boot_id
! command -v ip >/dev/null || ip link set lo up
# It ends when nobody holds the other end of its input any more: also when the tests were killed. Nobody asks how orphans ended.
exec env --ignore-signal=CHLD cat >/dev/null
"""


def unavailable(reason: str) -> NoReturn:
    """Skip the test that asked for something which this computer does not have."""
    pytest.skip(reason, allow_module_level=True)


@cache
def why_not() -> str | None:
    """Say why there can be no throw-away root here, or None."""
    if sys.platform != "linux":
        return f"a throw-away root needs Linux, this is {sys.platform}"
    if missing := [name for name in ("unshare", "nsenter", "mount", "bash") if shutil.which(name) is None]:
        return f"a throw-away root needs {', '.join(missing)}"
    probe = subprocess.run(
        ["unshare", *_unshare(), "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, text=True
    )
    if probe.returncode == 0:
        return None
    whose = "be root, or allow user namespaces" if "--user" in NAMESPACES else "the container needs more rights"
    return f"a throw-away root needs namespaces, which are refused here ({probe.stderr.strip()}): {whose}"


def has_accounts() -> bool:
    """Whether a throw-away root can act as others than root."""
    return "--user" not in NAMESPACES


def _unshare() -> list[str]:
    user = ["--map-root-user"] if "--user" in NAMESPACES else []
    return [*NAMESPACES, *user, "--fork", "--kill-child", "--propagation", "private"]


class Root:
    """A throw-away root and the processes in it; a context manager that leaves nothing behind.

    Attributes:
        root: Where it lies, for those who are in it.
        sees: Where it lies for this process, which can read and write there.
        shell: The shell that is `/bin/sh` of the runner.
    """

    def __init__(self, folder: Path, shell: str | None = None) -> None:
        if reason := why_not():
            unavailable(reason)
        self.shell = shell or ("dash" if shutil.which("dash") else "bash")
        self.root = folder.absolute() / "root"
        self.root.mkdir(parents=True)
        self.holder = subprocess.Popen(
            ["unshare", *_unshare(), "sh", "-c", MAKE_ROOT, "sh", str(self.root), self.shell, str(STAND_INS)],
            stdin=subprocess.PIPE,
        )
        self.inside = self._first_process()
        self.sees = Path(f"/proc/{self.inside}/root") / self.root.relative_to("/")

    def _first_process(self) -> int:
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        while self.holder.poll() is None:
            with contextlib.suppress(OSError):
                for child in children.read_text().split():
                    if Path(f"/proc/{child}/comm").read_text() == "cat\n":
                        return int(child)
            time.sleep(0.002)
        raise RuntimeError("the throw-away root could not be made")

    def close(self) -> None:
        """End all that runs in it, with which it is gone."""
        self.holder.kill()
        self.holder.communicate()

    def command(self, script: str, env: Mapping[str, str] | None = None) -> list[str]:
        """Return the host's command that runs a shell text in the root with exactly this environment."""
        variables = [f"{name}={value}" for name, value in {"PATH": PATH, **(env or {})}.items()]
        return [*self._entered(), "/usr/bin/env", "-i", *variables, "/bin/bash", "-c", script]

    def _entered(self) -> list[str]:
        user = ["--preserve-credentials"] if "--user" in NAMESPACES else []
        # Without a working directory it would keep the caller's, which is outside.
        place = [f"--root={self.sees}", f"--wd={self.sees}"]
        return ["nsenter", "-t", str(self.inside), *NAMESPACES, *user, *place]

    def enter(self, script: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell text in the root with exactly this environment."""
        return subprocess.run(
            [*self._entered(), "/bin/bash", "-c", script], env={"PATH": PATH, **(env or {})},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60,
        )  # fmt: skip

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell text as root, from a login's environment."""
        return self.enter(f"cd; {script}", {"HOME": "/root"})

    def evenboot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command on the VM."""
        return self.run("evenboot " + shlex.join(arguments))

    def clear(self, folder: str) -> None:
        """Remove what is in a folder."""
        for path in (self.sees / folder).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def processes(self) -> list[str]:
        """Return the ids of what runs in the root, less its first process and those that are dead."""
        alive: list[str] = []
        for folder in (self.sees / "proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and folder.name != "1" and ") Z " not in (folder / "stat").read_text():
                    alive.append(folder.name)
        return alive

    def until_quiet(self) -> None:
        """Wait until what was killed has ended."""
        while self.processes():
            time.sleep(0.005)
