"""What the three components have in common: their outputs."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import pulumi

from .startup import StartupScript
from .values import Delivered


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
    _delivered: Delivered

    @cached_property
    def fingerprint(self) -> pulumi.Output[str]:
        # Made when somebody asks: Pulumi goes over all Outputs that are there again and again, and most programs never
        # look at this one.
        return pulumi.Output.from_input(self._delivered.fingerprint)

    def _publish(
        self,
        delivered: Delivered,
        *,
        id: pulumi.Output[str],
        private_address: pulumi.Output[str],
        public_address: pulumi.Output[str | None] | None,
        identity: pulumi.Output[str],
    ) -> None:
        self.id = id
        self.private_address = private_address
        self.public_address = pulumi.Output.from_input(None) if public_address is None else public_address
        self._delivered = delivered
        self.identity = identity
        self.register_outputs(
            {
                "id": self.id,
                "privateAddress": self.private_address,
                "publicAddress": self.public_address,
                "fingerprint": delivered.fingerprint,
                "identity": self.identity,
            }
        )
