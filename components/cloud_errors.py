"""What clouds refuse, and which argument to change for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import NamedTuple, TypeVar

import pulumi

from .arguments import VmArgsError
from .clouds import CLOUDS
from .sharing import once
from .startup import Problem

T = TypeVar("T")


class _Rule(NamedTuple):
    """Say what to do when a cloud's answer holds one of the `signs`.

    `{size}`, `{place}` and `{account}` stand for what they are called on that cloud.
    """

    signs: str
    argument: str
    advice: str


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
        r"'projects/[\w:.-]+' was not found|[Pp]roject '?[\w:.-]+'? (was )?not found|SubscriptionNotFound|USER_PROJECT_DENIED",
        "{account}",
        "there is no such account, or who deploys may not see it: change {account}",
    ),
    _Rule(
        r"smaller than (snapshot|the image size|the size of the corresponding disk)",
        "disk_gib",
        "the image is larger than the disk: give a larger `disk_gib`",
    ),
    _Rule(
        r"no such host|[Ii]nvalid AWS [Rr]egion|[Mm]issing region|[Ii]nvalid [Rr]egion|OptInRequired"
        r"|Invalid value for field 'zone'|[Uu]nknown zone|zones/[\w-]+' was not found|LocationNotAvailableFor"
        r"|NoRegisteredProviderFound|InvalidLocation|LocationNotValid|location '\w+' is not available for resource group",
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
        r"|Machine type with name|InvalidParameter.*vmSize|provided for the VM size is not valid",
        "{size}",
        "the cloud has no such machine there, or none left: change {size} or {place}",
    ),
    _Rule(
        r"ParameterNotFound|InvalidAMIID|InvalidAMI|images?/[\w./-]+' was not found|[Ii]mage.*not found|PlatformImageNotFound"
        r"|ImageNotFound|Could not find image or family",
        "image",
        "there is no such image there: give another `image`, or change {place}",
    ),
    _Rule(
        r"InvalidSubnetID|no matching EC2 [Ss]ubnet|subnetworks/[\w-]+'? (was )?not found|InvalidResourceReference.*subnets"
        r"|[Ss]ubnet.*not found",
        "subnet",
        "there is no such subnet there: give the id of another as `subnet`, or leave it out",
    ),
    _Rule(
        r"ResourceGroupNotFound|Resource group '[^']+' could not be found",
        "resource_group",
        "there is no such resource group: give the name of another as `resource_group`, or leave it out",
    ),
)  # fmt: skip


_MISSING = re.compile(r"[Nn]ot ?[Ff]ound|could not be found|no matching|returned no results|does not exist|no such")


def advice(cloud: str, said: str) -> tuple[str, str] | None:
    """Return which argument a cloud's refusal is about, and what to do; None if it is not known.

    Example:
        >>> advice("gcp", "googleapi: Error 403: Quota 'CPUS' exceeded.  Limit: 8.0 in region europe-west3")
        ('machine_type', "the account's quota is used up: choose a smaller machine_type, change zone, or ask the cloud for more")
    """
    return next((_in_words(cloud, rule) for rule in _RULES if re.search(rule.signs, said)), None)


def on_refusal() -> pulumi.ResourceHookBinding:
    """Return the hooks of all that a cloud may refuse to make: they say which argument to change for it."""
    return once(
        None,
        ("on refusal",),
        lambda: pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("evenboot: when a cloud refuses", _refused)]),
    )


async def _refused(args: pulumi.ErrorHookArgs) -> bool:
    _, _, types, name = args.urn.split("::", 3)
    package = types.rpartition("$")[2].partition(":")[0]
    cloud = next((cloud.name for cloud in CLOUDS.values() if cloud.package == package), None)
    found = advice(cloud, args.errors[0]) if cloud and args.errors else None
    if found is not None:
        pulumi.log.error(f"{name}: {found[1]}")
    return False  # no second try


def looked_for(
    cloud: str, provider: pulumi.ProviderResource | None, argument: str, named: Hashable, look: Callable[[], object]
) -> Problem | None:
    """Return what `missing` does for what an argument names; asked once, however many VMs name it."""
    return once(provider, ("is there", argument, named), lambda: missing(cloud, argument, look))


def missing(cloud: str, argument: str, look: Callable[[], object]) -> Problem | None:
    """Look for what an argument names, before anything is made; return the problem if the cloud has no such thing.

    Nobody has to be able to look: without the right to, or if the cloud says something else, there is no problem yet.
    What is wrong then is said when the VM is made.

    Args:
        cloud: The VM's cloud.
        argument: The argument.
        look: Asks the cloud; a `LookupError` says that what was asked for is not in the answer.
    """
    try:
        look()
    except Exception as error:  # Pulumi has no narrower one
        said = _said(error)
        found = advice(cloud, said)
        if found is not None and found[0] in (CLOUDS[cloud].place, CLOUDS[cloud].account):
            return Problem(found[0], f"is wrong ({said}); {found[1]}")
        rights = found is not None and not found[0]
        if not rights and _MISSING.search(said):
            what = next(_in_words(cloud, rule)[1] for rule in reversed(_RULES) if _argument(cloud, rule) == argument)
            return Problem(argument, f"names what is not there ({said}); {what}")
    return None


def _in_words(cloud: str, rule: _Rule) -> tuple[str, str]:
    return _argument(cloud, rule), _filled(cloud, rule.advice)


def _argument(cloud: str, rule: _Rule) -> str:
    return _filled(cloud, rule.argument)


def _filled(cloud: str, text: str) -> str:
    facts = CLOUDS[cloud]
    return text.format(size=facts.size, place=facts.place, account=facts.account)


def _said(error: Exception) -> str:
    return re.sub(r"^invoke of (\S+) failed: ", r"\1: ", str(error)).removesuffix("()").strip()


def asked(vm: str, cloud: str, argument: str, ask: Callable[[], T]) -> T:
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
        said = _said(error)
        path, what = advice(cloud, said) or (
            argument,
            f"change it, so that nothing has to be looked up for {argument!r}",
        )
        # No stack trace: what the cloud says is the whole reason.
        raise VmArgsError(vm, [Problem(path or argument, f"cannot be looked up ({said}); {what}")]) from None
