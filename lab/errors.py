"""What goes wrong in the local cloud, as one kind of exception with one clear message."""

from __future__ import annotations


class LabError(Exception):
    """Say what the local cloud could not do, and what to do about it."""

    exit_code = 1


class LabUsageError(LabError):
    """Say what was asked for wrongly."""

    exit_code = 2


class LabTimeout(LabError, TimeoutError):
    """Say what did not happen in the time it was given."""
