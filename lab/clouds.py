"""The clouds that the lab has, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import aws, azure, gcp
from .cloud import Cloud
from .errors import LabError
from .providers.machines import Machines
from .providers.records import Records, records_folder

if TYPE_CHECKING:
    from .providers.provider import Provider

CLOUDS: Mapping[str, Cloud] = {cloud.name: cloud for cloud in (aws.CLOUD, gcp.CLOUD, azure.CLOUD)}
PACKAGES: Mapping[str, Cloud] = {cloud.package: cloud for cloud in CLOUDS.values()}
"""The clouds by Pulumi's names of them."""


def cloud_named(name: str) -> Cloud:
    """Return a cloud by its name; `LabError` with the known names if there is none."""
    if name not in CLOUDS:
        raise LabError(f"cloud {name!r} is none of {', '.join(CLOUDS)}")
    return CLOUDS[name]


def provider(package: str, machines: Machines, state: Path, settings: Mapping[str, str] | None = None) -> Provider:
    """Return the provider of a package (one of `PACKAGES`) for the lab whose state is in that folder."""
    return PACKAGES[package].provider()(Records(records_folder(state) / package), machines, settings)
