"""Wait until VMs say what came of their startup script: many side by side, in the program's event loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from .consoles import Console, ConsoleBusy, ConsoleError
from .results import Result, newest_result, newest_step, results_in

T = TypeVar("T")

INTERVAL: Final = 5.0
"""Seconds between two looks at a console. EC2 answers about 20 such questions a second to a whole account."""

PROGRESS: Final = 30.0
"""Seconds between two words about a wait that goes on."""

PATIENCE: Final = 300.0
"""Seconds for which a console may be unreadable before a wait gives up."""

# Reading blocks. The loop's own threads are taken by Pulumi, which holds one for each resource under way: a hook that
# needed one of them might wait for a resource that waits for the hook.
_READERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="console")


class StartupFailed(Exception):
    """Say why a VM has not obeyed its startup script, in a message that is enough to mend the step.

    Attributes:
        vm: The VM's name.
        result: What the VM said; None when the wait ended without a result for this definition.
    """

    def __init__(self, vm: str, message: str, result: Result | None = None) -> None:
        super().__init__(f"{vm}: {message}")
        self.vm, self.result = vm, result


async def wait_for_result(
    console: Console,
    fingerprint: str,
    seconds: float,
    say: Callable[[str], None],
    *,
    interval: float = INTERVAL,
    seen: Collection[str] = (),
) -> Result:
    """Wait until a VM reports ok for a definition, and return that result.

    The newest result on the console counts. Those of other definitions, those of boots in `seen`, and those of runs that
    a reboot interrupted are passed over.

    Args:
        console: The VM's console.
        fingerprint: The definition's fingerprint, 64 hexadecimal digits.
        seconds: How long to wait at most.
        say: Is told at times what is waited for; called in the event loop.
        interval: Seconds between two looks at the console.
        seen: The boots whose results are old: what `boots_seen` gave before the update.

    Raises:
        StartupFailed: The VM reports a failure for this definition, or nothing in time.
        ConsoleError: The console cannot be read, and waiting does not help.

    Example:
        >>> class Still:
        ...     name = "web"
        ...     def read(self) -> str:
        ...         return 'evenboot: result {"result": "ok", "fingerprint": "ab12"}'
        ...     def restart(self) -> None: ...
        >>> asyncio.run(wait_for_result(Still(), "ab12", 60, print)).result
        'ok'
    """
    raise NotImplementedError


async def boots_seen(console: Console) -> frozenset[str]:
    """Return the ids of the boots that a console tells of by now, for `wait_for_result` after a restart.

    A console that cannot be read at the moment tells of none.
    """
    raise NotImplementedError


async def restart(console: Console) -> None:
    """Restart a VM in order, without holding up the event loop.

    Raises:
        ConsoleError: The cloud refuses, and trying again does not help.
    """
    raise NotImplementedError
