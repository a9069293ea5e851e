"""The clouds' resources as Pulumi providers, backed by the lab's machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .aws import AwsProvider
from .azure_native import AzureNativeProvider
from .gcp import GcpProvider
from .machines import Machines
from .provider import Provider
from .records import Records

PROVIDERS: Mapping[str, type[Provider]] = {
    kind.package: kind for kind in (AwsProvider, GcpProvider, AzureNativeProvider)
}


def records_folder(state: Path) -> Path:
    """Return where the local clouds keep what they have, below the lab's state folder."""
    return state / "engine" / "clouds"


def provider(package: str, machines: Machines, state: Path, settings: Mapping[str, str] | None = None) -> Provider:
    """Return the provider of a package (`aws`, `gcp`, `azure-native`) for the lab whose state is in that folder."""
    kind = PROVIDERS[package]
    return kind(Records(records_folder(state) / package), machines, settings)


__all__ = ["PROVIDERS", "Provider", "provider", "records_folder"]
