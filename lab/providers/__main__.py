"""Serve one provider: `python -m lab.providers aws ENGINE_ADDRESS`, started by the Pulumi engine."""

from __future__ import annotations

import sys

from ..clouds import PACKAGES, provider
from ..laboratory import Lab
from .service import serve


def main(arguments: list[str]) -> int:
    """Serve the named package until the engine ends the process."""
    if not arguments or arguments[0] not in PACKAGES:
        print(f"usage: python -m lab.providers {'|'.join(PACKAGES)} [ENGINE_ADDRESS]", file=sys.stderr)
        return 2
    lab = Lab()
    serve(provider(arguments[0], lab, lab.state))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
