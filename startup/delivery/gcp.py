"""Deliver to Google Cloud: plain text that the guest agent runs at every boot, never compressed."""

from __future__ import annotations

from .document import seal

LIMIT = 262_144
"""Bytes that the slot holds."""

AGENT_UNITS = ("google-guest-agent", "google-startup-scripts")
"""What gets a limit to its waiting, so that a metadata service that does not answer does not hold back a boot."""


def deliver(script: bytes) -> bytes:
    """Return the slot's bytes, which may be more than `LIMIT`."""
    return seal(script)
