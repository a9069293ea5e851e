"""What the three components are told alike: the common arguments, and everything that can be wrong with them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import pulumi

from .startup import Problem, StartupScript, StartupScriptError

OnChange: TypeAlias = Literal["update", "restart", "replace", "ignore"]
IMAGES = ("debian-12", "ubuntu-24.04")

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,43}[a-z0-9])?")
_LONGEST_WAIT_SECONDS = 86_400
_SMALLEST_DISK_GIB, _LARGEST_DISK_GIB = 10, 16_384
_PUBLIC_KEY = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/]+={0,3}( .*)?")


class VmArgsError(StartupScriptError, pulumi.RunError):
    """Say that a VM cannot be made as asked, with every problem on a line of its own.

    Pulumi prints it without a stack trace.

    Attributes:
        problems: Those of the definition in its order, then those of the other arguments.
    """

    def __init__(self, vm: str, problems: Iterable[Problem]) -> None:
        super().__init__(problems)
        self.vm = vm
        self.args = ("\n  ".join([f"{vm} cannot be made as asked:", *map(str, self.problems)]),)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vm, self.problems)


def refuse(vm: str, problems: Iterable[Problem | None]) -> None:
    """Raise `VmArgsError` if there is a problem among what was found."""
    found = [problem for problem in problems if problem is not None]
    if found:
        raise VmArgsError(vm, found) from None


@dataclass(frozen=True, slots=True)
class Inbound:
    """Open one port of a VM.

    Attributes:
        port: From 1 to 65,535.
        sources: IPv4 ranges that may connect, as in `"203.0.113.0/24"`; everybody when not given.
        protocol: `"tcp"` or `"udp"`.

    Example:
        >>> Inbound(22, sources=["203.0.113.7/32"]).protocol
        'tcp'
    """

    port: int
    _: KW_ONLY
    sources: Sequence[str] = ("0.0.0.0/0",)
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, kw_only=True)
class VmArgs:
    """Say what a VM is; the same names and meanings on the three clouds.

    Attributes:
        startup: What the VM does at its first boot, at every boot and when it stops.
        values: Texts known only at deployment, by name. No secrets: they would be readable in the VM's metadata.
        on_change: What happens to a VM that exists when the definition or a value changes. `"update"`: the slot is
            changed in place and obeyed at the next boot (on aws at once: the provider stops and starts the instance);
            `"restart"`: as `"update"`, and then the VM is restarted, in order, if the cloud does not do it by itself;
            `"replace"`: a new VM; `"ignore"`: it stays as it is. To give another `on_change` changes no VM.
        overflow: What to do with a script that exceeds the slot: by default that is an error. True: it becomes an object in
            the cloud's store, in a private, encrypted bucket (on azure a storage account) that the program's VMs share, and
            the slot holds a small program that fetches it as the VM's own identity, which alone gets the right to read it.
            The name of a bucket of yours (on azure the id of a storage account): it lies there. A script that fits stands
            in the slot as ever. The VM needs a way to the store, and curl 7.87 or later on aws.
        wait: Whether the deployment waits for the VM's `ok`, and fails with the step that failed: True for half an
            hour, or a number of seconds. Waited for are new VMs and changes with which a VM boots at once. It needs
            the extra `aws-console`, `gcp-console` or `azure-console`, and the right to read the VM's console.
        image: `"debian-12"`, `"ubuntu-24.04"`, or the cloud's own id of an image.
        subnet: The cloud's id of a subnet; without it the VM joins the account's default network (aws) or the one
            that this program makes per location and provider (gcp, azure).
        public_address: Whether the VM has a public address; by default only without `subnet`. It lets the VM reach
            the outside; what may come in is `inbound` alone. On aws it is decided once: for another answer, make a
            new VM (`pulumi up --replace`).
        inbound: The ports to open, and from where; none by default.
        disk_gib: Size of the root disk in GiB, 10 to 16,384; on azure at most 4,095. Another size grows the disk on
            aws, makes a new VM on gcp, and is refused by Azure while the VM runs.
        ssh_public_key: A key that may log in; without it nobody can.
        tags: Names and texts that every child gets which can have tags; labels on gcp.
    """

    startup: StartupScript
    values: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    on_change: OnChange = "update"
    overflow: bool | pulumi.Input[str] = False
    wait: bool | float = False
    image: pulumi.Input[str] = "debian-12"
    subnet: pulumi.Input[str] | None = None
    public_address: bool | None = None
    inbound: Sequence[Inbound] = ()
    disk_gib: int = 20
    ssh_public_key: str | None = None
    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)

    @property
    def has_public_address(self) -> bool:
        """Return whether the VM has a public address, with the default resolved."""
        return self.subnet is None if self.public_address is None else self.public_address


def problems_of(name: object, args: VmArgs, is_own_image: Callable[[str], bool], own_form: str) -> Iterator[Problem]:
    """Yield what is wrong with the common arguments, `startup` and the texts of `values` apart.

    Args:
        name: The component's name.
        args: What is judged; wrong types are reported, not raised.
        is_own_image: Whether a text has the form of the cloud's own image ids.
        own_form: How such an id looks, for the message.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Problem(
            "name",
            f"is {name!r}; a VM's name is 1 to 45 small letters, digits and hyphens, begins with a letter and does "
            "not end in a hyphen (a form that is good on all three clouds)",
        )
    yield from _change_and_wait(args)
    if not isinstance(args.overflow, (bool, pulumi.Output)) and not (isinstance(args.overflow, str) and args.overflow):
        yield Problem("overflow", f"is {args.overflow!r}; give True, False, or what names a store of yours")
    named = isinstance(args.image, str) and (args.image in IMAGES or is_own_image(args.image))
    if not named and not is_later(args.image):
        yield Problem("image", f"is {args.image!r}; give {' or '.join(map(repr, IMAGES))}, or {own_form}")
    yield from text_or_nothing("subnet", args.subnet, "the cloud's id of a subnet")
    yield from _inbound(args.inbound)
    yield from _disk(args.disk_gib)
    if args.public_address not in (None, True, False):
        yield Problem("public_address", f"is {args.public_address!r}; give True or False, or leave it out")
    yield from _ssh_public_key(args.ssh_public_key)
    yield from _mapping("values", args.values)
    yield from _mapping("tags", args.tags)


def needed_text(path: str, value: object, example: str) -> Iterator[Problem]:
    """Yield a problem when a value is no text, or an empty one."""
    if not isinstance(value, str) or not value:
        yield Problem(path, f"is {value!r}; give a text such as {example!r}")


def text_or_nothing(path: str, value: object, what: str) -> Iterator[Problem]:
    """Yield a problem when a value is given, and is neither a text that is not empty nor one that is known later."""
    if value is not None and not is_later(value) and (not isinstance(value, str) or not value):
        yield Problem(path, f"is {value!r}; give {what}, or leave it out")


def is_later(value: object) -> bool:
    """Tell whether a value is known only at deployment."""
    return isinstance(value, pulumi.Output) or hasattr(value, "__await__")


def flags(args: VmArgs, *names: str) -> Iterator[Problem]:
    """Yield a problem for each named argument that is neither True nor False."""
    for name in names:
        if not isinstance(getattr(args, name), bool):
            yield Problem(name, f"is {getattr(args, name)!r}; give True or False")


def _change_and_wait(args: VmArgs) -> Iterator[Problem]:
    if args.on_change not in get_args(OnChange):
        *others, last = map(repr, get_args(OnChange))
        yield Problem("on_change", f"is {args.on_change!r}; give {', '.join(others)} or {last}")
    wait: object = args.wait
    if not isinstance(wait, (bool, int, float)) or not (wait is False or 0 < wait <= _LONGEST_WAIT_SECONDS):
        yield Problem(
            "wait", f"is {wait!r}; give True, False, or how many seconds to wait, at most {_LONGEST_WAIT_SECONDS:,}"
        )


def _inbound(inbound: object) -> Iterator[Problem]:
    if isinstance(inbound, (str, bytes)) or not isinstance(inbound, Sequence):
        yield Problem("inbound", f"is {inbound!r}; give a list such as [Inbound(80)]")
        return
    seen: set[tuple[object, object]] = set()
    for index, rule in enumerate(inbound):
        path = f"inbound[{index}]"
        if not isinstance(rule, Inbound):
            yield Problem(path, f"is {rule!r}; give Inbound({rule if isinstance(rule, int) else '...'})")
            continue
        yield from _rule(path, rule)
        if (rule.protocol, rule.port) in seen:
            yield Problem(path, f"opens {rule.protocol} {rule.port} a second time; join the sources in one")
        seen.add((rule.protocol, rule.port))


def _rule(path: str, rule: Inbound) -> Iterator[Problem]:
    if isinstance(rule.port, bool) or not isinstance(rule.port, int) or not 1 <= rule.port <= 65_535:
        yield Problem(f"{path}.port", f"is {rule.port!r}; give a whole number from 1 to 65,535")
    if rule.protocol not in ("tcp", "udp"):
        yield Problem(f"{path}.protocol", f"is {rule.protocol!r}; give 'tcp' or 'udp'")
    if isinstance(rule.sources, str) or not isinstance(rule.sources, Sequence) or not rule.sources:
        yield Problem(f"{path}.sources", f"is {rule.sources!r}; give a list of IPv4 ranges such as ['203.0.113.0/24']")
        return
    for index, source in enumerate(rule.sources):
        try:
            ipaddress.IPv4Network(source if isinstance(source, str) and "/" in source else "no range")
        except ValueError:
            yield Problem(f"{path}.sources[{index}]", f"is {source!r}, no IPv4 range such as '203.0.113.0/24'")


def _disk(gib: object) -> Iterator[Problem]:
    if isinstance(gib, bool) or not isinstance(gib, int) or not _SMALLEST_DISK_GIB <= gib <= _LARGEST_DISK_GIB:
        yield Problem(
            "disk_gib",
            f"is {gib!r}; give a whole number of GiB from {_SMALLEST_DISK_GIB} (an image needs as much) "
            f"to {_LARGEST_DISK_GIB:,}",
        )


def _ssh_public_key(key: object) -> Iterator[Problem]:
    if key is None:
        return
    if isinstance(key, str) and "PRIVATE KEY" in key:
        yield Problem("ssh_public_key", "is a private key; give the public one (the .pub file)")
    elif not isinstance(key, str) or not _PUBLIC_KEY.fullmatch(key.strip()):
        yield Problem(
            "ssh_public_key", "is no public key; give the line of a .pub file, as in 'ssh-ed25519 AAAA... me'"
        )


def _mapping(path: str, mapping: object) -> Iterator[Problem]:
    if not isinstance(mapping, Mapping):
        yield Problem(path, f"is a {type(mapping).__name__}; give a mapping of names to texts")
        return
    for name, text in mapping.items():
        if not isinstance(name, str) or not name:
            yield Problem(path, f"has the name {name!r}; names are texts")
        elif path == "tags" and not isinstance(text, str) and not is_later(text):
            yield Problem(f"{path}.{name}", f"is {text!r}, not text")


def key_refused(args: VmArgs) -> Iterator[Problem]:
    """Yield the problem of a key that a cloud does not take though OpenSSH does."""
    if isinstance(args.ssh_public_key, str) and args.ssh_public_key.strip().startswith(("ecdsa-", "sk-")):
        kind = args.ssh_public_key.split()[0]
        yield Problem("ssh_public_key", f"is of the kind {kind}, which this cloud refuses; give ssh-ed25519 or ssh-rsa")
