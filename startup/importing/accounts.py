"""Accounts of a cloud-config: users and groups go in, steps come out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from ..definition import File, Shell, Step, User
from ..rules import group as group_problem
from .entries import listed, mapping, words
from .warnings import Warnings

AS_BEFORE = {"lock_passwd": True, "inactive": False, "no_create_home": False, "no_user_group": False, "create_groups": True}
"""What a User does anyway."""
PASSWORDS = {"passwd", "hashed_passwd", "plain_text_passwd"}


def users(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the steps for each account: the account itself, and what it may do as root."""
    for index, entry in enumerate(words(value)):
        where = f"{place}[{index}]"
        if entry == "default":
            warnings.say(where, "the account that the image brings along stays as the cloud makes it")
        elif isinstance(entry, str):
            yield User(entry)
        elif (fields := mapping(entry)) is not None and isinstance(fields.get("name"), str):
            yield from _user(where, {key.replace("-", "_"): found for key, found in fields.items()}, warnings)
        else:
            warnings.lose(where, "it has no name")


def _user(where: str, fields: dict[str, Any], warnings: Warnings) -> Iterator[Step]:
    name = fields.pop("name")
    yield User(
        name,
        groups=_texts(f"{where}.groups", words(fields.pop("groups", None)), warnings),
        shell=str(fields.pop("shell", None) or "/bin/bash"),
        system=fields.pop("system", False) is True,
        ssh_keys=_texts(f"{where}.ssh_authorized_keys", listed(fields.pop("ssh_authorized_keys", None)), warnings),
    )
    rules = _texts(f"{where}.sudo", listed(fields.pop("sudo", None)), warnings)
    if rules:
        path = f"/etc/sudoers.d/90-{re.sub(r'[^a-z0-9_-]', '-', name)}"
        yield File(path, content="".join(f"{name} {rule}\n" for rule in rules), mode=0o440)
    for key, value in fields.items():
        if key in PASSWORDS:
            warnings.lose(f"{where}.{key}", "a password does not belong into what everybody on the VM can read; use ssh_keys")
        elif value is None or (key in AS_BEFORE and value is AS_BEFORE[key]):
            continue
        else:
            warnings.lose(f"{where}.{key}", "a User has no such field; write a Shell that looks first")


def groups(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield a step for each group, with the members that are given."""
    for index, entry in enumerate(words(value)):
        members = mapping(entry) or {str(entry): None}
        for name, logins in members.items():
            if group_problem(name) is not None:
                warnings.lose(f"{place}[{index}]", "it is no name of a group")
                continue
            script = f"getent group {name} >/dev/null || groupadd {name}\n"
            for login in words(logins):
                script += f"usermod -aG {name} {shlex.quote(str(login))}\n"
            if logins:
                warnings.say(f"{place}[{index}]", f"its members have to be there before; give them groups=[{name!r}] instead")
            yield Shell(f"group {name}", script=script)


def _texts(where: str, entries: list[Any], warnings: Warnings) -> list[str]:
    """Return the texts among some entries, and note the others."""
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            warnings.lose(f"{where}[{index}]", "it is no text")
    return [entry.strip() for entry in entries if isinstance(entry, str)]
