"""The lab: all machines and networks that there are, kept in files, whichever process made them."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import host, image as images
from .clouds import CLOUDS, cloud_named
from .control_group import ControlGroup
from .errors import LabError
from .host import command, write_atomically
from .machine import NAME, Machine, adapt_disk, new_definition
from .network import CloudNetwork, namespaces, remove_namespace

NSPAWN_PROPAGATE = Path("/run/systemd/nspawn/propagate")
NSPAWN_LOCKS = Path("/run/systemd/nspawn/locks")
LONGEST_STATE = 50  # names of sockets have at most 107 characters
NUMBERS = range(10, 250)


class Lab:
    """Everything that runs; any number of processes may use the same lab at once.

    Args:
        state: the folder of all state; default EVENBOOT_LAB_STATE or /var/lib/evenboot-lab.
        prefix: of names on this computer; default EVENBOOT_LAB_PREFIX or `eb-`.
    """

    def __init__(self, state: Path | None = None, prefix: str | None = None) -> None:
        self.state = (state or Path(os.environ.get("EVENBOOT_LAB_STATE") or "/var/lib/evenboot-lab")).resolve()
        self.prefix = prefix or os.environ.get("EVENBOOT_LAB_PREFIX") or "eb-"
        if not re.fullmatch(r"[a-z0-9]{1,8}-", self.prefix):
            raise LabError(f"prefix {self.prefix!r} is not of the form 'abc-' (at most 8 letters and digits, and a dash)")
        # The rest are limits of the options of overlay mounts.
        if not re.fullmatch(rf"[\w./-]{{1,{LONGEST_STATE}}}", str(self.state)):
            raise LabError(f"state folder {self.state}: at most {LONGEST_STATE} letters, digits, '.', '-', '_' and '/'")
        self._held = threading.local()

    def check(self) -> None:
        """Raise `LabError` with one clear text if this computer cannot run the lab."""
        host.check(self.state)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lab's lock: changes of its files, mounts and networks are one after another."""
        if getattr(self._held, "depth", 0):
            yield
            return
        if os.geteuid():
            raise LabError("the local cloud needs root for mounts and network namespaces: call it with sudo")
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._held.depth = 1
            try:
                self._sweep_halves()
                yield
            finally:
                self._held.depth = 0

    @contextmanager
    def commanding(self, what: str, waiting: Callable[[str], None] = lambda text: None) -> Iterator[None]:
        """Hold the lock of whole commands, such as `up`; `waiting` is told when another command is at work."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "command").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                waiting(f"waiting for another command: {lock.read().strip()}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(f"{what} (process {os.getpid()})\n")
            lock.flush()
            self.heal()
            yield

    def network(self, cloud: str) -> CloudNetwork:
        """Return the network of a cloud."""
        return CloudNetwork(cloud_named(cloud), self.prefix, self.state, images.cache_folder() / "archive")

    # -- machines --------------------------------------------------------------------------------------------------

    def machines(self) -> list[Machine]:
        """Return all machines, by name."""
        paths = sorted((self.state / "machines").glob("[!.]*/instance.json"))
        return [Machine(self, path.parent.name) for path in paths]

    def machine(self, name: str) -> Machine:
        """Return a machine by its name; `LabError` with the known names if there is none."""
        known = [machine.name for machine in self.machines()]
        if name not in known:
            there = f"the machines are: {', '.join(known)}" if known else "there are none: python -m lab up makes them"
            raise LabError(f"there is no machine {name!r}; {there}")
        return Machine(self, name)

    def create(
        self,
        cloud: str,
        name: str,
        *,
        payload: bytes | None,
        image: str = "debian-12",
        attributes: Mapping[str, str] = {},
    ) -> Machine:
        """Define a machine, still off, with a new disk.

        Args:
            cloud: "aws", "gcp" or "azure".
            name: letters, digits and dashes; no other machine of the lab may have it.
            payload: what the metadata service hands out: user data on aws and azure, the startup-script on gcp.
            image: "debian-12" or "debian-13", which `lab.image.ensure` must have built.
            attributes: further metadata (gcp).
        """
        layers = [str(path) for path in images.layers(image, cloud_named(cloud).name)]
        return self.create_from(cloud, name, payload=payload, image=image, attributes=attributes, layers=layers)

    def create_from(
        self,
        cloud: str,
        name: str,
        *,
        payload: bytes | None,
        image: str,
        attributes: Mapping[str, str],
        layers: Sequence[str],
        upper: Path | None = None,
    ) -> Machine:
        """Define a machine whose disk is the given layers, the top one first, and a copy of `upper`."""
        if not NAME.fullmatch(name):
            raise LabError(f"machine name {name!r}: letters, digits and dashes, at most 47")
        machines = self.state / "machines"
        partial = machines / f".{name}.new"
        with self.changing():
            if (machines / name).exists():
                raise LabError(f"there is a machine {name!r} already")
            try:
                for part in ("work", "root"):
                    (partial / part).mkdir(parents=True)
                if upper:
                    command("cp", "-a", upper, partial / "upper")
                else:
                    (partial / "upper").mkdir()
                adapt_disk(partial / "upper", [Path(layer) for layer in layers], cloud, name)
                definition = new_definition(cloud, name, self._free_number(cloud), image, layers)
                definition["attributes"] = dict(attributes)
                write_atomically(partial / "instance.json", images_json(definition))
                if payload is not None:
                    write_atomically(partial / "payload", payload)
                partial.rename(machines / name)
            finally:
                if partial.exists():
                    shutil.rmtree(partial)
        return Machine(self, name)

    def _free_number(self, cloud: str) -> int:
        used = {machine.definition["number"] for machine in self.machines() if machine.cloud == cloud}
        # Not the lowest free one: its last holder may still be on its way.
        counter = self.state / f".number-{cloud}"
        last = int(counter.read_text()) if counter.exists() else NUMBERS[0] - 1
        candidates = [*range(last + 1, NUMBERS[-1] + 1), *NUMBERS]
        number = next((number for number in candidates if number not in used), None)
        if number is None:
            raise LabError(f"{cloud} has no more addresses: {len(used)} machines have them all")
        write_atomically(counter, str(number).encode())
        return number

    # -- what is left ----------------------------------------------------------------------------------------------

    def heal(self) -> list[str]:
        """Start again what has died: the services of clouds with machines that run, and keepers; say what it was."""
        healed: list[str] = []
        with self.changing():
            running = [machine for machine in self.machines() if machine.group.processes()]
            healed += [f"keeper of {machine.name}" for machine in running if machine.heal()]
            for cloud in sorted({machine.cloud for machine in running}):
                if not self.network(cloud).serving:
                    self.network(cloud).ensure()
                    healed.append(f"services of {cloud}")
        return healed

    def leftovers(self) -> dict[str, list[str]]:
        """Return what there is of machines and clouds on this computer, by kind, whoever made it."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        groups = ControlGroup.all(self.prefix)
        machines = self.state / "machines"
        return {
            "processes": [f"{pid} ({group.name})" for group in groups for pid in sorted(group.processes())],
            "control groups": [group.name for group in groups],
            "mounts": [mount for mount in reversed(mounts) if mount.startswith(f"{machines}/")],
            "network namespaces": namespaces(self.prefix),
            "folders": [str(path) for path in sorted(machines.glob("*"))] + [str(p) for p in self._clouds()],
        }

    def _clouds(self) -> list[Path]:
        return [self.state / "clouds"] if (self.state / "clouds").exists() else []

    def _sweep_halves(self) -> None:
        """Remove machines that a killed command left half made or half removed."""
        for path in (self.state / "machines").glob(".*"):
            shutil.rmtree(path)

    def down(self) -> None:
        """Remove all machines and networks, also what killed commands and keepers left; images and packages stay."""
        with self.changing():
            # Keepers first, so that nobody starts a machine again.
            for group in sorted(ControlGroup.all(self.prefix), key=lambda group: "keeper-" not in group.name):
                group.kill()
            for mount in self.leftovers()["mounts"]:
                command("umount", mount)
            for namespace in namespaces(self.prefix):
                remove_namespace(namespace)
            for path in (self.state / "machines", self.state / "clouds"):
                if path.exists():
                    shutil.rmtree(path)
            for counter in self.state.glob(".number-*"):
                counter.unlink()
            for path in NSPAWN_PROPAGATE.glob(f"{self.prefix}*"):
                path.rmdir()  # systemd-nspawn removes it itself only where /run is a tmpfs


def images_json(definition: Mapping[str, object]) -> bytes:
    """Return a definition as it is written."""
    import json

    return json.dumps(definition, indent=1).encode()


__all__ = ["CLOUDS", "Lab"]
