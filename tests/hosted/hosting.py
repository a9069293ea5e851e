"""A package asked as Pulumi's engine asks it: its process over gRPC, and a monitor that keeps what it registers.

The monitor answers with the mocks of tests/components: what is proven is what is asked of a cloud, not what it does.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc, resource_pb2, resource_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

from startup.testing.deployment import CONFIG, Cloud, Deployment, Recorder
from tests.checkout import ROOT

COMPONENTS = {"aws": "AwsVm", "gcp": "GcpVm", "azure": "AzureVm"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE = "4dabf18193072939515e22adb298388d"


def token(cloud: str) -> str:
    """What Pulumi calls the component of a package."""
    return f"evenboot-{cloud}:index:{COMPONENTS[cloud]}"


def output(value: Any = None, *, secret: bool = False, known: bool = True) -> dict[str, Any]:
    """An Output as the engine sends it."""
    form: dict[str, Any] = {_SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "secret": secret}
    return {**form, "value": value} if known else form


def secret(value: Any) -> dict[str, Any]:
    """A secret that is no Output, as older programs send it."""
    return {_SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": value}


class Refused(Exception):
    """The package refused; the text is what the engine prints."""


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Keep what is registered."""

    def __init__(self, deployment: Deployment) -> None:
        self.recorder = Recorder(Cloud(deployment, {}), deployment)

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        return self.recorder.GetDeploymentInfo(request)

    def RegisterResource(self, request: Any, context: Any) -> Any:
        return self.recorder.RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        return self.recorder.Invoke(request)

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class Package:
    """The process that serves a cloud's package."""

    def __init__(self, cloud: str, engine: str, stub: Any, log: Path) -> None:
        self.cloud, self.engine, self.stub, self.log = cloud, engine, stub, log

    @contextmanager
    def deployment(self, preview: bool = False) -> Iterator[Running]:
        """A run of a program, in which VMs are constructed."""
        deployment = Deployment()
        with _served(_Monitor(deployment)) as address:
            yield Running(self, address, deployment, preview)

    def construct(self, inputs: Mapping[str, Any], *, name: str = "web", preview: bool = False, **more: Any) -> Constructed:
        """Construct one VM in a run of its own."""
        with self.deployment(preview) as running:
            return running.construct(inputs, name, **more)


class Constructed:
    """What came of a VM: the answer, and what its run registered so far."""

    def __init__(self, response: Any, deployment: Deployment) -> None:
        self.urn: str = response.urn
        self.state: dict[str, Any] = json_format.MessageToDict(response.state)
        self.deployment = deployment


class Running:
    """One run of a program."""

    def __init__(self, package: Package, monitor: str, deployment: Deployment, preview: bool) -> None:
        self.package, self.monitor, self.deployment, self.preview = package, monitor, deployment, preview

    def provider(self, kind: str, name: str) -> str:
        """Register a provider as the program would, and return the reference that the engine hands on."""
        request = resource_pb2.RegisterResourceRequest(type=f"pulumi:providers:{kind}", name=name, custom=True)
        with grpc.insecure_channel(self.monitor) as channel:
            response = resource_pb2_grpc.ResourceMonitorStub(channel).RegisterResource(request)
        return f"{response.urn}::{response.id}"

    def construct(self, inputs: Mapping[str, Any], name: str = "web", **more: Any) -> Constructed:
        """Construct one VM from its inputs as they stand on the wire; raise `Refused` with the message."""
        request = pb.ConstructRequest(
            project="evenboot",
            stack="test",
            config=CONFIG,
            dryRun=self.preview,
            parallel=8,
            monitorEndpoint=self.monitor,
            type=token(self.package.cloud),
            name=name,
            inputs=json_format.ParseDict(dict(inputs), struct_pb2.Struct()),
            **more,
        )
        try:
            return Constructed(self.package.stub.Construct(request), self.deployment)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            raise Refused(error.details()) from None


@contextmanager
def _served(monitor: _Monitor) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(8))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


@contextmanager
def package(cloud: str, folder: Path) -> Iterator[Package]:
    """Start the package of a cloud as Pulumi does, from another folder than the project's."""
    log = folder / f"{cloud}.log"
    with _served(_Monitor(Deployment())) as engine, log.open("w") as errors:
        argv = [sys.executable, str(ROOT / "hosted" / cloud), engine]
        process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            address = f"127.0.0.1:{int(process.stdout.readline() or 0)}"
            with grpc.insecure_channel(address) as channel:
                yield Package(cloud, engine, provider_pb2_grpc.ResourceProviderStub(channel), log)
        finally:
            process.kill()
            process.wait()
