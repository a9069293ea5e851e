"""Deploy a program where no `pulumi` command is found: on Pulumi's own mock monitor, in this process.

A way to see the program work, not a second engine. It calls the same methods of the same providers as the real engine
does, and knows create, update, replace and delete, look-ups, `Stash`, and the options `parent`, `depends_on`,
`ignore_changes`, `replace_on_changes`, `replacement_trigger`, `delete_before_replace`, `protect` and `hooks` around
creations and updates. `hide_diffs` and aliases of types only matter elsewhere; any other option is refused by its name.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2

from .deployment import Deployment, Entry
from .errors import LabError
from .hooks import Hooks, unknown_moments
from .providers.provider import Provider
from .providers.resources import changes
from .providers.wire import Plain, Untranslatable, contains_unknown, decode, decode_value, encode

STASH = "pulumi:index:Stash"
STACK = "pulumi:pulumi:Stack"

Progress = Callable[[str, str], None]
"""Told each operation: what is done ("create", "update", ...) and the resource's name."""


@dataclass(slots=True)
class Outcome:
    """What a deployment did: operations by resource (`name`, `type`, `what`), and what failed."""

    done: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    failures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    outputs: Plain = field(default_factory=dict[str, Any])


class Monitor(mocks.MockMonitor):
    """Take the registrations of one run of a program; `finish` deletes what the program no longer has."""

    def __init__(
        self, providers: Mapping[str, Provider], deployment: Deployment, *, preview: bool, progress: Progress
    ) -> None:
        super().__init__(mocks=None)  # pyright: ignore[reportArgumentType]  # every method that would use it is replaced
        self.providers, self.deployment, self.preview, self.progress = providers, deployment, preview, progress
        self.outcome = Outcome()
        self.registered: dict[str, Plain] = {}
        self.hooks = Hooks()
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    # What the SDK calls, each in a thread of its own.

    def GetDeploymentInfo(self, request: Any) -> Any:
        info = super().GetDeploymentInfo(request)
        references = resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES  # without it ids come as plain text
        return resource_pb2.DeploymentInfo(supportedFeatures=[f for f in info.supportedFeatures if f != references])

    def RegisterResource(self, request: Any) -> Any:
        if request.type == STACK:
            return super().RegisterResource(request)
        urn = self._urn(request)
        try:
            self._claim(urn, request)
            if not request.custom:
                return resource_pb2.RegisterResourceResponse(urn=urn)
            if self._failed.intersection(request.dependencies):
                self._failed.add(urn)  # what it needs has failed, which is reported there
                return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.FAIL)
            entry = Registration(self, urn, request).apply()
        except (LabError, Untranslatable) as error:
            self._failed.add(urn)
            self.outcome.failures.append((f"{request.name} ({request.type})", str(error)))
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.FAIL)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=entry.id, object=encode(entry.outputs))

    def RegisterResourceHook(self, request: Any) -> Any:
        self.hooks.register(request)
        return super().RegisterResourceHook(request)

    def RegisterErrorHook(self, request: Any) -> Any:
        self.hooks.register(request)
        return super().RegisterErrorHook(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if request.urn.split("::")[2] == STACK:
            try:
                self.outcome.outputs = decode(request.outputs)
            except Untranslatable as error:
                self.outcome.failures.append(("the stack's outputs", str(error)))
        return super().RegisterResourceOutputs(request)

    def Invoke(self, request: Any) -> Any:
        if request.provider:
            raise LabError(f"{request.tok}: the option provider is not known to the embedded run")
        provider = self.provider_of(request.tok)
        response = resource_pb2.ResourceInvokeResponse()
        try:
            result = provider.invoke(request.tok, decode(request.args))
        except LabError as error:
            response.failures.add(reason=str(error))
            return response
        getattr(response, "return").CopyFrom(encode(result))  # a keyword of Python
        return response

    def ReadResource(self, request: Any) -> Any:
        raise LabError(f"{request.name} ({request.type}): get() of what exists is not known to the embedded run")

    # What a registration needs.

    def provider_of(self, token: str) -> Provider:
        """Return the provider of a resource or a look-up."""
        package = token.partition(":")[0]
        if package not in self.providers:
            raise LabError(f"the local cloud has no package {package!r} ({token}); it has {', '.join(self.providers)}")
        return self.providers[package]

    def refused_options(self, request: Any) -> list[str]:
        """Return the names of the options of a registration that are not known here."""
        return list(_refused_options(request))

    def done(self, what: str, name: str, type: str) -> None:
        """Note an operation that has been done."""
        with self._lock:
            self.outcome.done.append((name, type, what))

    # Before and after the program.

    def recover(self) -> None:
        """Remove what a killed command had begun to create."""
        for urn in list(self.deployment.creating):
            token = urn.split("::")[2].rpartition("$")[2]
            if token != STASH:
                self.provider_of(token).abandon(urn, self.deployment.ids(urn))
            self.deployment.end(urn, None)

    def finish(self, *, whole: bool) -> None:
        """Delete what was replaced and what the program no longer has, if all went well; dependents first."""
        if not whole:
            return
        for entry in list(self.deployment.deletion_order()):
            gone = entry.obsolete or entry.urn not in self.registered
            if gone and not self._delete(entry):
                break  # what it depends on must stay

    def _delete(self, entry: Entry) -> bool:
        try:
            delete(self, entry)
        except LabError as error:
            self.outcome.failures.append((f"{entry.name} ({entry.type})", str(error)))
            return False
        return True

    def _urn(self, request: Any) -> str:
        """Return the URN with the whole chain of types, as the real engine writes it."""
        parent_type = request.parent.split("::")[2] if request.parent else STACK
        chain = request.type if parent_type == STACK else f"{parent_type}${request.type}"
        stack, project = (request.parent.split("::")[0:2]) if request.parent else ("urn:pulumi:local", "project")
        return "::".join([stack, project, chain, request.name])

    def _claim(self, urn: str, request: Any) -> None:
        with self._lock:
            if urn in self.registered:
                raise LabError(
                    f"there are two resources {request.name!r} of type {request.type}: give each its own name"
                )
            self.registered[urn] = {}
        refused = self.refused_options(request)
        if refused:
            raise LabError(f"the embedded run does not know the option {', '.join(refused)}; install pulumi to use it")


class Registration:
    """One custom resource that the program registers: decide what to do about it, and do that."""

    def __init__(self, monitor: Monitor, urn: str, request: Any) -> None:
        self.monitor, self.urn, self.request = monitor, urn, request
        self.deployment = monitor.deployment
        self.token, self.name = str(request.type), str(request.name)
        self.old = self.deployment.find(urn)
        given = decode(request.object)
        ignored = [str(path) for path in request.ignoreChanges]
        self.news = ignoring(given, self.old.inputs, ignored) if self.old else given
        self.trigger = decode_value(request.replacement_trigger) if request.HasField("replacement_trigger") else None
        if contains_unknown([self.news, self.trigger]) and not monitor.preview:
            raise LabError("some of its inputs are not known, as something else has failed")

    def apply(self) -> Entry:
        """Create, update, replace or keep the resource; return its entry."""
        if self.token == STASH:
            return self._stash()
        provider = self.monitor.provider_of(self.token)
        old = self.old
        if old is not None and provider.read(self.token, old.id) is None:
            self._drop(old)  # somebody removed it from the cloud
            old = None
        inputs = self._checked(provider, old.inputs if old else {})
        self.monitor.registered[self.urn] = inputs
        if old is None:
            return self._create(provider, inputs)
        difference = provider.diff(self.token, old.inputs, inputs)
        if difference.replaces or self._must_replace(old, difference.changed):
            return self._replace(provider, old, delete_first=difference.delete_before_replace)
        if difference.changed:
            return self._update(provider, old, inputs)
        return self._keep(old)

    def _checked(self, provider: Provider, olds: Plain) -> Plain:
        inputs, failures = provider.check(self.token, self.name, olds, self.news)
        if failures:
            raise LabError("\n".join(str(failure) for failure in failures))
        return inputs

    def _must_replace(self, old: Entry, changed: Mapping[str, str]) -> bool:
        rules = [str(path) for path in self.request.replaceOnChanges]
        at_or_below = any(
            path == rule or path.startswith((f"{rule}.", f"{rule}[")) for path in changed for rule in rules
        )
        triggered = self.trigger is not None and old.trigger is not None and self.trigger != old.trigger
        return at_or_below or triggered or ("*" in rules and bool(changed))

    def _create(self, provider: Provider, inputs: Plain, what: str = "create") -> Entry:
        self.monitor.progress(what, self.name)
        self._call_hooks("before_create", new_inputs=inputs)
        if self.monitor.preview:
            id, outputs = provider.create(self.token, self.urn, inputs, preview=True)
            entry = self._entry(id, inputs, outputs)
        else:
            entry = self._really_create(provider, inputs)
        self.monitor.done(what, self.name, self.token)
        self._call_hooks("after_create", entry.id, new_inputs=inputs, new_outputs=entry.outputs)
        return entry

    def _really_create(self, provider: Provider, inputs: Plain) -> Entry:
        self.deployment.begin(self.urn)
        try:
            with self._failures_told("create"):
                id, outputs = provider.create(self.token, self.urn, inputs)
        except BaseException:
            self.deployment.end(self.urn, None)
            raise
        entry = self._entry(id, inputs, outputs)
        self.deployment.end(self.urn, entry)
        return entry

    def _replace(self, provider: Provider, old: Entry, *, delete_first: bool) -> Entry:
        if old.protect:
            raise LabError("must be replaced but is protected: set protect=False first, or undo the change")
        if self.request.deleteBeforeReplaceDefined:
            delete_first = self.request.deleteBeforeReplace
        inputs = self._checked(provider, {})  # a new name where the provider chooses it
        if not self.monitor.preview:
            if delete_first:
                delete(self.monitor, old, what="delete for replacement")
            else:
                old.obsolete = True
                self.deployment.save()
        try:
            return self._create(provider, inputs, "replace")
        except LabError:
            if old.obsolete:
                old.obsolete = False
                self.deployment.save()
            raise

    def _update(self, provider: Provider, old: Entry, inputs: Plain) -> Entry:
        self.monitor.progress("update", self.name)
        before: dict[str, Plain] = {"old_inputs": old.inputs, "old_outputs": old.outputs, "new_inputs": inputs}
        self._call_hooks("before_update", old.id, **before)
        with self._failures_told("update", old.id):
            outputs = provider.update(self.token, old.id, old.inputs, inputs, preview=self.monitor.preview)
        self.monitor.done("update", self.name, self.token)
        if self.monitor.preview:
            return self._entry(old.id, inputs, outputs)
        old.inputs, old.outputs = inputs, outputs
        self._keep(old, "update")
        self._call_hooks("after_update", old.id, **before, new_outputs=outputs)
        return old

    def _keep(self, old: Entry, what: str = "same") -> Entry:
        if what == "same":
            self.monitor.done("same", self.name, self.token)
        if not self.monitor.preview:
            new = self._entry(old.id, old.inputs, old.outputs)
            if new != old or what != "same":
                old.dependencies, old.protect, old.trigger = new.dependencies, new.protect, new.trigger
                self.deployment.save()
        return old

    def _stash(self) -> Entry:
        """Keep a value: the output stays what it was at first, the input follows the program."""
        value = self.news.get("input")
        inputs: Plain = {"input": value}
        if self.old is None:
            self._call_hooks("before_create", new_inputs=inputs)
            entry = self._entry(self.name, inputs, {"input": value, "output": value})
            if not self.monitor.preview:
                self.deployment.end(self.urn, entry)
            self.monitor.done("create", self.name, STASH)
            return entry
        changed = bool(changes(self.old.inputs, inputs))
        if changed:
            before: dict[str, Plain] = {"old_inputs": self.old.inputs, "old_outputs": self.old.outputs}
            self._call_hooks("before_update", self.old.id, **before, new_inputs=inputs)
        if changed and not self.monitor.preview:
            self.old.inputs, self.old.outputs = inputs, {**self.old.outputs, "input": value}
        if changed:
            self.monitor.done("update", self.name, STASH)
        return self._keep(self.old, "update" if changed else "same")

    def _call_hooks(self, when: str, id: str = "", **properties: Plain) -> None:
        self.monitor.hooks.call(
            when, self.request, preview=self.monitor.preview, urn=self.urn, id=id, **properties
        )

    @contextmanager
    def _failures_told(self, operation: str, id: str = "") -> Iterator[None]:
        try:
            yield
        except LabError as error:
            self.monitor.hooks.failed(self.request, urn=self.urn, id=id, operation=operation, error=str(error))
            raise

    def _drop(self, old: Entry) -> None:
        if not self.monitor.preview:
            self.deployment.remove(old)

    def _entry(self, id: str, inputs: Plain, outputs: Plain) -> Entry:
        request = self.request
        return Entry(
            urn=self.urn,
            type=self.token,
            id=id,
            inputs=inputs,
            outputs=outputs,
            dependencies=sorted({*request.dependencies}),
            protect=request.protect,
            trigger=self.trigger,
        )


def delete(monitor: Monitor, entry: Entry, what: str = "delete") -> None:
    """Delete a resource and its entry; `LabError` if it is protected."""
    if entry.protect:
        raise LabError("is no longer in the program but is protected: set protect=False first, or put it back")
    monitor.progress(what, entry.name)
    if entry.type != STASH:
        monitor.provider_of(entry.type).delete(entry.type, entry.id)
    monitor.deployment.remove(entry)
    monitor.done(what, entry.name, entry.type)


def ignoring(news: Plain, olds: Plain, paths: list[str]) -> Plain:
    """Return new inputs with the old values at the paths of `ignore_changes` (`tags`, `tags.Name`, `tags["Name"]`).

    >>> ignoring({"ami": "new", "tags": {"a": "new", "b": "new"}}, {"ami": "old", "tags": {"a": "old"}}, ["ami", "tags.a"])
    {'ami': 'old', 'tags': {'a': 'old', 'b': 'new'}}
    """
    for path in paths:
        news = _with_old(news, olds, [quoted or plain for quoted, plain in _KEYS.findall(path)])
    return news


_KEYS = re.compile(r'\["([^"]+)"\]|([^.\[\]]+)')


def _with_old(news: Plain, olds: Plain, keys: list[str]) -> Plain:
    key, *rest = keys
    old, new = olds.get(key), news.get(key)
    if rest and isinstance(old, Mapping | None) and isinstance(new, Mapping | None):
        return {**news, key: _with_old(dict(new or {}), dict(old or {}), rest)}
    if key in olds:
        return {**news, key: old}
    return {name: value for name, value in news.items() if name != key}


def _refused_options(request: Any) -> Iterator[str]:
    fields = {
        "import_": request.importId,
        "provider": request.provider,
        "retain_on_delete": request.retainOnDelete,
        "deleted_with": request.deletedWith,
        "replace_with": request.replace_with,
        "custom_timeouts": request.HasField("customTimeouts"),
        "transforms": request.transforms,
        "state_migrations": request.state_migrations,
        "env_var_mappings": request.envVarMappings,
        "remote": request.remote,
        f"hooks ({', '.join(unknown_moments(request))})": any(unknown_moments(request)),
        "aliases": request.aliasURNs or any(not _of_type_only(alias) for alias in request.aliases),
    }
    yield from (name for name, value in fields.items() if value)
    if request.type.startswith("pulumi:providers:"):
        yield "provider (an explicit provider)"


def _of_type_only(alias: Any) -> bool:
    """Tell whether an alias names only a former type, as the SDKs give to most of their resources."""
    spec = alias.spec
    return not (alias.urn or spec.name or spec.stack or spec.project or spec.parentUrn or spec.noParent)
