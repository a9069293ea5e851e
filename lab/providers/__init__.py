"""The clouds' resources as Pulumi providers, backed by the lab's machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..cloud import Cloud
from ..clouds import CLOUDS
from .machines import Machines
from .provider import Provider
from .records import Records

PACKAGES: Mapping[str, Cloud] = {cloud.package: cloud for cloud in CLOUDS.values()}
"""The clouds by Pulumi's names of them."""


def records_folder(state: Path) -> Path:
    """Return where the local clouds keep what they have, below the lab's state folder."""
    return state / "engine" / "clouds"


def provider(package: str, machines: Machines, state: Path, settings: Mapping[str, str] | None = None) -> Provider:
    """Return the provider of a package (`aws`, `gcp`, `azure-native`) for the lab whose state is in that folder."""
    kind = PACKAGES[package].provider()
    return kind(Records(records_folder(state) / package), machines, settings)


__all__ = ["PACKAGES", "Provider", "provider", "records_folder"]
