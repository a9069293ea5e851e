"""Lines of a console that tell a result, as the runner writes them."""

from __future__ import annotations

import json
from typing import Any

WHOLE: dict[str, Any] = {
    "definition": "web-server",
    "fingerprint": "ab" * 32,
    "instance_id": "i-0123456789abcdef0",
    "boot_id": "7e3a5e2c-0d26-4c1b-9d3e-2b4a0b8c1d2e",
    "boot": "later",
    "result": "ok",
    "failed_step": None,
    "exit_code": None,
    "message": None,
    "output": [],
    "source": "cloud",
    "started_at": "2026-11-23T01:00:00Z",
    "finished_at": "2026-11-23T01:00:02Z",
    "steps": [],
}
"""A result, with all that each has."""

NO_DEFINITION: dict[str, Any] = {"result": "failed", "definition": None, "fingerprint": None}
"""What is different in the result of a boot to which no definition came."""


def line(**fields: Any) -> str:
    """Return a result's line, ok unless it is said otherwise."""
    return f"evenboot: result {json.dumps({**WHOLE, **fields})}\r\n"
