"""What clouds refuse, and which argument to change for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pulumi

from .arguments import VmArgsError
from .values import Cloud

if TYPE_CHECKING or __package__ == "components":
    from startup import Problem
else:  # in the wheel both packages stand in one
    from ..startup import Problem

T = TypeVar("T")


class _Rule(NamedTuple):
    """Say what to do when a cloud's answer holds one of the `signs`; `{size}` and `{place}` are names of arguments."""

    signs: str
    argument: str
    advice: str


_SIZES = {"aws": "instance_type", "gcp": "machine_type", "azure": "vm_size"}
_PLACES = {"aws": "the provider's region (aws:region)", "gcp": "zone", "azure": "location"}

# From the particular to the general: the first that fits counts. The signs are the clouds' own error codes.
_RULES = (
    _Rule(
        r"UnauthorizedOperation|AccessDenied|not authorized|PERMISSION_DENIED|Required '[\w.]+' permission"
        r"|AuthorizationFailed|LinkedAuthorizationFailed|forbidden",
        "",
        "who deploys lacks a right that the cloud names above: have it granted",
    ),
    _Rule(
        r"ExpiredToken|InvalidClientTokenId|AuthFailure|[Nn]o valid credential|NoCredentialProviders|failed to refresh"
        r"|could not find default credentials|AADSTS\d+|az login|Unable to authenticate",
        "",
        "the provider has no credentials, or they have ended: log in to the cloud anew",
    ),
    _Rule(
        r"no such host|[Ii]nvalid AWS [Rr]egion|[Mm]issing region|[Ii]nvalid [Rr]egion|OptInRequired"
        r"|Invalid value for field 'zone'|[Uu]nknown zone|zones/[\w-]+' was not found|LocationNotAvailableForResourceType"
        r"|NoRegisteredProviderFound|InvalidLocation",
        "{place}",
        "there is no such place in this account: change {place}",
    ),
    _Rule(
        r"VcpuLimitExceeded|InstanceLimitExceeded|AddressLimitExceeded|QUOTA_EXCEEDED|Quota '[\w-]+' exceeded"
        r"|QuotaExceeded|OperationNotAllowed.*quota",
        "{size}",
        "the account's quota is used up: choose a smaller {size}, change {place}, or ask the cloud for more",
    ),
    _Rule(
        r"InsufficientInstanceCapacity|ZONE_RESOURCE_POOL_EXHAUSTED|SkuNotAvailable|AllocationFailed"
        r"|Unsupported: .*instance type|InvalidParameterValue.*instance type|machineTypes/[\w-]+' was not found"
        r"|InvalidParameter.*vmSize",
        "{size}",
        "the cloud has no such machine there, or none left: change {size} or {place}",
    ),
    _Rule(
        r"ParameterNotFound|InvalidAMIID|InvalidAMI|images?/[\w./-]+' was not found|[Ii]mage.*not found|PlatformImageNotFound"
        r"|ImageNotFound",
        "image",
        "there is no such image there: give another `image`, or change {place}",
    ),
    _Rule(
        r"InvalidSubnetID|no matching EC2 [Ss]ubnet|subnetworks/[\w-]+'? (was )?not found|InvalidResourceReference.*subnets"
        r"|[Ss]ubnet.*not found",
        "subnet",
        "there is no such subnet there: give the id of another as `subnet`, or leave it out",
    ),
)  # fmt: skip


def advice(cloud: Cloud, said: str) -> tuple[str, str] | None:
    """Return which argument a cloud's refusal is about, and what to do; None if it is not known.

    Example:
        >>> advice("gcp", "googleapi: Error 403: Quota 'CPUS' exceeded.  Limit: 8.0 in region europe-west3")
        ('machine_type', "the account's quota is used up: choose a smaller machine_type, change zone, or ask the cloud for more")
    """
    names = {"size": _SIZES[cloud], "place": _PLACES[cloud]}
    for rule in _RULES:
        if re.search(rule.signs, said):
            return rule.argument.format(**names), rule.advice.format(**names)
    return None


def asked(vm: str, cloud: Cloud, argument: str, ask: Callable[[], T]) -> T:
    """Return what a cloud answers to a look-up.

    Args:
        vm: What messages call the VM, as in `AwsVm "web"`.
        cloud: Its cloud.
        argument: The argument that makes the look-up necessary.
        ask: Asks.

    Raises:
        VmArgsError: The cloud does not answer; says what to change.
    """
    try:
        return ask()
    except pulumi.RunError:
        raise  # says already what to do
    except Exception as error:  # Pulumi has no narrower one
        said = re.sub(r"^invoke of (\S+) failed: ", r"\1: ", str(error)).removesuffix("()").strip()
        path, what = advice(cloud, said) or (
            argument,
            f"change it, so that nothing has to be looked up for {argument!r}",
        )
        # No stack trace: what the cloud says is the whole reason.
        raise VmArgsError(vm, [Problem(path or argument, f"cannot be looked up ({said}); {what}")]) from None
