"""The same with the real engine: what a user sees in a preview, and what happens to the VM."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ambient

from .one_vm import OneVm, write_plugin
from .test_on_change import NEW, OLD, OTHER

PULUMI = ambient.find() or ""
pytestmark = pytest.mark.skipif(not PULUMI, reason="no pulumi command with its Python support on PATH")


@pytest.fixture(params=["aws", "gcp", "azure"])
def vm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneVm]:
    """Each cloud's VM in turn."""
    with tempfile.TemporaryDirectory(prefix="eb-") as folder:
        vm = OneVm(Path(folder), request.param, PULUMI)
        monkeypatch.setattr(ambient, "_write_plugin", lambda path, package: write_plugin(vm.lab, path, package))
        yield vm


def test_a_preview_shows_the_steps_and_a_failing_one_fails_the_deployment(vm: OneVm) -> None:
    """Preview, failure, the same again, the mended definition, nothing to do: as a user goes through them."""
    assert vm.up(OLD, wait=60, on_change="restart").ok

    said = vm.preview(NEW, wait=60, on_change="restart")
    assert '+ three: "' in said
    assert '~ two  : "' in said
    assert "web: step 'three' is new, step 'two' is changed. " in said
    assert '=> "#!/bin/sh' not in said

    did = vm.up(NEW, wait=60, on_change="restart", fails=True)
    assert ("update", "same", False) == (did.vm, did.steps, did.ok)
    assert "failed: web: step 'warm' failed with exit code 3\n      | cannot warm" in did.said
    again = vm.up(NEW, wait=60, on_change="restart", fails=True)
    assert ("same", "same", False) == (again.vm, again.steps, again.ok)
    assert 2 == vm.machine.boots

    mended = vm.up(OTHER, wait=60, on_change="restart")
    assert ("update", "update", True) == (mended.vm, mended.steps, mended.ok), mended.said
    assert 3 == vm.machine.boots
    assert "to update" not in vm.run("refresh", "--yes", "--skip-preview")


def test_replace_holds_from_the_next_change_on(vm: OneVm) -> None:
    """To give another `on_change` replaces nothing; a change that is ignored leaves VM and steps."""
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
