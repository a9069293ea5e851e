"""What the VMs of a program share: made or looked up once per program, location and provider."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_monitor

T = TypeVar("T")

# By deployment: each has a monitor of its own, and a second one in the same process shares nothing with the first.
_by_deployment: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()


def once(provider: pulumi.ProviderResource | None, what: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """Return what the first call for this deployment, provider and subject has made.

    Args:
        provider: The provider of those who share; None for the default one.
        what: The subject, as in `("network", "europe-west3")`.
        make: Makes it.
    """
    made = _by_deployment.setdefault(get_monitor(), {})
    if (provider, what) not in made:
        made[provider, what] = make()
    return made[provider, what]


def known(found: Any) -> Any:
    """Return what a look-up has found; as unknown when a preview's provider could not be asked yet.

    The look-ups of a component that need no Output are answered while it is made: before anything waits for them, and
    so that what is wrong is said at once. A provider whose own configuration is not known yet answers nothing then.
    """
    return pulumi.UNKNOWN if found is None and pulumi.runtime.is_dry_run() else found


def shared_name(provider: pulumi.ProviderResource | None, location: str) -> str:
    """Return the logical name of what is shared: with the provider's own name where one was given."""
    return "-".join(["evenboot", *([provider.pulumi_resource_name] if provider else []), location])
