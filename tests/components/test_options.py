"""Resource options as Pulumi's engine gets them. The engine's part in them is not proven by mocks."""

from __future__ import annotations

from typing import Any

import pulumi

from startup import fingerprint
from startup.testing.deployment import Deployment, deploy

from .conftest import SCRIPT, Kind


class Other(pulumi.CustomResource):
    def __init__(self, name: str) -> None:
        super().__init__("test:index:Other", name, {})


def with_options(kind: Kind, **options: Any) -> Deployment:
    return deploy(lambda: kind.make(opts=pulumi.ResourceOptions(**options)) and None)


def own(kind: Kind, deployment: Deployment) -> list[Any]:
    """Return the requests of the component's children."""
    component = f"evenboot:index:{kind.cloud.capitalize()}Vm::web"
    found = [resource for resource in deployment.registered if resource.parent.endswith(component)]
    assert len(found) >= 2
    return found


def test_children_belong_to_the_component(kind: Kind) -> None:
    """`children`: Everything but what is shared has the component as parent, and the component has the stack."""
    deployment = kind.deploy()

    shared = {name for _, name in deployment.all()} - {resource.name for resource in own(kind, deployment)} - {"web"}
    assert all(name.startswith("evenboot-") for name in shared)
    component = next(resource for resource in deployment.registered if resource.name == "web")
    assert component.parent.endswith("pulumi:pulumi:Stack::evenboot-test")


def test_the_component_may_belong_to_another(kind: Kind) -> None:
    """`children`: `parent` reaches the component."""

    def program() -> None:
        team = pulumi.ComponentResource("test:index:Team", "team")
        kind.make(opts=pulumi.ResourceOptions(parent=team))

    component = next(resource for resource in deploy(program).registered if resource.name == "web")

    assert component.parent.endswith("test:index:Team::team")


def decided(kind: Kind) -> list[str]:
    """What is decided once on this cloud, whatever a refresh says of it later."""
    return ["associatePublicIpAddress"] if kind.cloud == "aws" else []


def test_on_change_update_changes_the_slot_in_place(kind: Kind) -> None:
    """`on_change`: By default no option makes a new VM of a changed payload; the blob's difference is hidden."""
    request = kind.deploy().resource("web-vm").request

    assert decided(kind) == list(request.ignoreChanges)
    assert "" == request.replacement_trigger.string_value
    assert [kind.slot_path] == list(request.hideDiffs)


def test_on_change_replace_makes_a_new_vm_of_a_changed_definition(kind: Kind) -> None:
    """`on_change`: The definition's fingerprint is the trigger, so what changes no step changes no VM."""
    request = kind.deploy(on_change="replace").resource("web-vm").request

    assert fingerprint(SCRIPT, {}) == request.replacement_trigger.string_value
    assert decided(kind) == list(request.ignoreChanges)


def test_on_change_ignore_leaves_the_slot_as_it_is(kind: Kind) -> None:
    """`on_change`: The slot, and only it, is ignored."""
    request = kind.deploy(on_change="ignore").resource("web-vm").request

    assert [*decided(kind), kind.slot_path] == list(request.ignoreChanges)
    assert "" == request.replacement_trigger.string_value


def test_a_fixed_name_is_freed_before_it_is_used_again(kind: Kind) -> None:
    """`on_change`: Where the VM's name is unique in the cloud, the old one goes first."""
    assert (kind.cloud != "aws") == kind.deploy().resource("web-vm").request.deleteBeforeReplace


def test_depends_on_reaches_each_child(kind: Kind) -> None:
    """`children`: Pulumi does not hand `depends_on` down to children by itself."""
    deployment = deploy(lambda: kind.make(opts=pulumi.ResourceOptions(depends_on=[Other("first")])) and None)

    for resource in own(kind, deployment):
        if resource.type != "pulumi:index:Stash":
            assert any(urn.endswith("::first") for urn in resource.request.dependencies), resource.name


def test_protect_reaches_each_child(kind: Kind) -> None:
    """`children`: A protected component has protected children."""
    assert all(resource.request.protect for resource in own(kind, with_options(kind, protect=True)))


def test_options_for_a_vm_reach_the_vm(kind: Kind) -> None:
    """`children`: Those that Pulumi does not hand down go to the VM itself, beside its own."""
    request = (
        with_options(
            kind,
            ignore_changes=["tags"],
            replace_on_changes=["location"],
            replacement_trigger="again",
            delete_before_replace=False,
            custom_timeouts=pulumi.CustomTimeouts(create="30m"),
            hide_diffs=["tags"],
        )
        .resource("web-vm")
        .request
    )

    assert [*decided(kind), "tags"] == list(request.ignoreChanges)
    assert "location" in request.replaceOnChanges
    assert "again" == request.replacement_trigger.string_value
    assert request.deleteBeforeReplace is False
    assert "30m" == request.customTimeouts.create
    assert [kind.slot_path, "tags"] == list(request.hideDiffs)


def test_aliases_reach_the_component(kind: Kind) -> None:
    """`children`: A renamed component takes its children along: the engine derives their former names from the component's.

    (Which it does because they begin with it; mocks do not.)
    """
    deployment = with_options(kind, aliases=[pulumi.Alias(name="old")])

    component = next(resource for resource in deployment.registered if resource.name == "web")
    assert ["old"] == [alias.spec.name for alias in component.request.aliases]


def test_children_have_no_former_types(kind: Kind) -> None:
    """`children`: None looks for itself under a type that Azure's SDK had once, of which it knows hundreds."""
    deployment = kind.deploy()

    former = [alias.spec.type for one in deployment.registered for alias in one.request.aliases]
    assert [] == [name for name in former if name.startswith("azure-native:")]


def test_a_provider_reaches_children_and_look_ups(kind: Kind) -> None:
    """`children`: With a provider of one's own, neither a child nor a look-up uses the default one."""

    def program() -> None:
        own_provider = pulumi.ProviderResource(kind.package, "mine", {})
        kind.make(opts=pulumi.ResourceOptions(provider=own_provider))

    deployment = deploy(program)

    cloud_resources = [one for one in deployment.registered if one.type.startswith(f"{kind.package}:")]
    assert len(cloud_resources) >= 3
    assert all("::mine::" in resource.request.provider for resource in cloud_resources)
    assert all("::mine::" in provider for _, _, provider in deployment.looked_up)


def test_the_providers_of_a_parent_reach_children(kind: Kind) -> None:
    """`children`: `providers` of a component above counts too."""

    def program() -> None:
        own_provider = pulumi.ProviderResource(kind.package, "mine", {})
        team = pulumi.ComponentResource("test:index:Team", "team", {}, pulumi.ResourceOptions(providers=[own_provider]))
        kind.make(opts=pulumi.ResourceOptions(parent=team))

    assert "::mine::" in deploy(program).resource("web-vm").request.provider


def test_each_deployment_shares_only_with_itself(kind: Kind) -> None:
    """A second deployment in one process registers its network and its look-ups anew."""
    first, second = kind.deploy(), kind.deploy()

    assert first.all() == second.all()
    assert len(first.looked_up) == len(second.looked_up)


def test_the_component_shows_its_definition_when_it_is_registered(kind: Kind) -> None:
    """What watches registrations in this process can read the definition."""
    seen: list[Any] = []

    def watch(args: Any) -> None:
        seen.append(getattr(args.resource, "startup", None))

    with_options(kind, transformations=[watch])

    assert SCRIPT == seen[0]
