"""Values known only at deployment reach the slot; secrets do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest

from startup import Shell, StartupScript, checked, fingerprint, overflow, render, rendering
from startup.testing.deployment import Deployment, deploy

from .conftest import WITH_VALUE, Kind


def content(kind: Kind, peer: str) -> str:
    payload = render(WITH_VALUE, {"PEER": peer}, kind.cloud)  # pyright: ignore[reportArgumentType]
    return payload.text if kind.cloud == "gcp" else payload.base64


def with_peer(kind: Kind, peer: Callable[[], Any], preview: bool = False, **arguments: Any) -> Deployment:
    return deploy(
        lambda: {
            "fingerprint": kind.make(startup=WITH_VALUE, values={"PEER": peer()}, **arguments).fingerprint,
        },
        preview=preview,
    )


@pytest.mark.parametrize(
    "peer",
    [lambda: "10.0.0.7", lambda: pulumi.Output.from_input("10.0.0.7")],
    ids=["text", "output"],
)
def test_values_reach_the_slot(kind: Kind, peer: Callable[[], Any]) -> None:
    """`values`: A text and an Output of the same text make the same payload and fingerprint."""
    deployment = with_peer(kind, peer)

    assert deployment.error is None
    assert content(kind, "10.0.0.7") == kind.slot_of(deployment)
    assert fingerprint(WITH_VALUE, {"PEER": "10.0.0.7"}) == deployment.outputs["fingerprint"]


def test_a_preview_works_while_a_value_is_unknown(kind: Kind) -> None:
    """`values`: What another resource will say is unknown in a preview: so are slot and fingerprint, and nothing fails."""
    deployment = with_peer(kind, unknown, preview=True)

    assert deployment.error is None
    assert isinstance(kind.slot_of(deployment), pulumi.output.Unknown)
    assert "unknown" == deployment.outputs["fingerprint"]


def test_a_preview_needs_nothing_known(kind: Kind) -> None:
    """`values`: A first preview registers the same resources as the deployment after it."""
    assert kind.deploy().all() == deploy(lambda: {"id": kind.make().id}, preview=True).all()


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_a_secret_is_refused(kind: Kind, preview: bool) -> None:
    """L14: with where its text would end up, and the way out; its text is in neither error nor slot."""
    deployment = with_peer(kind, lambda: pulumi.Output.secret("hunter2"), preview)

    assert isinstance(deployment.error, pulumi.RunError), repr(deployment.error)
    message = str(deployment.error)
    assert "values.PEER: is a secret" in message
    assert all(place in message for place in ("payload", "metadata", "state", "identity", "at boot"))
    assert "hunter2" not in message
    assert f"{kind.vm_type}" not in {kind for kind, _ in deployment.all()}


def test_a_secret_is_refused_while_it_is_unknown(kind: Kind) -> None:
    """L14: already the preview refuses a secret that another resource is going to make."""
    deployment = with_peer(kind, lambda: pulumi.Output.secret(unknown()), preview=True)

    assert "values.PEER: is a secret" in str(deployment.error)


def test_a_secret_of_the_configuration_is_refused(kind: Kind) -> None:
    """L14: what the stack's configuration keeps as a secret is one."""
    deployment = deploy(
        lambda: kind.make(startup=WITH_VALUE, values={"PEER": pulumi.Config().require_secret("peer")}) and None,
        config={"evenboot:peer": "hunter2"},
    )

    assert "values.PEER: is a secret" in str(deployment.error)


def test_problems_found_only_with_the_value_are_said_alike(kind: Kind) -> None:
    """A value that turns out to be no text is reported as a text would be, when it is known."""
    deployment = with_peer(kind, lambda: pulumi.Output.from_input("a\0b"))

    assert isinstance(deployment.error, pulumi.RunError), repr(deployment.error)
    assert "values.PEER: has a NUL character at position 1" in str(deployment.error)


@dataclass
class Work:
    """What was done in a deployment, call by call: the judging of definitions, the fingerprints, the scripts."""

    judged: list[str] = field(default_factory=list[str])
    fingerprints: list[str] = field(default_factory=list[str])
    scripts: list[str] = field(default_factory=list[str])


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    done = Work()

    def counted(module: Any, name: str, list_of: list[str]) -> None:
        real = getattr(module, name)

        def call(*given: Any) -> Any:
            list_of.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, call)

    counted(checked, "problems_of", done.judged)
    counted(checked, "step_fingerprints", done.fingerprints)
    counted(rendering, "written", done.scripts)
    monkeypatch.setattr(overflow, "written", rendering.written)
    return done


@pytest.mark.parametrize("overflowing", [False, True], ids=["slot", "overflow"])
@pytest.mark.parametrize("later", [False, True], ids=["text", "output"])
def test_one_vm_is_one_check(kind: Kind, work: Work, later: bool, overflowing: bool) -> None:
    """For one VM its definition is judged, fingerprinted and rendered once, also with an Output and with `overflow`."""
    script = StartupScript("one", every_boot=[Shell("hello", script='echo "$PEER"', uses=["PEER"])])

    def program() -> None:
        peer = pulumi.Output.from_input("b").apply(lambda text: text) if later else "b"
        kind.make("web", startup=script, values={"PEER": peer}, overflow=overflowing)

    assert deploy(program).error is None
    assert [1, 1, 1] == [len(work.judged), len(work.fingerprints), len(work.scripts)]


def test_equal_vms_are_rendered_once(kind: Kind, work: Work) -> None:
    """Many VMs with one definition: it is judged once; each value of theirs is fingerprinted and rendered once."""
    script = StartupScript("many", every_boot=[Shell("hello", script='echo "$PEER"', uses=["PEER"])])
    deployment = deploy(
        lambda: (
            [kind.make(f"vm-{number}", startup=script, values={"PEER": peer}) for number, peer in enumerate("aaab")]
            and None
        )
    )

    assert deployment.error is None
    assert [1, 2, 2] == [len(work.judged), len(work.fingerprints), len(work.scripts)]


def unknown() -> pulumi.Output[str]:
    """Return what a resource says that does not exist yet."""
    return Later("later").text


class Later(pulumi.CustomResource):
    text: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        super().__init__("test:index:Later", name, {"text": None})
