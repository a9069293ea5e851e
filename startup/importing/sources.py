"""Sources: a file or a folder goes in, the texts that are to be imported come out, each with its kind and its time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from ..definition import ListName
from .bounds import NESTED, TooMuch
from .mime import document, filename, too_deep
from .tree import Found, content
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


def sources(files: Iterable[Found], warnings: Warnings) -> Iterator[Source]:
    """Yield what each file holds."""
    for file in files:
        if file.path is not None:
            try:
                found = content(file.path)
            except ValueError as error:
                warnings.lose(file.place, str(error))
            else:
                yield from content_of(file.place, found, warnings)


def content_of(place: str, content: bytes, warnings: Warnings, depth: int = 0) -> Iterator[Source]:
    """Yield what the bytes of a file, or of a part of a MIME document, hold; their beginning says what they are.

    Args:
        place: Where they are from.
        content: The bytes.
        warnings: Where what is to be known of them is noted.
        depth: In how many MIME documents they lie.
    """
    warnings.bounds.in_time()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = warnings.bounds.unpacked(content)
        except ValueError as error:
            warnings.lose(place, str(error))
            return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        warnings.lose(place, "it is no text in UTF-8; let a Download fetch it, if a step needs it")
        return
    head = text.lstrip()
    if re.match(r"(?i)(content-type:\s*multipart/|mime-version:)", head):
        yield from _parts(place, head.encode(), warnings, depth)
    elif text.strip():
        yield from _told(place, text, warnings)
    else:
        warnings.lose(place, "it is empty")


def _told(place: str, text: str, warnings: Warnings) -> Iterator[Source]:
    first, rest = _first_line(text)
    if first.startswith("## template:"):
        warnings.say(place, "is a template, which nothing fills in here")
        text = rest
        first, rest = _first_line(text)
    if not text.strip():
        warnings.lose(place, "it is empty")
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


def _first_line(text: str) -> tuple[str, str]:
    first, _, rest = text.lstrip().partition("\n")
    return first.strip(), rest


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


def _parts(place: str, content: bytes, warnings: Warnings, depth: int) -> Iterator[Source]:
    try:
        if depth == NESTED:
            raise too_deep()
        found = document(content, warnings.bounds)
    except TooMuch as error:
        warnings.lose(place, str(error))
        return
    for what, text in (("before the first part", found.preamble), ("after the last part", found.epilogue)):
        if text and text.strip():
            warnings.lose(place, f"{len(text.strip().splitlines())} lines of text {what}")
    if not found.is_multipart():
        warnings.lose(place, "it is a MIME document without parts")
        return
    leaves = [part for part in found.walk() if not part.is_multipart()]
    for number, part in enumerate(leaves, 1):
        yield from _part(f"{place}: {filename(part, f'part {number}')}", part, warnings, depth)


def _part(place: str, part: Message, warnings: Warnings, depth: int) -> Iterator[Source]:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    for header in ("Merge-Type", "X-Merge-Type", "Launch-Index"):
        if header in part:
            warnings.lose(place, f"the header {header}: {part[header]}")
    kind = part.get_content_type()
    if kind not in TYPES or content.startswith(b"\x1f\x8b"):
        yield from content_of(place, content, warnings, depth + 1)
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
