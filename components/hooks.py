"""What happens to a VM around a change: the restart, the waiting for its result, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pulumi

from . import waiting
from .arguments import VmArgs
from .cloud_errors import on_refusal
from .deployed_vm import DeployedVm
from .preview import IGNORED, StepsState, difference, steps_state
from .results import newest_result
from .sharing import once
from .values import Delivered
from .waiting import StartupFailed

WAIT_SECONDS = 1800.0
"""What `wait=True` means: as long as one step may take by default."""


class Hooks:
    """The hooks of one deployment: the same few for all of its VMs, registered when the first VM needs them."""

    def __init__(self) -> None:
        self._vms: dict[str, list[DeployedVm]] = {}

    def follow(self, vm: DeployedVm) -> None:
        """Remember a VM, of which hooks are told by the URNs of its children only."""
        self._vms.setdefault(vm.name, []).append(vm)

    def of_the_vm(self, vm: DeployedVm) -> pulumi.ResourceHookBinding:
        """Return the hooks of a VM itself."""
        return self.around_an_update if vm.is_followed else on_refusal()

    @cached_property
    def around_an_update(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of a VM whose changes are followed."""
        return pulumi.ResourceHookBinding(
            on_error=on_refusal().on_error,
            before_update=[_hook("before a VM changes", self._before_the_vm_changes, on_dry_run=True)],
            after_update=[_hook("after a VM changed", self._after_the_vm_changed)],
        )

    @cached_property
    def on_news(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of what a VM is told; they speak in previews, too."""
        return pulumi.ResourceHookBinding(
            before_update=[_hook("before a VM's steps change", self._before_other_steps, on_dry_run=True)]
        )

    @cached_property
    def on_waiting(self) -> pulumi.ResourceHookBinding:
        """Return the hooks of the result that is waited for; while they fail it is not kept, and is asked for again."""
        waits = [_hook("the VM's result", self._before_the_result)]
        return pulumi.ResourceHookBinding(before_create=waits, before_update=waits)

    async def _before_the_vm_changes(self, args: pulumi.ResourceHookArgs) -> None:
        vm = await self._of(args.urn)
        vm.note(args)
        if vm.seconds is not None and (vm.changed or vm.booted_for) and not pulumi.runtime.is_dry_run():
            vm.seen = await waiting.boots_seen(vm.console(args.id, args.old_outputs))

    async def _after_the_vm_changed(self, args: pulumi.ResourceHookArgs) -> None:
        vm = await self._of(args.urn)
        if vm.changed and vm.is_restarted and not vm.booted_for:
            vm.say("restarting it for its changed definition")
            vm.off = not await waiting.restart(vm.console(args.id, args.new_outputs))

    async def _before_other_steps(self, args: pulumi.ResourceHookArgs) -> None:
        vm, old, new = await self._of(args.urn), _state(args.old_inputs), _state(args.new_inputs)
        later = pulumi.contains_unknowns(new.get("vm"))  # only in a preview; not every provider foretells an update
        stays = vm.on_change != "replace" if later else old.get("vm") == new.get("vm")
        unfinished = stays and not vm.changed and vm.is_followed and not pulumi.runtime.is_dry_run()
        if not pulumi.contains_unknowns(new.get("steps")) and old.get("payload") != new.get("payload"):
            when = vm.obeys() if stays else "A new VM obeys from the start"
            vm.say(f"{difference(old, new)}. {'An earlier deployment has told the VM' if unfinished else when}")
        if unfinished and vm.is_restarted:
            await _catch_up(vm, new)

    async def _before_the_result(self, args: pulumi.ResourceHookArgs) -> None:
        vm, new = await self._of(args.urn), _state(args.new_inputs)
        if vm.off:
            vm.say(vm.obeys())
        elif vm.obeys_later and vm.changed:
            return  # as has been said of its steps
        elif vm.obeys_later and await _obeyed_another(vm, new):
            vm.say(vm.obeys())
        else:
            await _wait(vm, new)

    async def _of(self, urn: str) -> DeployedVm:
        stack, project, types, name = urn.split("::", 3)
        place = [stack, project, types.rpartition("$")[0]]
        for vm in self._vms.get(name.rpartition("-")[0], ()):
            if str(await vm.component.urn.future()).split("::")[:3] == place:
                return vm
        raise pulumi.RunError(f"{urn} belongs to no VM of this program")


def hooks() -> Hooks:
    """Return the hooks of this deployment."""
    return once(None, ("hooks",), Hooks)


def follow(
    component: pulumi.Resource,
    name: str,
    cloud: str,
    args: VmArgs,
    slot: Sequence[str],
    boots_for: Mapping[str, Sequence[str]],
) -> DeployedVm:
    """Return a VM for which this deployment's hooks act as its arguments say.

    Args:
        component: The VM's component.
        name: The component's name.
        cloud: Its cloud.
        args: What the VM is.
        slot: The keys that lead to the slot among the VM's properties.
        boots_for: The arguments for whose change the cloud boots the VM, and the keys that lead to them.
    """
    vm = DeployedVm(
        component=component,
        name=name,
        cloud=cloud,
        slot=slot,
        boots_for=boots_for,
        on_change=args.on_change,
        seconds=WAIT_SECONDS if args.wait is True else float(args.wait) if args.wait else None,
    )
    hooks().follow(vm)
    return vm


def stash_steps(
    vm: DeployedVm,
    args: VmArgs,
    id: pulumi.Output[str],
    address: pulumi.Output[str],
    delivered: Delivered,
    children: pulumi.ResourceOptions,
) -> None:
    """Keep in the state what a VM is told and, if that is waited for, of what its result has been seen.

    Args:
        vm: The VM.
        args: What it is.
        id: An id that no later VM of the same name has.
        address: The cloud's full name of it, as `console_at` takes it.
        delivered: What it is told.
        children: Options of the component's children.
    """
    vm.address = address
    ignored = list(IGNORED) if vm.on_change == "ignore" else None
    news = pulumi.ResourceOptions(hooks=hooks().on_news, ignore_changes=ignored)
    steps = pulumi.Stash(
        f"{vm.name}-steps", input=steps_state(id, delivered), opts=pulumi.ResourceOptions.merge(children, news)
    )
    if vm.seconds is None:
        return
    kept = {"vm": steps.input["vm"], "definition": steps.input["definition"]}  # also of a VM that ignores changes
    waits = pulumi.ResourceOptions(hooks=hooks().on_waiting)
    pulumi.Stash(
        f"{vm.name}-result",
        input={**kept, "booted_with": {argument: getattr(args, argument) for argument in vm.boots_for}},
        opts=pulumi.ResourceOptions.merge(children, waits),
    )


async def _catch_up(vm: DeployedVm, new: StepsState) -> None:
    """Restart a VM that a former deployment has changed but not restarted, because that failed."""
    console = await vm.console_by_address()
    result = newest_result(await waiting.read(console))
    if result is None or result.fingerprint != new["definition"]:
        vm.seen = await waiting.boots_seen(console)
        vm.off = not await waiting.restart(console)


async def _obeyed_another(vm: DeployedVm, new: StepsState) -> bool:
    """Tell whether the newest result of a VM is of a definition before the one that it was told."""
    result = newest_result(await waiting.read(await vm.console_by_address()))
    return result is not None and result.fingerprint != new["definition"]


async def _wait(vm: DeployedVm, new: StepsState) -> None:
    console, seconds = await vm.console_by_address(), vm.seconds or WAIT_SECONDS
    try:
        await waiting.wait_for_result(console, str(new["definition"]), seconds, vm.say, seen=vm.seen)
    except StartupFailed as failed:
        if failed.result is None:
            raise  # says already what to do
        raise StartupFailed(vm.name, f"{failed.result.describe()}\n{vm.mending()}", failed.result) from None


def _hook(
    when: str, call: Callable[[pulumi.ResourceHookArgs], Any], *, on_dry_run: bool = False
) -> pulumi.ResourceHook:
    return pulumi.ResourceHook(f"evenboot: {when}", call, pulumi.ResourceHookOptions(on_dry_run=on_dry_run))


def _state(inputs: Mapping[str, Any] | None) -> StepsState:
    return (inputs or {}).get("input") or {}
