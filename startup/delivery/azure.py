"""Deliver to Azure: MIME that cloud-init obeys at every boot, compressed only when needed."""

from __future__ import annotations

from .document import fitted, mime, seal

LIMIT = 49_152
"""Bytes that the slot holds before base64."""

AGENT_UNITS = ("cloud-init-local", "cloud-init", "cloud-init-network")
"""What gets a limit to its waiting, so that a metadata service that does not answer does not hold back a boot."""


def deliver(script: bytes) -> bytes:
    """Return the slot's bytes before base64, which may be more than `LIMIT`."""
    return fitted(seal(mime(script)), LIMIT)
