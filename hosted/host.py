"""The process that serves one package: Pulumi's component host, with two differences.

Pulumi's own `component_provider_host` drops the fields that it does not know, and answers what a component refuses with
a stack trace. Here what the engine sent reaches `arguments.read` whole, and what it refuses is one message.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import pulumi
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2_grpc
from pulumi.runtime.settings import SETTINGS, get_monitor

from components import VmArgs, VmArgsError
from components.component import Vm

from .arguments import in_data, read
from .schema import VERSION, outputs, schema
from .wire import make_outputs

_MESSAGE_LIMIT = 400 * 1024 * 1024  # bytes; as everywhere between Pulumi's processes


@dataclass(frozen=True)
class Package:
    """Say what is served.

    Attributes:
        cloud: Names the package, as in `evenboot-aws`.
        component: The component, under the name that it has in the package.
        args: The class of its arguments.
    """

    cloud: str
    component: type[Vm]
    args: type[VmArgs]

    @property
    def token(self) -> str:
        """Return what Pulumi calls the component."""
        return f"evenboot-{self.cloud}:index:{self.component.__name__}"

    def schema(self) -> str:
        """Return the package's schema, as JSON."""
        return json.dumps(schema(self.cloud, self.component, self.args))


@dataclass
class _Deployment:
    """What the VMs of one deployment have in common, so that they find each other's shared network.

    The SDK makes a connection and the providers anew for each of them; `components.sharing` tells them apart by those.
    """

    monitor: Any
    providers: dict[str, pulumi.ProviderResource] = field(default_factory=dict)


class _One(Provider):
    """Construct the component for one request."""

    def __init__(self, package: Package, request: Any, deployments: dict[str, _Deployment]) -> None:
        super().__init__(VERSION)
        self.package, self.request, self.deployments = package, request, deployments
        self.secrets = make_outputs(request.inputs)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, Any],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        package = self.package
        if resource_type != package.token:
            raise pulumi.RunError(f"there is no {resource_type} in this package, only {package.token}")
        self._join(options or pulumi.ResourceOptions())
        component: Any = type(package.component.__name__, (package.component,), {"_token": package.token})
        args = read(name, component, package.args, inputs, self.secrets)
        vm = component(name, args, options)
        return ConstructResult(vm.urn, {key: getattr(vm, attribute) for key, attribute in outputs(component).items()})

    def _join(self, options: pulumi.ResourceOptions) -> None:
        """Use the connection and the providers that earlier VMs of the same deployment use."""
        deployment = self.deployments.setdefault(self.request.monitorEndpoint, _Deployment(get_monitor()))
        SETTINGS.monitor = deployment.monitor  # pyright: ignore[reportAttributeAccessIssue]  a property of Pulumi's making
        if isinstance(options.providers, dict):
            for package, reference in self.request.providers.items():
                own = options.providers[package]
                options.providers[package] = deployment.providers.setdefault(reference, own)


class Servicer(ProviderServicer):
    """Answer the engine; a refusal goes back as one message."""

    def __init__(self, package: Package, engine_address: str) -> None:
        super().__init__(Provider(VERSION, package.schema()), [], engine_address)
        self.package = package
        self.deployments: dict[str, _Deployment] = {}
        self.frozen = False

    async def Construct(self, request: Any, context: Any) -> Any:
        if self.deployments and not self.frozen:
            # By now the SDK has been imported. Its classes stay: the collector need not go over them at every VM. Whether that
            # was done is not asked of the collector, which goes over all of them to count them.
            self.frozen = True
            gc.freeze()
        one = _One(self.package, request, self.deployments)
        try:
            return await ProviderServicer(one, self.args, self.engine_address).Construct(request, context)
        except Exception as error:
            refusal = self._refusal(error)
            if refusal is None:
                raise
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, refusal)

    def _refusal(self, error: BaseException | None) -> str | None:
        """Return the message for the user that an error brings with it.

        What comes out only when the values are known reaches us below the errors of all resources that waited for it.
        """
        while error is not None:
            if isinstance(error, VmArgsError):
                return str(in_data(self.package.args, error))
            if isinstance(error, pulumi.RunError):
                return str(error)
            error = error.__cause__ or error.__context__
        return None


def serve(package: Package) -> None:
    """Serve a package until Pulumi ends the process; prints the port that it listens on.

    Pulumi calls the program with the address of its engine as first argument.
    """

    async def run(engine_address: str) -> None:
        size = [("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.max_send_message_length", _MESSAGE_LIMIT)]
        server = grpc.aio.server(options=size)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(package, engine_address), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await server.wait_for_termination()

    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if len(addresses) != 1:
        raise SystemExit("Pulumi starts this; add it to a project with `pulumi package add`")
    try:
        asyncio.run(run(addresses[0]))
    except KeyboardInterrupt:
        pass
