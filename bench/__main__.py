"""Measure: `python -m bench [PART]...` runs all quick parts, or those named, and writes bench/results.md."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module

from .figures import save, section

PARTS = ("imports", "sizes", "runner", "components", "hosted", "kit", "waiting", "lab")
# Only when it is named.
LONG = ("kills", "histories", "suite", "everything")


def main(names: list[str]) -> int:
    """Run the parts; 0 when all of them could be measured, whether or not they reach their goals."""
    if unknown := set(names) - {*PARTS, *LONG}:
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join((*PARTS, *LONG))}", file=sys.stderr)
        return 2
    failed = False
    for name in names or PARTS:
        part = import_module(f".{name}", __package__)
        print(f"measuring: {name}", flush=True)
        try:
            figures = part.measure()
        except RuntimeError as error:
            print(f"{name} cannot be measured here: {error}", file=sys.stderr)
            failed = True
            continue
        text = section(name, f"python -m bench {name}", inspect.cleandoc(part.NOTE), figures)
        print(text, flush=True)
        save(name, text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
