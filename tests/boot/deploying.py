"""Deploy a story's program in its cloud, as a user does: with the real engine or with the embedded run.

The embedded run is a process of its own (`python -m tests.boot.deploying STATE PREFIX FOLDER`), as a program is run as
its process's main program, and stories happen side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab import consoles, program, project, pulumi_cli
from lab.clouds import PACKAGES, provider
from lab.deployment import Deployment
from lab.embedded import Monitor
from lab.laboratory import Lab

from ..checkout import ROOT
from .clouds import Cloud

STACK = "local"
PLACES = {
    "aws:region": "eu-central-1",
    "gcp:project": "local",
    "gcp:zone": "europe-west3-a",
    "azure-native:location": "westeurope",
}
EXPORT = "export.json"


class Project:
    """A Pulumi program for one VM in a story's cloud, with a folder of its own.

    Args:
        cloud: The cloud, whose name the program finds in its configuration as `cloud`, and the VM's name as `vm`.
        main: The program's text.
        pulumi: Path of the real command; the embedded run when not given.
    """

    def __init__(self, cloud: Cloud, main: str, pulumi: str | None = None) -> None:
        self.lab, self.pulumi, self.name = cloud.lab, pulumi, cloud.new_name()
        self.folder = cloud.lab.state / "programs" / self.name
        self.folder.mkdir(parents=True)
        self.config = {"cloud": cloud.name, "vm": self.name, **PLACES}
        (self.folder / "Pulumi.yaml").write_text(f"name: {self.name}\nruntime: python\n")
        known = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"  # for the engine, which is told of no checkout
        (self.folder / "__main__.py").write_text(known + main)
        self._write_config()
        if pulumi:
            assert self.run("stack", "init", STACK)[0]

    def up(self, **config: str) -> tuple[bool, str]:
        """Deploy with these values in the configuration; return whether all went well, and what was said."""
        self.config |= config
        self._write_config()
        if self.pulumi:
            return self.run("up", "--yes", "--skip-preview", "--stack", STACK)
        command = [sys.executable, "-m", "tests.boot.deploying", str(self.lab.state), self.lab.prefix, str(self.folder)]
        return self._call(command, os.environ)

    def run(self, *arguments: str) -> tuple[bool, str]:
        """Run a command of the real engine; return whether it went well, and what it printed."""
        said: list[str] = []
        subject = project.read(self.folder, STACK)
        return pulumi_cli.run(str(self.pulumi), self.lab, subject, arguments, said.append), "\n".join(said)

    def components(self, *arguments: str) -> tuple[bool, str]:
        """Run `python -m components` for what is deployed; return whether it ended with 0, and what it printed."""
        if self.pulumi:
            assert self.run("stack", "export", "--stack", STACK, "--file", str(self.folder / EXPORT))[0]
        command = [sys.executable, "-m", "components", *arguments, "--export", str(self.folder / EXPORT)]
        with consoles.serving(self.lab, self.lab.state) as variables:
            return self._call(command, consoles.environment(os.environ, variables))

    def _call(self, command: list[str], environment: Any) -> tuple[bool, str]:
        variables = {**environment, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr

    def _write_config(self) -> None:
        path = self.folder / f"Pulumi.{STACK}.yaml"
        text = path.read_text() if path.exists() else ""
        salt = [line for line in text.splitlines() if line.startswith("encryption")]  # what the command notes there
        path.write_text("\n".join([f"config: {json.dumps(self.config)}", *salt, ""]))


def main(state: str, prefix: str, folder: str) -> str | None:
    """Deploy with the embedded run, and return what went wrong."""
    lab, subject = Lab(Path(state), prefix), project.read(Path(folder), STACK)
    providers = {name: provider(name, lab, lab.state, project.settings_of(subject, name)) for name in PACKAGES}
    deployment = Deployment(Path(folder) / "deployed.json")
    monitor = Monitor(providers, deployment, preview=False, progress=lambda what, name: None)
    with consoles.at_hand(lab, lab.state):
        run = program.run(subject, monitor, preview=False)
    monitor.finish(whole=run.error is None and not monitor.outcome.failures)
    (Path(folder) / EXPORT).write_text(json.dumps(deployment.export()))
    if run.error is not None:
        return program.explain(run.error, subject.folder)
    return "\n".join(what for _, what in monitor.outcome.failures) or None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
