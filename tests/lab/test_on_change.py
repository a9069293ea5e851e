"""What a changed definition does to a VM: updated, restarted, replaced or left, and what is waited for.

With the embedded run on fake machines; test_on_change_with_pulumi.py does the same with the real engine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components import waiting
from components.console import ConsoleError

from .one_vm import OneVm

OLD = {"one": "echo 1", "two": "echo 2"}
NEW = {"one": "echo 1", "two": "echo 22", "three": "echo 3"}
OTHER = {**NEW, "two": "echo 222"}


@pytest.fixture(params=["aws", "gcp", "azure"])
def vm(request: pytest.FixtureRequest) -> Iterator[OneVm]:
    """Each cloud's VM in turn."""
    with tempfile.TemporaryDirectory(prefix="eb-") as folder:
        yield OneVm(Path(folder), request.param)


def test_update_changes_the_slot_in_place(vm: OneVm) -> None:
    """`on_change`: The VM stays; only EC2 boots it for the change."""
    vm.up(OLD)
    did = vm.up(NEW)

    assert ("update", "update", True) == (did.vm, did.steps, did.ok), did.said
    booted = ["stop", "payload", "start"] if vm.cloud == "aws" else ["payload"]
    assert ["start", *booted] == vm.machine.events


def test_restart_boots_the_vm_on_each_cloud(vm: OneVm) -> None:
    """`on_change`: In order, by the cloud's API where the cloud does not do it by itself, and once."""
    vm.up(OLD, on_change="restart")
    did = vm.up(NEW, on_change="restart", wait=30)

    assert ("update", "update", True) == (did.vm, did.steps, did.ok), did.said
    assert 2 == vm.machine.boots
    assert ("same", "same") == ((again := vm.up(NEW, on_change="restart", wait=30)).vm, again.steps)
    assert 2 == vm.machine.boots


def test_replace_makes_a_new_vm_from_the_next_change_on(vm: OneVm) -> None:
    """`on_change`: To give another `on_change` replaces nothing, there and back."""
    first = (vm.up(OLD), vm.machine.instance_id)[1]
    assert "same" == vm.up(OLD, on_change="replace").vm
    assert "same" == vm.up(OLD).vm
    assert "same" == vm.up(OLD, on_change="replace").vm
    assert first == vm.machine.instance_id

    did = vm.up(NEW, on_change="replace", wait=30)

    assert ("replace", "update", True) == (did.vm, did.steps, did.ok), did.said
    assert first != vm.machine.instance_id
    assert 1 == len(vm.lab.machines())


def test_ignore_leaves_vm_and_steps(vm: OneVm) -> None:
    """`on_change`: Nothing happens until it is no longer ignored."""
    vm.up(OLD, wait=30)
    did = vm.up(NEW, on_change="ignore", wait=30)

    assert ("same", "same", True) == (did.vm, did.steps, did.ok), did.said
    assert "update" == vm.up(NEW).vm


def test_a_failing_step_fails_the_deployment_until_it_is_mended(vm: OneVm) -> None:
    """`wait`: The message has step, exit code, output and what to do; the next one asks again; the mended one ends well."""
    did = vm.up(OLD, wait=30, on_change="restart", fails=True)

    assert ("create", "create", "same", False) == (did.vm, did.steps, did.result, did.ok)
    who = "AWS stops and starts the instance" if vm.cloud == "aws" else "the VM is restarted"
    assert did.said.strip() == (
        "before hook \"evenboot: the VM's result\" failed: web: step 'warm' failed with exit code 3\n  | cannot warm\n"
        f"Mend it and deploy again: {who} for the change, and the VM goes on with what is not done yet. "
        "If there is nothing to mend, reboot it and deploy again."
    )
    again = vm.up(OLD, wait=30, on_change="restart", fails=True)
    assert (False, "same", "same") == (again.ok, again.vm, again.steps)
    assert 1 == vm.machine.boots

    mended = vm.up(NEW, wait=30, on_change="restart")
    assert (True, "update", "update", "create") == (mended.ok, mended.vm, mended.steps, mended.result), mended.said
    assert 2 == vm.machine.boots


def test_a_failure_with_nothing_to_mend_ends_with_a_reboot(vm: OneVm) -> None:
    """`wait`: As the message says: the VM has gone on by itself, and the next deployment sees that."""
    assert not vm.up(OLD, wait=30, fails=True).ok
    vm.write(OLD, wait=30)
    vm.machine.reboot()
    did = vm.up(OLD, wait=30)

    assert ("same", "same", "create", True) == (did.vm, did.steps, did.result, did.ok), did.said


@pytest.mark.parametrize(
    ("on_change", "advice"),
    [
        ("update", "the VM is told, and goes on with what is not done yet at its next boot: reboot it"),
        ("replace", "Mend it and deploy again: a new VM takes the place of this one."),
        ("ignore", "this VM stays as it is: give another on_change to mend it."),
    ],
)
def test_what_to_do_after_a_failure_is_as_on_change_has_it(vm: OneVm, on_change: str, advice: str) -> None:
    """`wait`: Who follows it ends well; what is to be obeyed later ends the deployment, and no other result is waited for."""
    did = vm.up(OLD, wait=30, on_change=on_change, fails=True)
    assert not did.ok
    by_itself = vm.cloud == "aws" and on_change == "update"
    assert ("AWS stops and starts the instance for the change" if by_itself else advice) in did.said

    mended = vm.up(NEW, wait=30, on_change="restart" if on_change == "ignore" else on_change)
    assert mended.ok, mended.said
    assert vm.machine.boots == (1 if on_change == "replace" or (on_change, vm.cloud != "aws") == ("update", True) else 2)
    assert "same" == vm.up(NEW, wait=30, on_change=on_change).result


def test_every_change_that_boots_the_vm_is_waited_for(vm: OneVm) -> None:
    """`wait`: Another size boots the VM on each cloud: its result is waited for, and no step is changed by it."""
    vm.up(OLD, wait=30)
    did = vm.up(OLD, wait=30, fails=True, **vm.other_size)

    assert ("update", "same", "same", False) == (did.vm, did.steps, did.result, did.ok), did.said
    assert "step 'warm' failed" in did.said
    assert 2 == vm.machine.boots
    again = vm.up(OLD, wait=30, **vm.other_size)
    assert ("same", False) == (again.vm, again.ok)

    mended = vm.up(NEW, wait=30, on_change="restart", **vm.other_size)
    assert ("update", "update", "update", True) == (mended.vm, mended.steps, mended.result, mended.ok), mended.said


def test_a_change_that_comes_with_another_size_is_obeyed_at_once(vm: OneVm) -> None:
    """`on_change`, `wait`: The VM boots once, for both, and is waited for, whatever `on_change` says."""
    vm.up(OLD, wait=30)
    did = vm.up(NEW, wait=30, fails=True, **vm.other_size)

    assert ("update", "update", "same", False) == (did.vm, did.steps, did.result, did.ok), did.said
    assert 2 == vm.machine.boots
    restarted = vm.up(OTHER, wait=30, on_change="restart")
    assert restarted.ok, restarted.said
    assert 3 == vm.machine.boots


def test_a_wait_that_is_asked_for_later_takes_the_result_that_is_there(vm: OneVm) -> None:
    """`wait`: Of a VM that obeys at its next boot there may be none of its newest definition, and none is waited for."""
    vm.up(OLD)
    assert vm.up(OLD, wait=30).ok
    vm.up(OLD)
    vm.up(NEW)
    did = vm.up(NEW, wait=30)

    assert ("same", "create", True) == (did.vm, did.result, did.ok), did.said


def test_what_is_obeyed_later_is_not_waited_for(vm: OneVm) -> None:
    """`wait`: Where the change does not boot the VM the deployment ends; where it does, the old ok does not count."""
    vm.up(OLD, wait=30)
    did = vm.up(NEW, wait=30, fails=True)

    assert ("update", vm.cloud != "aws") == (did.vm, did.ok), did.said


def test_a_replaced_vm_is_deleted_when_the_new_one_has_said_ok(vm: OneVm) -> None:
    """`on_change`, `wait`: Where both can exist: on gcp and azure the name is free only when the old one is gone."""
    vm.up(OLD, on_change="replace", wait=30)
    assert not vm.up(NEW, on_change="replace", wait=30, fails=True).ok
    assert (2 if vm.cloud == "aws" else 1) == len(vm.lab.machines())

    assert vm.up(OTHER, on_change="replace", wait=30).ok
    assert 1 == len(vm.lab.machines())


def test_a_restart_that_was_refused_is_done_by_the_next_deployment(vm: OneVm, monkeypatch: pytest.MonkeyPatch) -> None:
    """`on_change`: What the VM was told is kept only when the VM has been restarted for it."""
    if vm.cloud == "aws":
        pytest.skip("EC2 restarts by itself")

    async def refuse(console: Any) -> bool:
        raise ConsoleError("web: who deploys needs the right to restart it")

    vm.up(OLD, on_change="restart")
    with monkeypatch.context() as patched:
        patched.setattr(waiting, "restart", refuse)
        did = vm.up(NEW, on_change="restart")
    assert not did.ok
    assert "needs the right to restart it" in did.said

    again = vm.up(NEW, on_change="restart", wait=30)
    assert ("same", "update", True) == (again.vm, again.steps, again.ok), again.said
    assert 2 == vm.machine.boots
