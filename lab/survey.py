"""Look through a program that the pulumi command is about to deploy: what is wrong with it, and what it will need.

The command knows more than the embedded run does, so that what is beyond this one is passed over here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.runtime.proto import resource_pb2

from .deployment import Deployment
from .embedded import STACK, STASH, Monitor
from .providers.provider import Provider
from .providers.wire import without_secrets


class Survey(Monitor):
    """A preview that knows every option; resources of other packages have no outputs in it yet.

    Attributes:
        sure: Whether an error of the program is one of the program: it got all that it has asked for.
    """

    def __init__(self, providers: Mapping[str, Provider], deployment: Deployment, *, sure: bool) -> None:
        super().__init__(providers, deployment, preview=True, progress=lambda what, name: None)
        self.sure = sure

    def RegisterResource(self, request: Any) -> Any:
        if request.custom and request.type != STASH and not self._ours(request.type):
            return resource_pb2.RegisterResourceResponse(urn=self._urn(request), object=request.object)
        request.object.CopyFrom(without_secrets(request.object))
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        request.outputs.Clear()
        return super().RegisterResourceOutputs(request)

    def ReadResource(self, request: Any) -> Any:
        return resource_pb2.ReadResourceResponse(urn=self._urn(request))

    def Invoke(self, request: Any) -> Any:
        request.provider = ""
        if not self._ours(request.tok):
            self.sure = False
            return resource_pb2.ResourceInvokeResponse()
        return super().Invoke(request)

    def refused_options(self, request: Any) -> list[str]:
        return []

    def _ours(self, token: str) -> bool:
        return token == STACK or token.partition(":")[0] in self.providers
