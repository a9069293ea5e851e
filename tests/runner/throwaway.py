"""A throw-away root in which the rendered artefact boots, is rebooted, edited and killed, in milliseconds.

The root is a tmpfs in a mount and process namespace of its own: the host's /usr, read-only, and everything else new.
What runs is the payload, byte for byte, as the agent of the cloud would run it. Stand-ins are the metadata service
(`curl`), systemd (`systemctl`) and the package manager; they are small programs in `stubs/`, first on the PATH.
"""

from __future__ import annotations

import contextlib
import email
import gzip
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from startup import StartupScript, render

STUBS = Path(__file__).with_name("stubs")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAKE_ROOT = """
set -e
root=$1 shell=$2 stubs=$3
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc/systemd/system var/log var/lib/dpkg run tmp root home dev proc sys/class/dmi/id metadata stubs
for name in bin sbin lib lib64; do [ ! -e "/$name" ] || ln -s "usr/$name" "$name"; done
mount --bind /usr usr
mount -o remount,bind,ro usr
mount -t tmpfs -o mode=755 tmpfs usr/local
mkdir -p usr/local/bin usr/local/sbin
cp "$stubs"/* usr/local/bin/
ln -s "$(command -v "$shell")" usr/local/bin/.sh
cp -a /etc/alternatives /etc/ld.so.cache /etc/nsswitch.conf etc/
printf 'root:x:0:0:root:/root:/bin/bash\\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\\n' >etc/passwd
printf 'root:x:0:\\nnogroup:x:65534:\\n' >etc/group
printf 'root:*:19000::::::\\n' >etc/shadow
for name in null zero full urandom; do : >"dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
: >dev/console
mount -t proc proc proc
: >boot_id
mount --bind boot_id proc/sys/kernel/random/boot_id
# Nobody asks how orphans ended.
exec env --ignore-signal=CHLD sleep infinity
"""


def why_not() -> str | None:
    """Say why there can be no throw-away root here, or None."""
    if os.geteuid() != 0:
        return "a throw-away root needs root"
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "a throw-away root needs unshare and nsenter (util-linux)"
    probe = subprocess.run(["unshare", "-m", "-p", "-f", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True)
    return f"no mount namespace: {probe.stderr.strip()}" if probe.returncode else None


class Machine:
    """A machine in a throw-away root; a context manager that leaves nothing behind."""

    def __init__(self, folder: Path, shell: str = "dash", cloud: str = "gcp") -> None:
        self.cloud, self.shell = cloud, shell
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
             "sh", "-c", MAKE_ROOT, "sh", str(self.root), shell, str(STUBS)],
            stdin=subprocess.DEVNULL,
        )
        self.inside = self._first_process()
        self.sees = Path(f"/proc/{self.inside}/root") / self.root.relative_to("/")
        self.instance_id, self.witness = "i-1", str(uuid.uuid4())
        self.service = "ok"
        self.boot_id = ""
        self.boot_ids: set[str] = set()
        self.payload: bytes | None = None
        self.publish()

    def _first_process(self) -> int:
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        while True:
            if self.holder.poll() is not None:
                raise RuntimeError("the throw-away root could not be made")
            for child in children.read_text().split():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{child}/comm").read_text() == "sleep\n":
                        return int(child)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.holder.pid, signal.SIGKILL)
        self.holder.wait()

    # What the cloud does.

    def publish(self) -> None:
        """Hand payload, identity and mood to the stand-in of the metadata service."""
        metadata = self.sees / "metadata"
        (metadata / "id").write_text(self.instance_id)
        (metadata / "service").write_text(self.service + "\n")
        (metadata / "payload").unlink(missing_ok=True)
        if self.payload is not None:
            (metadata / "payload").write_bytes(self.payload)
        (self.sees / "sys/class/dmi/id/product_uuid").write_text(self.witness + "\n")

    def define(self, definition: StartupScript | bytes | None, values: Mapping[str, str] | None = None) -> None:
        """Change what the slot holds."""
        if isinstance(definition, StartupScript):
            definition = render(definition, values, self.cloud).content  # pyright: ignore[reportArgumentType]
        self.payload = definition
        self.publish()

    def boot(self, definition: StartupScript | None = None, values: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Power on: the agent of the cloud and the machine's own unit start. Return the status."""
        if definition is not None:
            self.define(definition, values)
        self.power_on()
        self.unit()
        self.agent()
        return self.status()

    def power_on(self) -> None:
        """Begin a boot: /run is empty, the boot id is new."""
        self.boot_id = str(uuid.uuid4())
        self.boot_ids.add(self.boot_id)
        (self.sees / "boot_id").write_text(self.boot_id + "\n")
        for folder in ("run", "tmp"):
            self.clear(folder)

    def clear(self, folder: str) -> None:
        """Remove what is in a folder."""
        for path in (self.sees / folder).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def wipe(self) -> None:
        """Make it a machine that has never booted."""
        for folder in ("run", "tmp", "var", "etc/systemd/system", "usr/local/sbin", "metadata"):
            self.clear(folder)
        for folder in ("var/log", "var/lib/dpkg"):
            (self.sees / folder).mkdir(parents=True)
        for name in ("done", "synced", "systemctl", "unit.log"):
            (self.sees / name).unlink(missing_ok=True)
        (self.sees / "dev/console").write_text("")
        self.instance_id, self.witness, self.service, self.payload = "i-1", str(uuid.uuid4()), "ok", None

    def agent(self) -> None:
        """Do what cloud-init or the guest agent does at each boot."""
        if self.payload is not None:
            self.run(self.agents_script())

    def agents_script(self) -> str:
        """Lay out the payload as the agent does, and return the command that it runs."""
        script = self.sees / "tmp/startup-script"
        assert self.payload is not None
        if self.cloud == "gcp":
            script.write_bytes(self.payload)
        else:
            stored = self.sees / "var/lib/cloud/instance/user-data.txt"
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_bytes(self.payload)
            script.write_bytes(boothook(self.payload))
        return f"{self.shell} /tmp/startup-script"

    def unit(self) -> None:
        """Start the machine's own unit if it is enabled, as systemd does at each boot."""
        if script := self.units_script():
            self.run(script)

    def units_script(self) -> str:
        """Return the command that starts the machine's own unit; nothing if it is not enabled."""
        enabled = (self.sees / "etc/systemd/system/multi-user.target.d/evenboot.conf").is_file()
        return "systemctl start evenboot.service" if enabled else ""

    def hurry(self) -> None:
        """Let time pass only where the runner waits: `sleep` ends at once, and the seconds since power on are its sum."""
        (self.sees / "uptime").write_text("1000.00 0.00\n")
        sleep = self.sees / "usr/local/bin/sleep"
        sleep.write_text('#!/bin/sh\nread -r now _ </uptime\necho "$((${now%.*} + $1)).00 0.00" >/uptime\n')
        sleep.chmod(0o755)
        self.enter("mount --bind /uptime /proc/uptime").check_returncode()

    def clone(self) -> None:
        """Go on as another VM that was made from this one's image."""
        self.instance_id, self.witness = f"i-{uuid.uuid4().hex[:17]}", str(uuid.uuid4())
        self.publish()

    # What an operator does.

    def command(self, script: str, env: Mapping[str, str] | None = None) -> list[str]:
        """Return the host's command that runs a shell text in the machine with exactly this environment."""
        variables = [f"{name}={value}" for name, value in {"PATH": PATH, **(env or {})}.items()]
        enter = ["nsenter", "-t", str(self.inside), "-m", "-p", "chroot", str(self.root), "/usr/bin/env", "-i"]
        return [*enter, *variables, "/bin/bash", "-c", script]

    def enter(self, script: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell text in the machine with exactly this environment."""
        return subprocess.run(
            self.command(script, env), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=60,
        )  # fmt: skip

    def cut_power(self, when: Callable[[], bool]) -> None:
        """Boot, and kill everything that runs as soon as a condition holds."""
        self.power_on()
        agent = subprocess.Popen(self.command(self.agents_script()), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        end = time.monotonic() + 20
        while not when():
            assert time.monotonic() < end, f"it never came to that; the console says {self.console()}"
            time.sleep(0.005)
        self.run("kill -KILL -1")
        agent.wait()
        self.until_quiet()

    def until_quiet(self) -> None:
        """Wait until what was killed has ended."""
        while self.processes():
            time.sleep(0.005)

    def processes(self) -> list[str]:
        """Return the ids of what runs in the machine, less its first process and those that are dead."""
        alive = []
        for folder in (self.sees / "proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and folder.name != "1" and ") Z " not in (folder / "stat").read_text():
                    alive.append(folder.name)
        return alive

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell text as root, from a login's environment."""
        return self.enter(f"cd; {script}", {"HOME": "/root"})

    def evenboot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command on the VM."""
        return self.run("evenboot " + shlex.join(arguments))

    def status(self) -> dict[str, Any]:
        """Return what `evenboot status --json` prints."""
        return json.loads(self.evenboot("status", "--json").stdout)

    def read(self, path: str) -> str:
        """Return a file's text, "" when there is none."""
        file = self.sees / path.lstrip("/")
        return file.read_text(errors="replace") if file.is_file() else ""

    def lines(self, path: str = "/done") -> list[str]:
        """Return a file's lines; steps of tests note in /done that they ran."""
        return self.read(path).splitlines()

    def console(self) -> list[str]:
        """Return the lines on the serial console."""
        return self.lines("/dev/console")

    def results(self) -> list[dict[str, Any]]:
        """Return the objects of the result lines on the console."""
        mark = "evenboot: result "
        return [json.loads(line.removeprefix(mark)) for line in self.console() if line.startswith(mark)]


def boothook(payload: bytes) -> bytes:
    """Take the script out of the document as cloud-init does, with the damage that it does to text that is not ASCII."""
    document = gzip.decompress(payload) if payload.startswith(b"\x1f\x8b") else payload
    (part,) = (part for part in email.message_from_string(document.decode()).walk() if not part.is_multipart())
    assert part.get_content_type() == "text/cloud-boothook"
    script = part.get_payload(decode=True)
    assert isinstance(script, bytes)
    return script.replace(b"\r\n", b"\n")


def outcomes(status: Mapping[str, Any]) -> list[str]:
    """Return "OUTCOME NAME" of each step."""
    return [f"{step['outcome']} {step['name']}" for step in status["steps"]]
