"""What is kept of a VM's steps, and what is asked of the engine around a change. Mocks call no hooks."""

from __future__ import annotations

import sys
from typing import Any

import pulumi
import pytest

from components.preview import difference
from startup import fingerprint, step_fingerprints
from startup.testing.deployment import deploy

from .conftest import SCRIPT, Kind
from .test_values import with_peer

BEFORE = {"definition": "a", "payload": "b", "steps": {"one": "1", "two": "2"}}


def steps(kind: Kind, **arguments: Any) -> Any:
    return kind.deploy(**arguments).resource("web-steps")


def test_what_a_vm_is_told_is_kept(kind: Kind) -> None:
    """`preview`: The state has an id of this very VM, and each step's name with a short fingerprint."""
    kept = steps(kind).properties["input"]

    assert {"aws": "web-vm-id", "gcp": "4711", "azure": "0815"}[kind.cloud] == kept["vm"]
    assert {name: text[:8] for name, text in step_fingerprints(SCRIPT).items()} == kept["steps"]
    assert fingerprint(SCRIPT) == kept["definition"]


def test_a_preview_knows_the_steps_before_the_vm(kind: Kind) -> None:
    """`preview`: While the VM is not there only its id is unknown."""
    kept = deploy(lambda: kind.make() and None, preview=True).resource("web-steps").properties["input"]

    assert {"hello"} == set(kept["steps"])


def test_a_value_of_another_resource_is_in_the_fingerprint(kind: Kind) -> None:
    """`preview`: A step that uses an Output has its fingerprint as soon as that is known."""
    first, second = (with_peer(kind, lambda text=text: pulumi.Output.from_input(text)) for text in ("a", "b"))
    kept = [one.resource("web-steps").properties["input"]["steps"]["hello"] for one in (first, second)]

    assert kept[0] != kept[1]


def test_a_vm_that_ignores_changes_keeps_what_it_was_told(kind: Kind) -> None:
    """Not the VM's id: another VM is noted."""
    request = steps(kind, on_change="ignore").request

    assert ["input.definition", "input.payload", "input.steps"] == list(request.ignoreChanges)
    assert [] == list(steps(kind).request.ignoreChanges)


def test_only_a_vm_that_is_waited_for_has_a_result(kind: Kind) -> None:
    """`wait`: It is kept when it has come: behind hooks before it is made and changed. Steps are kept without it."""
    deployment = kind.deploy(wait=True)
    result, told = deployment.resource("web-result"), deployment.resource("web-steps")

    assert list(result.request.hooks.before_create) == list(result.request.hooks.before_update) != []
    assert told.properties["input"]["definition"] == result.properties["input"]["definition"]
    assert not list(told.request.hooks.before_create)
    assert "web-result" not in [name for _, name in kind.deploy().all()]


def test_the_result_is_of_all_that_boots_the_vm(kind: Kind) -> None:
    """`wait`: Another size of the VM is another result to wait for, and no other step."""
    size = {"aws": "instance_type", "gcp": "machine_type", "azure": "vm_size"}[kind.cloud]
    first, second = (kind.deploy(wait=True, **{size: name}) for name in ("a", "b"))

    kept = [one.resource("web-result").properties["input"]["booted_with"][size] for one in (first, second)]
    assert ["a", "b"] == kept
    assert first.resource("web-steps").properties == second.resource("web-steps").properties


def test_the_vm_has_hooks_only_where_something_is_to_be_done(kind: Kind) -> None:
    """For a wait, and for a restart where the cloud does not restart by itself."""

    def hooks(**arguments: Any) -> list[str]:
        return list(kind.deploy(**arguments).resource("web-vm").request.hooks.after_update)

    assert not hooks()
    assert hooks(wait=30)
    assert bool(hooks(on_change="restart")) == (kind.cloud != "aws")


def test_many_vms_share_their_hooks(kind: Kind) -> None:
    """A deployment registers a hook once, whatever the number of its VMs."""
    deployment = deploy(lambda: [kind.make(name, wait=True) for name in ("a", "b")] and None)

    bound = [tuple(deployment.resource(f"{name}-result").request.hooks.before_create) for name in "ab"]
    assert bound[0] == bound[1]


@pytest.mark.parametrize("arguments", [{"wait": True}, {"on_change": "restart"}], ids=["wait", "restart"])
def test_a_missing_sdk_is_said_before_anything_is_registered(
    kind: Kind, arguments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra that installs it."""
    for name in ("boto3", "google.auth", "azure.mgmt", "azure.identity"):
        monkeypatch.setitem(sys.modules, name, None)
    error = str(kind.deploy(**arguments).error)

    needed = "wait" in arguments or kind.cloud != "aws"
    assert (f"pip install 'evenboot[{kind.cloud}-console]'" in error) == needed


@pytest.mark.parametrize(
    ("after", "says"),
    [
        ({"steps": {"one": "1", "two": "2", "three": "3"}}, "step 'three' is new"),
        ({"steps": {"one": "1"}}, "step 'two' is gone"),
        ({"steps": {"one": "1", "two": "9"}}, "step 'two' is changed"),
        ({"definition": "x", "payload": "y"}, "no step changes: only the definition's name or the order of its steps"),
        ({"payload": "y"}, "no step changes: only the text around them, as by an upgrade of the library"),
        ({"steps": {f"s{n}": "1" for n in range(9)}}, "and 3 more"),
    ],
)
def test_a_change_is_said_in_words(after: Any, says: str) -> None:
    """`preview`: Steps by name; where none changes, what else does, and that nothing is due."""
    said = difference(BEFORE, {**BEFORE, **after})

    assert says in said
    assert said.endswith("no step is due") == ("steps" not in after)
