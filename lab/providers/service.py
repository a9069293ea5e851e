"""Answer the real Pulumi engine: one provider as a plugin process over gRPC.

Pulumi's own `pulumi.provider.experimental` is not used: it puts a Python stack trace into each error that a user would
see, answers on one thread (three machines would boot one after another), does not pass on a resource's old inputs, and
lacks `Attach`. What is used of the SDK are the generated messages.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

from .. import loopback
from ..errors import LabError
from .provider import Difference, Provider
from .resources import Failure
from .wire import Untranslatable, decode, encode

MESSAGE_LIMIT = 64 * 1024 * 1024

_KINDS = {
    ("add", False): pb.PropertyDiff.ADD,
    ("add", True): pb.PropertyDiff.ADD_REPLACE,
    ("delete", False): pb.PropertyDiff.DELETE,
    ("delete", True): pb.PropertyDiff.DELETE_REPLACE,
    ("update", False): pb.PropertyDiff.UPDATE,
    ("update", True): pb.PropertyDiff.UPDATE_REPLACE,
}


class Service(provider_pb2_grpc.ResourceProviderServicer):
    """Translate the engine's calls into those of a `Provider`; errors of the cloud become one clear message."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self.provider.version)

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:
        schema = {"name": self.provider.package, "version": self.provider.version}
        return pb.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        failures = self.provider.check_config(decode(request.news))
        return pb.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        variables = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        self.provider.configure({**variables, **decode(request.args)})
        # Without acceptSecrets the engine unwraps secrets and marks what comes back by itself.
        return pb.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Check(self, request: Any, context: Any) -> Any:
        try:
            news = decode(request.news)
        except Untranslatable as error:
            return pb.CheckResponse(inputs=request.news, failures=_failures([Failure(error.path, error.what)]))
        inputs, failures = self.provider.check(_token(request), _name(request), decode(request.olds), news)
        return pb.CheckResponse(inputs=encode(inputs), failures=_failures(failures))

    def Diff(self, request: Any, context: Any) -> Any:
        try:
            difference = self.provider.diff(_token(request), decode(request.old_inputs), decode(request.news))
        except LabError as error:
            _abort(context, error)
        return _diff_response(difference)

    def Create(self, request: Any, context: Any) -> Any:
        try:
            token, inputs = _token(request), decode(request.properties)
            id, state = self.provider.create(token, request.urn, inputs, preview=request.preview)
        except LabError as error:
            _abort(context, error)
        return pb.CreateResponse(id=id, properties=encode(state))

    def Read(self, request: Any, context: Any) -> Any:
        found = self.provider.read(_token(request), request.id)
        if found is None:
            return pb.ReadResponse()
        return pb.ReadResponse(id=request.id, inputs=encode(found[0]), properties=encode(found[1]))

    def Update(self, request: Any, context: Any) -> Any:
        try:
            olds, news = decode(request.old_inputs), decode(request.news)
            state = self.provider.update(_token(request), request.id, olds, news, preview=request.preview)
        except LabError as error:
            _abort(context, error)
        return pb.UpdateResponse(properties=encode(state))

    def Delete(self, request: Any, context: Any) -> Any:
        try:
            self.provider.delete(_token(request), request.id)
        except LabError as error:
            _abort(context, error)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        try:
            result = self.provider.invoke(request.tok, decode(request.args))
        except LabError as error:
            _abort(context, error)
        response = pb.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(result))  # a keyword of Python
        return response


class OwnUser(grpc.ServerInterceptor):
    """Refuse every call that comes over a connection of another user's."""

    port = 0  # ours, once it is known

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return None  # what is served has one request and one answer; anything else is not known here

        def answer(request: Any, context: Any) -> Any:
            kind, _, client = context.peer().rpartition(":")
            if kind != f"ipv4:{loopback.ADDRESS}" or not loopback.own_user(int(client), self.port):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "this plugin answers its engine, and no other user")
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def serve(provider: Provider) -> None:
    """Serve a provider on a free port of the loopback, print the port as plugins do, and stay until killed.

    Pulumi's engine brings nothing with which a plugin could know it: all users of this computer can reach the port. So a
    call is obeyed only if the user whose plugin this is has opened the connection, which the kernel tells.
    """
    options = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    guard = OwnUser()
    server = grpc.server(ThreadPoolExecutor(max_workers=16), interceptors=[guard], options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Service(provider), server)
    guard.port = server.add_insecure_port(f"{loopback.ADDRESS}:0")
    server.start()
    sys.stdout.write(f"{guard.port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _diff_response(difference: Difference) -> Any:
    changed = difference.changed
    detail = {path: pb.PropertyDiff(kind=_KINDS[kind, path in difference.replaces]) for path, kind in changed.items()}
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME if changed else pb.DiffResponse.DIFF_NONE,
        replaces=difference.replaces,
        diffs=sorted({path.partition(".")[0].partition("[")[0] for path in changed}),
        deleteBeforeReplace=difference.delete_before_replace,
        detailedDiff=detail,
        hasDetailedDiff=True,
    )


def _token(request: Any) -> str:
    """Return the resource's own type: a URN's type is the chain from its outermost parent."""
    return cast(str, request.urn).split("::")[2].rpartition("$")[2]


def _name(request: Any) -> str:
    return cast(str, request.urn).split("::", 3)[3]


def _failures(failures: list[Failure]) -> list[Any]:
    return [pb.CheckFailure(property=failure.path, reason=failure.reason) for failure in failures]


def _abort(context: Any, error: LabError) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, str(error))
    raise AssertionError("abort raises")
