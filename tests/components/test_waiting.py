"""Waiting for a VM's result: what ends it, what does not, and what a user reads meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from components import waiting
from components.console import ConsoleBusy, ConsoleError
from components.results import Result
from components.waiting import StartupFailed, boots_seen, restart, wait_for_result
from tests import results
from tests.results import NO_DEFINITION

WANTED, OTHER = "ab" * 32, "cd" * 32
BUSY = ConsoleBusy("web: the cloud says slow down")


BOOT = "[    0.000000] Linux version 6.1\r\n"


def line(result: str = "ok", fingerprint: str | None = WANTED, boot: str = "b1", **fields: Any) -> str:
    """A result line of the console."""
    told = NO_DEFINITION if fingerprint is None else {"fingerprint": fingerprint}
    return results.line(**{**told, "result": result, "boot_id": boot, **fields})


class Script:
    """A console that shows one text after another, and stays at the last; an exception among them is raised."""

    def __init__(self, *shown: str | Exception, name: str = "web") -> None:
        self.name, self.shown, self.reads, self.restarts = name, shown, 0, 0
        self.threads: set[str] = set()

    def _next(self) -> str:
        self.threads.add(threading.current_thread().name)
        shown = self.shown[min(self.reads, len(self.shown) - 1)]
        self.reads += 1
        if isinstance(shown, Exception):
            raise shown
        return shown

    def read(self) -> str:
        shown = self._next()
        return shown and BOOT + shown

    def restart(self) -> bool:
        self.restarts += 1
        return self._next() == "running"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hours pass in no time."""
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    monkeypatch.setattr(
        waiting, "asyncio", SimpleNamespace(sleep=clock.sleep, get_running_loop=asyncio.get_running_loop)
    )
    return clock


def wait(console: Script, seconds: float = 600, said: list[str] | None = None, **options: Any) -> Result:
    """Wait for the wanted definition."""
    say = [].append if said is None else said.append
    return asyncio.run(wait_for_result(console, WANTED, seconds, say, **options))


@pytest.mark.parametrize(
    "passed_over",
    [
        "",
        "[    1.000000] ACPI: Early table checksum verification disabled\r\n",
        line()[:60] + "\r\n",
        line(fingerprint=OTHER),
        line("failed", fingerprint=OTHER, failed_step="a"),
        line("failed", fingerprint=OTHER, source="cached"),
        line("failed", message="step 'a' was interrupted: the system is going down"),
        line("failed", fingerprint=None, message="interrupted: the system is going down"),
        line("running"),
    ],
    ids=[
        "nothing",
        "no result",
        "half",
        "other ok",
        "other failed",
        "other cached",
        "interrupted",
        "interrupted early",
        "running",
    ],
)
def test_only_ok_for_this_definition_ends_the_wait(passed_over: str, clock: Clock) -> None:
    """`wait`: Whatever is no verdict on this definition is passed over, and the ok after it counts."""
    console = Script(passed_over, passed_over, passed_over + line(boot="b2"))

    assert wait(console).boot_id == "b2"
    assert console.reads == 3


def test_a_newer_failure_beats_an_old_success(clock: Clock) -> None:
    """`wait`: The newest line counts: an ok that a later run has overruled is none."""
    with pytest.raises(StartupFailed) as caught:
        wait(Script(line(boot="b1") + line("failed", boot="b2", failed_step="a", exit_code=1)))

    assert caught.value.result is not None
    assert caught.value.result.boot_id == "b2"


def test_a_success_of_a_boot_before_the_update_never_counts(clock: Clock) -> None:
    """`wait`: Changed there and back: the console still shows an ok for this very fingerprint, of a boot that is over."""
    before = line(boot="b1") + line(fingerprint=OTHER, boot="b2")
    seen = asyncio.run(boots_seen(Script(before)))

    assert seen == {"b1", "b2"}
    assert wait(Script(line(boot="b1"), line(boot="b1") + line(boot="b3")), seen=seen).boot_id == "b3"


def test_a_failure_of_a_boot_before_the_update_does_not_count_either(clock: Clock) -> None:
    """`wait`: What failed before the restart may be what the restart mends."""
    old = line("failed", boot="b1", failed_step="a")

    assert wait(Script(old, old + line(boot="b2")), seen={"b1"}).boot_id == "b2"


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({"failed_step": "a"}, ()),
        ({"failed_step": "a"}, {"b0"}),
        ({"fingerprint": None, "message": "the payload is damaged"}, ()),
        (
            {
                "fingerprint": OTHER,
                "source": "cached",
                "message": "the payload is damaged; the last definition is used",
            },
            {"b0"},
        ),
    ],
    ids=["first boot", "after an update", "nothing arrived", "nothing new arrived"],
)
def test_a_failure_ends_the_wait_at_once(fields: dict[str, Any], seen: Sequence[str], clock: Clock) -> None:
    """`wait`: Nobody waits for a VM that has said it failed, or that it could not take the definition."""
    console = Script(line("failed", **fields))

    with pytest.raises(StartupFailed):
        wait(console, seen=seen)
    assert console.reads == 1


def test_the_message_of_a_failure_is_enough_to_mend_the_step(clock: Clock) -> None:
    """`wait`: VM, step, exit code and the step's last lines are in the text that the deployment shows."""
    failed = line(
        "failed",
        failed_step="fetch model",
        exit_code=22,
        message="step 'fetch model' failed with exit code 22",
        output=["curl: (22) The requested URL returned error: 404", "no such model"],
    )
    with pytest.raises(StartupFailed) as caught:
        wait(Script(failed))

    assert str(caught.value) == (
        "web: step 'fetch model' failed with exit code 22\n"
        "  | curl: (22) The requested URL returned error: 404\n"
        "  | no such model"
    )


@pytest.mark.parametrize(
    ("shown", "seen", "words"),
    [
        ("", (), "Its console is empty"),
        ("Linux version 6.1\r\nlogin: \r\n", (), "Its console shows no result, and last: 'login:'"),
        ("evenboot: step 'a' ok (1.00 s)\r\n", (), "Its console last told: step 'a' ok (1.00 s)"),
        (line(fingerprint=OTHER), (), f"the result of another definition ({OTHER[:8]}): ok"),
        (
            line("failed", fingerprint=None, message="interrupted: the system is going down"),
            (),
            "the result of another definition (none): interrupted",
        ),
        (line(), {"b1"}, "the result of a boot before the update: ok"),
        (line("running"), (), "a result that is not the last: running"),
        (BUSY, (), "Its console could not be read: the cloud says slow down"),
    ],
)
def test_a_timeout_says_what_was_seen_last(
    shown: str | Exception, seen: Sequence[str], words: str, clock: Clock
) -> None:
    """The end of patience names the limit, what the VM did last, and what to do."""
    said: list[str] = []
    with pytest.raises(StartupFailed) as caught:
        wait(Script(shown), 100, said, seen=seen)

    assert clock.now == 1100
    assert str(caught.value).startswith(f"web: no result for this definition ({WANTED[:8]}) within 100 s. ")
    assert words in str(caught.value)
    assert "python -m components status" in str(caught.value)
    assert caught.value.result is None


def test_trouble_that_passes_is_waited_out(clock: Clock) -> None:
    """Throttling makes the wait look less often, and is told once."""
    said: list[str] = []

    assert wait(Script(*[BUSY] * 3, line()), said=said).result == "ok"
    assert [
        lowest <= pause <= highest
        for pause, lowest, highest in zip(clock.slept, (3.2, 6.4, 12.8), (4, 8, 16), strict=True)
    ]
    assert said == ["web: the cloud says slow down; trying again"]


def test_trouble_that_stays_ends_the_wait(clock: Clock) -> None:
    """`wait`: A cloud that does not answer for 5 minutes ends it, though the wait might last an hour."""
    with pytest.raises(ConsoleError, match="slow down; it has been so for 300 s"):
        wait(Script(BUSY), 3600)

    assert 300 < clock.now - 1000 < 360


def test_no_right_to_read_ends_the_wait_at_once(clock: Clock) -> None:
    """`wait`: What waiting does not mend is told at once, as the cloud's reader words it."""
    console = Script(ConsoleError("web: who deploys needs the right to read"))

    with pytest.raises(ConsoleError, match="needs the right"):
        wait(console, 3600)
    assert console.reads == 1


def test_a_long_wait_shows_progress(clock: Clock) -> None:
    """Each step is told when it is seen, and silence every 30 s."""
    said: list[str] = []
    step = "evenboot: step 'packages' ok (40.00 s)\r\n"
    wait(Script(*[""] * 20, *[step] * 20, step + line()), said=said)

    assert said[0] == "web: waiting for the result of its startup script"
    assert "web: step 'packages' ok (40.00 s)" in said
    assert 3 <= len(said) <= 5
    assert all(text.endswith(" s)") for text in said[1:])


def test_looks_come_at_least_every_interval(clock: Clock) -> None:
    """`wait`: From the VM's ok to the end of the wait passes at most one interval."""
    wait(Script(*[""] * 10, line()), interval=7)

    assert all(5.6 <= pause <= 7 for pause in clock.slept)


def test_a_hundred_waits_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait`: The first VM says ok only when all hundred have been looked at: one after another would never end."""
    monkeypatch.setattr(waiting, "LOOKS_PER_SECOND", 10_000)
    looked: set[str] = set()

    class Late(Script):
        def read(self) -> str:
            looked.add(self.name)
            return BOOT + line() if len(looked) == 100 else ""

    async def all_of_them() -> list[Result]:
        consoles = [Late(name=f"web-{number}") for number in range(100)]
        return await asyncio.gather(
            *(wait_for_result(console, WANTED, 60, lambda text: None, interval=0.01) for console in consoles)
        )

    assert [result.result for result in asyncio.run(all_of_them())] == ["ok"] * 100


def test_many_waits_ask_no_more_than_the_cloud_answers(clock: Clock) -> None:
    """A thousand waits look together as often as a hundred: EC2 answers an account about 20 times a second."""
    busy = waiting.Looks()

    assert busy.pause(2) == pytest.approx(2)
    with ExitStack() as waits:
        for _ in range(1000):
            waits.enter_context(busy.one_more())
        assert busy.pause(2) == pytest.approx(100)


def test_reading_takes_none_of_the_loops_own_threads() -> None:
    """Pulumi holds one of them for each resource under way, and the wait must not need the one that waits for it."""
    release, console = threading.Event(), Script(line())

    async def with_all_threads_taken() -> Result:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
        held = loop.run_in_executor(None, release.wait)
        try:
            return await asyncio.wait_for(wait_for_result(console, WANTED, 60, lambda text: None), 10)
        finally:
            release.set()
            await held

    assert asyncio.run(with_all_threads_taken()).result == "ok"
    assert threading.current_thread().name not in console.threads


def test_a_restart_is_tried_again_while_the_cloud_is_busy(clock: Clock) -> None:
    """A restart that is throttled comes through later; a VM that is off is left so."""
    throttled = Script(BUSY, BUSY, "running")

    assert asyncio.run(restart(throttled)) is True
    assert throttled.restarts == 3
    assert asyncio.run(restart(Script("off"))) is False
    with pytest.raises(ConsoleError, match="it has been so for 300 s"):
        asyncio.run(restart(Script(BUSY)))
