"""The keeper of one machine: a process of its own that outlives the command that started the machine.

Started as `python -m lab.keeper MACHINE_FOLDER PREFIX [adopt]`. It switches the machine on, takes what systemd-nspawn
says through its notify socket, starts it again after a reboot, and ends when the machine is off. What it knows stands
in `power.json` in the machine's folder, which always describes the newest boot and counts
them. With `adopt` it takes over a machine that runs and has lost its keeper.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

from . import disk
from .clouds import cloud_named
from .control_group import ControlGroup
from .host import environment, write_atomically
from .network import NAMESPACES, reset_card

REBOOT_STATUS = 133  # systemd-nspawn's exit status when the machine has asked for a reboot
FAKE = "/run/host/evenboot-lab"
# Says what the machine's hardware is, and never that this is a container.
DETECT_VIRT = """#!/bin/sh
quiet=; container=
for argument; do
    case $argument in
    -q | --quiet) quiet=1 ;;
    -c | --container) container=1 ;;
    -r | --chroot | --private-users) exit 1 ;;
    esac
done
if [ -n "$container" ]; then
    [ -n "$quiet" ] || echo none
    exit 1
fi
[ -n "$quiet" ] || echo VIRTUALIZATION
"""


class Keeper:
    """Runs one machine; see the module's text."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.folder, self.name = folder, f"{prefix}{folder.name}"
        self.group = ControlGroup(self.name)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.power: dict[str, Any] = {}

    @property
    def definition(self) -> dict[str, Any]:
        """Return the machine's definition as it is now."""
        definition: dict[str, Any] = json.loads((self.folder / "instance.json").read_text())
        return definition

    def listen(self) -> None:
        """Open the socket through which systemd-nspawn says what the machine does."""
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        self.notify.bind(str(path))

    def keep(self, adopt: bool) -> None:
        """Run the machine until it is off."""
        self.listen()
        if adopt:
            self.power = json.loads((self.folder / "power.json").read_text())
        else:
            self.switch_on()
        while self.wait_off() == REBOOT_STATUS:
            self.switch_on()
        self.group.kill()

    def switch_on(self) -> None:
        """Start one boot."""
        definition = self.definition
        reset_card(self.name)
        disk.remove_nspawn_folders(self.name)
        write_hardware(self.folder / "fake", definition)
        self.group.create()
        last = self.folder / "power.json"
        boot = json.loads(last.read_text())["boot"] + 1 if last.exists() else 1
        for name in ("exit", "exit.pid"):
            (self.folder / name).unlink(missing_ok=True)
        self.power = {"boot": boot, "started": time.monotonic(), "leader": None, "ready": None}
        self.record()
        with (self.folder / "console.log").open("a") as console:
            console.write(f"\n===== power on {boot} =====\n")
        # The status goes to a file, so that a keeper which takes over learns it too.
        recorded = 'echo $$ >"$EXIT_FILE.pid"; "$@"; echo $? >"$EXIT_FILE.new"; mv "$EXIT_FILE.new" "$EXIT_FILE"'
        self.group.detach(
            ["sh", "-c", recorded, "sh", *self.arguments(definition)],
            self.folder / "console.log",
            {
                "PATH": environment()["PATH"],
                "TERM": "dumb",
                "NOTIFY_SOCKET": str(self.folder / "notify"),
                "EXIT_FILE": str(self.folder / "exit"),
                "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            },
        )

    def arguments(self, definition: dict[str, Any]) -> list[str]:
        """Return the command of systemd-nspawn for this machine."""
        argv = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.folder / 'root'}",
            f"--machine={self.name}",
            "--register=no",  # the host needs no systemd of its own
            "--keep-unit",
            # A namespace given by path comes without the capability to configure it.
            f"--network-namespace-path={NAMESPACES / self.name}",
            "--capability=CAP_NET_ADMIN",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=read-only",
            "--notify-ready=yes",
            "--kill-signal=SIGRTMIN+4",
            f"--bind-ro={self.folder / 'fake'}:{FAKE}",
            f"{FAKE}/vm-init",
        ]
        datasource = cloud_named(definition["cloud"]).datasource
        if datasource and definition["image"] != "debian-12":
            # systemd >= 251 tells cloud-init's generator that this is a container; newer cloud-init believes it.
            argv.append(f"ci.ds={datasource}")
        return argv

    def wait_off(self) -> int | None:
        """Take messages until the machine is off; return systemd-nspawn's exit status, None after a power cut.

        With a full queue nspawn waits for us and systemd for nspawn: the machine stands still, at a boot or in the
        middle of a shutdown. So nothing but messages is waited for here.
        """
        process = self.process()
        while process is not None:
            ready, _, _ = select.select([self.notify, process], [], [])
            if self.notify in ready:
                self.take(self.notify.recv(8192).decode(errors="replace"))
            elif process in ready:
                os.close(process)
                process = None
        status = self.folder / "exit"
        return int(status.read_text()) if status.exists() else None

    def process(self, seconds: float = 10) -> int | None:
        """Return a descriptor of the process that records the exit status, None if it has ended."""
        path, end = self.folder / "exit.pid", time.monotonic() + seconds
        while time.monotonic() < end:
            if path.exists() and path.read_text().endswith("\n"):
                pid = int(path.read_text())
                try:
                    descriptor = os.pidfd_open(pid)
                except ProcessLookupError:
                    return None
                if pid in self.group.processes():
                    return descriptor
                os.close(descriptor)
                return None
            time.sleep(0.01)
        return None

    def take(self, message: str) -> None:
        """Record what systemd-nspawn says."""
        for line in message.splitlines():
            if line.startswith("X_NSPAWN_LEADER_PID="):
                self.power["leader"] = int(line.partition("=")[2])
                self.record()
            elif line == "READY=1":
                self.power["ready"] = round(time.monotonic() - self.power["started"], 3)
                self.record()

    def record(self) -> None:
        """Write down the state of this boot for everybody."""
        write_atomically(self.folder / "power.json", json.dumps(self.power).encode())


def write_hardware(fake: Path, definition: dict[str, Any]) -> None:
    """Write what the machine sees as its hardware."""
    fields = fake / "class/dmi/id"
    fields.mkdir(parents=True, exist_ok=True)
    values = cloud_named(definition["cloud"]).hardware(definition["instance_id"], definition["vm_uuid"])
    for name, value in values.items():
        (fields / name).write_text(f"{value}\n")
    detect_virt = fake / "systemd-detect-virt"
    virtualization = cloud_named(definition["cloud"]).virtualization
    detect_virt.write_text(DETECT_VIRT.replace("VIRTUALIZATION", virtualization))
    detect_virt.chmod(0o755)
    shutil.copy(Path(__file__).with_name("vm-init"), fake / "vm-init")
    (fake / "vm-init").chmod(0o755)


def main() -> None:
    """Keep the machine that the arguments name."""
    os.chdir("/")
    Keeper(Path(sys.argv[1]), sys.argv[2]).keep(adopt="adopt" in sys.argv[3:])


if __name__ == "__main__":
    main()
