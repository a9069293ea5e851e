"""One VM of a deployment, and what has happened to it so far: what its hooks need to know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from .arguments import OnChange
from .clouds import CLOUDS
from .console import Console
from .consoles import console_at


@dataclass(slots=True, kw_only=True)
class DeployedVm:
    """One VM of this deployment, and what has happened to it so far.

    Attributes:
        component: The VM's component.
        name: The component's name.
        cloud: Its cloud.
        slot: The keys that lead to the slot among the VM's properties.
        boots_for: The arguments for whose change every cloud boots its VM, whatever `on_change` says: by name, the keys
            that lead to them among the VM's properties.
        on_change: What a changed payload does to the VM.
        seconds: How long to wait for its result; None does not wait.
        address: The cloud's full name of the VM, as `console_at` takes it; None before the VM is registered.
        changed: Whether its slot is changed in this deployment.
        booted_for: The names of those arguments that are changed in this deployment.
        off: Whether it was off when it should have booted.
        seen: The boots whose results are older than the change.
    """

    component: pulumi.Resource
    name: str
    cloud: str
    slot: Sequence[str]
    boots_for: Mapping[str, Sequence[str]]
    on_change: OnChange
    seconds: float | None
    address: pulumi.Output[str] | None = None
    changed: bool = False
    booted_for: Sequence[str] = ()
    off: bool = False
    seen: Collection[str] = field(default_factory=frozenset[str])

    @property
    def is_followed(self) -> bool:
        """Tell whether a change of the VM is followed: something is to be waited for or to be done."""
        return self.seconds is not None or self.is_restarted

    @property
    def boots_by_itself(self) -> bool:
        """Tell whether the cloud boots the VM for a change of its slot."""
        return CLOUDS[self.cloud].boots_by_itself

    @property
    def is_restarted(self) -> bool:
        """Tell whether this project has to restart the VM for a change of its slot."""
        return self.on_change == "restart" and not self.boots_by_itself

    @property
    def obeys_later(self) -> bool:
        """Tell whether a change of the slot is obeyed at a boot that is not this deployment's business."""
        return not (self.boots_by_itself or self.is_restarted or self.booted_for)

    def note(self, args: pulumi.ResourceHookArgs) -> None:
        """Note what an update of the VM changes."""
        self.changed = _differs(args, self.slot)
        self.booted_for = [name for name, keys in self.boots_for.items() if _differs(args, keys)]

    def obeys(self) -> str:
        """Say when a change is obeyed by a VM that stays."""
        if self.off:
            return "The VM is off and stays so: it obeys when it is started"
        if self.boots_by_itself:
            return f"{CLOUDS[self.cloud].title} stops and starts the instance for it"
        if self.booted_for:
            return f"The VM boots for its other {' and '.join(self.booted_for)}"
        if self.is_restarted:
            return "The VM is restarted for it"
        return "The VM obeys at its next boot, which is not waited for"

    def mending(self) -> str:
        """Say what to do after a failure."""
        if self.on_change == "ignore":
            return 'With on_change="ignore" this VM stays as it is: give another on_change to mend it.'
        again = "Mend it and deploy again: "
        if self.on_change == "replace":
            return f"{again}a new VM takes the place of this one."
        goes_on = "and the VM goes on with what is not done yet. If there is nothing to mend, reboot it and deploy again."
        if self.boots_by_itself:
            return f"{again}{CLOUDS[self.cloud].title} stops and starts the instance for the change, {goes_on}"
        if self.is_restarted:
            return f"{again}the VM is restarted for the change, {goes_on}"
        return (
            f"{again}the VM is told, and goes on with what is not done yet at its next boot: reboot it, or call "
            '`evenboot apply` on it. With on_change="restart" the deployment restarts it.'
        )

    def say(self, text: str) -> None:
        """Tell the user something about this VM."""
        pulumi.log.info(text if text.startswith(f"{self.name}: ") else f"{self.name}: {text}")

    def console(self, id: str, outputs: Mapping[str, Any] | None) -> Console:
        """Return the console of the VM as a hook of it gets the VM."""
        return console_at(self.name, str({**(outputs or {}), "id": id}.get(CLOUDS[self.cloud].vm_address)))

    async def console_by_address(self) -> Console:
        """Return the console of the VM once it is registered."""
        return console_at(self.name, str(self.address and await self.address.future()))


def _differs(args: pulumi.ResourceHookArgs, keys: Sequence[str]) -> bool:
    return bool(_at(args.old_inputs, keys) != _at(args.new_inputs, keys))


def _at(properties: Mapping[str, Any] | None, keys: Sequence[str]) -> Any:
    value: Any = properties or {}
    for key in keys:
        value = (value or {}).get(key)
    return value
