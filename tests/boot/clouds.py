"""What a story does in its cloud: make a VM with a definition, switch it on and off, and look at what it did."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from components.results import MARK
from lab.archive import archive_folder
from lab.cloud import ARCHIVE_NAME, ARCHIVE_PORT
from lab.laboratory import Lab
from lab.machine import Machine
from startup import StartupScript, render

CLOUDS = ("aws", "gcp", "azure")
IMAGES = ("debian-12", "debian-13")
PATIENCE = 90  # seconds for what takes a few: the computer may have much to do
EARLY = """\
[Unit]
DefaultDependencies=no
After=systemd-remount-fs.service
Before=sysinit.target systemd-journal-flush.service systemd-tmpfiles-setup.service
ConditionPathExists=/{name}
[Service]
Type=oneshot
ExecStart={command}
"""
Values = Mapping[str, str]
Status = dict[str, Any]


class Cloud:
    """A cloud with the machines of one story; a context manager that removes them."""

    _numbers = count(1)
    _next = threading.Lock()

    def __init__(self, lab: Lab, name: str, image: str = IMAGES[0]) -> None:
        self.lab, self.name, self.image = lab, name, image
        self.vms: list[Vm] = []

    def __enter__(self) -> Cloud:
        return self

    def __exit__(self, *_: object) -> None:
        for vm in self.vms:
            vm.machine.delete()

    def new_name(self) -> str:
        """Return a name that no machine had before."""
        with self._next:
            return f"{self.name}-{next(self._numbers)}"

    def payload(self, definition: StartupScript | None, values: Values | None) -> bytes | None:
        """Return what the slot holds; None: nothing."""
        return definition and render(definition, values, self.name).content  # pyright: ignore[reportArgumentType]

    def make(self, definition: StartupScript | None, values: Values | None = None, disk_mib: int | None = None) -> Vm:
        """Make a VM that is still off; one whose disk can be filled if it is told how much it holds."""
        payload = self.payload(definition, values)
        return self.look_after(
            self.lab.create(self.name, self.new_name(), payload=payload, image=self.image, disk_mib=disk_mib)
        )

    def look_after(self, machine: Machine) -> Vm:
        """Make a machine one of the story's."""
        self.vms.append(Vm(self, machine))
        return self.vms[-1]


class Vm:
    """One VM of a story. What boots or applies returns the status, which then is also what the console says."""

    def __init__(self, cloud: Cloud, machine: Machine) -> None:
        self.cloud, self.machine = cloud, machine
        self.disk: Path = machine.root()

    # What the cloud and its owner do.

    def define(self, definition: StartupScript | None, values: Values | None = None) -> None:
        """Change what the slot holds."""
        self.machine.set_payload(self.cloud.payload(definition, values))

    def image(self, definition: StartupScript | None) -> Vm:
        """Make another VM, still off, from an image of this one's disk as it is; /done is emptied before it starts."""
        clone = self.machine.clone(self.cloud.new_name(), self.cloud.payload(definition, None))
        vm = self.cloud.look_after(clone)
        (vm.disk / "done").unlink(missing_ok=True)
        return vm

    def early(self, name: str, command: str) -> None:
        """Let the VM run a command early in each boot that finds a file /NAME; write that file."""
        units = self.disk / "etc/systemd/system"
        (units / "sysinit.target.wants").mkdir(exist_ok=True)
        (units / f"{name}.service").write_text(EARLY.format(name=name, command=command))
        (units / f"sysinit.target.wants/{name}.service").symlink_to(f"../{name}.service")
        (self.disk / name).touch()

    def start(self, seconds: float = PATIENCE) -> Status:
        """Switch on, and wait for the result of this boot."""
        return self.boot(self.machine.start, seconds)

    def start_in_an_outage(self, seconds: float) -> Status:
        """Switch on, and wait for the result of this boot alone: later parts of cloud-init may wait for ever."""
        before = len(self.machine.results())
        self.machine.start()
        self.machine.wait_result(after=before, seconds=seconds)
        return self.status()

    def reboot(self, seconds: float = PATIENCE) -> Status:
        """Reboot, and wait for the result of the new boot."""
        return self.boot(self.machine.reboot, seconds)

    def boot(self, press: Callable[[], None], seconds: float = PATIENCE) -> Status:
        """Press a button, and wait for the result of the boot that follows."""
        before = len(self.machine.results())
        press()
        self.machine.wait_result(after=before, seconds=seconds)
        self.machine.wait_ready(seconds)
        return self.status()

    # What an operator does.

    def run(self, command: str) -> str:
        """Run a shell text in the VM, which must succeed; return what it prints."""
        return self.machine.exec(command).stdout

    def evenboot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command on the VM."""
        return self.machine.exec(["evenboot", *arguments], check=False)

    def status(self) -> Status:
        """Return the status of the last apply when all that was begun is done; the console carries the same (L12)."""
        self.until(lambda: not self.busy(), "the unit is at rest")
        printed = self.evenboot("status", "--json").stdout.strip()
        shown = [line.partition(MARK)[2] for line in self.machine.console().splitlines() if MARK in line]
        assert shown and printed == shown[-1].strip(), f"status: {printed}\nconsole: {shown[-1:]}"
        return json.loads(printed)

    def busy(self) -> bool:
        """Tell whether an apply runs or is about to."""
        unit = self.run("systemctl show --value --property=ActiveState,Job evenboot.service").split()
        return "activating" in unit or any(text.isdecimal() and text != "0" for text in unit)

    # What there is to see.

    def lines(self) -> list[str]:
        """Return the lines in /done, in which the steps of most stories note that they ran."""
        path = self.disk / "done"
        return path.read_text().splitlines() if path.exists() else []

    def wait_line(self, line: str) -> None:
        """Wait until this is the last line in /done."""
        self.until(lambda: self.lines()[-1:] == [line], f"the last line is {line!r}")

    def until(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            seen = f"lines {self.lines()}; console {self.machine.console()[-1500:]}"
            assert time.monotonic() < end, f"not within {seconds} s: {what}; {seen}"
            time.sleep(0.1)


def archived(image: str, file: str) -> str:
    """Return where machines get a file of their image's package archive."""
    return f"http://{ARCHIVE_NAME}:{ARCHIVE_PORT}/{archive_folder(image).name}/{file}"


def outcomes(status: Status) -> list[str]:
    """Return "OUTCOME NAME" of each step."""
    return [f"{step['outcome']} {step['name']}" for step in status["steps"]]
