"""Stand in for the machine layer: machines that are files and boot at once, so that providers are tested in no time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

from lab.clouds import cloud_named
from lab.errors import LabError
from tests.results import WHOLE


def text(payload: bytes | None) -> str | None:
    """Return a payload as text that has all of its bytes."""
    return None if payload is None else payload.decode(errors="surrogateescape")


class FakeMachine:
    """One machine: a JSON file; `events` lists what was done to it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.name}.json"

    def _get(self, key: str) -> Any:
        return json.loads(self._path.read_text())[key]

    def _set(self, event: str, **fields: Any) -> None:
        content = json.loads(self._path.read_text())
        self._path.write_text(json.dumps({**content, **fields, "events": [*content["events"], event]}))

    @property
    def instance_id(self) -> str:
        return self._get("instance_id")

    @property
    def address(self) -> str:
        return self._get("address")

    @property
    def state(self) -> str:
        return self._get("state")

    @property
    def image(self) -> str:
        return self._get("image")

    @property
    def attributes(self) -> dict[str, str]:
        return self._get("attributes")

    @property
    def events(self) -> list[str]:
        return [event for event in self._get("events") if event != "result"]

    @property
    def boots(self) -> int:
        return self._get("boots")

    @property
    def ready(self) -> bool:
        return self.state == "running"

    @property
    def payload(self) -> str | None:
        return self._get("payload")

    def start(self) -> None:
        if (self.folder / "does-not-boot").exists():
            raise LabError(f"machine {self.name} does not boot within 30 s")
        while (self.folder / "boots-slowly").exists():
            (self.folder / "booting").touch()
            time.sleep(0.02)
        boots = self.boots + 1
        self._set("start", state="running", boots=boots)
        if (self.folder / "tells-nothing").exists():
            return
        told = self.told
        failing = (self.folder / "step-fails").exists() or told.get("fails", False)
        step = {"name": "warm", "list": "every_boot", "outcome": "failed" if failing else "ran", "seconds": 0.1}
        result = {
            **WHOLE,
            "result": "failed" if failing else "ok",
            "failed_step": "warm" if failing else None,
            "exit_code": 3 if failing else None,
            "output": ["cannot warm"] if failing else [],
            "fingerprint": told.get("fingerprint", WHOLE["fingerprint"]),
            "boot": "first" if boots == 1 else "later",
            "boot_id": f"{self.instance_id}-{boots}",
            "steps": [step],
        }
        self._set("result", results=[*self.results(), result])

    @property
    def told(self) -> dict[str, Any]:
        """Return what `FakeLab.expect` said of the payload that the machine has now."""
        payload = (self.payload or "").encode(errors="surrogateescape")
        path = self.folder / f"{sha256(payload).hexdigest()}.expected"
        return json.loads(path.read_text()) if path.exists() else {}

    def results(self) -> list[dict[str, Any]]:
        return self._get("results")

    def console(self) -> str:
        results = [f"evenboot: result {json.dumps(result)}" for result in self.results()]
        return "\n".join(["boot", *results, "evenboot: step 'warm' ok (0.1 s)", ""])

    def stop(self) -> None:
        self._set("stop", state="stopped")

    def reboot(self) -> None:
        self._set("reboot")
        self.start()

    def cut_power(self) -> None:
        self._set("cut power", state="stopped")

    def delete(self) -> None:
        self._path.unlink()

    def set_payload(self, payload: bytes | None, /) -> None:
        self._set("payload", payload=text(payload))

    def set_attributes(self, attributes: Mapping[str, str], /) -> None:
        self._set("attributes", attributes=dict(attributes))


class FakeLab:
    """A lab whose machines are fakes; `state` is a folder of the test."""

    prefix = "tst-"
    command_lock = None

    def __init__(self, state: Path) -> None:
        self.state, self.folder = state, state / "fake"
        self.folder.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        pass

    def commanding(self, what: str, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        return nullcontext()

    def machines(self) -> list[FakeMachine]:
        return [FakeMachine(self.folder, path.stem) for path in sorted(self.folder.glob("*.json"))]

    def machine(self, name: str) -> FakeMachine:
        return next(machine for machine in self.machines() if machine.name == name)

    def create(
        self,
        cloud: str,
        name: str,
        *,
        payload: bytes | None,
        image: str = "debian-12",
        attributes: Mapping[str, str] = {},
        address: str | None = None,
    ) -> FakeMachine:
        if (self.folder / "refuses").exists():
            raise LabError((self.folder / "refuses").read_text())
        content = {
            "cloud": cloud,
            "instance_id": cloud_named(cloud).new_identity()[0],
            "payload": text(payload),
            "image": image,
            "attributes": dict(attributes),
            "address": address or self.free_address(cloud),
            "state": "stopped",
            "events": [],
            "boots": 0,
            "results": [],
        }
        (self.folder / f"{name}.json").write_text(json.dumps(content))
        return FakeMachine(self.folder, name)

    def expect(self, payload: bytes, fingerprint: str, *, fails: bool = False) -> None:
        """Say what machines report that boot with a payload, which they cannot read."""
        path = self.folder / f"{sha256(payload).hexdigest()}.expected"
        path.write_text(json.dumps({"fingerprint": fingerprint, "fails": fails}))

    def free_address(self, cloud: str, /) -> str:
        return f"10.9.0.{len(self.machines()) + 10}"
