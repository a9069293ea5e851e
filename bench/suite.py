"""How long the tests take, and what comes of them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figures import Figure, figure

NOTE = """
`make test` without its checks of style and types, two tests at a time: machines boot side by side in both. Skipped are, for
example, the tests that need the `pulumi` command where there is none; pytest's last lines name them with the reason.
"""
ROOT = Path(__file__).parent.parent


def outcomes(arguments: Sequence[str]) -> tuple[dict[str, str], float]:
    """Run tests as `make test` does; `passed`, `skipped` or `failed` of each, and the minutes of all."""
    with tempfile.TemporaryDirectory(prefix="evenboot-bench-") as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "--numprocesses", "2", "--dist", "loadgroup", f"--junitxml={report}"]
        begin = time.perf_counter()
        subprocess.run([*command, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
        minutes = (time.perf_counter() - begin) / 60
        if not report.exists():
            raise RuntimeError("pytest has written no report")
        cases = xml.parse(report).iter("testcase")
        return {f"{case.get('classname')}.{case.get('name')}": _outcome(case) for case in cases}, minutes


def _outcome(case: xml.Element) -> str:
    kinds = {child.tag for child in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def measure() -> list[Figure]:
    """Run all tests that `make test` runs."""
    found, minutes = outcomes([])
    return [*summary(found), figure("time of the whole suite, with images built", minutes, "min", 45)]


def summary(found: Mapping[str, str]) -> list[Figure]:
    """Count the tests by what came of them."""
    counts = Counter(found.values())
    return [
        figure("tests that passed", counts["passed"], "tests"),
        figure("tests that were skipped", counts["skipped"], "tests"),
        figure("tests that failed", counts["failed"], "tests", 0),
    ]
