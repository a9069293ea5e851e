"""What can be seen on Google Cloud before anything is made: whether there is what the arguments name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pulumi
from pulumi_gcp import compute

from ..cloud_errors import looked_for
from ..startup import Problem

_IMAGE = re.compile(r"(?:.*/)?projects/(?P<project>[^/]+)/global/images/(?:(?P<family>family)/)?(?P<name>[^/]+)")


def not_there(
    image: object, machine_type: str, zone: str, subnet: object, provider: pulumi.ProviderResource | None
) -> Iterator[Problem | None]:
    """Yield a problem for each argument that names what is not in this project and zone.

    Args:
        image: The path of an image; anything else is not looked for.
        machine_type: The VM's type; custom ones are in no list and not looked for.
        zone: The VM's zone.
        subnet: The id of a subnet; anything but text is not looked for.
        provider: Whom to ask; None for the default one.
    """
    options = pulumi.InvokeOptions(provider=provider)
    kind = "" if "custom" in machine_type or "/" in machine_type else machine_type
    yield looked_for("gcp", provider, "machine_type", (kind, zone), lambda: _find_type(kind, zone, options))
    if isinstance(image, str) and (found := _IMAGE.fullmatch(image)):
        yield looked_for("gcp", provider, "image", image, lambda: _find_image(found, options))
    if isinstance(subnet, str):
        look = lambda: compute.get_subnetwork(self_link=subnet, opts=options)  # noqa: E731
        yield looked_for("gcp", provider, "subnet", subnet, look)


def _find_type(machine_type: str, zone: str, options: pulumi.InvokeOptions) -> None:
    named = f'name = "{machine_type}"' if machine_type else None
    found = compute.get_machine_types(filter=named, zone=zone, opts=options).machine_types
    # None: a preview in which the provider cannot be asked yet.
    if named and found is not None and not found:
        raise LookupError(f"Machine type with name {machine_type!r} does not exist in zone {zone!r}")


def _find_image(path: re.Match[str], options: pulumi.InvokeOptions) -> None:
    if path["family"]:
        compute.get_image(project=path["project"], family=path["name"], opts=options)
    else:
        compute.get_image(project=path["project"], name=path["name"], opts=options)
