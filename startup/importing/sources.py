"""Sources: a file or a folder goes in, the texts that are to be imported come out, each with its kind and its time."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Literal

from ..definition import ListName
from .warnings import Warnings

Kind = Literal["script", "cloud-config"]

TIMES: tuple[tuple[ListName, str], ...] = (
    ("shutdown", r"shut-?down|power-?off|halt|on-?stop|pre-?stop|stop|drain|terminate"),
    ("every_boot", "per-?boot|(every|each|all|on|at|post|after)-?(re)?boot|re-?boot|boot-?(hook|cmd)"),
    ("every_boot", "rc-?local|always|startup-?script|on-?start(up)?|startup"),
    ("first_boot", "per-?(once|instance)|user-?data|cloud-?(init|config)|custom-?data|first|initial|init|once|setup|runcmd"),
    ("first_boot", "install(er)?|bootstrap|provision(ing)?|launch|deploy|configure|create"),
)
"""What the name of a file or of its folder says of the time at which it runs: whole words, the first that fits."""

EARLY = "ran early at each boot, before network and packages; here it runs after the first-boot steps"

TYPES: dict[str, Kind] = {
    "text/cloud-config": "cloud-config",
    "text/x-shellscript": "script",
    "text/x-shellscript-per-boot": "script",
    "text/x-shellscript-per-instance": "script",
    "text/x-shellscript-per-once": "script",
    "text/cloud-boothook": "script",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Hold one text that is to be imported.

    Attributes:
        place: Where it is from, as warnings name it.
        kind: What it is.
        text: The text.
        list_name: When it runs.
        user_script: Whether cloud-init runs it with its user scripts, which a cloud-config may let run at each boot.
    """

    place: str
    kind: Kind
    text: str
    list_name: ListName
    user_script: bool = False


def sources(path: Path, warnings: Warnings) -> Iterator[Source]:
    """Yield what a file, or each file of a folder in the order of names, holds."""
    if path.is_file():
        yield from _file(path, path.name, warnings)
        return
    for file in sorted(path.rglob("*"), key=lambda file: file.relative_to(path).parts):
        place = str(file.relative_to(path))
        hidden = [part for part in file.relative_to(path).parts if part.startswith(".")]
        if file.is_dir() and not file.is_symlink() and not (file.name.startswith(".") and len(hidden) == 1):
            continue
        if hidden:
            if len(hidden) == 1 and file.name == hidden[0]:
                warnings.lose(place, "it is hidden")
        elif not file.is_file():
            warnings.lose(place, "it is no file that can be read")
        else:
            yield from _file(file, place, warnings)


def _file(file: Path, place: str, warnings: Warnings) -> Iterator[Source]:
    try:
        content = file.read_bytes()
    except OSError as error:
        warnings.lose(place, f"it cannot be read: {error.strerror}")
        return
    yield from content_of(place, content, warnings)


def content_of(place: str, content: bytes, warnings: Warnings) -> Iterator[Source]:
    """Yield what the bytes of a file, or of a part of a MIME document, hold; their beginning says what they are."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            warnings.lose(place, "it is compressed and damaged")
            return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        warnings.lose(place, "it is no text in UTF-8; let a Download fetch it, if a step needs it")
        return
    head = text.lstrip()
    if re.match(r"(?i)(content-type:\s*multipart/|mime-version:)", head):
        yield from _parts(place, head.encode(), warnings)
    elif text.strip():
        yield from _told(place, text, warnings)
    else:
        warnings.lose(place, "it is empty")


def _told(place: str, text: str, warnings: Warnings) -> Iterator[Source]:
    first = text.lstrip().partition("\n")[0].strip()
    if first.startswith("## template:"):
        warnings.say(place, "is a template, which nothing fills in here")
        rest = text.lstrip().partition("\n")[2]
        yield from _told(place, rest, warnings) if rest.strip() else ()
    elif re.match(r"#cloud-config\s*(#.*)?$", first):
        yield Source(place, "cloud-config", text, "first_boot")
    elif first == "#cloud-boothook":
        yield boothook(place, text, warnings)
    elif first.startswith("#!") or place.rpartition(".")[2] in ("sh", "bash"):
        yield Source(place, "script", text, when(place, warnings), user_script=True)
    elif re.search(r"\.ya?ml$", place) and re.search(r"(?m)^(runcmd|bootcmd|write_files|packages|users):", text):
        warnings.say(place, "does not begin with #cloud-config; cloud-init would not obey it")
        yield Source(place, "cloud-config", text, "first_boot")
    elif first in ("#include", "#include-once"):
        for line in text.split("\n")[1:]:
            if line.strip() and not line.startswith("#"):
                warnings.lose(place, f"{line.strip()} is fetched by cloud-init; save it here and import it")
    else:
        warnings.lose(place, "it is neither a script (#!), nor cloud-config, nor MIME; a step that needs it gets it by File")


def when(place: str, warnings: Warnings) -> ListName:
    """Say when a script runs, by its name, or by the nearest folder that says it."""
    for part in reversed(re.sub(r"\.(sh|bash|txt|ya?ml|cfg)$", "", place.lower()).split("/")):
        words = re.sub(r"[^a-z]+", "-", part).strip("-")
        for list_name, pattern in TIMES:
            if re.search(rf"(?:^|-)(?:{pattern})(?:$|-)", words):
                if words == "per-once" or words.endswith("per-once"):
                    warnings.say(place, "ran once in the life of an image; here once on each VM")
                return list_name
    warnings.say(place, "is taken for a script of the first boot, as its name does not say when it runs")
    return "first_boot"


def boothook(place: str, text: str, warnings: Warnings) -> Source:
    """Take a boothook, which runs at every boot."""
    script = re.sub(r"^\s*#cloud-boothook[^\n]*\n", "", text)
    warnings.say(place, EARLY)
    return Source(place, "script", script, "every_boot")


def _parts(place: str, content: bytes, warnings: Warnings) -> Iterator[Source]:
    document = message_from_bytes(content)
    for what, text in (("before the first part", document.preamble), ("after the last part", document.epilogue)):
        if text and text.strip():
            warnings.lose(place, f"{len(text.strip().splitlines())} lines of text {what}")
    if not document.is_multipart():
        warnings.lose(place, "it is a MIME document without parts")
        return
    leaves = [part for part in document.walk() if not part.is_multipart()]
    for number, part in enumerate(leaves, 1):
        yield from _part(f"{place}: {part.get_filename() or f'part {number}'}", part, warnings)


def _part(place: str, part: Message, warnings: Warnings) -> Iterator[Source]:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    for header in ("Merge-Type", "X-Merge-Type", "Launch-Index"):
        if header in part:
            warnings.lose(place, f"the header {header}: {part[header]}")
    kind = part.get_content_type()
    if kind not in TYPES or content.startswith(b"\x1f\x8b"):
        yield from content_of(place, content, warnings)
        return
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        warnings.lose(place, "it is no text in UTF-8")
        return
    if not text.strip():
        warnings.lose(place, "it is empty")
    elif kind == "text/cloud-boothook":
        yield boothook(place, text, warnings)
    elif TYPES[kind] == "cloud-config":
        yield Source(place, "cloud-config", text, "first_boot")
    else:
        if kind.endswith("per-once"):
            warnings.say(place, "ran once in the life of an image; here once on each VM")
        list_name: ListName = "every_boot" if kind.endswith("per-boot") else "first_boot"
        yield Source(place, "script", text, list_name, user_script=kind == "text/x-shellscript")
