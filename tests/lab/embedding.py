"""Deploy small programs with the embedded run, on fake machines; as a command for tests that kill it."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any, cast

from lab import engine, project
from lab.deployment import Deployment
from lab.embedded import Outcome
from lab.laboratory import Lab

from .fake_machines import FakeLab

HEAD = """
import pulumi

def add(name, properties=None, token="aws:iam/role:Role", **options):
    return pulumi.CustomResource(token, name, properties or {}, pulumi.ResourceOptions(**options))

def role(name, **properties):
    options = {key: properties.pop(key) for key in list(properties) if key.startswith("_")}
    options = {key[1:]: value for key, value in options.items()}
    return add(name, {"assumeRolePolicy": "{}", **properties}, **options)

def vm(name, payload="one", ami=AMI, **options):
    import base64
    data = base64.b64encode(payload.encode()).decode()
    inputs = {"ami": ami, "userDataBase64": data, "tags": {"Name": name}}
    return add(name, inputs, "aws:ec2/instance:Instance", **options)
"""


class Cloud:
    """An account of the local cloud whose machines are fakes, in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "program"
        self.program.mkdir(parents=True, exist_ok=True)
        self.lab = FakeLab(folder / "state")

    def write(self, text: str) -> None:
        """Make the given text the program."""
        from lab.aws.provider import IMAGES

        head = HEAD.replace("AMI", repr(next(iter(IMAGES))))
        (self.program / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (self.program / "__main__.py").write_text(head + textwrap.dedent(text))

    def up(self, text: str | None = None) -> tuple[Outcome, str | None]:
        """Deploy the program."""
        if text is not None:
            self.write(text)
        subject = project.read(self.program, "local")
        return engine.embedded_up(cast(Lab, self.lab), subject, lambda what, name: None)

    def done(self, text: str | None = None) -> list[str]:
        """Deploy the program, which must go well, and return what was done beside keeping: "create web"."""
        outcome, error = self.up(text)
        assert (error, outcome.failures) == (None, [])
        return [f"{what} {name}" for name, _, what in outcome.done if what != "same"]

    def failures(self, text: str | None = None) -> dict[str, str]:
        """Deploy the program, and return what failed by name of the resource."""
        outcome, error = self.up(text)
        assert error is None
        return {name.partition(" ")[0]: message for name, message in outcome.failures}

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.lab.state / "engine" / "embedded.json")

    def entry(self, name: str) -> Any:
        """Return the entry of the resource of this name."""
        return next(entry for entry in self.deployment.entries if entry.name == name)

    @property
    def names(self) -> list[str]:
        """Return the names of all that is deployed."""
        return sorted(entry.name for entry in self.deployment.entries)


if __name__ == "__main__":
    Cloud(Path(sys.argv[1])).up()
