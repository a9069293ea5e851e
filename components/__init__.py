"""VMs on AWS, Google Cloud and Azure that obey a startup script, as Pulumi components of one shape.

A component's module is imported when its name is first used, so that a program loads the SDKs of its own clouds only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import Inbound, VmArgs, VmArgsError
    from .aws import AwsVm, AwsVmArgs
    from .azure import AzureVm, AzureVmArgs
    from .component import Vm
    from .gcp import GcpVm, GcpVmArgs

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
    "AwsVm": "aws",
    "AwsVmArgs": "aws",
    "AzureVm": "azure",
    "AzureVmArgs": "azure",
    "GcpVm": "gcp",
    "GcpVmArgs": "gcp",
    "Inbound": "arguments",
    "Vm": "component",
    "VmArgs": "arguments",
    "VmArgsError": "arguments",
}
_CLOUDS = {"aws": "Aws", "gcp": "Gcp", "azure": "Azure"}


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
    prefix = _CLOUDS.get(cloud) if isinstance(cloud, str) else None
    if prefix is None:
        from pulumi import RunError

        raise RunError(f"{cloud!r} is no cloud that this project knows; choose from {', '.join(_CLOUDS)}")
    return __getattr__(f"{prefix}Vm"), __getattr__(f"{prefix}VmArgs")
