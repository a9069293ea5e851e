"""The networks: one network namespace per cloud with a bridge, one per machine with its network card."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .certificates import AUTHORITY, ensure_authority
from .cloud import Cloud
from .control_group import ControlGroup
from .errors import LabError, LabTimeout
from .host import command, environment
from .services import BRIDGE

NAMESPACES = Path("/run/netns")
PROJECT = Path(__file__).resolve().parent.parent
COMPLETE = "complete"


def program(module: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment that run one of this package's modules as a process of its own."""
    path = environment().get("PYTHONPATH")
    return [sys.executable, "-m", module], {
        **environment(),
        "PYTHONPATH": f"{PROJECT}:{path}" if path else str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def namespaces(prefix: str) -> list[str]:
    """Return the names of the lab's network namespaces."""
    return sorted(path.name for path in NAMESPACES.glob(f"{prefix}*"))


def remove_namespace(name: str) -> None:
    """Remove a network namespace, or the empty file that one leaves when the computer restarts."""
    command("ip", "netns", "delete", name, check=False)
    (NAMESPACES / name).unlink(missing_ok=True)


def _batch(namespace: str, *lines: str) -> None:
    command("ip", "-n", namespace, "-batch", "-", input="\n".join(lines) + "\n")


class CloudNetwork:
    """The network of one cloud and the process with its services; both are made when they are missing.

    Args:
        cloud: whose network.
        prefix: of the names on this computer.
        state: the lab's folder of state.
        archive: the folder of the package archive.
    """

    def __init__(self, cloud: Cloud, prefix: str, state: Path, archive: Path) -> None:
        self.cloud, self.state, self.archive = cloud, state, archive
        self.namespace = f"{prefix}{cloud.name}.cloud"
        self.folder = state / "clouds" / cloud.name
        self.group = ControlGroup(f"{prefix}{cloud.name}.services")

    def ensure(self) -> None:
        """Bring up network and services unless they are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ensure_authority(self.state / AUTHORITY)
        if COMPLETE not in command("ip", "-n", self.namespace, "link", "show", BRIDGE, check=False):
            self._make()
        if not self.serving:
            self._serve()

    @property
    def serving(self) -> bool:
        """Tell whether the cloud's services run."""
        return (self.folder / "ready").exists() and bool(self.group.processes())

    def _make(self) -> None:
        self.group.kill()
        remove_namespace(self.namespace)
        command("ip", "netns", "add", self.namespace)
        _batch(
            self.namespace,
            "link set lo up",
            f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0",
            # A bridge takes its address from its ports unless told: as machines come and go, others would lose it.
            f"link set {BRIDGE} address 0e:ff:00:00:00:01",
            f"addr add {self.cloud.gateway}/24 dev {BRIDGE}",
            *(f"addr add {address}/32 dev lo" for address in self.cloud.service_addresses),
            f"link set {BRIDGE} up",
            f"link set {BRIDGE} alias {COMPLETE}",
        )

    def _serve(self, seconds: float = 30) -> None:
        (self.folder / "ready").unlink(missing_ok=True)
        log = self.folder / "services.log"
        self.group.create()
        argv, env = program("lab.services")
        enter = ["nsenter", f"--net={NAMESPACES / self.namespace}"]
        places = [self.cloud.name, self.state / "machines", self.folder, self.archive]
        self.group.detach([*enter, *argv, *map(str, places)], log, env)
        end = time.monotonic() + seconds
        while not (self.folder / "ready").exists():
            if not self.group.processes() and not (self.folder / "ready").exists():
                raise LabError(f"the services of {self.cloud.name} have ended: {log.read_text()[-1500:]}")
            if time.monotonic() > end:
                raise LabTimeout(f"the services of {self.cloud.name} do not listen: {log.read_text()[-1500:]}")
            time.sleep(0.02)

    def obey_outage(self, address: str, mode: str) -> None:
        """Let the metadata service's answers through to a machine, or lose them on the way."""
        rules = command("ip", "-n", self.namespace, "rule", "list", check=False).splitlines()
        for service in self.cloud.service_addresses:
            rule = f"from {service} to {address} ipproto tcp sport 80 type blackhole".split()
            there = any(f"from {service} to {address} " in line for line in rules)
            wanted = mode in ("drop", "refuse")
            if wanted != there:
                command("ip", "-n", self.namespace, "rule", "add" if wanted else "delete", *rule)

    def connect(self, namespace: str, mac: str, number: int) -> None:
        """Give a machine its network namespace with a network card in this cloud, unless it has them."""
        port = f"port{number}"
        if (NAMESPACES / namespace).exists():
            card = command("ip", "-n", namespace, "link", "show", "eth0", check=False)
            if mac in card and COMPLETE in command("ip", "-n", self.namespace, "link", "show", port, check=False):
                return
            remove_namespace(namespace)
        command("ip", "-n", self.namespace, "link", "delete", port, check=False)
        command("ip", "netns", "add", namespace)
        command("ip", "-n", namespace, "link", "set", "lo", "up")
        _batch(
            self.namespace,
            f"link add {port} type veth peer name eth0 netns {namespace} address {mac}",
            f"link set {port} master {BRIDGE} up",
            f"link set {port} alias {COMPLETE}",
        )


def reset_card(namespace: str) -> None:
    """Take the network card of a machine down, as a power-on does.

    The namespace outlives the machine: the card still has its address then, and cloud-init takes it for configured.
    """
    command("ip", "-n", namespace, "link", "set", "eth0", "down")
    command("ip", "-n", namespace, "addr", "flush", "dev", "eth0")
