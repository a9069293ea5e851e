"""From definition and values to what a VM's slot holds: the only place where an Output is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pulumi

from .arguments import VmArgs, VmArgsError, is_later
from .cloud import Cloud
from .startup import Checked, Payload, Problem, StartupScriptError, both_forms, check, rendered

# What a value is taken for while it is not known yet, so that its name can be judged already.
_NOT_KNOWN_YET = "known at deployment"
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


def deliver(vm: str, cloud: Cloud, args: VmArgs, kind: type[VmArgs], others: Iterable[Problem]) -> Delivered:
    """Judge all arguments together, then make what the slot holds.

    Args:
        vm: What the messages call the VM, as in `AwsVm "web"`.
        cloud: The cloud whose slot it is.
        args: The VM's arguments.
        kind: The class of arguments that this component takes.
        others: What is wrong with the arguments beside `startup` and `values`; asked for if they are of that class.

    Raises:
        VmArgsError: Something is wrong; with plain values also that the payload does not fit. With Outputs among the
            values the same is said by a `pulumi.RunError` when they are known.
    """
    if not isinstance(args, kind):
        raise VmArgsError(vm, [Problem("args", f"is a {type(args).__name__}; give {kind.__name__}(startup=...)")])
    values: dict[str, Any] = dict(args.values) if isinstance(args.values, Mapping) else {}
    later = any(is_later(value) for value in values.values())
    checked = check(args.startup, {name: _NOT_KNOWN_YET if is_later(text) else text for name, text in values.items()})
    problems, delivered = list(checked.problems), None
    if not problems and not later:
        try:
            delivered = _delivered(checked, cloud, args.overflow is not False)
        except StartupScriptError as error:
            problems.extend(error.problems)
    problems.extend(others)
    if problems:
        raise VmArgsError(vm, problems)
    return delivered or _delivered_later(vm, cloud, args, values)


def _delivered_later(vm: str, cloud: Cloud, args: VmArgs, values: Mapping[str, Any]) -> Delivered:
    startup, overflowing = args.startup, args.overflow is not False

    def refuse_secrets(secret: Mapping[str, bool]) -> None:
        problems = [Problem(f"values.{name}", SECRET) for name, is_secret in secret.items() if is_secret]
        if problems:
            raise _said_later(vm, problems)

    def opened(known: Mapping[str, Any]) -> dict[str, Any]:
        try:
            delivered = _delivered(check(startup, known["values"]), cloud, overflowing, always=True)
        except StartupScriptError as error:
            raise _said_later(vm, error.problems) from None
        return {field.name: getattr(delivered, field.name) for field in fields(Delivered)}

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


def _delivered(checked: Checked, cloud: Cloud, overflowing: bool, always: bool = False) -> Delivered:
    """Return what was checked, ready for the slot: a thousand VMs with one definition have it made once.

    Args:
        checked: A definition with its values.
        cloud: Whose slot it is.
        overflowing: Whether what does not fit becomes an object.
        always: Whether it becomes one in any case, then.
    """

    def make() -> Delivered:
        if overflowing:
            payload, stored = both_forms(checked, cloud.name)
        else:
            payload, stored = rendered(checked, cloud.name), None
        steps = {name: whole[:_SHORT] for name, whole in checked.step_fingerprints.items()}
        text = stored.text if stored and (always or not payload.fits) else None
        content = slot_text(cloud, payload) if payload.fits else ""
        digest = hashlib.sha256(content.encode()).hexdigest() if stored is None or payload.fits else stored.sha256
        return Delivered(content, checked.fingerprint, digest[:_SHORT], steps, text)

    return checked.once((cloud.name, overflowing, always), make)


def slot_text(cloud: Cloud, payload: Payload) -> str:
    """Return a payload as the cloud's slot takes it."""
    return payload.base64 if cloud.slot_is_base64 else payload.text
