"""What stands in a machine for the world around it: programs, downloads, packages and services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..rules import unit_of
from .root import Root

CALLS = "stand-ins/calls"
WRAPPER = """#!/bin/sh
printf '%s\\n' "$*" >>/stand-ins/calls/{name}
exec /stand-ins/programs/{name} "$@"
"""


class StandIns(Root):
    """The stand-ins of a machine: to set up before a boot, and to look at after it."""

    def stand_in(self, name: str, script: str = "exit 0") -> None:
        """Put a program there for one that a step calls and that the machine does not have.

        Args:
            name: Its name, as steps call it.
            script: A shell text, or a text with a shebang of its own. `calls` has each call, whatever it does.

        Example:
            machine.stand_in("nginx", 'echo "syntax is ok"')
        """
        if not name or "/" in name:
            raise ValueError(f"{name!r} is not the name of a program; machine.write puts a file at a path")
        text = script if script.startswith("#!") else f"#!/bin/sh\n{script}\n"
        for path, content in ((f"stand-ins/programs/{name}", text), (f"usr/local/bin/{name}", WRAPPER.format(name=name))):
            self._put(path, content.encode(), 0o755)
        self._put(f"{CALLS}/{name}", b"", 0o666)

    def calls(self, name: str) -> list[str]:
        """Return the arguments of each call of a stand-in, one text a call, in order."""
        file = self.sees / CALLS / name
        return file.read_text(errors="replace").splitlines() if file.is_file() else []

    def serve(self, url: str, content: str | bytes) -> None:
        """Let `curl` and `wget` answer an address with a content; every other address fails, as there is no network."""
        index = self.sees / "stand-ins/served/index"
        index.parent.mkdir(parents=True, exist_ok=True)
        known = index.read_text().splitlines() if index.exists() else []
        known = [line for line in known if line.partition(" ")[2] != url]
        number = 1 + max((int(line.partition(" ")[0]) for line in known), default=0)
        (index.parent / str(number)).write_bytes(content.encode() if isinstance(content, str) else content)
        index.write_text("".join(f"{line}\n" for line in [*known, f"{number} {url}"]))

    def package(self, name: str, *, services: Iterable[str] | None = None, files: Mapping[str, str] | None = None) -> None:
        """Say what a package brings when it is installed. A package of which nothing is said brings a service of its name.

        Args:
            name: The package.
            services: Its services, which are started when it is installed, as on Debian.
            files: Its files' texts by their absolute paths.

        Example:
            machine.package("openssh-server", services=["ssh"], files={"/etc/ssh/sshd_config": ""})
        """
        folder = f"stand-ins/offered/{name}"
        self._put(f"{folder}/services", "".join(f"{unit_of(one)}\n" for one in services or ()).encode(), 0o644)
        for path, text in (files or {}).items():
            self._put(f"{folder}/files/{path.lstrip('/')}", text.encode(), 0o644)

    def known_service(self, name: str) -> None:
        """Let systemd know a service that the image brings."""
        self._put(f"etc/known/{unit_of(name)}", b"", 0o644)

    @property
    def packages(self) -> set[str]:
        """The names of the packages that are installed."""
        return {path.name for path in (self.sees / "stand-ins/packages").glob("*")}

    @property
    def services(self) -> dict[str, str]:
        """Each service that systemd was told to enable or to start: `enabled`, `running`, `enabled, running`."""
        enabled = {path.name for path in (self.sees / "etc/enabled").glob("*")}
        running = {path.name.removesuffix(".active") for path in (self.sees / "run/systemctl").glob("*.active")}
        states = (("enabled", enabled), ("running", running))
        return {
            unit.removesuffix(".service"): ", ".join(word for word, units in states if unit in units)
            for unit in sorted(enabled | running)
        }

    def _put(self, path: str, content: bytes, mode: int) -> None:
        file = self.sees / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
