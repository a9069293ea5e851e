"""From definition and values to what a VM's slot holds: the only place where an Output is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import pulumi

from .arguments import VmArgs, VmArgsError, is_later
from .startup import (
    Overflow,
    Problem,
    StartupScript,
    StartupScriptError,
    fingerprint,
    overflow,
    render,
    render_or_overflow,
    step_fingerprints,
    validate,
)

Cloud: TypeAlias = Literal["aws", "gcp", "azure"]

# What a value is taken for while it is not known yet, so that its name can be judged already.
_NOT_KNOWN_YET = "known at deployment"
_KEPT = 512
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Delivered:
    """Hold what goes into a slot, and what identifies it; plain texts when all values are plain.

    Attributes:
        content: The slot's text: base64 on aws and azure, the script itself on gcp. Empty if the script does not fit.
        fingerprint: The definition's: 64 hexadecimal digits.
        payload: The first 8 hexadecimal digits of the SHA-256 of `content`, or of the script that does not fit.
        steps: The first 8 of each step's fingerprint, by name.
        object: The script, if it is to be an object in the cloud's store. With Outputs among the values nobody knows
            beforehand whether it will fit, so it becomes one in any case, and the slot holds what fits.
    """

    content: pulumi.Input[str]
    fingerprint: pulumi.Input[str]
    payload: pulumi.Input[str]
    steps: pulumi.Input[Mapping[str, str]]
    object: pulumi.Input[str] | None = None


def deliver(
    vm: str, cloud: Cloud, args: VmArgs, kind: type[VmArgs], judge: Callable[[], Iterable[Problem]]
) -> Delivered:
    """Judge all arguments together, then make what the slot holds.

    Args:
        vm: What the messages call the VM, as in `AwsVm "web"`.
        cloud: The cloud whose slot it is.
        args: The VM's arguments.
        kind: The class of arguments that this component takes.
        judge: Finds what is wrong with the arguments beside `startup` and `values`.

    Raises:
        VmArgsError: Something is wrong; with plain values also that the payload does not fit. With Outputs among the
            values the same is said by a `pulumi.RunError` when they are known.
    """
    if not isinstance(args, kind):
        raise VmArgsError(vm, [Problem("args", f"is a {type(args).__name__}; give {kind.__name__}(startup=...)")])
    values = dict(args.values) if isinstance(args.values, Mapping) else {}
    plain: dict[str, Any] = {name: _NOT_KNOWN_YET if is_later(value) else value for name, value in values.items()}
    problems = list(_validated(args.startup, plain))
    others = list(judge())
    later = any(is_later(value) for value in values.values())
    delivered: Delivered | None = None
    if not problems and not later:
        try:
            delivered = _rendered(args.startup, plain, cloud, args.overflow is not False)
        except StartupScriptError as error:
            problems.extend(error.problems)
    if problems or others:
        raise VmArgsError(vm, [*problems, *others])
    return delivered or _delivered_later(vm, cloud, args, values)


def _delivered_later(vm: str, cloud: Cloud, args: VmArgs, values: Mapping[str, Any]) -> Delivered:
    startup, overflowing = args.startup, args.overflow is not False

    def refuse_secrets(secret: Mapping[str, bool]) -> None:
        problems = [Problem(f"values.{name}", SECRET) for name, is_secret in secret.items() if is_secret]
        if problems:
            raise _said_later(vm, problems)

    def opened(known: Mapping[str, Any]) -> dict[str, Any]:
        try:
            rendered = _rendered(startup, known["values"], cloud, overflowing)
            text = overflow(startup, known["values"], cloud).text if overflowing else None
        except StartupScriptError as error:
            raise _said_later(vm, error.problems) from None
        return {**{field.name: getattr(rendered, field.name) for field in fields(Delivered)}, "object": text}

    outputs = {name: pulumi.Output.from_input(value) for name, value in values.items()}
    # An Output of its own, known even while the values are not: a preview refuses a secret, too.
    no_secret = pulumi.Output.all(**{name: output.is_secret() for name, output in outputs.items()}).apply(
        refuse_secrets
    )
    both = pulumi.Output.all(no_secret=no_secret, values=pulumi.Output.all(**outputs)).apply(opened)
    delivered = Delivered(**{field.name: both[field.name] for field in fields(Delivered)})
    return delivered if overflowing else replace(delivered, object=None)


def _said_later(vm: str, problems: Iterable[Problem]) -> pulumi.RunError:
    # Not as VmArgsError: Pulumi wraps a ValueError that it meets in an input, and what it wraps has a stack trace.
    return pulumi.RunError(str(VmArgsError(vm, problems)))


SECRET = (
    "is a secret; its text would stand in the payload, in the VM's metadata (readable by every process on the VM and "
    "by everyone who may look at the VM in the cloud's console) and in Pulumi's state. Keep it in the cloud's secret "
    "store, grant the VM's `identity` the right to read it, give its name as the value, and let a step fetch it at boot"
)

# A thousand VMs with one definition are judged and rendered once. The definition is kept beside what was made of it, so
# that its id cannot become another's.
_validated_before: dict[Any, tuple[StartupScript, tuple[Problem, ...]]] = {}
_rendered_before: dict[Any, tuple[StartupScript, Delivered]] = {}


def _validated(startup: StartupScript, values: Mapping[str, Any]) -> tuple[Problem, ...]:
    key = _key(startup, values)
    if key is None:
        return validate(startup, values)
    if key not in _validated_before:
        _make_room(_validated_before)
        _validated_before[key] = startup, validate(startup, values)
    return _validated_before[key][1]


def _rendered(startup: StartupScript, values: Mapping[str, str], cloud: Cloud, overflowing: bool) -> Delivered:
    key = _key(startup, values, cloud, str(overflowing))
    if key is None or key not in _rendered_before:
        payload = (render_or_overflow if overflowing else render)(startup, values, cloud)
        steps = {name: whole[:_SHORT] for name, whole in step_fingerprints(startup, values).items()}
        if isinstance(payload, Overflow):
            content, text, digest = "", payload.text, payload.sha256
        else:
            content, text = payload.text if cloud == "gcp" else payload.base64, None
            digest = hashlib.sha256(content.encode()).hexdigest()
        delivered = Delivered(content, fingerprint(startup, values), digest[:_SHORT], steps, text)
        if key is None:
            return delivered
        _make_room(_rendered_before)
        _rendered_before[key] = startup, delivered
    return _rendered_before[key][1]


def _key(startup: StartupScript, values: Mapping[str, Any], *more: str) -> Any:
    # Only texts are told apart by equality: True == 1 would find the other's result.
    if any(type(name) is not str or type(text) is not str for name, text in values.items()):
        return None
    return id(startup), tuple(sorted(values.items())), more


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= _KEPT:
        kept.clear()
