"""VMs on AWS, Google Cloud and Azure that obey a startup script, as Pulumi components of one shape.

A component's module is imported when its name is first used, so that a program loads the SDKs of its own clouds only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import Inbound, VmArgs, VmArgsError
    from .aws.vm import AwsVm, AwsVmArgs
    from .azure.vm import AzureVm, AzureVmArgs
    from .component import Vm
    from .gcp.vm import GcpVm, GcpVmArgs

__all__ = [
    "AwsVm",
    "AwsVmArgs",
    "AzureVm",
    "AzureVmArgs",
    "GcpVm",
    "GcpVmArgs",
    "Inbound",
    "Vm",
    "VmArgs",
    "VmArgsError",
    "vm_on",
]

_MODULES = {
    "AwsVm": "aws.vm",
    "AwsVmArgs": "aws.vm",
    "AzureVm": "azure.vm",
    "AzureVmArgs": "azure.vm",
    "GcpVm": "gcp.vm",
    "GcpVmArgs": "gcp.vm",
    "Inbound": "arguments",
    "Vm": "component",
    "VmArgs": "arguments",
    "VmArgsError": "arguments",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def vm_on(cloud: str) -> tuple[Callable[..., Vm], Callable[..., VmArgs]]:
    """Return the component of a cloud and the class of its arguments.

    Args:
        cloud: `"aws"`, `"gcp"` or `"azure"`.

    Raises:
        pulumi.RunError: The cloud is none of these; Pulumi prints it as one line.

    Example:
        >>> vm_on("gcp")[0].__name__
        'GcpVm'
    """
    from .clouds import CLOUDS

    if not isinstance(cloud, str) or cloud not in CLOUDS:
        from pulumi import RunError

        raise RunError(f"{cloud!r} is no cloud that this project knows; choose from {', '.join(CLOUDS)}")
    component = CLOUDS[cloud].component
    return __getattr__(component), __getattr__(f"{component}Args")
