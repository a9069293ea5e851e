"""Test definitions: a machine in a throw-away root, and what a definition should stand.

As a pytest plugin it gives the fixtures `machine`, `machine_of`, `deploy` and `local_cloud`; see `plugin`.
"""

from __future__ import annotations

from .kills import assert_survives_any_kill
from .machine import Machine, NoStatus
from .repeating import assert_idempotent
from .status import Status

__all__ = ["Machine", "NoStatus", "Status", "assert_idempotent", "assert_survives_any_kill"]
