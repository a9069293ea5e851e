"""The same with the real engine: what a user sees in a preview, and what happens to the VM."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import pulumi_cli

from .one_vm import OneVm, write_plugin
from .test_on_change import NEW, OLD, OTHER

PULUMI = pulumi_cli.find() or ""
pytestmark = pytest.mark.skipif(not PULUMI, reason="no pulumi command with its Python support on PATH")


@pytest.fixture(params=["aws", "gcp", "azure"])
def vm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneVm]:
    """Each cloud's VM in turn."""
    with tempfile.TemporaryDirectory(prefix="eb-") as folder:
        vm = OneVm(Path(folder), request.param, PULUMI)
        monkeypatch.setattr(pulumi_cli, "_write_plugin", lambda path, package: write_plugin(vm.lab, path, package))
        yield vm


def test_a_failing_step_fails_the_deployment_and_a_preview_shows_the_mended_one(vm: OneVm) -> None:
    """`wait`, `preview`: Failure, the same again, preview of the mended definition, mended: as a user goes through them."""
    did = vm.up(OLD, wait=60, on_change="restart", fails=True)
    assert ("create", "create", "same", False) == (did.vm, did.steps, did.result, did.ok)
    who = "AWS stops and starts the instance" if vm.cloud == "aws" else "the VM is restarted"
    assert (
        "failed: web: step 'warm' failed with exit code 3\n| cannot warm\n"
        f"Mend it and deploy again: {who} for the change, and the VM goes on with what is not done yet. "
        "If there is nothing to mend, reboot it and deploy again.\n"
    ) in "\n".join(line.strip() for line in did.said.splitlines())
    again = vm.up(OLD, wait=60, on_change="restart", fails=True)
    assert ("same", "same", "same", False) == (again.vm, again.steps, again.result, again.ok)
    assert 1 == vm.machine.boots

    said = vm.preview(NEW, wait=60, on_change="restart")
    assert [("+", "three"), ("~", "two")] == steps_in(said), said
    assert "web: step 'three' is new, step 'two' is changed. " in said
    assert '=> "#!/bin/sh' not in said
    mended = vm.up(NEW, wait=60, on_change="restart")
    assert ("update", "update", "create", True) == (mended.vm, mended.steps, mended.result, mended.ok), mended.said
    assert 2 == vm.machine.boots
    assert "to update" not in vm.run("refresh", "--yes", "--skip-preview")


def test_a_change_that_fails_is_mended_by_the_next_one(vm: OneVm) -> None:
    """`preview`: The mended definition's preview shows what differs from the failed one; a change of size is waited for, too."""
    assert vm.up(OLD, wait=60, on_change="restart").ok
    did = vm.up(NEW, wait=60, on_change="restart", fails=True)
    assert ("update", "update", "same", False) == (did.vm, did.steps, did.result, did.ok)

    said = vm.preview(OTHER, wait=60, on_change="restart")
    assert [("~", "two")] == steps_in(said), said
    mended = vm.up(OTHER, wait=60, on_change="restart", **vm.other_size)
    assert ("update", "update", "update", True) == (mended.vm, mended.steps, mended.result, mended.ok), mended.said
    assert 3 == vm.machine.boots

    back = vm.preview(OTHER, wait=60, on_change="restart")
    assert [] == steps_in(back), back
    failed = vm.up(OTHER, wait=60, on_change="restart", fails=True)
    assert ("update", "same", "same", False) == (failed.vm, failed.steps, failed.result, failed.ok)
    assert 4 == vm.machine.boots


def steps_in(said: str) -> list[tuple[str, str]]:
    """Return how a preview shows steps to change: a sign and the step's name."""
    return re.findall(r'^ +([+~-]) (\S+) *: "[0-9a-f]{8}"', said.partition("~ steps")[2].partition("}")[0], re.MULTILINE)


def test_replace_holds_from_the_next_change_on(vm: OneVm) -> None:
    """`on_change`: To give another `on_change` replaces nothing; a change that is ignored leaves VM and steps."""
    vm.up(OLD)
    assert "same" == vm.up(OLD, on_change="replace").vm
    failed = vm.up(NEW, on_change="replace", wait=60, fails=True)
    assert ("replace", False) == (failed.vm, failed.ok)
    assert (2 if vm.cloud == "aws" else 1) == len(vm.lab.machines())

    did = vm.up(OTHER, on_change="replace", wait=60)
    assert ("replace", "update", True) == (did.vm, did.steps, did.ok), did.said
    assert 1 == len(vm.lab.machines())

    left = vm.up(OLD, on_change="ignore")
    assert ("same", "same", True) == (left.vm, left.steps, left.ok), left.said
    assert "1 to destroy" not in vm.run("destroy", "--yes", "--skip-preview")
    assert not vm.lab.machines()
