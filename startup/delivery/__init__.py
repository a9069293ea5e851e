"""Deliver: a script goes in, the payload for one cloud's slot comes out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Literal
from zlib import decompress

from .. import problems
from ..problems import Problem, StartupScriptError
from . import aws, azure, gcp
from .document import seal

__all__ = ["CLOUDS", "Cloud", "Payload", "deliver", "package", "seal"]

Cloud = Literal["aws", "gcp", "azure"]
CLOUDS: Mapping[Cloud, ModuleType] = {"aws": aws, "gcp": gcp, "azure": azure}


@dataclass(frozen=True, slots=True)
class Payload:
    """Hold what is ready for one cloud's slot.

    Attributes:
        cloud: `aws`, `gcp` or `azure`.
        content: The slot's bytes, before base64 on aws and azure.
    """

    cloud: Cloud
    content: bytes

    @property
    def size(self) -> int:
        """The number of bytes that count against the limit."""
        return len(self.content)

    @property
    def limit(self) -> int:
        """The number of bytes that the slot holds."""
        return CLOUDS[self.cloud].LIMIT

    @property
    def fits(self) -> bool:
        """Whether the slot holds the content."""
        return self.size <= self.limit

    @property
    def compressed(self) -> bool:
        """Whether the content is compressed."""
        return self.content.startswith(b"\x1f\x8b")

    @property
    def text(self) -> str:
        """The content as a person reads it, decompressed if need be; what the slot of gcp takes."""
        return (decompress(self.content, wbits=31) if self.compressed else self.content).decode()

    @property
    def base64(self) -> str:
        """The content in base64, which the slots of aws and azure take."""
        return b64encode(self.content).decode("ascii")


def deliver(cloud: Cloud, script: bytes, contributors: Sequence[tuple[str, int]] = ()) -> Payload:
    """Make the payload for one cloud out of a script.

    Args:
        cloud: `aws`, `gcp` or `azure`.
        script: The script, with one line `# sum=` and 64 zeros, which the checksum replaces.
        contributors: What makes the script large, with bytes; the three largest are named when it is too large.

    Raises:
        StartupScriptError: The cloud is unknown, or the payload does not fit its slot.
    """
    payload = package(cloud, script)
    if not payload.fits:
        message = problems.too_large(payload.size, payload.limit, payload.compressed, contributors)
        raise StartupScriptError([Problem(f"payload for {cloud}", message)])
    return payload


def package(cloud: Cloud, script: bytes) -> Payload:
    """Make a payload as `deliver` does, whether or not it fits its slot.

    Raises:
        StartupScriptError: The cloud is unknown.
    """
    if cloud not in CLOUDS:
        raise StartupScriptError([Problem("cloud", problems.unknown_cloud(cloud, CLOUDS))])
    return Payload(cloud, CLOUDS[cloud].deliver(script))
