"""The clouds that the components have, by name."""

from __future__ import annotations

from collections.abc import Mapping

from . import aws, azure, gcp
from .cloud import Cloud

CLOUDS: Mapping[str, Cloud] = {cloud.name: cloud for cloud in (aws.CLOUD, gcp.CLOUD, azure.CLOUD)}
