"""Judge and read what is in a VM's slot."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from .resources import Failure


def base64_problem(path: str, value: Any, limit: int) -> Iterator[Failure]:
    """Yield a failure if a known text is not base64, or is more than `limit` bytes before base64."""
    if not isinstance(value, str):
        return
    try:
        content = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        yield Failure(path, f"is not valid base64: {error}")
        return
    if len(content) > limit:
        yield Failure(path, f"is limited to {limit} bytes before base64, got {len(content)}")


def decoded(value: Any) -> bytes | None:
    """Return what a base64 text holds, None if there is none."""
    return None if value in (None, "") else base64.b64decode(value)
