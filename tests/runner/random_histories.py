"""Random histories: a hypothesis state machine whose rules are the events of a `History`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from hypothesis.strategies import integers, none, one_of, sampled_from

from startup.delivery import CLOUDS
from startup.testing.machine import Machine

from .edits import EDITS, NAMES
from .history import CALLS, SERVICES, SLOTS, SPELLINGS, History

EVENTS = 12
SAMPLE, EXHAUSTIVE = 34, 334
SERIES = [(shell, cloud) for shell in ("dash", "bash") for cloud in CLOUDS]
NAME = sampled_from(NAMES)
# An edited definition needs some 30.
FREE_PAGES = one_of(none(), none(), integers(0, 36))


class Histories(RuleBasedStateMachine):
    """One history, at whose end everything is well again. What nobody can do to this machine now is a boot instead."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.history = History(machine)
        self.violated = False

    def play(self, event: str, *arguments: object) -> None:
        self.violated = True
        self.history.play(event, *arguments)
        self.violated = False

    def operate(self, event: str, *arguments: object) -> None:
        if self.history.has_command:
            self.play(event, *arguments)
        else:
            self.play("boot")

    @rule(edit=sampled_from(EDITS), name=NAME)
    def edit(self, edit: str, name: str) -> None:
        self.play("edit", edit, name)

    @rule(edit=sampled_from(EDITS), name=NAME, free_pages=FREE_PAGES)
    def edit_and_boot(self, edit: str, name: str, free_pages: int | None) -> None:
        self.play("edit", edit, name)
        self.play("boot", free_pages)

    @rule(edit=sampled_from(EDITS), name=NAME, free_pages=FREE_PAGES)
    def edit_and_apply(self, edit: str, name: str, free_pages: int | None) -> None:
        self.play("edit", edit, name)
        self.operate("apply", free_pages)

    @rule()
    def edit_back_and_boot(self) -> None:
        self.play("edit_back")
        self.play("boot")

    @rule(what=sampled_from(SLOTS[1:]))
    def slot(self, what: str) -> None:
        whole = self.history.world.slot and not self.history.world.damaged
        self.play("slot", what if whole else SLOTS[0])

    @rule(mood=sampled_from(SERVICES[1:]))
    def service(self, mood: str) -> None:
        self.play("service", mood if self.history.world.answers else SERVICES[0])

    @rule(name=NAME)
    def break_or_mend(self, name: str) -> None:
        if self.history.world.broken:
            self.play("mend")
        else:
            self.play("break_step", name)

    @rule(spelling=sampled_from(SPELLINGS))
    def spell_id(self, spelling: str) -> None:
        self.play("spell_id", spelling)

    @rule()
    def clone(self) -> None:
        self.play("clone")

    @rule(free_pages=FREE_PAGES)
    def boot(self, free_pages: int | None) -> None:
        self.play("boot", free_pages)

    @rule()
    def boot_at_once(self) -> None:
        self.play("boot_at_once")

    @rule(call=integers(1, CALLS))
    def cut_power_at_boot(self, call: int) -> None:
        self.play("cut_power_at_boot", call)

    @rule(free_pages=FREE_PAGES)
    def apply(self, free_pages: int | None) -> None:
        self.operate("apply", free_pages)

    @rule()
    def apply_twice_at_once(self) -> None:
        self.operate("apply_twice_at_once")

    @rule(call=integers(1, CALLS))
    def kill_apply(self, call: int) -> None:
        self.operate("kill_apply", call)

    @rule(name=NAME, free_pages=one_of(none(), integers(0, 2)))
    def rerun(self, name: str, free_pages: int | None) -> None:
        self.operate("rerun", name, free_pages)

    @rule()
    def clean(self) -> None:
        self.operate("clean")

    def teardown(self) -> None:
        if not self.violated:
            self.play("come_to_rest")


@contextmanager
def machine_for_histories(folder: Path, shell: str, cloud: str) -> Iterator[Machine]:
    """Make a machine for one history after the other, with a disk that is soon full."""
    with Machine(folder / "machine", shell, cloud) as machine:
        machine.enter("mount -t tmpfs -o size=4m tmpfs /var").check_returncode()
        machine.hurry()
        yield machine


def play_histories(machine: Machine, count: int, number: int) -> int:
    """Play at least so many histories on one machine, and return how many. The same number gives the same histories."""
    begun = 0

    class OnThisMachine(Histories):
        def __init__(self) -> None:
            nonlocal begun
            begun += 1
            super().__init__(machine)

    chosen = settings(
        max_examples=count,
        stateful_step_count=EVENTS,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(seed(number)(OnThisMachine), settings=chosen)
    return begun
