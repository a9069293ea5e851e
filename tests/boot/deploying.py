"""Deploy one VM whose script exceeds its slot with the embedded run: `python -m tests.boot.deploying STATE PREFIX CLOUD VM TEXT`.

A process of its own, as a program is run as this process's main program, and stories happen side by side.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from lab import program
from lab.deployment import Deployment
from lab.embedded import Monitor
from lab.machine import Lab
from lab.program import Program
from lab.providers import PROVIDERS, provider

PROGRAM = """
import random
import pulumi
from components import vm_on
from startup import Shell, StartupScript

config = pulumi.Config()
filler = random.Random(5).randbytes(150_000).hex()
definition = StartupScript(
    "large",
    first_boot=[Shell("once", script=f"echo once {config.require('text')} >>/done\\n# {filler}\\n")],
    every_boot=[Shell("always", script="echo always >>/done")],
)
vm, args = vm_on(config.require("cloud"))
vm(config.require("vm"), args(startup=definition, overflow=True))
"""
PLACES = {"aws:region": "eu-central-1", "gcp:zone": "europe-west3-a", "azure-native:location": "westeurope"}


def main(state: str, prefix: str, cloud: str, vm: str, text: str) -> str | None:
    """Deploy, and return what went wrong."""
    lab = Lab(Path(state), prefix)
    config = {"project:cloud": cloud, "project:vm": vm, "project:text": text, **PLACES}
    settings = {"aws": {"region": "eu-central-1"}}
    providers = {name: provider(name, lab, lab.state, settings.get(name)) for name in PROVIDERS}
    deployment = Deployment(lab.state / "engine" / f"{vm}.json")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "__main__.py").write_text(PROGRAM)
        subject = Program(folder=Path(folder), name="project", stack="local", config=config)
        monitor = Monitor(providers, deployment, preview=False, progress=lambda what, name: None)
        run = program.run(subject, monitor, preview=False)
        monitor.finish(whole=run.error is None and not monitor.outcome.failures)
        if run.error is not None:
            return program.explain(run.error, subject.folder)
    return "\n".join(f"{name}: {what}" for name, what in monitor.outcome.failures) or None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
