"""Waiting for VMs side by side: how long after a VM's ok its wait ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from components.results import MARK, Result
from components.waiting import INTERVAL, LOOKS_PER_SECOND, wait_for_result

from .figures import Figure, figure

FINGERPRINT = "ab" * 32
RESULT = Result(
    result="ok",
    definition="web-server",
    fingerprint=FINGERPRINT,
    boot_id="7e3a5e2c",
    boot="first",
    source="cloud",
    started_at="2026-11-23T01:00:00Z",
)
OK = f"boots\n{MARK}{json.dumps(RESULT.as_json())}\n"
ANSWER_SECONDS = 0.2
BOOT_SECONDS = 12.0
NOTE = f"""
Consoles in this process that take {ANSWER_SECONDS} s for each answer, as a cloud's API does; all VMs say ok
{BOOT_SECONDS:.0f} s after the waits have begun. How many waits a deployment runs at once is the engine's business: see
docs/results.md.
"""


class Booting:
    """The console of a VM that says ok at a given time."""

    def __init__(self, name: str, ok_at: float) -> None:
        self.name, self.ok_at = name, ok_at

    def read(self) -> str:
        """Answer as slowly as a cloud."""
        now = time.monotonic()
        time.sleep(ANSWER_SECONDS)
        return OK if now >= self.ok_at else "boots\n"

    def restart(self) -> bool:
        """Nobody restarts it."""
        raise NotImplementedError


def latest(number: int) -> float:
    """Return the seconds from the VMs' ok to the end of the last of so many waits."""

    async def wait_for(consoles: Sequence[Booting]) -> None:
        await asyncio.gather(*(wait_for_result(one, FINGERPRINT, 600, lambda text: None) for one in consoles))

    ok_at = time.monotonic() + BOOT_SECONDS
    asyncio.run(wait_for([Booting(f"web-{index}", ok_at) for index in range(number)]))
    return time.monotonic() - ok_at


def measure() -> list[Figure]:
    """Return how late a few and many waits end."""
    shared = 100 / LOOKS_PER_SECOND
    return [
        figure("3 VMs, from their ok to the end of the last wait", latest(3), "s", INTERVAL + 2 * ANSWER_SECONDS),
        figure(
            "100 VMs, from their ok to the end of the last wait",
            latest(100),
            "s",
            shared + 2,
            f"{shared:.0f} s, the interval that 100 waits share, and the answers",
        ),
    ]
