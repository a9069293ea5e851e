"""Whether the cloud's own SDK is there, with which a VM's console is read and a VM is restarted."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from .arguments import VmArgs
from .clouds import CLOUDS
from .startup import Problem


def console_problems(args: VmArgs, cloud: str) -> Iterator[Problem]:
    """Yield what is missing for an argument that needs the VM's console or a restart."""
    argument = "wait" if args.wait else "on_change" if args.on_change == "restart" and not CLOUDS[cloud].boots_by_itself else None
    for module in CLOUDS[cloud].console_modules if argument else ():
        if not _is_installed(module):
            yield Problem(
                str(argument),
                f"is {getattr(args, str(argument))!r}, which needs the cloud's SDK for Python, and there is no "
                f"{module}: pip install 'evenboot[{cloud}-console]'",
            )
            return


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
