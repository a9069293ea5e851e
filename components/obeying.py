"""What happens to a VM around a change of its definition: the restart, the waiting for its result, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pulumi

from . import waiting
from .arguments import OnChange, VmArgs
from .consoles import Console, console_at
from .refusals import advice
from .results import newest_result
from .sharing import once
from .steps import IGNORED, Told, difference, told
from .values import Cloud, Delivered

if TYPE_CHECKING or __package__ == "components":
    from startup import Problem
else:  # in the wheel both packages stand in one
    from ..startup import Problem

WAIT_SECONDS = 1800.0
"""What `wait=True` means: as long as one step may take by default."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """One VM of this deployment, and what has happened to it so far.

    Attributes:
        component: The VM's component.
        name: The component's name.
        cloud: Its cloud.
        slot: The keys that lead to the slot among the VM's properties.
        on_change: What a changed payload does to the VM.
        seconds: How long to wait for its result; None does not wait.
        address: The cloud's full name of the VM, as `console_at` takes it; None before the VM is registered.
        changed: Whether its slot was changed in this deployment.
        off: Whether it was off when it should have been restarted.
        seen: The boots whose results are older than the change.
    """

    component: pulumi.Resource
    name: str
    cloud: Cloud
    slot: Sequence[str]
    on_change: OnChange
    seconds: float | None
    address: pulumi.Output[str] | None = None
    changed: bool = False
    off: bool = False
    seen: Collection[str] = field(default_factory=frozenset[str])

    @property
    def hooks(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of the VM itself."""
        return hooks().around_an_update if self.is_followed else hooks().on_refusal

    @property
    def is_followed(self) -> bool:
        """Tell whether a change of the VM is followed: something is to be waited for or to be done."""
        return self.seconds is not None or self.is_restarted

    @property
    def boots_by_itself(self) -> bool:
        """Tell whether the cloud boots the VM for a change of its slot."""
        return self.cloud == "aws"

    @property
    def is_restarted(self) -> bool:
        """Tell whether this project has to restart the VM for a change."""
        return self.on_change == "restart" and not self.boots_by_itself

    def slot_differs(self, args: pulumi.ResourceHookArgs) -> bool:
        """Tell whether an update of the VM changes its slot."""
        return _at(args.old_inputs, self.slot) != _at(args.new_inputs, self.slot)

    def obeys(self) -> str:
        """Say when a change is obeyed by a VM that stays."""
        if self.off:
            return "The VM is off and stays so: it obeys when it is started"
        if self.is_restarted:
            return "The VM is restarted for it"
        if self.boots_by_itself:
            return "AWS stops and starts the instance for it"
        return "The VM obeys at its next boot, which is not waited for"

    def say(self, text: str) -> None:
        """Tell the user something about this VM."""
        pulumi.log.info(text if text.startswith(f"{self.name}: ") else f"{self.name}: {text}")


class Hooks:
    """The hooks of one deployment: the same few for all of its VMs, registered when the first VM needs them."""

    def __init__(self) -> None:
        self._watched: dict[str, list[Watched]] = {}

    def watch(self, vm: Watched) -> None:
        """Remember a VM, of which hooks are told by the URNs of its children only."""
        self._watched.setdefault(vm.name, []).append(vm)

    @cached_property
    def around_an_update(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of a VM whose changes are followed."""
        return pulumi.ResourceHookBinding(
            on_error=self.on_refusal.on_error,
            before_update=[_hook("before a VM changes", self._before_the_vm_changes)],
            after_update=[_hook("after a VM changed", self._after_the_vm_changed)],
        )

    @cached_property
    def on_refusal(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of any VM."""
        return pulumi.ResourceHookBinding(
            on_error=[pulumi.ErrorHook("evenboot: when a cloud refuses a VM", self._refused)]
        )

    @cached_property
    def on_waiting(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of what a VM was told, for a VM that is waited for."""
        return pulumi.ResourceHookBinding(
            before_create=[_hook("before a VM's steps are kept", self._before_the_first_steps)],
            before_update=self.on_news.before_update,
        )

    @cached_property
    def on_news(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of what a VM was told; they speak in previews, too."""
        return pulumi.ResourceHookBinding(
            before_update=[_hook("before a VM's steps change", self._before_other_steps, on_dry_run=True)]
        )

    async def _refused(self, args: pulumi.ErrorHookArgs) -> bool:
        vm = await self._of(args.urn)
        found = advice(vm.cloud, args.errors[0] if args.errors else "")
        if found is not None:
            pulumi.log.error(f"{vm.name}: {found[1]}")
        return False  # no second try

    async def _before_the_vm_changes(self, args: pulumi.ResourceHookArgs) -> None:
        vm = await self._of(args.urn)
        if vm.seconds is not None and vm.slot_differs(args):
            vm.seen = await waiting.boots_seen(_console(vm, args.id, args.old_outputs))

    async def _after_the_vm_changed(self, args: pulumi.ResourceHookArgs) -> None:
        vm = await self._of(args.urn)
        vm.changed = vm.slot_differs(args)
        if vm.changed and vm.is_restarted:
            vm.say("restarting it for its changed definition")
            vm.off = not await waiting.restart(_console(vm, args.id, args.new_outputs))

    async def _before_the_first_steps(self, args: pulumi.ResourceHookArgs) -> None:
        vm, new = await self._of(args.urn), _told(args.new_inputs)
        if vm.changed and not (vm.boots_by_itself or vm.is_restarted):
            vm.say(vm.obeys())  # a VM that exists, whose result has not been seen yet
        else:
            await _wait(vm, new)

    async def _before_other_steps(self, args: pulumi.ResourceHookArgs) -> None:
        vm, old, new = await self._of(args.urn), _told(args.old_inputs), _told(args.new_inputs)
        later = pulumi.contains_unknowns(new.get("vm"))  # only in a preview; not every provider foretells an update
        stays = vm.on_change != "replace" if later else old.get("vm") == new.get("vm")
        if not pulumi.contains_unknowns(new.get("steps")) and old.get("payload") != new.get("payload"):
            unfinished = stays and not vm.changed and vm.is_followed and not pulumi.runtime.is_dry_run()
            when = vm.obeys() if stays else "A new VM obeys from the start"
            vm.say(f"{difference(old, new)}. {'An earlier deployment has told the VM' if unfinished else when}")
        if pulumi.runtime.is_dry_run():
            return
        if stays and not vm.changed and vm.is_restarted:
            await _catch_up(vm, new)
        if not stays or not vm.changed or vm.boots_by_itself or vm.is_restarted:
            await _wait(vm, new)

    async def _of(self, urn: str) -> Watched:
        stack, project, types, name = urn.split("::", 3)
        place = [stack, project, types.rpartition("$")[0]]
        for vm in self._watched.get(name.rpartition("-")[0], ()):
            if str(await vm.component.urn.future()).split("::")[:3] == place:
                return vm
        raise pulumi.RunError(f"{urn} belongs to no VM of this program")


def hooks() -> Hooks:
    """Return the hooks of this deployment."""
    return once(None, ("hooks",), Hooks)


def watch(component: pulumi.Resource, name: str, cloud: Cloud, args: VmArgs, slot: Sequence[str]) -> Watched:
    """Return a VM for which this deployment's hooks act as its arguments say."""
    seconds = WAIT_SECONDS if args.wait is True else float(args.wait) if args.wait else None
    vm = Watched(component=component, name=name, cloud=cloud, slot=slot, on_change=args.on_change, seconds=seconds)
    hooks().watch(vm)
    return vm


def console_problems(args: VmArgs, cloud: Cloud) -> Iterator[Problem]:
    """Yield what is missing for an argument that needs the VM's console or a restart."""
    argument = "wait" if args.wait else "on_change" if args.on_change == "restart" and cloud != "aws" else None
    for module in _SDKS[cloud] if argument else ():
        if not _is_installed(module):
            yield Problem(
                str(argument),
                f"is {getattr(args, str(argument))!r}, which needs the cloud's SDK for Python, and there is no "
                f"{module}: pip install 'evenboot[{cloud}-console]'",
            )
            return


_SDKS: Mapping[Cloud, Sequence[str]] = {
    "aws": ["boto3"],
    "gcp": ["google.auth", "requests"],
    "azure": ["azure.mgmt.compute", "azure.identity"],
}


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def keep_told(
    vm: Watched,
    id: pulumi.Output[str],
    address: pulumi.Output[str],
    delivered: Delivered,
    children: pulumi.ResourceOptions,
) -> None:
    """Keep in the state what a VM was told, once it has obeyed if that is waited for.

    Args:
        vm: The VM.
        id: An id that no later VM of the same name has.
        address: The cloud's full name of it, as `console_at` takes it.
        delivered: What it is told.
        children: Options of the component's children.
    """
    vm.address = address
    ours = hooks()
    binding = ours.on_news if vm.seconds is None else ours.on_waiting
    ignored = list(IGNORED) if vm.on_change == "ignore" else None
    pulumi.Stash(
        f"{vm.name}-steps",
        input=told(id, delivered),
        opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(hooks=binding, ignore_changes=ignored)),
    )


async def _catch_up(vm: Watched, new: Told) -> None:
    """Restart a VM that a former deployment has changed but not restarted, because that failed."""
    console = console_at(vm.name, str(await _known(vm.address)))
    result = newest_result(await waiting.read(console))
    if result is None or result.fingerprint != new["definition"]:
        vm.seen = await waiting.boots_seen(console)
        vm.off = not await waiting.restart(console)


async def _wait(vm: Watched, new: Told) -> None:
    if vm.seconds is None:
        return
    if vm.off:
        vm.say(vm.obeys())
        return
    console = console_at(vm.name, str(await _known(vm.address)))
    await waiting.wait_for_result(console, str(new["definition"]), vm.seconds, vm.say, seen=vm.seen)


async def _known(output: pulumi.Output[str] | None) -> str | None:
    return None if output is None else await output.future()


def _console(vm: Watched, id: str, outputs: Mapping[str, Any] | None) -> Console:
    return console_at(vm.name, str((outputs or {}).get("arn")) if vm.cloud == "aws" else id)


def _hook(
    when: str, call: Callable[[pulumi.ResourceHookArgs], Any], *, on_dry_run: bool = False
) -> pulumi.ResourceHook:
    return pulumi.ResourceHook(f"evenboot: {when}", call, pulumi.ResourceHookOptions(on_dry_run=on_dry_run))


def _told(inputs: Mapping[str, Any] | None) -> Told:
    return (inputs or {}).get("input") or {}


def _at(properties: Mapping[str, Any] | None, keys: Sequence[str]) -> Any:
    value: Any = properties or {}
    for key in keys:
        value = (value or {}).get(key)
    return value
