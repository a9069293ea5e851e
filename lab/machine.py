"""One booting Debian system of a cloud: create, start, reboot, cut power, clone, console.

lab = Lab()  # of lab.laboratory
machine = lab.create("aws", "web", payload=b"#!/bin/sh\\necho hello\\n")
machine.start()
print(machine.wait_ready(), machine.exec(["hostname"]).stdout)
lab.down()
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from components.results import results_in

from . import disk
from .clouds import cloud_named
from .control_group import ControlGroup
from .errors import LabError, LabTimeout
from .host import advice, write_atomically
from .network import CloudNetwork, program, remove_namespace

OUTAGES = ("ok", "503", "refuse", "drop", "slow")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,46}")  # no dot: names with one are the lab's own
GUEST_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
)
POWER_OFF, REBOOT = 4, 5  # behind SIGRTMIN, which not every system has: what systemd as PID 1 takes for these buttons
PRESS_AGAIN_SECONDS = 5
ORDERLY_SECONDS = 240  # units' stop limits add up: 90 s of the cloud's agent, and what a shutdown script may take


class Lab(Protocol):
    """What a machine needs of the lab that holds it."""

    state: Path
    prefix: str

    def changing(self) -> AbstractContextManager[None]: ...
    def network(self, cloud: str) -> CloudNetwork: ...
    def create_from(
        self,
        cloud: str,
        name: str,
        *,
        payload: bytes | None,
        image: str,
        attributes: Mapping[str, str],
        layers: Sequence[str],
        upper: Path | None,
        disk_mib: int | None,
    ) -> Machine: ...


class Machine:
    """One VM. All it is stands in files of its folder; any process may steer it.

    Its disk is an overlay on an image, its network card lives in a network namespace of its own, and while it runs a
    keeper of its own looks after it.
    """

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.folder = lab.state / "machines" / name
        self.host_name = f"{lab.prefix}{name}"
        self.group = ControlGroup(self.host_name)
        self.keeper_group = ControlGroup(f"{self.host_name}.keeper")

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def definition(self) -> dict[str, Any]:
        """Return all that is defined about the machine, as it is now."""
        try:
            definition: dict[str, Any] = json.loads((self.folder / "instance.json").read_text())
        except FileNotFoundError:
            raise LabError(f"machine {self.name} no longer exists") from None
        return definition

    @property
    def cloud(self) -> str:
        """Return the name of its cloud."""
        return self.definition["cloud"]

    @property
    def image(self) -> str:
        """Return the name of the image that its disk was made of."""
        return self.definition["image"]

    @property
    def instance_id(self) -> str:
        """Return the id under which its cloud knows it."""
        return self.definition["instance_id"]

    @property
    def address(self) -> str:
        """Return its address in its cloud's network."""
        return self.definition["ip"]

    @property
    def boots(self) -> int:
        """Return how often it was switched on or has rebooted."""
        return int(self._power()["boot"])

    @property
    def state(self) -> str:
        """Return "running" or "stopped"."""
        return "running" if self.keeper_group.processes() or self.group.processes() else "stopped"

    @property
    def ready(self) -> bool:
        """Tell whether all start-up jobs of the newest boot are done."""
        return self._power()["ready"] is not None

    @property
    def lonely(self) -> bool:
        """Tell whether it runs and has lost its keeper."""
        return bool(self.group.processes()) and not self.keeper_group.processes()

    def _power(self) -> dict[str, Any]:
        path = self.folder / "power.json"
        return json.loads(path.read_text()) if path.exists() else {"boot": 0, "leader": None, "ready": None}

    def _change(self, **fields: Any) -> None:
        definition = {**self.definition, **fields}
        write_atomically(self.folder / "instance.json", json.dumps(definition, indent=1).encode())

    # -- what its cloud does ---------------------------------------------------------------------------------------

    def set_payload(self, payload: bytes | None) -> None:
        """Change what the metadata service hands out from now on; None: there is no payload."""
        cloud_named(self.cloud).check_payload(payload)
        path = self.folder / "payload"
        if payload is None:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, payload)

    @property
    def payload(self) -> bytes | None:
        """Return what the metadata service hands out."""
        path = self.folder / "payload"
        return path.read_bytes() if path.exists() else None

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Replace the further metadata attributes (gcp)."""
        with self.lab.changing():
            self._change(attributes=dict(attributes))

    def set_instance_id(self, text: str) -> None:
        """Change the instance id, which the metadata service hands out as written; the hardware follows at power-on."""
        with self.lab.changing():
            if cloud_named(self.cloud).id_is_uuid:
                self._change(instance_id=text, vm_uuid=text)
            else:
                self._change(instance_id=text)

    def outage(self, mode: str) -> None:
        """Say what the metadata service does for this machine from now on.

        Args:
            mode: "ok", "503" (it answers so), "refuse" (connection refused), "drop" (packets are lost), "slow" (it
                answers, a hundred bytes a second).
        """
        if mode not in OUTAGES:
            raise LabError(f"outage {mode!r} is none of {', '.join(OUTAGES)}")
        with self.lab.changing():
            self._change(outage=mode)
            self.lab.network(self.cloud).obey_outage(self.address, mode)

    # -- power -----------------------------------------------------------------------------------------------------

    def start(self, seconds: float = 30) -> None:
        """Switch it on, and return when its first program runs; without effect while it runs."""
        with self.lab.changing():
            if self.state == "running":
                return
            definition = self.definition
            network = self.lab.network(definition["cloud"])
            network.ensure()
            network.connect(self.host_name, definition["mac"], definition["number"])
            network.obey_outage(definition["ip"], definition["outage"])
            self._mount()
            boots = self.boots
            self._start_keeper()
        self._wait_boot(boots, seconds)

    def _start_keeper(self, *options: str) -> None:
        self.keeper_group.create()
        argv, env = program("lab.keeper")
        self.keeper_group.detach([*argv, str(self.folder), self.lab.prefix, *options], self.folder / "keeper.log", env)

    def heal(self) -> bool:
        """Give the machine a new keeper if it runs and has lost its own; tell whether that was so."""
        if not self.lonely:
            return False
        self._start_keeper("adopt")
        return True

    def _wait_boot(self, boots: int, seconds: float) -> None:
        """Wait until a boot after number `boots` has its first program."""

        def started() -> bool:
            power = self._power()
            if power["boot"] > boots and power["leader"] is not None:
                return True
            if self.state == "stopped":
                raise LabError(f"machine {self.name} is off instead of booting:\n{self._complaint()}")
            return False

        self._wait(started, seconds, "does not boot")

    def _complaint(self) -> str:
        log, console = self.folder / "keeper.log", self.console()[-1500:]
        return advice(console) + console + (log.read_text(errors="replace")[-1500:] if log.exists() else "")

    def _wait(self, condition: Callable[[], bool], seconds: float, complaint: str, pause: float = 0.02) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise LabTimeout(f"machine {self.name} {complaint} within {seconds:g} s:\n{self._complaint()}")
            time.sleep(pause)

    def wait_ready(self, seconds: float = 120) -> float:
        """Wait until all start-up jobs of the newest boot are done, user scripts included.

        Returns:
            The seconds that the boot took.
        """

        def ready() -> bool:
            if self.state == "stopped":
                raise LabError(f"machine {self.name} is off:\n{self._complaint()}")
            return self._power()["ready"] is not None

        self._wait(ready, seconds, "is not ready")
        return float(self._power()["ready"])

    def stop(self, seconds: float = ORDERLY_SECONDS) -> None:
        """Press the power button and wait until it is off; without effect when it is off."""
        self._press(POWER_OFF, lambda: self.state == "stopped", seconds, "does not stop")

    def reboot(self, seconds: float = ORDERLY_SECONDS) -> None:
        """Let it shut down in order and boot again, and return when the first program of the new boot runs."""
        if self.state == "stopped":
            raise LabError(f"machine {self.name} is stopped: start it")
        with self.lab.changing():
            self.heal()
        boots = self.boots
        self._press(REBOOT, lambda: self.boots > boots or self.state == "stopped", seconds, "does not reboot")
        self._wait_boot(boots, 30)

    def _press(self, button: int, done: Callable[[], bool], seconds: float, complaint: str) -> None:
        pressed, number = 0.0, signal.SIGRTMIN + button

        def press_until_done() -> bool:
            nonlocal pressed
            if done():
                return True
            leader = self._power()["leader"]
            if leader and time.monotonic() > pressed + PRESS_AGAIN_SECONDS and _hears(leader, number):
                self.group.signal(leader, number)
                pressed = time.monotonic()
            return False

        self._wait(press_until_done, seconds, complaint)

    def cut_power(self) -> None:
        """Take the power away: all its processes end at once, and nothing is written any more."""
        self.keeper_group.kill()  # first, so that nobody starts it again
        # (systemd-nspawn alone must not be killed: the machine would go on.)
        self.group.kill()

    def delete(self) -> None:
        """Remove the machine and its disk."""
        with self.lab.changing():
            self.cut_power()
            self.lab.network(self.cloud).obey_outage(self.address, "ok")
            for place in ("root", "small"):
                disk.unmount(self.folder / place)
            disk.remove_nspawn_folders(self.host_name)
            remove_namespace(self.host_name)
            gone = self.folder.with_name(f".{self.name}.gone")
            self.folder.rename(gone)
            shutil.rmtree(gone)

    # -- disk ------------------------------------------------------------------------------------------------------

    def root(self) -> Path:
        """Return the folder of its disk as seen from this computer; it can be read whether it runs or not."""
        with self.lab.changing():
            self._mount()
        return self.folder / "root"

    def _mount(self) -> None:
        definition = self.definition
        disk.mount(self.folder, definition["layers"], definition.get("disk_mib"))

    def clone(self, name: str, payload: bytes | None) -> Machine:
        """Take an image of its disk as it is, and make a new machine, still off, from that image.

        The new machine has an instance id and hardware of its own, and everything that is on the disk, `machine-id`
        included. A machine that runs stands still while its disk is copied.
        """
        self.group.freeze(True)
        try:
            definition = self.definition
            return self.lab.create_from(
                definition["cloud"],
                name,
                payload=payload,
                image=definition["image"],
                attributes=definition["attributes"],
                layers=definition["layers"],
                upper=disk.own_layer(self.folder, definition.get("disk_mib")),
                disk_mib=definition.get("disk_mib"),
            )
        finally:
            self.group.freeze(False)

    # -- inside ----------------------------------------------------------------------------------------------------

    def console(self) -> str:
        """Return all that the serial console has shown, over all boots."""
        path = self.folder / "console.log"
        return path.read_bytes().decode(errors="replace").replace("\r\n", "\n") if path.exists() else ""

    def results(self) -> list[dict[str, Any]]:
        """Return the results that the console has shown, the oldest first.

        A result that is `running` is none yet: the machine reboots for a step, and goes on then.
        """
        return [result.as_json() for result in results_in(self.console()) if result.result != "running"]

    def wait_result(self, after: int, seconds: float) -> dict[str, Any]:
        """Wait until there are more than `after` results, and return the newest."""
        self._wait(lambda: len(self.results()) > after, seconds, "shows no new result", pause=0.1)
        return self.results()[-1]

    def enter(self, argv: Sequence[str], environment: Sequence[str] = ()) -> list[str]:
        """Return this computer's command that runs `argv` in the machine as root; `LabError` if it is off."""
        if self.state == "stopped":
            raise LabError(f"machine {self.name} is stopped: start it")
        # Only a process of this machine: the number of one that has ended may be anybody's by now.
        self._wait(lambda: self._power()["leader"] in self.group.processes(), 30, "has no first program")
        leader = self._power()["leader"]
        kinds = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        return ["nsenter", f"--target={leader}", *kinds, "--", "env", "-i", *GUEST_ENVIRONMENT, *environment, *argv]

    def exec(
        self, argv: Sequence[str] | str, check: bool = True, timeout: float = 120, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the machine as root.

        Args:
            argv: the program and its arguments, or a text for `/bin/sh -c`.
            check: raise `LabError` if its exit code is not 0.
            timeout: seconds; `LabTimeout` after that, and the program is ended.
            input: what it reads from its standard input.
        """
        words = ["/bin/sh", "-c", argv] if isinstance(argv, str) else list(argv)
        # a session of its own, to end what runs inside too: killing nsenter alone would leave it, holding the pipes
        with subprocess.Popen(
            self.enter(words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(input or "", timeout=timeout)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise LabTimeout(f"machine {self.name}: {argv!r} does not end within {timeout:g} s") from None
                raise
        if check and process.returncode:
            raise LabError(f"machine {self.name}: {argv!r}: exit code {process.returncode}: {errors.strip()}")
        return subprocess.CompletedProcess(words, process.returncode, output, errors)

    def exec_interactive(self, argv: Sequence[str]) -> int:
        """Run a program in the machine with this process's terminal and streams; return its exit code."""
        terminal = [f"TERM={os.environ['TERM']}"] if os.environ.get("TERM") else []
        main = threading.current_thread() is threading.main_thread()
        # Ctrl-C is for the program inside; a handler, unlike SIG_IGN, is not inherited by it.
        old = signal.signal(signal.SIGINT, lambda number, frame: None) if main else None
        try:
            status = subprocess.Popen(self.enter(argv, terminal)).wait()
        finally:
            if main:
                signal.signal(signal.SIGINT, old)
        return status if status >= 0 else 128 - status


def _hears(pid: int, number: int) -> bool:
    """Tell whether a process is systemd and takes a signal: it loses those that come before it is ready for them."""
    try:
        fields = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
    except OSError:
        return False
    taken = int(fields["SigBlk"], 16) | int(
        fields["SigCgt"], 16
    )  # systemd blocks them and reads them from a descriptor
    return fields["Name"] == "systemd" and bool(taken >> (number - 1) & 1)


def new_definition(
    cloud: str, name: str, number: int, image: str, layers: Sequence[str], disk_mib: int | None
) -> dict[str, Any]:
    """Return the definition of a new machine with an identity of its own."""
    properties = cloud_named(cloud)
    ip, (instance_id, vm_uuid) = f"{properties.network}.{number}", properties.new_identity()
    return {
        "name": name,
        "cloud": cloud,
        "number": number,
        "ip": ip,
        "mac": f"{properties.mac_prefix}:{number:02x}",
        "hostname": properties.hostname(name, ip),
        "instance_id": instance_id,
        "vm_uuid": vm_uuid,
        "image": image,
        "layers": list(layers),
        "disk_mib": disk_mib,
        "attributes": {},
        "outage": "ok",
    }

