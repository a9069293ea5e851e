"""What can be seen on AWS before anything is made: whether there is what the arguments name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pulumi
from pulumi_aws import ec2

from ..cloud_errors import looked_for
from ..sharing import once
from ..startup import Problem


def not_there(image: str | None, instance_type: str, provider: pulumi.ProviderResource | None) -> Iterator[Problem | None]:
    """Yield a problem for each argument that names what is not in this account and region.

    Args:
        image: The id of an AMI; None for one that is looked up.
        instance_type: The VM's type.
        provider: Whom to ask; None for the default one.
    """
    yield looked_for("aws", provider, "instance_type", instance_type, lambda: _has_type(instance_type, provider))
    if image is not None:
        yield looked_for("aws", provider, "image", image, lambda: _find(image, provider))


def zones_with(instance_type: str, provider: pulumi.ProviderResource | None) -> Sequence[str]:
    """Return the zones of the region that have a type; asked once."""
    return once(provider, ("zones with", instance_type), lambda: _zones_with(instance_type, provider))


def _zones_with(instance_type: str, provider: pulumi.ProviderResource | None) -> Sequence[str]:
    return ec2.get_instance_type_offerings(
        location_type="availability-zone",
        filters=[ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[instance_type])],
        opts=pulumi.InvokeOptions(provider=provider),
    ).locations


def _has_type(instance_type: str, provider: pulumi.ProviderResource | None) -> None:
    # None: a preview in which the provider cannot be asked yet.
    if (zones := zones_with(instance_type, provider)) is not None and not zones:
        raise LookupError(f"an instance type {instance_type!r} does not exist in this region")


def _find(image: str, provider: pulumi.ProviderResource | None) -> None:
    ec2.get_ami(
        filters=[ec2.GetAmiFilterArgs(name="image-id", values=[image])],
        include_deprecated=True,
        opts=pulumi.InvokeOptions(provider=provider),
    )
