"""What does not fit its slot: the script becomes an object in the cloud's store, and the slot holds what fetches it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from .checked import Checked, check
from .definition import StartupScript
from .delivery import Cloud, Payload, package, seal
from .rendering import part, title, written

BOOTSTRAP_LIMIT = 3_584
"""Bytes that the bootstrap has in the slot at most, before base64."""

# The comments before the program are all that differs between two bootstraps of a cloud.
_HEADER = """\
#!/bin/sh
# Startup script "{title}" by evenboot, too large for this slot: this fetches it.
# sum={zeros}
# object={url}
# sha256={sha256}
# region={region}
"""
_LONGEST_TITLE = 32
_PLAIN = re.compile(r"[!-~]*")


@dataclass(frozen=True)
class Overflow:
    """Hold a script that does not fit its slot.

    Attributes:
        cloud: `aws`, `gcp` or `azure`.
        title: The definition's name, in ASCII.
        text: The script, which is to be stored as UTF-8: the whole content of the object.
    """

    cloud: Cloud
    title: str
    text: str

    @classmethod
    def of(cls, cloud: Cloud, name: str, text: str) -> Overflow:
        """Return the script of a definition of this name, as it came out of another `Overflow`."""
        return cls(cloud, title(name), text)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the object in hexadecimal digits, which is also its name."""
        return sha256(self.text.encode()).hexdigest()

    def bootstrap(self, url: str, region: str = "") -> Payload:
        """Return what the slot holds in place of the script.

        It fetches the object with the rights of the VM's own identity, checks it, and runs it. A VM that has the
        object already asks nobody for it.

        Args:
            url: Where the object is, as in `https://evenboot.s3.eu-central-1.amazonaws.com/web/...`.
            region: The region that requests are signed for; aws only.

        Raises:
            ValueError: The address or the region holds what cannot stand in a comment of the shell.
        """
        if not _PLAIN.fullmatch(url) or not _PLAIN.fullmatch(region):
            raise ValueError(f"{url!r} (region {region!r}) is no address of an object")
        header = _HEADER.format(
            title=self.title[:_LONGEST_TITLE],
            zeros="0" * 64,
            url=url,
            sha256=self.sha256,
            region=region,
        )
        program = "".join(part(f"{name}.sh") for name in ("environment", f"object_{self.cloud}", "bootstrap"))
        return package(self.cloud, (header + program).encode())


def render_or_overflow(
    definition: StartupScript, values: Mapping[str, str] | None = None, cloud: Cloud = "aws"
) -> Payload | Overflow:
    """Render a definition as `render` does; what does not fit the slot comes as an `Overflow`.

    Args:
        definition: What the VM is to obey.
        values: The text of each name that a step has in `uses`.
        cloud: `aws`, `gcp` or `azure`.

    Raises:
        StartupScriptError: The definition or the values have problems; all are reported.

    Example:
        >>> from startup import Shell, StartupScript, render_or_overflow
        >>> hello = StartupScript("hello", first_boot=[Shell("say hello", script="echo hello")])
        >>> type(render_or_overflow(hello, cloud="gcp")).__name__
        'Payload'
    """
    payload, stored = both_forms(check(definition, dict(values or {})), cloud)
    return payload if payload.fits else stored


def both_forms(checked: Checked, cloud: Cloud) -> tuple[Payload, Overflow]:
    """Return the payload, whether or not it fits its slot, and the same script as an object.

    Raises:
        StartupScriptError: The definition or the values have problems; all are reported.
    """
    script, _ = written(checked, cloud)
    return package(cloud, script), Overflow.of(cloud, checked.definition.name, seal(script).decode())
