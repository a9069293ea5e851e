"""What can be seen on Azure before anything is made: whether there is what the arguments name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pulumi
from pulumi_azure_native import compute, network, resources

from ..cloud_errors import looked_for
from ..startup import Problem

ACCOUNT = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/Microsoft\.Storage/storageAccounts/([a-z0-9]{3,24})",
    re.IGNORECASE,
)
"""The id of a storage account: its resource group and its name."""
_GROUP = r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/"
_SUBNET = re.compile(rf"{_GROUP}Microsoft\.Network/virtualNetworks/(?P<network>[^/]+)/subnets/(?P<name>[^/]+)", re.I)
_IMAGE = re.compile(rf"{_GROUP}Microsoft\.Compute/images/(?P<name>[^/]+)", re.I)
_SHARED_IMAGE = re.compile(
    rf"{_GROUP}Microsoft\.Compute/galleries/(?P<gallery>[^/]+)/images/(?P<name>[^/]+)(/versions/(?P<version>[^/]+))?", re.I
)


def not_there(
    image: object, subnet: object, group: object, provider: pulumi.ProviderResource | None
) -> Iterator[Problem | None]:
    """Yield a problem for each argument that names what is not in this subscription.

    Args:
        image: The id of an image; that of a publisher's is in no list and not looked for.
        subnet: The id of a subnet.
        group: The name of a resource group; as with the others, anything but text is not looked for.
        provider: Whom to ask; None for the default one.
    """
    options = pulumi.InvokeOptions(provider=provider)
    if isinstance(group, str):
        look = lambda: resources.get_resource_group(resource_group_name=group, opts=options)  # noqa: E731
        yield looked_for("azure", provider, "resource_group", group, look)
    for argument, id, form, find in (
        ("subnet", subnet, _SUBNET, _find_subnet),
        ("image", image, _IMAGE, _find_image),
        ("image", image, _SHARED_IMAGE, _find_shared_image),
    ):
        if isinstance(id, str) and (found := form.fullmatch(id)):
            look = lambda find=find, found=found: _here(found, options) and find(found, options)  # noqa: E731
            yield looked_for("azure", provider, argument, id, look)


def _here(id: re.Match[str], options: pulumi.InvokeOptions) -> bool:
    """Tell whether an id is of the provider's own subscription: look-ups know no other."""
    from pulumi_azure_native import authorization  # only who gives ids loads this part of the SDK

    own = authorization.get_client_config(opts=options).subscription_id
    return (own or "").lower() == id["subscription"].lower()


def _find_subnet(id: re.Match[str], options: pulumi.InvokeOptions) -> object:
    return network.get_subnet(
        resource_group_name=id["group"], virtual_network_name=id["network"], subnet_name=id["name"], opts=options
    )


def _find_image(id: re.Match[str], options: pulumi.InvokeOptions) -> object:
    return compute.get_image(resource_group_name=id["group"], image_name=id["name"], opts=options)


def _find_shared_image(id: re.Match[str], options: pulumi.InvokeOptions) -> object:
    # Its version may be `latest`, which is none of its versions.
    return compute.get_gallery_image(
        resource_group_name=id["group"], gallery_name=id["gallery"], gallery_image_name=id["name"], opts=options
    )
