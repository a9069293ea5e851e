"""One deployment under Pulumi's mocks: what was registered, with which properties and options.

Mocks prove what is asked of a cloud. They do not prove that the cloud accepts it.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import get_root_resource, reset_options
from pulumi.runtime.stack import run_pulumi_func

STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Registered:
    """What Pulumi's engine would have been told about a resource."""

    type: str
    name: str
    parent: str
    properties: dict[str, Any]
    request: Any


@dataclass
class Deployment:
    """What a program has done."""

    registered: list[Registered] = field(default_factory=list)
    looked_up: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None

    def all(self) -> list[tuple[str, str]]:
        """Return type and name of all resources but stack and providers, sorted; one registered twice fails."""
        found = sorted(
            (resource.type, resource.name)
            for resource in self.registered
            if resource.type != STACK and not resource.type.startswith("pulumi:providers:")
        )
        assert len(found) == len(set(found)), f"registered twice: {found}"
        return found

    def resource(self, name: str, kind: str = "") -> Registered:
        """Return the one resource of this name whose type holds `kind`."""
        found = [one for one in self.registered if one.name == name and kind in one.type]
        assert len(found) == 1, (
            f"{len(found)} resources {name} among {[(one.type, one.name) for one in self.registered]}"
        )
        return found[0]

    def children(self, parent: str) -> set[tuple[str, str]]:
        """Return type and name of the resources directly below a parent of this name."""
        return {
            (resource.type, resource.name)
            for resource in self.registered
            if resource.parent.endswith(f"::{parent}") and not resource.parent.split("::")[2].endswith(STACK)
        }


class Recorder(pulumi_mocks.MockMonitor):
    """Keep each raw request, which has all that `MockResourceArgs` leaves out."""

    def __init__(self, mocks: pulumi_mocks.Mocks, deployment: Deployment) -> None:
        super().__init__(mocks)
        self.deployment = deployment

    def RegisterResource(self, request: Any) -> Any:
        properties = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.deployment.registered.append(
            Registered(request.type, request.name, request.parent, dict(properties or {}), request)
        )
        return super().RegisterResource(request)


class Cloud(pulumi_mocks.Mocks):
    """Answer as the three clouds do, as far as the components listen."""

    def __init__(self, deployment: Deployment, found: Mapping[str, Any]) -> None:
        self.deployment = deployment
        self.found = {**FOUND, **found}

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        self.deployment.looked_up.append((args.token, dict(args.args), args.provider))
        return self.found[args.token], []

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        answer = ANSWERS.get(args.typ)
        id = f"/subscriptions/s/containers/{args.name}" if args.typ.endswith(":BlobContainer") else f"{args.name}-id"
        return id, {**args.inputs, **(answer(args.name, args.inputs) if answer else {})}


FOUND: dict[str, Any] = {
    "aws:ssm/getParameter:getParameter": {"insecureValue": "ami-0123456789abcdef0"},
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {"locations": ["eu-central-1b", "eu-central-1a"]},
    "aws:ec2/getSubnets:getSubnets": {"ids": ["subnet-b", "subnet-a"]},
    "aws:ec2/getSubnet:getSubnet": {"vpcId": "vpc-default"},
    "gcp:compute/getSubnetwork:getSubnetwork": {"network": "networks/own"},
    "aws:s3/getBucket:getBucket": {
        "arn": "arn:aws:s3:::own-bucket",
        "bucketRegionalDomainName": "own-bucket.s3.eu-central-1.amazonaws.com",
        "bucketRegion": "eu-central-1",
    },
}


def _gcp_interfaces(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    interface = dict(inputs["networkInterfaces"][0], networkIp="10.70.0.2")
    if interface.get("accessConfigs"):
        interface["accessConfigs"] = [{"natIp": "198.51.100.2"}]
    return {"networkInterfaces": [interface], "instanceId": "4711"}


ANSWERS: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "pulumi:index:Stash": lambda name, inputs: {"output": inputs["input"]},
    "aws:iam/role:Role": lambda name, inputs: {"arn": f"arn:aws:iam::1:role/{name}", "name": f"{name}-1"},
    "aws:iam/instanceProfile:InstanceProfile": lambda name, inputs: {"name": f"{name}-1"},
    "aws:ec2/keyPair:KeyPair": lambda name, inputs: {"keyName": f"{name}-1"},
    "aws:ec2/instance:Instance": lambda name, inputs: {
        "privateIp": "172.31.0.2",
        "publicIp": "198.51.100.1" if inputs["associatePublicIpAddress"] else "",
    },
    "aws:s3/bucket:Bucket": lambda name, inputs: {
        "bucket": f"{name}-1",
        "arn": f"arn:aws:s3:::{name}-1",
        "region": "eu-central-1",
        "bucketRegionalDomainName": f"{name}-1.s3.eu-central-1.amazonaws.com",
    },
    "gcp:storage/bucket:Bucket": lambda name, inputs: {"name": f"{name}-1"},
    "azure-native:storage:StorageAccount": lambda name, inputs: {"name": f"{name}0a1b2c3d"},
    "azure-native:storage:BlobContainer": lambda name, inputs: {"name": inputs["containerName"]},
    "azure-native:storage:Blob": lambda name, inputs: {
        "url": f"https://{inputs['accountName']}.blob.core.windows.net/{inputs['containerName']}/{inputs['blobName']}"
    },
    "gcp:serviceaccount/account:Account": lambda name, inputs: {
        "email": f"{inputs['accountId']}@p.iam",
        "member": f"serviceAccount:{inputs['accountId']}@p.iam",
    },
    "gcp:compute/instance:Instance": _gcp_interfaces,
    "azure-native:resources:ResourceGroup": lambda name, inputs: {"name": f"{name}-1"},
    "azure-native:network:VirtualNetwork": lambda name, inputs: {
        "subnets": [dict(inputs["subnets"][0], id="/subnets/vms")]
    },
    "azure-native:network:PublicIPAddress": lambda name, inputs: {"ipAddress": "198.51.100.3"},
    "azure-native:network:NetworkInterface": lambda name, inputs: {
        "ipConfigurations": [dict(inputs["ipConfigurations"][0], privateIPAddress="10.70.0.4")]
    },
    "azure-native:compute:VirtualMachine": lambda name, inputs: {
        "vmId": "0815",
        # It takes a list and answers with a map.
        "identity": {
            **inputs["identity"],
            "userAssignedIdentities": {inputs["identity"]["userAssignedIdentities"][0]: {}},
        }
    },
    "azure-native:managedidentity:UserAssignedIdentity": lambda name, inputs: {"principalId": f"principal-{name}"},
}

CONFIG = {
    "aws:region": "eu-central-1",
    "gcp:project": "p",
    "gcp:zone": "europe-west3-a",
    "azure-native:location": "westeurope",
}


def deploy(
    program: Callable[[], Any],
    *,
    preview: bool = False,
    config: Mapping[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
) -> Deployment:
    """Run a program on a stack, a monitor and an event loop of its own.

    Args:
        program: Registers resources; a mapping that it returns is exported.
        preview: Whether it is a preview.
        config: The stack's configuration, added to a usual one; None removes a key.
        found: Answers of look-ups by token, added to the usual ones.

    Returns:
        What was registered and exported, and the error that ended the program.
    """
    deployment = Deployment()
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in {**CONFIG, **(config or {})}.items()
        if value is not None
    }

    async def run() -> None:
        reset_options(project="evenboot", stack="test", preview=preview)
        set_all_config(texts, [])
        mocks = Cloud(deployment, found or {})
        recorder = Recorder(mocks, deployment)
        pulumi.runtime.set_mocks(mocks, project="evenboot", stack="test", preview=preview, monitor=recorder)

        def exporting() -> None:
            for name, value in (program() or {}).items():
                pulumi.export(name, value)

        try:
            await run_pulumi_func(exporting)
            outputs = getattr(get_root_resource(), "outputs", {})
            deployment.outputs = {name: await _opened(value) for name, value in outputs.items()}
        except Exception as error:
            deployment.error = error

    contextvars.Context().run(_in_a_loop, run)
    return deployment


async def _opened(value: Any) -> Any:
    output = pulumi.Output.from_input(value)
    return await output.future(with_unknowns=False) if await output.is_known() else "unknown"


def _in_a_loop(run: Callable[[], Any]) -> None:
    # asyncio.Runner came with Python 3.11.
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # tasks that nobody awaits after a failure
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run())
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
