"""The console of a VM, whichever cloud it is in."""

from __future__ import annotations

from .clouds import CLOUDS
from .console import Console, ConsoleError


def console_at(name: str, address: str) -> Console:
    """Return the console of a VM; nothing is asked yet.

    Args:
        name: What messages call the VM.
        address: The cloud's full name of the VM, as its cloud's folder has the form of it.

    Raises:
        ConsoleError: The address has none of these forms.

    Example:
        >>> console_at("web", "projects/shop/zones/europe-west3-a/instances/web").name
        'web'
    """
    for cloud in CLOUDS.values():
        found = cloud.address_form.fullmatch(address)
        if found:
            return cloud.console()(name, **found.groupdict())
    examples = ", or ".join(cloud.address_example for cloud in CLOUDS.values())
    raise ConsoleError(f"{name}: {address!r} is no VM's full name; give {examples}")
