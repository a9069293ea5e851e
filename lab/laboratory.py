"""The lab: all machines and networks that there are, kept in files, whichever process made them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import archive, disk, host
from . import image as images
from .certificates import AUTHORITY, ensure_authority
from .clouds import CLOUDS, cloud_named
from .control_group import ControlGroup
from .errors import LabError, LabUsageError
from .host import command, write_atomically
from .machine import NAME, Machine, new_definition
from .network import CloudNetwork, namespaces, remove_namespace

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
        self.command_lock: int | None = None
        self.prefix = prefix or os.environ.get("EVENBOOT_LAB_PREFIX") or "eb-"
        if not re.fullmatch(r"[a-z0-9]{1,8}-", self.prefix):
            raise LabError(
                f"prefix {self.prefix!r} is not of the form 'abc-' (at most 8 letters and digits, and a dash)"
            )
        # The rest are limits of the options of overlay mounts.
        if not re.fullmatch(rf"[\w./-]{{1,{LONGEST_STATE}}}", str(self.state)):
            raise LabError(f"state folder {self.state}: at most {LONGEST_STATE} letters, digits, '.', '-', '_' and '/'")
        self._held = threading.local()

    def check(self) -> None:
        """Raise `LabError` with one clear text if this computer cannot run the lab."""
        host.check(self.state)

    def close(self) -> None:
        """Let nobody but root into state and images, as far as there are such: older versions let everybody in.

        That, and no mode further below, is what keeps other users of this computer from a machine's files, of which some
        make root of whoever runs them.
        """
        for folder in (self.state, images.cache_folder()):
            host.close(folder)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lab's lock: changes of its files, mounts and networks are one after another."""
        if getattr(self._held, "depth", 0):
            yield
            return
        self._make()
        with (self.state / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._held.depth = 1
            try:
                self._sweep_halves()
                yield
            finally:
                self._held.depth = 0

    @contextmanager
    def commanding(
        self, what: str, waiting: Callable[[str], None] = lambda text: None, healing: bool = True
    ) -> Iterator[None]:
        """Hold the lock of whole commands, such as `up`, and start again what has died.

        Args:
            what: the command, for others to see.
            waiting: told once if another command is at work.
            healing: False leaves alone what has died.
        """
        self._make()
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
            if healing:
                for healed in self.heal():
                    waiting(f"started again: {healed}")
            # What may outlive a killed command and goes on changing the lab holds the lock, too.
            self.command_lock = lock.fileno()
            try:
                yield
            finally:
                self.command_lock = None

    def _make(self) -> None:
        _must_be_root()
        host.make_closed(self.state)

    def at_work(self) -> str | None:
        """Return the command that holds the lock of whole commands now."""
        try:
            with (self.state / "command").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return (self.state / "command").read_text().strip()
        return None

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
            raise LabUsageError(f"there is no machine {name!r}; {there}")
        return Machine(self, name)

    def create(
        self,
        cloud: str,
        name: str,
        *,
        payload: bytes | None,
        image: str = images.USUAL,
        attributes: Mapping[str, str] = {},
        address: str | None = None,
        disk_mib: int | None = None,
    ) -> Machine:
        """Define a machine, still off, with a new disk.

        Args:
            cloud: "aws", "gcp" or "azure".
            name: letters, digits and dashes; no other machine of the lab may have it.
            payload: what the metadata service hands out: user data on aws and azure, the startup-script on gcp.
            image: "debian-12" or "debian-13", which `lab.image.ensure` must have built.
            attributes: further metadata (gcp).
            address: one that `free_address` gave; None: the next free one.
            disk_mib: what the machine can write before its disk is full, and then in memory; None: no limit.
        """
        layers = [str(path) for path in images.layers(image, cloud_named(cloud).name)]
        return self.create_from(
            cloud,
            name,
            payload=payload,
            image=image,
            attributes=attributes,
            layers=layers,
            address=address,
            disk_mib=disk_mib,
        )

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
        address: str | None = None,
        disk_mib: int | None = None,
    ) -> Machine:
        """Define a machine whose disk is the given layers, the top one first, and a copy of `upper`."""
        if not NAME.fullmatch(name):
            raise LabError(f"machine name {name!r}: letters, digits and dashes, at most 47")
        cloud_named(cloud).check_payload(payload)
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
                authority = ensure_authority(self.state / AUTHORITY)
                disk.adapt(partial / "upper", [Path(layer) for layer in layers], cloud, name, authority)
                number = self._number(cloud, address) if address else self._free_number(cloud)
                definition = new_definition(cloud, name, number, image, layers, disk_mib)
                definition["attributes"] = dict(attributes)
                write_atomically(partial / "instance.json", json.dumps(definition, indent=1).encode())
                if payload is not None:
                    write_atomically(partial / "payload", payload)
                partial.rename(machines / name)
            finally:
                if partial.exists():
                    shutil.rmtree(partial)
        return Machine(self, name)

    def free_address(self, cloud: str) -> str:
        """Return an address of a cloud's network that no machine has; the next call returns another one."""
        with self.changing():
            return f"{cloud_named(cloud).network}.{self._free_number(cloud)}"

    def _used_numbers(self, cloud: str) -> set[int]:
        return {machine.definition["number"] for machine in self.machines() if machine.cloud == cloud}

    def _number(self, cloud: str, address: str) -> int:
        network, _, number = address.rpartition(".")
        if network != cloud_named(cloud).network or not number.isdecimal() or int(number) not in NUMBERS:
            raise LabError(f"address {address!r} is not one of {cloud}: Lab.free_address gives one")
        if int(number) in self._used_numbers(cloud):
            raise LabError(f"address {address} belongs to another machine of {cloud}")
        return int(number)

    def _free_number(self, cloud: str) -> int:
        used = self._used_numbers(cloud)
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
            "nspawn folders": disk.nspawn_folders(self.prefix),
            "half images": [str(path) for path in images.halves()],
            "files half written": [str(path) for path in (*self._half_files(), *archive.halves())],
            "temporary folders": [str(path) for path in self._temporary_folders()],
            "folders": [str(path) for path in sorted(machines.glob("*"))] + [str(p) for p in self._clouds()],
        }

    def strays(self) -> dict[str, list[str]]:
        """Return what is left on this computer that belongs to no machine and no network of the lab, by kind."""
        machines = self.machines()
        clouds = [self.network(cloud) for cloud in CLOUDS if (self.state / "clouds" / cloud).exists()]
        known = {
            "control groups": {m.group.name for m in machines} | {m.keeper_group.name for m in machines},
            "mounts": {str(machine.folder / place) for machine in machines for place in ("root", "small")},
            "network namespaces": {m.host_name for m in machines} | {cloud.namespace for cloud in clouds},
            "nspawn folders": {machine.host_name for machine in machines},
            "half images": set[str](),
            "files half written": set[str](),
            "temporary folders": set[str](),
            "folders": {str(machine.folder) for machine in machines} | {str(self.state / "clouds")},
        }
        known["control groups"] |= {cloud.group.name for cloud in clouds}
        left = self.leftovers()
        strays = {kind: [name for name in left[kind] if name not in known[kind]] for kind in known}
        strays["processes"] = [
            text for text in left["processes"] if text.split()[1][1:-1] not in known["control groups"]
        ]
        return {kind: found for kind, found in strays.items() if found}

    def _half_files(self) -> list[Path]:
        return sorted(self.state.glob("..number-*.new"))

    def _temporary_folders(self) -> Iterator[Path]:
        return host.abandoned((path, path) for path in self.state.glob(f"{host.TEMPORARY}*"))

    def _clouds(self) -> list[Path]:
        return [self.state / "clouds"] if (self.state / "clouds").exists() else []

    def _sweep_halves(self) -> None:
        """Remove machines that a killed command left half made or half removed."""
        for path in (self.state / "machines").glob(".*"):
            shutil.rmtree(path)

    def down(self, progress: Callable[[str], None] = lambda text: None) -> None:
        """Remove all machines and networks, also what killed commands and keepers left; images and packages stay."""
        for machine in self.machines():
            progress(f"removing {machine.name}")
        with self.changing():
            # Again until there is none: a keeper may be about to start a machine while this looks.
            while groups := ControlGroup.all(self.prefix):
                for group in sorted(groups, key=lambda group: not group.name.endswith(".keeper")):
                    group.kill()
            left = self.leftovers()
            for mount in left["mounts"]:
                disk.unmount(Path(mount))
            for namespace in namespaces(self.prefix):
                remove_namespace(namespace)
            for path in (self.state / "machines", self.state / "clouds"):
                if path.exists():
                    shutil.rmtree(path)
            for path in (*self.state.glob(".number-*"), *self._half_files(), *archive.halves(), *self._temporary_folders()):
                host.remove(path)
            for name in left["nspawn folders"]:
                disk.remove_nspawn_folders(name)
            images.remove_halves()


def _must_be_root() -> None:
    if os.geteuid():
        raise LabError("the local cloud needs root for mounts and network namespaces: call it with sudo")


__all__ = ["Lab"]
