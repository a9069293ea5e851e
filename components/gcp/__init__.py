"""Google Cloud: what the components know of it, without its SDK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..cloud import Cloud

if TYPE_CHECKING:
    from ..console import Console


def _console() -> Callable[..., Console]:
    from .console import GcpConsole

    return GcpConsole


CLOUD = Cloud(
    name="gcp",
    title="Google Cloud",
    component="GcpVm",
    package="gcp",
    vm_type="gcp:compute/instance:Instance",
    vm_address="id",
    address_form=re.compile(r"projects/(?P<project>[^/]+)/zones/(?P<zone>[^/]+)/instances/(?P<instance>[^/]+)"),
    address_example="projects/P/zones/Z/instances/I",
    size="machine_type",
    place="zone",
    account="the provider's project (gcp:project)",
    slot_is_base64=False,
    console_modules=("google.auth", "requests"),
    console=_console,
)
