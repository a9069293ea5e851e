"""Which of a component's resource options its children get."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pulumi

from .cloud import newest_type
from .cloud_errors import on_refusal
from .deployed_vm import DeployedVm
from .hooks import hooks
from .values import Delivered


def _without_old_versions(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """Leave out the aliases that an SDK gives to each resource: its types in every older version of the cloud's interface.

    A component's resources never had one of those types, and for one VM they are hundreds, on which Pulumi spends most of
    the time that a VM takes.
    """
    aliases = args.opts.aliases or []
    kept = [alias for alias in aliases if newest_type(kind := str(getattr(alias, "type_", ""))) == kind]
    if len(kept) == len(aliases):
        return None
    opts = copy.copy(args.opts)
    opts.aliases = kept
    return pulumi.ResourceTransformationResult(args.props, opts)


def child_options(
    component: pulumi.ComponentResource, opts: pulumi.ResourceOptions | None, ignore_changes: Sequence[str] = ()
) -> pulumi.ResourceOptions:
    """Return a child's options: its parent, and `depends_on`, which Pulumi does not hand down by itself."""
    return pulumi.ResourceOptions(
        parent=component,
        depends_on=opts.depends_on if opts else None,
        ignore_changes=list(ignore_changes) or None,
        transformations=[_without_old_versions],
        hooks=on_refusal(),
    )


def shared_options(provider: pulumi.ProviderResource | None) -> pulumi.ResourceOptions:
    """Return the options of what is shared: it belongs to the stack, so that it outlives each single VM."""
    return pulumi.ResourceOptions(provider=provider, transformations=[_without_old_versions], hooks=on_refusal())


def property_path(keys: Sequence[str]) -> str:
    """Return the path of a property as Pulumi's options take it.

    Example:
        >>> property_path(["metadata", "startup-script"])
        'metadata["startup-script"]'
    """
    return keys[0] + "".join(f'["{key}"]' for key in keys[1:])


def vm_options(
    component: pulumi.ComponentResource,
    opts: pulumi.ResourceOptions | None,
    *,
    delivered: Delivered,
    vm: DeployedVm,
    fixed: Sequence[str] = (),
    decided: Sequence[str] = (),
    delete_before_replace: bool | None = None,
) -> pulumi.ResourceOptions:
    """Return the options of the VM itself: the user's, and those that `on_change` asks for.

    Args:
        component: The VM's parent.
        opts: What the user gave to the component.
        delivered: What the slot holds.
        vm: The VM, with its slot and what a changed payload does to it.
        decided: Property paths that are decided once, whatever the cloud says of them later.
        fixed: Property paths that the cloud cannot change on a VM that exists though its provider would try.
        delete_before_replace: Whether the old VM has to go first, because its name is fixed.
    """
    given = opts or pulumi.ResourceOptions()
    slot, on_change = property_path(vm.slot), vm.on_change
    trigger = delivered.fingerprint if on_change == "replace" else None
    if given.replacement_trigger is not None:
        trigger = given.replacement_trigger if trigger is None else [trigger, given.replacement_trigger]
    return pulumi.ResourceOptions(
        parent=component,
        depends_on=given.depends_on,
        custom_timeouts=given.custom_timeouts,
        ignore_changes=[*decided, *([slot] if on_change == "ignore" else []), *(given.ignore_changes or [])] or None,
        replace_on_changes=[*fixed, *(given.replace_on_changes or [])] or None,
        replacement_trigger=trigger,
        delete_before_replace=delete_before_replace
        if given.delete_before_replace is None
        else given.delete_before_replace,
        hide_diffs=[slot, *(given.hide_diffs or [])],
        transformations=[_without_old_versions],
        hooks=pulumi.ResourceHookBinding.merge(hooks().of_the_vm(vm), given.hooks),
    )
