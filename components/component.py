"""What the components of all clouds have in common: how a VM is begun, its slot, and its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pulumi

from .arguments import VmArgs, refuse
from .clouds import CLOUDS
from .deployed_vm import DeployedVm
from .hooks import follow, stash_steps
from .options import child_options
from .startup import Problem, StartupScript
from .values import Delivered, deliver


class Vm(pulumi.ComponentResource):
    """Stand for a VM that obeys a startup script, whatever its cloud.

    Attributes:
        startup: The definition it was given.
        id: The cloud's id of the VM.
        private_address: Its address in the network.
        public_address: Its address in the internet, or None.
        fingerprint: The definition's fingerprint.
        identity: The principal to which a team grants rights.
    """

    startup: StartupScript
    id: pulumi.Output[str]
    private_address: pulumi.Output[str]
    public_address: pulumi.Output[str | None]
    identity: pulumi.Output[str]
    # What Pulumi calls the component; a package for other languages gives it a name of that package's.
    _token: ClassVar[str]
    # Its cloud, the class of its arguments, the keys that lead to the slot among the VM's properties, and the arguments for
    # whose change the cloud boots the VM, with the keys that lead to them.
    _cloud: ClassVar[str]
    _kind: ClassVar[type[VmArgs]]
    _slot: ClassVar[Sequence[str]]
    _boots_for: ClassVar[Mapping[str, Sequence[str]]]
    _delivered: Delivered
    _deployed: DeployedVm
    _provider: pulumi.ProviderResource | None
    _children: pulumi.ResourceOptions

    @classmethod
    def problems(cls, name: str, args: Any) -> Iterator[Problem]:
        """Yield what is wrong with the arguments of a VM, beside `startup` and the texts of `values`.

        Args:
            name: The component's name.
            args: Its arguments; wrong types are reported, not raised.
        """
        raise NotImplementedError

    @classmethod
    def _missing(cls, args: Any, provider: pulumi.ProviderResource | None) -> Iterable[Problem | None]:
        """Yield the arguments that name what is not there, as far as the cloud says before anything is made."""
        raise NotImplementedError

    @cached_property
    def fingerprint(self) -> pulumi.Output[str]:
        # Made when somebody asks: Pulumi goes over all Outputs that are there again and again, and most programs never
        # look at this one.
        return pulumi.Output.from_input(self._delivered.fingerprint)

    def _begin(self, name: str, args: VmArgs, opts: pulumi.ResourceOptions | None) -> None:
        """Judge all arguments, and register the component.

        Raises:
            VmArgsError: Something is wrong with the definition or another argument; nothing has been registered.
        """
        cloud = CLOUDS[self._cloud]
        title = f"{cloud.component} {name!r}"
        delivered = deliver(title, cloud, args, self._kind, self.problems(name, args))
        self.startup = args.startup
        super().__init__(self._token, name, {}, opts)
        self._delivered = delivered
        self._deployed = follow(self, name, cloud.name, args, self._slot, self._boots_for)
        self._provider = self.get_provider(cloud.vm_type)
        self._children = child_options(self, opts)
        refuse(title, self._missing(args, self._provider))

    def _publish(
        self,
        args: VmArgs,
        *,
        id: pulumi.Output[str],
        lasting_id: pulumi.Output[str],
        address: pulumi.Output[str],
        private_address: pulumi.Output[str],
        public_address: pulumi.Output[str | None] | None,
        identity: pulumi.Output[str],
    ) -> None:
        """Keep what the VM is told, and register the component's outputs.

        Args:
            args: What the VM is.
            id: The cloud's id of it.
            lasting_id: An id that no later VM of the same name has.
            address: The cloud's full name of it, as `console_at` takes it.
            private_address: Its address in the network.
            public_address: Its address in the internet.
            identity: The principal to which a team grants rights.
        """
        stash_steps(self._deployed, args, lasting_id, address, self._delivered, self._children)
        self.id = id
        self.private_address = private_address
        self.public_address = pulumi.Output.from_input(None) if public_address is None else public_address
        self.identity = identity
        self.register_outputs(
            {
                "id": self.id,
                "privateAddress": self.private_address,
                "publicAddress": self.public_address,
                "fingerprint": self._delivered.fingerprint,
                "identity": self.identity,
            }
        )
