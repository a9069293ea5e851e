"""Files of a cloud-config: the entries of write_files go in, steps come out."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Collection, Iterator
from typing import Any

from ..definition import File, Shell, Step
from ..rules import text as text_problem
from .bounds import Bounds
from .entries import listed, mapping, wrong_with
from .scripts import judge_text
from .warnings import Warnings

KNOWN = {"path", "content", "encoding", "owner", "permissions", "append", "defer"}
BASE64 = {"b64", "base64", "gz+b64", "gz+base64", "gzip+b64", "gzip+base64"}
GZIP = {"gz", "gzip"} | {name for name in BASE64 if name.startswith("gz")}


def steps(place: str, value: Any, refused: Collection[str], warnings: Warnings) -> Iterator[Step]:
    """Yield a step for each file."""
    for index, entry in enumerate(listed(value)):
        where = f"{place}[{index}]"
        fields = mapping(entry)
        if fields is None or not isinstance(fields.get("path"), str):
            warnings.lose(where, "it has no path")
            continue
        for key in sorted(fields.keys() - KNOWN):
            warnings.lose(f"{where}.{key}", "a File has no such field; use Download for what lies elsewhere")
        try:
            content = _decoded(fields, warnings.bounds)
        except ValueError as error:
            warnings.lose(where, f"its content: {error}")
        else:
            yield from _step(where, fields, content, refused, warnings)


def deferred(value: Any) -> set[str]:
    """Return the paths of the entries that ask to be written after the packages."""
    entries = [mapping(entry) or {} for entry in listed(value)]
    return {str(entry.get("path")) for entry in entries if entry.get("defer") is True}


def path_of(step: Step) -> str:
    """Return the path that a step of this module writes."""
    return step.path if isinstance(step, File) else step.name.partition(" ")[2]


def _decoded(fields: dict[str, Any], bounds: Bounds) -> bytes:
    content: Any = fields.get("content", "")
    encoding = str(fields.get("encoding", "text/plain")).lower()
    if content is None:
        content = ""
    if not isinstance(content, (str, bytes)):
        raise ValueError("it is no text")
    found = content.encode() if isinstance(content, str) else content
    if encoding not in BASE64 | GZIP | {"text/plain"}:
        raise ValueError(f"the encoding {encoding[:40]!r} is unknown")
    if encoding in BASE64:
        found = base64.b64decode(b"".join(found.split()), validate=True)
    if encoding not in GZIP:
        return found
    found = bounds.unpacked(found)
    bounds.take(found)
    return found


def _step(where: str, fields: dict[str, Any], content: bytes, refused: Collection[str], warnings: Warnings) -> Iterator[Step]:
    path = fields["path"]
    mode = _mode(where, fields.get("permissions"), warnings)
    user, group = _owner(where, fields.get("owner"), warnings)
    if gone := sorted({user, group}.intersection(refused)):
        warnings.lose(where, f"it belongs to {' and '.join(map(repr, gone))}, an account that is not carried over")
        return
    if wrong := wrong_with(File(path, content="", mode=mode, owner=user, group=group)):
        warnings.lose(where, "; ".join(wrong))
        return
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None:
        judge_text(f"{where}.content", text, warnings)
    if fields.get("append") is True:
        warnings.say(where, "appends, so that a second run appends again; use File for the whole content")
    elif text is not None and text_problem(text) is None:
        yield File(path, content=text, mode=mode, owner=user, group=group)
        return
    else:
        warnings.say(where, "is no text, which is what a File holds; it is written by a Shell step")
    coded = base64.encodebytes(content).decode()
    write = ">>" if fields.get("append") is True else ">"
    quoted = shlex.quote(path)
    script = f"mkdir -p {shlex.quote(path.rpartition('/')[0] or '/')}\nbase64 -d <<'END' {write}{quoted}\n{coded}END\n"
    if fields.get("append") is not True or "permissions" in fields or "owner" in fields:
        script += f"chown {shlex.quote(f'{user}:{group}')} {quoted}\nchmod {mode:o} {quoted}\n"
    yield Shell(f"{'append' if write == '>>' else 'write'} {path}", script=script)


def _mode(where: str, value: Any, warnings: Warnings) -> int:
    if value is None:
        return 0o644
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(str(value).removeprefix("0o"), 8)
    except ValueError:
        warnings.lose(f"{where}.permissions", f"{str(value)[:40]!r} is no octal number; 0o644 stands instead")
        return 0o644


def _owner(where: str, value: Any, warnings: Warnings) -> tuple[str, str]:
    if value is None:
        return "root", "root"
    if not isinstance(value, str):
        warnings.lose(f"{where}.owner", "it is no name")
        return "root", "root"
    user, mark, group = value.partition(":") if ":" in value else value.partition(".")
    return user or "root", group if mark and group else "root"
