"""Bounds: what an import takes at most, so that no input, hostile or merely large, takes long or fills the memory.

Each is far above what a VM can be given: the largest slot holds 262,144 bytes.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass, field
from time import process_time

FILES = 2_000
"""Files and folders of the folder that is imported."""
TEXT = 16 * 1024 * 1024
"""Bytes of a file, and of all texts together, unpacked."""
DOCUMENT = 1024 * 1024
"""Characters of a cloud-config, and bytes of a MIME document."""
ENTRIES = 10_000
"""Entries of a cloud-config, counted as often as its aliases repeat them."""
DEPTH = 50
"""Lists and mappings of a cloud-config in one another."""
NUMBER = 100
"""Characters of a number: Python takes very long for very long ones."""
PARTS = 200
"""Parts of a MIME document."""
NESTED = 10
"""MIME documents in one another."""
HEADER = 4_096
"""Characters of a header of MIME."""
LINE = 65_536
"""Characters of a line that are looked at."""
WARNINGS = 2_000
"""Warnings that are shown."""
SHOWN = 1_000
"""Characters of a warning."""
SECONDS = 30
"""Seconds of computing that an import takes, whatever else the computer does."""


class TooMuch(ValueError):
    """Say that one thing of the input exceeds a bound; the rest can be imported."""


class TooLong(Exception):
    """Say that the import as a whole exceeds a bound."""


@dataclass(slots=True)
class Bounds:
    """Know how much of what an import may take is left."""

    end: float = field(default_factory=lambda: process_time() + SECONDS)
    room: int = TEXT

    def in_time(self) -> None:
        """Go on, or end the import that takes too long."""
        if process_time() > self.end:
            raise TooLong(f"takes more than {SECONDS} seconds of computing; import fewer files at once")

    def take(self, text: str | bytes) -> None:
        """Count a text that is carried over."""
        size = len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        if size > self.room:
            raise TooMuch(
                f"with its {size:,} bytes all texts together are more than {TEXT:,} bytes; import fewer files at once, "
                "or let a Download fetch it"
            )
        self.room -= size

    def unpacked(self, content: bytes) -> bytes:
        """Unpack what gzip compressed.

        Raises:
            TooMuch: It is larger than there is room for.
            ValueError: It is damaged, or was compressed twice.
        """
        found = bytearray()
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as reader:
                while len(found) <= self.room and (piece := reader.read(65_536)):
                    self.in_time()
                    found += piece
        except (OSError, EOFError, zlib.error):
            raise ValueError("it is compressed and damaged") from None
        if len(found) > self.room:
            raise TooMuch(
                f"its {len(content):,} bytes unpack to more than the {self.room:,} that are left of {TEXT:,} bytes for all texts "
                "together; let a Download fetch it"
            )
        if found.startswith(b"\x1f\x8b"):
            raise ValueError("it is compressed twice; unpack it once, and import that")
        return bytes(found)
