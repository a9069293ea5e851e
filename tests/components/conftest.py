"""The three components under Pulumi's mocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import components
from startup import Shell, StartupScript
from startup.testing.deployment import Deployment, deploy

SCRIPT = StartupScript("site", first_boot=[Shell("hello", script="echo hello")])
WITH_VALUE = StartupScript("site", first_boot=[Shell("hello", script='echo "$PEER"', uses=["PEER"])])


@dataclass(frozen=True)
class Kind:
    """One cloud's component, and what differs between the clouds."""

    cloud: str
    vm_type: str
    slot: str
    slot_path: str
    package: str

    def make(self, name: str = "web", opts: Any = None, **arguments: Any) -> Any:
        """Make the component; the definition is a small one unless given."""
        vm, args = components.vm_on(self.cloud)
        return vm(name, args(**{"startup": SCRIPT, **arguments}), opts)

    def deploy(self, name: str = "web", **arguments: Any) -> Deployment:
        """Deploy one VM."""
        return deploy(lambda: _nothing(self.make(name, **arguments)))

    def slot_of(self, deployment: Deployment, name: str = "web") -> Any:
        """Return what the VM's slot holds."""
        value: Any = deployment.resource(f"{name}-vm").properties
        for key in self.slot.split("/"):
            value = value[key]
        return value


KINDS = [
    Kind("aws", "aws:ec2/instance:Instance", "userDataBase64", "userDataBase64", "aws"),
    Kind("gcp", "gcp:compute/instance:Instance", "metadata/startup-script", 'metadata["startup-script"]', "gcp"),
    Kind("azure", "azure-native:compute:VirtualMachine", "userData", "userData", "azure-native"),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.cloud)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each cloud's component in turn."""
    return request.param


def _nothing(vm: object) -> None:
    return None


Deploy = Callable[..., Deployment]
