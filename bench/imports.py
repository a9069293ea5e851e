"""What an import costs, and what it loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .figures import Figure, figure, medians

NOTE = "Each import in a fresh Python, with byte code at hand; the start of Python itself is not in it."
ROOT = Path(__file__).parent.parent
ROUNDS = 21
SDKS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure": "pulumi_azure_native"}


def imported(code: str) -> tuple[float, set[str]]:
    """Run an import in a fresh Python; milliseconds, and the top-level modules that are loaded then."""
    program = f"import sys, time\nbegin = time.perf_counter()\n{code}\nprint(time.perf_counter() - begin, *sys.modules)"
    words = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return float(words[0]) * 1000, {word.partition(".")[0] for word in words[1:]}


def measure() -> list[Figure]:
    """Time `import startup`, and look which SDKs each cloud's component loads."""
    imported("import startup")
    [milliseconds] = medians([lambda: imported("import startup")[0]], ROUNDS)
    figures = [figure("`import startup`", milliseconds, "ms", 40)]
    for cloud, sdk in SDKS.items():
        loaded = imported(f"from components import {cloud.capitalize()}Vm")[1] & set(SDKS.values())
        figures.append(
            Figure(
                what=f"SDKs that a program with VMs on {cloud} only loads",
                measured=", ".join(sorted(loaded)),
                goal=sdk,
                reached=loaded == {sdk},
            )
        )
    return figures
