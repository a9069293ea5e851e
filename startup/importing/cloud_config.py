"""Cloud-config: its keys go in, steps come out, in the order in which cloud-init obeys them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..definition import ListName, Packages, Reboot, Shell, Step
from ..rules import package
from . import accounts, cloud_files, commands
from .entries import listed, mapping
from .warnings import Warnings
from .yaml_text import read

Entries = dict[str, Any]
Found = tuple[ListName, str, Step]

ALWAYS = re.compile(r"[\[\s,\"'-]scripts[-_]user[\"']?\s*,\s*[\"']?always\b")
"""The entry of cloud_final_modules by which user scripts run at each boot."""

UPGRADE = """\
export DEBIAN_FRONTEND=noninteractive
if command -v apt-get; then
    apt-get -q -y update
    apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade
elif command -v dnf; then
    dnf -y upgrade
else
    zypper --non-interactive update
fi
"""

SYNONYMS = {
    "apt_update": "package_update",
    "apt_upgrade": "package_upgrade",
    "apt_reboot_if_required": "package_reboot_if_required",
}
ORDER = ("bootcmd", "hostname", "fqdn", "timezone", "groups", "user", "users", "write_files", "package_update",
         "package_upgrade", "packages", "package_reboot_if_required", "runcmd", "power_state", "cloud_final_modules")  # fmt: skip


def load(place: str, text: str, warnings: Warnings) -> Entries:
    """Read the keys of a cloud-config, and note what reading alone would lose: keys that stand twice, and comments.

    Raises:
        ImportError: PyYAML is not installed.
        ValueError: The text is no YAML, no mapping, or exceeds a bound; the message says where.
    """
    node, entries = read(text, warnings.bounds)
    _notice_repeated(place, node, set(), warnings)
    found = mapping(entries)
    if not found:
        raise ValueError("it is no YAML: it has no keys")
    comments = [line for line in text.split("\n")[1:] if re.match(r"\s*#", line)]
    if comments:
        warnings.lose(place, f"{len(comments)} lines of comments")
    return found


def _notice_repeated(place: str, node: Any, known: set[int], warnings: Warnings) -> None:
    if node is None or isinstance(node.value, str) or id(node) in known:
        return
    known.add(id(node))
    seen: set[str] = set()
    pairs: list[tuple[Any, Any]] = [child if isinstance(child, tuple) else (None, child) for child in node.value]
    for key, value in pairs:
        if key is not None and isinstance(key.value, str):
            if key.value in seen:
                warnings.lose(f"{place}:{key.start_mark.line + 1}", f"the first {key.value}: the key stands there twice")
            seen.add(key.value)
        _notice_repeated(place, value, known, warnings)


def cloud_config(place: str, entries: Entries, refused: Collection[str], warnings: Warnings) -> Iterator[Found]:
    """Yield (list, place, step) for what the keys ask for; what cannot become a step is noted.

    Args:
        place: Where the cloud-config is from.
        entries: Its keys.
        refused: The accounts that are not carried over, with which goes what is theirs.
        warnings: Where what is to be known is noted.
    """
    entries = {SYNONYMS.get(key, key): value for key, value in entries.items()}
    late: list[Found] = []
    late_paths = cloud_files.deferred(entries.get("write_files"))
    for key in ORDER:
        if key in entries:
            list_name: ListName = "every_boot" if key == "bootcmd" else "first_boot"
            for step in _of_key(key, f"{place}: {key}", entries[key], refused, warnings):
                found = (list_name, f"{place}: {key}", step)
                if key == "write_files" and cloud_files.path_of(step) in late_paths:
                    late.append(found)
                else:
                    yield found
        if key == "packages":
            yield from late
    for key in entries:
        if key not in ORDER:
            warnings.lose(f"{place}: {key}", "there is no step for it; write a Shell or a File")


def _of_key(key: str, place: str, value: Any, refused: Collection[str], warnings: Warnings) -> Iterator[Step]:
    match key:
        case "groups":
            return accounts.groups(place, value, refused, warnings)
        case "write_files":
            return cloud_files.steps(place, value, refused, warnings)
        case _ if key in READERS:
            return READERS[key](place, value, warnings)
        case _:
            return _short(key, place, value, warnings)


def _short(key: str, place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the step for a key with a single value."""
    if key == "package_update":
        warnings.say(place, "needs no step: Packages refreshes the package lists by itself")
    elif key == "cloud_final_modules":
        if not ALWAYS.search(str(value).replace("'", "")):
            warnings.lose(place, "which modules of cloud-init run stays as the image has it")
    elif value is False:
        warnings.say(place, "is off, and needs no step")
    elif key == "package_upgrade":
        yield Shell("package upgrade", script=UPGRADE, timeout_seconds=3600)
    elif key == "package_reboot_if_required":
        yield Reboot("reboot if required", unless="! test -e /run/reboot-required")
    elif not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/+-]*", value):
        warnings.lose(place, "it is no plain name")
    elif key == "timezone":
        yield Shell("timezone", script=f"timedatectl set-timezone {value}\n")
    else:
        yield Shell(key, script=f"hostnamectl set-hostname {value}\n")


def packages(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield one step for all packages; an entry is a name, or a name and a version."""
    names: list[str] = []
    for index, entry in enumerate(listed(value)):
        where = f"{place}[{index}]"
        managers = mapping(entry)
        for manager in managers or {}:
            if manager != "apt":
                warnings.lose(where, f"packages of {manager}; write a Shell that looks first")
        for name in [entry] if managers is None else listed(managers.get("apt")):
            text = _package(name)
            if text is None:
                warnings.lose(where, f"{str(name)[:80]!r} is no package name")
            elif text not in names:
                names.append(text)
    if names:
        yield Packages(names)


def _package(entry: Any) -> str | None:
    parts = listed(entry)
    if not 1 <= len(parts) <= 2 or not all(isinstance(part, (str, int, float)) for part in parts):
        return None
    text = "=".join(map(str, parts))
    return text if package(text) is None else None


def power_state(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the reboot at the end of the first boot."""
    fields = mapping(value) or {}
    if fields.get("mode") != "reboot":
        warnings.lose(place, "only mode: reboot has a step; let the deployment stop the VM")
        return
    for key, entry in fields.items():
        if key != "mode" and not (key == "condition" and entry in (True, "true", "True")):
            warnings.lose(f"{place}.{key}", "Reboot reboots at once, and once")
    yield Reboot("power state")


READERS: dict[str, Callable[[str, Any, Warnings], Iterator[Step]]] = {
    "bootcmd": commands.bootcmd,
    "runcmd": commands.runcmd,
    "users": accounts.users,
    "user": accounts.users,
    "packages": packages,
    "power_state": power_state,
}
