"""A machine in a throw-away root: it boots the rendered artefact, and is rebooted, edited, cloned and cut off, in milliseconds.

What runs is the payload, byte for byte, as the agent of the cloud would run it. Stand-ins are the metadata service, what
can be downloaded (both `curl`), systemd (`systemctl`) and the package manager; they are small programs in `stand_ins/`,
first on the PATH.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from ..definition import StartupScript, User
from ..delivery import CLOUDS, Cloud
from ..rendering import render
from .around import StandIns
from .payloads import script_of
from .root import Root, has_accounts, unavailable
from .status import Status

STATE = "var/lib/evenboot"
MOST_REBOOTS = 20
Definition = StartupScript | bytes | None
Values = Mapping[str, str]


class Machine(StandIns, Root):
    """A machine in a throw-away root; a context manager that leaves nothing behind.

    Example:
        with Machine(tmp_path) as machine:
            assert machine.boot(app, {"PORT": "80"}).result == "ok"
            assert machine.read("/etc/app.conf") == "port = 80\\n"

    Args:
        folder: An empty folder for it.
        shell: What `/bin/sh` is for the runner; `dash` where there is one, else `bash`.
        cloud: Whose payload and metadata service it is: `aws`, `gcp` or `azure`.
    """

    def __init__(self, folder: Path, shell: str | None = None, cloud: Cloud | str = "gcp") -> None:
        if cloud not in CLOUDS:
            raise ValueError(f"{cloud!r} is no cloud; choose from {', '.join(CLOUDS)}")
        super().__init__(folder, shell)
        self.cloud: Cloud = cast(Cloud, cloud)
        self.instance_id, self.witness = "i-1", str(uuid.uuid4())
        self.service = "ok"
        self.boot_id = ""
        self.boot_ids: set[str] = set()
        self.payload: bytes | None = None
        self.publish()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the cloud and its owner do.

    def boot(self, definition: Definition = None, values: Values | None = None) -> Status:
        """Power on, as after a power cut: the agent of the cloud and the machine's own unit start.

        A `Reboot` step reboots the machine, and what comes back is the status of the last boot.

        Args:
            definition: What the slot holds from now on: a definition, or a payload; what it holds already if not given.
            values: The definition's values.

        Returns:
            The status of the apply.

        Raises:
            StartupScriptError: The definition has problems.
            NoStatus: Nothing was applied: the slot is empty, or the power was cut.
        """
        if definition is not None:
            self.edit(definition, values)
        for _ in range(MOST_REBOOTS):
            asked = len(self.lines("/reboots"))
            self.one_boot()
            if len(self.lines("/reboots")) == asked:
                return self.status()
            self.shut_down()
        raise AssertionError(f"the machine has rebooted {MOST_REBOOTS} times in a row")

    def reboot(self) -> Status:
        """Reboot in order, with the shutdown steps; return the status of the new boot."""
        self.shut_down()
        return self.boot()

    def edit(self, definition: Definition, values: Values | None = None) -> None:
        """Change what the slot holds; None empties it. The next boot or `apply` obeys it."""
        if isinstance(definition, StartupScript):
            need_accounts(definition)
            definition = render(definition, values or {}, self.cloud).content
        self.payload = definition
        self.publish()

    def clone(self) -> None:
        """Go on, powered off, as another VM that was made from this one's image."""
        self.instance_id, self.witness = f"i-{uuid.uuid4().hex[:17]}", str(uuid.uuid4())
        self.publish()

    def cut_power(self, at: str | int | Callable[[], bool]) -> None:
        """Boot, and kill everything that runs at some moment. The machine is off afterwards: `boot` goes on.

        Args:
            at: The name of a step: when it has done its work, and before that is recorded, which is the worst moment.
                A number: before the call of this number that changes the file system, counted from 1 over all of the boot.
                A condition: as soon as it holds.

        Raises:
            AssertionError: The boot ended before.
        """
        self.power_on()
        if callable(at):
            self._cut_when(at)
        else:
            from .cutting import cut

            cut(self, at)

    def _cut_when(self, condition: Callable[[], bool]) -> None:
        boot = subprocess.Popen(self.command(self.boots()), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, f"it never came to that; the console says {self.console()}"
            time.sleep(0.005)
        self.run("kill -KILL -1")
        boot.wait()
        self.until_quiet()

    def apply(self) -> Status:
        """Let an operator call `evenboot apply`."""
        self.evenboot("apply")
        return self.status()

    def rerun(self, step: str) -> Status:
        """Let an operator call `evenboot rerun STEP`."""
        answer = self.evenboot("rerun", step)
        if answer.returncode == 64:
            raise AssertionError(answer.stderr.strip())
        return self.status()

    # What there is to see.

    @property
    def ran(self) -> list[str]:
        """The names of the steps that ran in the last apply, in order; one that failed is the last."""
        return [step["name"] for step in self.status().steps if step["outcome"] in ("ran", "failed")]

    @property
    def journal(self) -> dict[str, str]:
        """The fingerprints of the first-boot steps that are recorded as done on this instance, by name, in their order.

        They are those of `startup.step_fingerprints`.
        """
        steps = self.lines(f"/{STATE}/current/steps")
        keys = [row.split("|")[1] for row in steps if row.startswith("first_boot|")]
        records = [self.lines(f"/{STATE}/journal/{key}") for key in keys]
        known = self.instance_id.strip().lower()
        found: dict[str, str] = {}
        for mark, name in (record for record in records if len(record) == 2):
            fingerprint, _, instance = mark.partition(" ")
            if instance == known:
                found[json.loads(f'"{name}"')] = fingerprint
        return found

    def status(self) -> Status:
        """Return what `evenboot status --json` prints."""
        answer = self.evenboot("status", "--json")
        if not answer.stdout.startswith("{"):
            said = answer.stderr.strip().rpartition("\n")[2] or "nothing"
            raise NoStatus(f"nothing was applied in this boot: evenboot says {said!r}, the console {self.console()[-3:]}")
        return Status(json.loads(answer.stdout))

    def log(self, step: str | None = None) -> str:
        """Return the log, or what a step last printed."""
        return self.evenboot("log", *([step] if step else [])).stdout

    def read(self, path: str) -> str:
        """Return a file's text, "" when there is none."""
        file = self.sees / path.lstrip("/")
        return file.read_text(errors="replace") if file.is_file() else ""

    def lines(self, path: str = "/done") -> list[str]:
        """Return a file's lines."""
        return self.read(path).splitlines()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file there that a definition finds, with the folders above it."""
        file = self.sees / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def console(self) -> list[str]:
        """Return the lines on the serial console."""
        return self.lines("/dev/console")

    def results(self) -> list[dict[str, Any]]:
        """Return the objects of the result lines on the console."""
        mark = "evenboot: result "
        return [json.loads(line.removeprefix(mark)) for line in self.console() if line.startswith(mark)]

    # How a boot goes.

    def publish(self) -> None:
        """Hand payload, identity and mood to the stand-in of the metadata service."""
        metadata = self.sees / "metadata"
        (metadata / "id").write_text(self.instance_id)
        (metadata / "service").write_text(self.service + "\n")
        (metadata / "payload").unlink(missing_ok=True)
        if self.payload is not None:
            (metadata / "payload").write_bytes(self.payload)
        (self.sees / "sys/class/dmi/id/product_uuid").write_text(self.witness + "\n")

    def one_boot(self) -> None:
        """Power on, and let the unit and the agent do what they do, up to a reboot that a step asks for."""
        self.power_on()
        self.unit()
        self.agent()

    def power_on(self) -> None:
        """Begin a boot: /run is empty, the boot id is new, and systemd starts what is enabled."""
        self.boot_id = str(uuid.uuid4())
        self.boot_ids.add(self.boot_id)
        (self.sees / "boot_id").write_text(self.boot_id + "\n")
        for folder in ("run", "tmp"):
            self.clear(folder)
        for unit in (self.sees / "etc/enabled").glob("*"):
            self.write(f"/run/systemctl/{unit.name}.active", "")

    def shut_down(self) -> None:
        """Do what systemd does at an orderly stop."""
        self.run("systemctl stop evenboot-shutdown.service")

    def agent(self) -> None:
        """Do what cloud-init or the guest agent does at each boot."""
        if self.payload is not None:
            self.run(self.agents_script())

    def agents_script(self) -> str:
        """Lay out the payload as the agent does, and return the command that it runs."""
        assert self.payload is not None
        script = self.sees / "tmp/startup-script"
        script.write_bytes(script_of(self.payload))
        if self.cloud != "gcp":
            stored = self.sees / "var/lib/cloud/instance/user-data.txt"
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_bytes(self.payload)
        return "/bin/sh /tmp/startup-script"

    def unit(self) -> None:
        """Start the machine's own unit if it is enabled, as systemd does at each boot."""
        if script := self.units_script():
            self.run(script)

    def units_script(self) -> str:
        """Return the command that starts the machine's own unit; nothing if it is not enabled."""
        enabled = (self.sees / "etc/systemd/system/multi-user.target.d/evenboot.conf").is_file()
        return "systemctl start evenboot.service" if enabled else ""

    def boots(self) -> str:
        """Return the commands of a boot that has begun: the unit, if the machine has it, then the agent."""
        return "\n".join(["cd", self.units_script(), self.agents_script() if self.payload is not None else ""])

    def hurry(self) -> None:
        """Let time pass only where the runner waits: `sleep` ends at once, and the seconds since power on are its sum."""
        (self.sees / "uptime").write_text("1000.00 0.00\n")
        sleep = self.sees / "usr/local/bin/sleep"
        sleep.write_text('#!/bin/sh\nread -r now _ </uptime\necho "$((${now%.*} + $1)).00 0.00" >/uptime\n')
        sleep.chmod(0o755)
        self.enter("mount --bind /uptime /proc/uptime").check_returncode()


class NoStatus(AssertionError):
    """Nothing was applied in this boot."""


def need_accounts(definition: StartupScript) -> None:
    """Skip the test of a definition that acts on other accounts, where there is only root's."""
    if has_accounts():
        return
    for _, _, step in definition.steps():
        others = {getattr(step, field, None) for field in ("owner", "group", "user")} - {None, "root"}
        if isinstance(step, User) or others:
            unavailable(f"step {step.name!r} acts on other accounts than root's, which takes root")
