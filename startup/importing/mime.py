"""MIME: the bytes of a document go in, the message that they hold comes out, within bounds.

Python's parser takes any number of parts in any depth, and headers of any length, for which its own reading of them is quadratic.
"""

from __future__ import annotations

from email.feedparser import BytesFeedParser
from email.message import Message
from email.policy import Compat32, Policy

from .bounds import DOCUMENT, HEADER, NESTED, PARTS, Bounds, TooMuch
from .warnings import visible


class _Headers(Compat32):
    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        if sum(map(len, sourcelines)) > HEADER:
            raise TooMuch(f"it has a header of more than {HEADER:,} characters; shorten it, or import the parts as files")
        return super().header_source_parse(sourcelines)


class _Part(Message):
    depth = 0

    def attach(self, payload: Message) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if isinstance(payload, _Part):
            payload.depth = self.depth + 1
            if payload.depth > NESTED:
                raise too_deep()
        super().attach(payload)


def too_deep() -> TooMuch:
    """Return the error about documents that lie in one another."""
    return TooMuch(f"its documents lie more than {NESTED} deep in one another; import the innermost as files")


def document(content: bytes, bounds: Bounds) -> Message:
    """Read a MIME document.

    Raises:
        TooMuch: It exceeds a bound.
    """
    if len(content) > DOCUMENT:
        raise TooMuch(f"its {len(content):,} bytes of MIME are more than {DOCUMENT:,}; import its parts as files")
    made = 0

    headers = _Headers()

    def part(policy: Policy = headers) -> _Part:
        nonlocal made
        made += 1
        if made > PARTS + 1:
            raise TooMuch(f"it has more than {PARTS} parts; import them as files")
        return _Part(policy)

    parser = BytesFeedParser(part, policy=headers)
    for start in range(0, len(content), 16_384):
        bounds.in_time()
        parser.feed(content[start : start + 16_384])
    return parser.close()


def filename(part: Message, otherwise: str) -> str:
    """Return the name that a part gives itself, as it can be shown."""
    try:
        return visible(part.get_filename() or otherwise)
    except ValueError:  # of an encoding that cannot be
        return otherwise
