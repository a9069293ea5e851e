"""The serial consoles of VMs, read through each cloud's API: how a result leaves a VM without login and open port.

Each cloud's own Python SDK is imported when its console is read for the first time; the extras `aws-console`,
`gcp-console` and `azure-console` install them.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Protocol, cast

_FORMS = {
    "aws": re.compile(r"arn:[a-z-]+:ec2:(?P<region>[a-z0-9-]+):\d*:instance/(?P<instance>i-[0-9a-f]+)"),
    "gcp": re.compile(r"projects/(?P<project>[^/]+)/zones/(?P<zone>[^/]+)/instances/(?P<instance>[^/]+)"),
    "azure": re.compile(
        r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
        r"/providers/Microsoft\.Compute/virtualMachines/(?P<machine>[^/]+)",
        re.IGNORECASE,
    ),
}


class ConsoleError(Exception):
    """Say why a console cannot be read or a VM not be restarted, and what to do about it."""


class ConsoleBusy(ConsoleError):
    """Say what may pass by itself: throttling, a network that fails, a VM that the cloud does not show yet."""


class Console(Protocol):
    """The serial console of one VM; all methods block, and may be called from any thread.

    Attributes:
        name: What messages call the VM.
    """

    name: str

    def read(self) -> str:
        """Return the console's newest text: cut anywhere at its begin, and not always up to date.

        Raises:
            ConsoleBusy: It may work later.
            ConsoleError: It will not; the text says what to do.
        """
        ...

    def restart(self) -> bool:
        """Restart the VM in order, so that its shutdown steps run; return when the cloud has taken that in hand.

        Returns:
            False if the VM is off: it stays so, and obeys what has changed when somebody starts it.

        Raises:
            ConsoleBusy: It may work later.
            ConsoleError: It will not; the text says what to do.
        """
        ...


def missing_sdk(name: str, cloud: str, error: ImportError) -> ConsoleError:
    """Return the error of a cloud whose SDK is not installed."""
    return ConsoleError(
        f"{name}: its console is read with {cloud}'s SDK for Python, and there is no {error.name}: "
        f"pip install 'evenboot[{cloud}-console]'"
    )


def console_at(name: str, address: str) -> Console:
    """Return the console of a VM; nothing is asked yet.

    Args:
        name: What messages call the VM.
        address: The cloud's full name of the VM: its ARN on aws, `projects/P/zones/Z/instances/I` on gcp, its resource
            id on azure.

    Raises:
        ConsoleError: The address has none of these forms.

    Example:
        >>> console_at("web", "projects/shop/zones/europe-west3-a/instances/web").name
        'web'
    """
    for cloud, form in _FORMS.items():
        found = form.fullmatch(address)
        if found:
            make = getattr(import_module(f".{cloud}", __name__), f"{cloud.capitalize()}Console")
            return cast("Console", make(name, **found.groupdict()))
    raise ConsoleError(
        f"{name}: {address!r} is no VM's full name; give the ARN of an EC2 instance, "
        "projects/P/zones/Z/instances/I, or the resource id of an Azure VM"
    )
