"""Deploy one VM component on fake machines, with the embedded run or with the real engine."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lab import engine, project, pulumi_cli
from lab.laboratory import Lab
from startup import Shell, StartupScript, fingerprint, render

from .fake_machines import FakeLab, FakeMachine

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})  # the real engine runs it where this checkout is not known
import json
from pathlib import Path
import pulumi
from components import vm_on
from tests.lab.one_vm import definition

given = json.loads(Path("given.json").read_text())
vm, args = vm_on(given["cloud"])
made = vm("web", args(startup=definition(given["steps"]), **given["arguments"]))
pulumi.export("id", made.id)
"""
CONFIG = """
config:
  aws:region: eu-central-1
  gcp:project: local
  gcp:zone: europe-west3-a
  azure-native:location: westeurope
"""
PLUGIN = """
import sys
from pathlib import Path
from lab.clouds import provider
from lab.providers.service import serve
from tests.lab.fake_machines import FakeLab
lab = FakeLab(Path(sys.argv[1]))
serve(provider(sys.argv[2], lab, lab.state, {"region": "eu-central-1", "project": "local", "zone": "europe-west3-a"}))
"""


def definition(steps: Mapping[str, str]) -> StartupScript:
    """Return a startup script of shell steps, by name."""
    return StartupScript("site", first_boot=[Shell(name, script=text) for name, text in steps.items()])


def write_plugin(lab: FakeLab, path: Path, package: str) -> None:
    """Write the plugin of a package whose machines are fakes, in place of `lab.pulumi_cli`'s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = shlex.join([sys.executable, "-c", PLUGIN, str(lab.state), package])
    path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {argv}\n")
    path.chmod(0o755)


@dataclass(frozen=True, slots=True)
class Did:
    """What a deployment did: operations on VM, steps and awaited result, whether it went well, and what it said."""

    vm: str
    steps: str
    result: str
    ok: bool
    said: str


class OneVm:
    """A program with one VM, `web`, whose steps and arguments change from deployment to deployment.

    Args:
        folder: A folder of the test.
        cloud: The VM's cloud.
        pulumi: Path of the real command; the embedded run when not given.
    """

    def __init__(self, folder: Path, cloud: str, pulumi: str | None = None) -> None:
        self.cloud, self.pulumi = cloud, pulumi
        self.folder, self.lab = folder / "program", FakeLab(folder / "state")
        self.folder.mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
        (self.folder / "Pulumi.local.yaml").write_text(CONFIG)
        (self.folder / "__main__.py").write_text(PROGRAM)

    def up(self, steps: Mapping[str, str], *, fails: bool = False, **arguments: Any) -> Did:
        """Deploy; the machine that boots with these steps reports ok, or that one failed."""
        self.write(steps, fails=fails, **arguments)
        return self._with_the_engine() if self.pulumi else self._embedded()

    def preview(self, steps: Mapping[str, str], **arguments: Any) -> str:
        """Return what `pulumi preview --diff` prints."""
        self.write(steps, **arguments)
        return self.run("preview", "--diff")

    def run(self, *arguments: str) -> str:
        """Run a command of the real engine on the deployed stack; return what it prints."""
        said: list[str] = []
        config = self._lab.state / "engine" / "pulumi" / "Pulumi.local.yaml"
        options = ["--stack", "local", "--config-file", str(config)]
        pulumi_cli.run(
            str(self.pulumi), self._lab, project.read(self.folder, "local"), [*arguments, *options], said.append
        )
        return "\n".join(said)

    def write(self, steps: Mapping[str, str], *, fails: bool = False, **arguments: Any) -> None:
        """Make steps and arguments those of the program."""
        given = {"cloud": self.cloud, "steps": dict(steps), "arguments": arguments}
        (self.folder / "given.json").write_text(json.dumps(given))
        script = definition(steps)
        payload = render(script, {}, cast(Any, self.cloud)).content
        self.lab.expect(payload, fingerprint(script), fails=fails)

    @property
    def machine(self) -> FakeMachine:
        """Return the newest machine."""
        return max(self.lab.machines(), key=lambda machine: machine._path.stat().st_ctime_ns)

    @property
    def other_size(self) -> dict[str, Any]:
        """Return the argument that gives the VM another size than by default."""
        sizes = {"aws": ("instance_type", "t3.small"), "gcp": ("machine_type", "e2-small"), "azure": ("vm_size", "Standard_B2s")}
        return dict([sizes[self.cloud]])

    @property
    def _lab(self) -> Lab:
        return cast(Lab, self.lab)

    def _embedded(self) -> Did:
        outcome, error = engine.embedded_up(self._lab, project.read(self.folder, "local"), lambda what, name: None)
        done = {name: what for name, _, what in outcome.done if what in _WORDS.values()}
        said = "\n".join([*(text for _, text in outcome.failures), error or ""])
        ok = error is None and not outcome.failures
        vm, steps, result = (done.get(name, "same") for name in _NAMES)
        return Did(vm, steps, result, ok, said)

    def _with_the_engine(self) -> Did:
        lines: list[str] = []
        ok = pulumi_cli.up(str(self.pulumi), self._lab, project.read(self.folder, "local"), lines.append)
        text = "\n".join(lines)
        vm, steps, result = (_operation(text, name) for name in _NAMES)
        return Did(vm, steps, result, ok, text)


_NAMES = ("web-vm", "web-steps", "web-result")
_WORDS = {"created": "create", "updated": "update", "replaced": "replace"}


def _operation(text: str, name: str) -> str:
    """Return what the engine did with a resource, by its last line on it."""
    found = re.findall(rf"^ *\S+ +\S+ {name} (\w+) \([\d.]+s\)", text, re.MULTILINE)
    done = [_WORDS[word] for word in found if word in _WORDS]
    return "replace" if "replace" in done else done[-1] if done else "same"
