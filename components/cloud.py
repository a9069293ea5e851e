"""What the components know of a cloud, as one value; each cloud's folder has its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .startup import CloudName

if TYPE_CHECKING:
    from .console import Console


# Where an SDK has a type of each version of the cloud's API, the older ones say so in the middle.
_OLD_VERSION = re.compile(r"^([\w-]+:\w+)/v\d\w*(:\w+)$")


def newest_type(kind: str) -> str:
    """Return the newest type of a resource whose type may be of an older version of the cloud's API.

    Example:
        >>> newest_type("cloud:compute/v20230301:VirtualMachine")
        'cloud:compute:VirtualMachine'
    """
    return _OLD_VERSION.sub(r"\1\2", kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One cloud.

    Attributes:
        name: As in `aws`.
        title: As its makers write it, in messages.
        component: The name of the VM's component; its arguments are called so, with `Args` behind.
        package: Pulumi's name of the cloud.
        vm_type: Pulumi's type of a VM.
        vm_address: The property of a VM that is the cloud's full name of it; `id` is the resource's id.
        address_form: Of such a name; its groups are arguments of `console`.
        address_example: For messages.
        size: The argument that says how large the VM is.
        place: What says where the VM is.
        account: What says whose the VM is.
        boots_by_itself: Whether the cloud boots a VM for a change of its slot.
        slot_is_base64: Whether the slot takes base64 in place of the text itself.
        console_modules: The modules of its SDK for Python with which a console is read.
        console: Imports and returns the reader of a VM's console, which takes a name and the groups of the address.
    """

    name: CloudName
    title: str
    component: str
    package: str
    vm_type: str
    vm_address: str
    address_form: re.Pattern[str]
    address_example: str
    size: str
    place: str
    account: str
    boots_by_itself: bool = False
    slot_is_base64: bool
    console_modules: tuple[str, ...]
    console: Callable[[], Callable[..., Console]]
