"""Accounts of a cloud-config: users and groups go in, steps come out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ..definition import File, Shell, Step, User
from ..rules import group as group_problem
from ..rules import login as login_problem
from .entries import listed, mapping, words, wrong_with
from .warnings import Warnings

AS_BEFORE = {"lock_passwd": True, "inactive": False, "no_create_home": False, "no_user_group": False, "create_groups": True}
"""What a User does anyway."""
HANG_ON = ("groups", "ssh_authorized_keys", "sudo")
"""What an account brings along, and takes along."""
TAKEN = {"name", "shell", "system", *HANG_ON}
PASSWORDS = {"passwd", "hashed_passwd", "plain_text_passwd"}


def refused(configs: Iterable[dict[str, Any]]) -> set[str]:
    """Return the names of the accounts that cannot become a step, in all cloud-configs, as cloud-init puts them together."""
    wrong: dict[str, bool] = {}
    for entries in configs:
        for key in ("user", "users"):
            for entry in words(entries.get(key)):
                if (fields := _fields(entry)) is not None:
                    user = _user("", fields, Warnings())
                    wrong[user.login] = wrong.get(user.login, True) and bool(wrong_with(user))
    return {name for name, is_wrong in wrong.items() if is_wrong}


def users(place: str, value: Any, warnings: Warnings) -> Iterator[Step]:
    """Yield the steps for each account: the account itself, and what it may do as root."""
    for index, entry in enumerate(words(value)):
        where = f"{place}[{index}]"
        fields = _fields(entry)
        if entry == "default":
            warnings.say(where, "the account that the image brings along stays as the cloud makes it")
        elif fields is None:
            warnings.lose(where, "it has no name")
        else:
            yield from _account(where, fields, warnings)


def _fields(entry: Any) -> dict[str, Any] | None:
    if isinstance(entry, str):
        return {"name": entry}
    fields = mapping(entry)
    if fields is None or not isinstance(fields.get("name"), str):
        return None
    return {key.replace("-", "_"): found for key, found in fields.items()}


def _account(where: str, fields: dict[str, Any], warnings: Warnings) -> Iterator[Step]:
    user = _user(where, fields, warnings)
    if wrong := wrong_with(user):
        along = [key for key in HANG_ON if fields.get(key)]
        goes = f"; its {', '.join(along)} {'goes' if len(along) == 1 else 'go'} with it" if along else ""
        warnings.lose(where, "; ".join(wrong) + goes)
        return
    yield user
    rules = _texts(f"{where}.sudo", listed(fields.get("sudo")), warnings)
    if rules:
        path = f"/etc/sudoers.d/90-{re.sub(r'[^a-z0-9_-]', '-', user.login)}"
        yield File(path, content="".join(f"{user.login} {rule}\n" for rule in rules), mode=0o440)
    for key, value in fields.items():
        if key in PASSWORDS:
            warnings.lose(f"{where}.{key}", "a password does not belong into what everybody on the VM can read; use ssh_keys")
        elif key in TAKEN or value is None or (key in AS_BEFORE and value is AS_BEFORE[key]):
            continue
        else:
            warnings.lose(f"{where}.{key}", "a User has no such field; write a Shell that looks first")


def _user(where: str, fields: dict[str, Any], warnings: Warnings) -> User:
    return User(
        fields["name"],
        groups=_texts(f"{where}.groups", words(fields.get("groups")), warnings),
        shell=str(fields.get("shell") or "/bin/bash"),
        system=fields.get("system") is True,
        ssh_keys=_texts(f"{where}.ssh_authorized_keys", listed(fields.get("ssh_authorized_keys")), warnings),
    )


def groups(place: str, value: Any, refused: Collection[str], warnings: Warnings) -> Iterator[Step]:
    """Yield a step for each group, with the members that are given."""
    for index, entry in enumerate(words(value)):
        members = mapping(entry) or {str(entry): None}
        for name, logins in members.items():
            if group_problem(name) is not None:
                warnings.lose(f"{place}[{index}]", "it is no name of a group")
                continue
            script = f"getent group {name} >/dev/null || groupadd {name}\n"
            kept: list[str] = []
            for login in map(str, words(logins)):
                if login in refused or login_problem(login) is not None:
                    warnings.lose(f"{place}[{index}]", f"its member {login!r}, who is no account that is carried over")
                else:
                    kept.append(login)
            if kept:
                script += "".join(f"usermod -aG {name} {shlex.quote(login)}\n" for login in kept)
                warnings.say(f"{place}[{index}]", f"its members have to be there before; give them groups=[{name!r}] instead")
            yield Shell(f"group {name}", script=script)


def _texts(where: str, entries: list[Any], warnings: Warnings) -> list[str]:
    """Return the texts among some entries, and note the others."""
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            warnings.lose(f"{where}[{index}]", "it is no text")
    return [entry.strip() for entry in entries if isinstance(entry, str)]
