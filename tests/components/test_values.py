"""Values known only at deployment reach the slot; secrets do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import values
from startup import Shell, StartupScript, fingerprint, render, validate
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


def test_equal_vms_are_rendered_once(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many VMs with one definition and equal values are judged and rendered once; another value, once more."""
    script = StartupScript("many", every_boot=[Shell("hello", script='echo "$PEER"', uses=["PEER"])])
    judged: list[str] = []
    rendered: list[str] = []

    def judging(definition: Any, given: Any) -> Any:
        judged.append(given["PEER"])
        return validate(definition, given)

    def counting(definition: Any, given: Any, cloud: Any) -> Any:
        rendered.append(given["PEER"])
        return render(definition, given, cloud)

    monkeypatch.setattr(values, "validate", judging)
    monkeypatch.setattr(values, "render", counting)
    deployment = deploy(
        lambda: (
            [kind.make(f"vm-{number}", startup=script, values={"PEER": peer}) for number, peer in enumerate("aaab")]
            and None
        )
    )

    assert deployment.error is None
    assert [["a", "b"], ["a", "b"]] == [judged, rendered]


def unknown() -> pulumi.Output[str]:
    """Return what a resource says that does not exist yet."""
    return Later("later").text


class Later(pulumi.CustomResource):
    text: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        super().__init__("test:index:Later", name, {"text": None})
