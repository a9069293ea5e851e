"""Wait until VMs say what came of their startup script: many side by side, in the program's event loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from .console import Console, ConsoleBusy, ConsoleError
from .results import Result, newest_result, newest_step, results_in

T = TypeVar("T")

INTERVAL: Final = 2.0
"""Seconds between two looks at a console, as long as few are looked at."""

LOOKS_PER_SECOND: Final = 10
"""Looks at all consoles together: EC2 answers 20 such questions a second to a whole account and region."""

PROGRESS: Final = 30.0
"""Seconds between two words about a wait that brings nothing new."""

PATIENCE: Final = 300.0
"""Seconds for which a cloud may not answer before a wait or a restart gives up."""

# Reading blocks. The loop's own threads are taken by Pulumi, which holds one for each resource under way: a hook that
# needed one of them might wait for a resource that waits for the hook.
_THREADS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="console")


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

    The newest result for the definition counts, unless its run ended because the VM went down: then the next boot's does.
    Results of boots in `seen` and of other definitions are passed over, but for a failure of a boot to which this definition
    did not come. Where no boot is known to be old, one is when a later one has obeyed another definition.

    Waits in one process run side by side, whatever their number; with more than 20 of them each looks less often than every
    `interval` seconds, as clouds limit such questions.

    Args:
        console: The VM's console.
        fingerprint: The definition's fingerprint, 64 hexadecimal digits.
        seconds: How long to wait at most.
        say: Is told what the VM is at; called in the event loop.
        interval: Seconds between two looks at the console.
        seen: The boots whose results are old: what `boots_seen` gave before the update.

    Raises:
        StartupFailed: The VM reports a failure for this definition, or no result for it in time.
        ConsoleError: The console cannot be read, and waiting does not help.

    Example:
        >>> import json
        >>> told = Result(result="ok", definition="site", fingerprint="ab12", boot_id="7e3a5e2c", boot="first",
        ...               source="cloud", started_at="2026-11-23T01:00:00Z")
        >>> class Still:
        ...     name = "web"
        ...     def read(self) -> str:
        ...         return f"Linux version 6.1\\r\\nevenboot: result {json.dumps(told.as_json())}\\r\\n"
        ...     def restart(self) -> bool: ...
        >>> asyncio.run(wait_for_result(Still(), "ab12", 60, print)).result
        'ok'
    """
    look = _Look(console, fingerprint, seen, say)
    end = time.monotonic() + seconds
    with _LOOKS.one_more():
        while True:
            result = await look.take()
            if result is not None:
                return result
            left = end - time.monotonic()
            if left <= 0:
                raise StartupFailed(console.name, look.nothing_after(seconds))
            await asyncio.sleep(min(left, look.pause(interval)))


async def boots_seen(console: Console) -> frozenset[str]:
    """Return the ids of the boots whose results a console shows now, for `wait_for_result` after the next boot.

    Raises:
        ConsoleError: The console cannot be read.
    """
    return frozenset(result.boot_id for result in results_in(await read(console)) if result.boot_id)


async def read(console: Console) -> str:
    """Return the text of a console, without holding up the event loop.

    Raises:
        ConsoleError: The console cannot be read.
    """
    return await _patiently(console.read)


async def restart(console: Console) -> bool:
    """Restart a VM in order, without holding up the event loop; return False if it is off, and stays so.

    Raises:
        ConsoleError: The cloud refuses, or does not answer for 5 minutes.
    """
    return await _patiently(console.restart)


class Looks:
    """Share out what a cloud answers among all waits of this process."""

    def __init__(self) -> None:
        self._waits: set[object] = set()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a wait while it lasts; waits may run in several threads."""
        wait = object()
        self._waits.add(wait)
        try:
            yield
        finally:
            self._waits.remove(wait)

    def pause(self, interval: float) -> float:
        """Return how many seconds each wait leaves between two looks, if it wants to look every `interval`."""
        return max(interval, len(self._waits) / LOOKS_PER_SECOND)


_LOOKS = Looks()


class _Look:
    """What one wait has seen so far on its console."""

    def __init__(self, console: Console, fingerprint: str, seen: Collection[str], say: Callable[[str], None]) -> None:
        self.console, self.fingerprint, self.seen, self.say = console, fingerprint, seen, say
        self.text = ""
        self.trouble: str | None = None
        self.troubles = 0
        self.begun = self.told = self.answered = time.monotonic()
        self.news: str | None = None

    async def take(self) -> Result | None:
        """Look at the console once; return the result that was waited for, None if it is not there yet."""
        try:
            self.text = await _aside(self.console.read)
        except ConsoleBusy as error:
            self.trouble, self.troubles = str(error).removeprefix(f"{self.console.name}: "), self.troubles + 1
            if time.monotonic() - self.answered > PATIENCE:
                raise ConsoleError(f"{error}; it has been so for {PATIENCE:.0f} s") from error
            self.tell(f"{self.trouble}; trying again")
            return None
        self.trouble, self.troubles, self.answered = None, 0, time.monotonic()
        result = self.judge()
        if result is None:
            self.tell(newest_step(self.text) or "waiting for the result of its startup script")
        return result

    def judge(self) -> Result | None:
        """Return the awaited ok if the console has it; raise `StartupFailed` if it has the failure."""
        told = [result for result in results_in(self.text) if result.boot_id not in self.seen]
        arrived = {result.boot_id for result in told if result.fingerprint == self.fingerprint}
        for result in reversed(told):
            if result.fingerprint == self.fingerprint:
                return None if result.interrupted or result.result == "running" else self.verdict(result)
            if result.boot_id in arrived:
                continue
            # No definition, or the last one in place of this one, in a boot that should have brought this one.
            without_it = result.fingerprint is None or (bool(self.seen) and result.source == "cached")
            if result.result == "failed" and not result.interrupted and without_it:
                return self.verdict(result)
            if not self.seen:  # a boot that obeyed this definition may have been long before
                return None
        return None

    def verdict(self, result: Result) -> Result:
        """Return a result that is ok; raise `StartupFailed` for one that is not."""
        if result.result == "ok":
            return result
        raise StartupFailed(self.console.name, result.describe(), result)

    def tell(self, news: str) -> None:
        """Say what is new, and at times that nothing is."""
        now = time.monotonic()
        if news != self.news or now - self.told >= PROGRESS:
            since = f" ({now - self.begun:.0f} s)" if news == self.news else ""
            self.say(f"{self.console.name}: {news}{since}")
            self.news, self.told = news, now

    def pause(self, interval: float) -> float:
        """Return how long to wait until the next look; not the same for all, or they would come all at once."""
        fair = _LOOKS.pause(interval)
        return min(fair * 2**self.troubles, max(fair, PROGRESS)) * random.uniform(0.8, 1)

    def nothing_after(self, seconds: float) -> str:
        """Return the message of a wait that has ended without the result."""
        return (
            f"no result for this definition ({self.fingerprint[:8]}) within {seconds:g} s. {self.last_seen()}. "
            "The VM goes on by itself, and the next deployment asks again; `wait` takes more seconds, and "
            "`python -m components status` shows what came of it"
        )

    def last_seen(self) -> str:
        """Return in words what the console showed last."""
        if self.trouble is not None:
            return f"Its console could not be read: {self.trouble}"
        result, step = newest_result(self.text), newest_step(self.text)
        if step is not None:
            return f"Its console last told: {step}"
        if result is not None:
            return f"Its console last told: {self.why_not(result)}: {result.describe()}"
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return f"Its console shows no result, and last: {lines[-1][-200:]!r}" if lines else "Its console is empty"

    def why_not(self, result: Result) -> str:
        """Return what tells a result from the awaited one."""
        if result.boot_id in self.seen:
            return "the result of a boot before the update"
        if result.fingerprint != self.fingerprint:
            return f"the result of another definition ({(result.fingerprint or 'none')[:8]})"
        return "a result that is not the last"


async def _aside(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, call)


async def _patiently(call: Callable[[], T]) -> T:
    """Call again while the cloud is busy."""
    end, pause = time.monotonic() + PATIENCE, INTERVAL
    while True:
        try:
            return await _aside(call)
        except ConsoleBusy as error:
            if time.monotonic() > end:
                raise ConsoleError(f"{error}; it has been so for {PATIENCE:.0f} s") from error
        await asyncio.sleep(pause * random.uniform(0.8, 1))
        pause = min(pause * 2, PROGRESS)
