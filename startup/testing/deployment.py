# pyright: standard
# Pulumi's own mocks are typed in part only.
"""One deployment under Pulumi's mocks: what was registered, with which properties and options.

Mocks prove what is asked of a cloud. They do not prove that the cloud accepts it.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import hashlib
import json
import re
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import get_root_resource, reset_options
from pulumi.runtime.stack import run_pulumi_func

from .payloads import text_of

STACK = "pulumi:pulumi:Stack"
# A VM's type: the path of its slot, and whether that holds base64.
SLOTS = {
    "aws:ec2/instance:Instance": (("userDataBase64",), True),
    "gcp:compute/instance:Instance": (("metadata", "startup-script"), False),
    "azure-native:compute:VirtualMachine": (("userData",), True),
}
# Resource options by the names that Pulumi's Python has for them, and by those of a request.
OPTIONS = {
    "protect": "protect", "depends_on": "dependencies", "provider": "provider", "providers": "providers",
    "aliases": "aliases", "ignore_changes": "ignoreChanges", "hide_diffs": "hideDiffs",
    "delete_before_replace": "deleteBeforeReplace", "replace_on_changes": "replaceOnChanges",
    "replacement_trigger": "replacement_trigger", "retain_on_delete": "retainOnDelete", "deleted_with": "deletedWith",
    "custom_timeouts": "customTimeouts", "additional_secret_outputs": "additionalSecretOutputs", "import_": "importId",
    "version": "version", "plugin_download_url": "pluginDownloadURL",
}  # fmt: skip


@dataclass(frozen=True)
class Registered:
    """What Pulumi's engine would have been told about a resource.

    Attributes:
        type: Its type token.
        name: Its name in the program.
        parent: The URN of its parent.
        properties: Its inputs; what a preview does not know yet is an `Unknown`.
        request: The request itself, which has all that `MockResourceArgs` leaves out.
    """

    type: str
    name: str
    parent: str
    properties: dict[str, Any]
    request: Any

    @property
    def options(self) -> dict[str, Any]:
        """The resource options that were given, by the names of `pulumi.ResourceOptions`, with the parent's URN."""
        given = {name: _plain(getattr(self.request, field)) for name, field in OPTIONS.items() if hasattr(self.request, field)}
        return {name: value for name, value in {"parent": self.parent, **given}.items() if value}


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

    def tree(self) -> dict[str, Any]:
        """Return the resources below the stack as "TYPE NAME", each with those below it, providers left out."""
        parents = {urn: _title(urn) for urn in (resource.parent for resource in self.registered) if urn}

        def below(title: str) -> dict[str, Any]:
            found = [one for one in self.registered if parents.get(one.parent) == title and ":providers:" not in one.type]
            return {f"{one.type} {one.name}": below(f"{one.type} {one.name}") for one in sorted(found, key=lambda one: one.name)}

        stack = next((f"{one.type} {one.name}" for one in self.registered if one.type == STACK), "")
        return below(stack)

    def payload(self, vm: str) -> bytes:
        """Return what the slot of a VM holds, as its agent gets it.

        Args:
            vm: The name of the component or of the VM.
        """
        found = [one for one in self.registered if one.type in SLOTS and one.name in (vm, f"{vm}-vm")]
        if len(found) != 1:
            names = sorted(one.name for one in self.registered if one.type in SLOTS)
            raise AssertionError(f"{len(found)} VMs are called {vm!r}; the VMs are {names}")
        path, encoded = SLOTS[found[0].type]
        value: Any = found[0].properties
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if not isinstance(value, str):
            raise AssertionError(f"the slot of {vm!r} holds no text, but {value!r}; a preview may not know it yet")
        return base64.b64decode(value) if encoded else value.encode()

    def script(self, vm: str) -> str:
        """Return the rendered text that a VM gets, as in `Payload.text`; of a slot that names an object, the object's."""
        text = text_of(self.payload(vm))
        named = re.search(r"^# object=.*\n# sha256=(\w+)$", text, re.MULTILINE)
        if not named:
            return text
        assets = [value for one in self.registered for value in one.properties.values() if isinstance(value, pulumi.StringAsset)]
        for asset in assets:
            if hashlib.sha256(asset.text.encode()).hexdigest() == named[1]:
                return asset.text
        raise AssertionError(f"the slot of {vm!r} names an object that was not registered: {named[0]}")


def _plain(value: Any) -> Any:
    """Return a field of a request as plain Python."""
    if hasattr(value, "ListFields") and not hasattr(value, "__len__"):
        return {field.name: _plain(content) for field, content in value.ListFields() if content != ""}
    if isinstance(value, Mapping) or hasattr(value, "items"):
        return {key: _plain(content) for key, content in value.items()}
    return value if isinstance(value, str | bool | int | float) else [_plain(one) for one in value]


def _title(urn: str) -> str:
    kinds, _, name = urn.split("::", 2)[2].partition("::")
    return f"{kinds.rpartition('$')[2]} {name}"


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
    "aws:ec2/getAmi:getAmi": {"imageId": "ami-own"},
    "gcp:compute/getMachineTypes:getMachineTypes": {"machineTypes": [{"name": "e2-micro"}]},
    "gcp:compute/getImage:getImage": {"name": "own"},
    "gcp:compute/getSubnetwork:getSubnetwork": {"network": "networks/own"},
    "azure-native:authorization:getClientConfig": {"subscriptionId": "s"},
    "azure-native:resources:getResourceGroup": {"name": "own"},
    "azure-native:network:getSubnet": {"name": "own"},
    "azure-native:compute:getImage": {"name": "own"},
    "azure-native:compute:getGalleryImage": {"name": "own"},
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
    program: Callable[[], Any] | str | Path,
    *,
    preview: bool = False,
    config: Mapping[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
) -> Deployment:
    """Run a program on a stack, a monitor and an event loop of its own.

    Args:
        program: Registers resources; a mapping that it returns is exported. Or the path of a program: of its
            `__main__.py`, or of the folder in which that lies.
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
            if not callable(program):
                return _run_program(Path(program))
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


def _run_program(path: Path) -> None:
    """Run a program as Pulumi does: as the main program, with the modules beside it importable, for this once."""
    main = path / "__main__.py" if path.is_dir() else path
    with _importable(main.parent):
        runpy.run_path(str(main), run_name="__main__")


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    before, text = set(sys.modules), str(folder.resolve())
    sys.path.insert(0, text)
    try:
        yield
    finally:
        sys.path.remove(text)
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if Path(file).parent == Path(text) and "." not in name:
                del sys.modules[name]


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
