"""The clouds that the lab has, by name."""

from __future__ import annotations

from collections.abc import Mapping

from . import aws, azure, gcp
from .cloud import Cloud
from .errors import LabError

CLOUDS: Mapping[str, Cloud] = {cloud.name: cloud for cloud in (aws.CLOUD, gcp.CLOUD, azure.CLOUD)}


def cloud_named(name: str) -> Cloud:
    """Return a cloud by its name; `LabError` with the known names if there is none."""
    if name not in CLOUDS:
        raise LabError(f"cloud {name!r} is none of {', '.join(CLOUDS)}")
    return CLOUDS[name]
