"""Write what the packages publish: `python -m hosted` puts each package's schema into its folder.

Programs of other teams are compiled against it. A field that goes away, or that has to be given from now on, breaks
them: say so in CHANGELOG.md.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from .host import Package

FOLDER = Path(__file__).parent


def packages() -> list[Package]:
    """Return the packages, by the folders that Pulumi could start."""
    return [import_module(f"{__package__}.{one.parent.name}.__main__").PACKAGE for one in FOLDER.glob("*/PulumiPlugin.yaml")]


def published(package: Package) -> str:
    """Return the text of a package's schema file."""
    return json.dumps(json.loads(package.schema()), indent=2) + "\n"


def main() -> None:
    for package in packages():
        (FOLDER / package.cloud / "schema.json").write_text(published(package), encoding="utf-8")


if __name__ == "__main__":
    main()
