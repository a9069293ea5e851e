"""Resource hooks in the embedded run: functions of the program that are called around what is done to a resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from .errors import LabError
from .providers.wire import Plain, encode

KNOWN = ("before_create", "after_create", "before_update", "after_update", "on_error")
"""The moments whose hooks are called; a program that binds others is refused."""


class Hooks:
    """The hooks that a program has registered, by name; they are called as the real engine calls them, over gRPC."""

    def __init__(self) -> None:
        self._hooks: dict[str, Any] = {}

    def register(self, request: Any) -> None:
        """Remember a hook (a `RegisterResourceHookRequest`)."""
        self._hooks[request.name] = request

    def call(self, when: str, request: Any, *, preview: bool, urn: str, id: str, **properties: Plain) -> None:
        """Call what a resource has bound to a moment, one after another.

        Args:
            when: The moment, one of `KNOWN`.
            request: The resource's registration.
            preview: Whether only those are called that want to be called in a preview, too.
            urn: The resource's URN.
            id: Its id, empty before it is created.
            properties: `old_inputs`, `new_inputs`, `old_outputs`, `new_outputs`, as far as there are such.

        Raises:
            LabError: A hook has failed.
        """
        asked = resource_pb2.ResourceHookRequest(
            urn=urn, id=id, name=request.name, type=request.type,
            **cast("dict[str, Any]", {name: encode(plain) for name, plain in properties.items()}),
        )  # fmt: skip
        for name in getattr(request.hooks, when):
            hook = self._hooks[name]
            if preview and not hook.on_dry_run:
                continue
            error = str(resource_pb2.ResourceHookResponse.FromString(_call(hook.callback, asked)).error)
            if error and not hook.ignore_errors:
                raise LabError(f'{when.partition("_")[0]} hook "{name}" failed: {error}')

    def failed(self, request: Any, *, urn: str, id: str, operation: str, error: str) -> None:
        """Tell the hooks that a resource has bound to failures of one; a second try, which they may ask for, is not made."""
        asked = resource_pb2.ErrorHookRequest(
            urn=urn, id=id, name=request.name, type=request.type, failed_operation=operation, errors=[error]
        )
        for name in request.hooks.on_error:
            _call(self._hooks[name].callback, asked)


def unknown_moments(request: Any) -> Iterable[str]:
    """Yield the moments for which a resource has hooks that the embedded run would not call."""
    if request.HasField("hooks"):
        yield from (field.name for field, value in request.hooks.ListFields() if value and field.name not in KNOWN)


def _call(callback: Any, asked: Any) -> bytes:
    with grpc.insecure_channel(callback.target) as channel:
        stub = callback_pb2_grpc.CallbacksStub(channel)
        invocation = callback_pb2.CallbackInvokeRequest(token=callback.token, request=asked.SerializeToString())
        try:
            return bytes(stub.Invoke(invocation).response)
        except grpc.RpcError as error:
            raise LabError(f"a hook of the program cannot be called: {error}") from None
