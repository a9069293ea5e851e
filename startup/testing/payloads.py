"""What a slot holds, read as the cloud's agent reads it."""

from __future__ import annotations

import email
import gzip


def text_of(payload: bytes) -> str:
    """Return the text of a payload, whether or not it is compressed."""
    return (gzip.decompress(payload) if payload.startswith(b"\x1f\x8b") else payload).decode()


def script_of(payload: bytes) -> bytes:
    """Return the text that the agent runs: the payload itself, or the boothook in its document.

    A document is read as cloud-init reads it, with the damage that it does to text that is not ASCII.
    """
    if payload.startswith(b"#!"):
        return payload
    parts = [part for part in email.message_from_string(text_of(payload)).walk() if not part.is_multipart()]
    kinds = [part.get_content_type() for part in parts]
    if kinds != ["text/cloud-boothook"]:
        raise ValueError(f"the payload is no script and no document with one boothook: it holds {', '.join(kinds)}")
    script = parts[0].get_payload(decode=True)
    assert isinstance(script, bytes)
    return script.replace(b"\r\n", b"\n")
