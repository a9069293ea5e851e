"""Azure: what the components know of it, without its SDK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..cloud import Cloud

if TYPE_CHECKING:
    from ..console import Console


def _console() -> Callable[..., Console]:
    from .console import AzureConsole

    return AzureConsole


CLOUD = Cloud(
    name="azure",
    title="Azure",
    component="AzureVm",
    package="azure-native",
    vm_type="azure-native:compute:VirtualMachine",
    vm_address="id",
    address_form=re.compile(
        r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
        r"/providers/Microsoft\.Compute/virtualMachines/(?P<machine>[^/]+)",
        re.IGNORECASE,
    ),
    address_example="the resource id of an Azure VM",
    size="vm_size",
    place="location",
    account="the provider's subscription (azure-native:subscriptionId)",
    slot_is_base64=True,
    console_modules=("azure.mgmt.compute", "azure.identity"),
    console=_console,
)
