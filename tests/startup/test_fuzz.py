"""Generated definitions are refused with problems or render; nothing else happens."""

from __future__ import annotations

import subprocess

import pytest

from startup import StartupScriptError, render, validate
from startup.delivery import CLOUDS, Cloud

from ..generated import Given, definitions, try_many

CLOUD_NAMES: tuple[Cloud, ...] = tuple(CLOUDS)
END = '\nmain "$@"; exit\n'


def test_refused_or_rendered(exhaustive: bool) -> None:
    """R6: whatever a definition holds, it is refused with all its problems, or renders for each cloud and both shells read it."""
    verdicts: list[bool] = []

    def check(given: Given) -> int:
        found = validate(given.definition, given.values)
        assert all(str(problem).isprintable() for problem in found), found
        for cloud in CLOUD_NAMES:
            if found:
                with pytest.raises(StartupScriptError) as refusal:
                    render(given.definition, given.values, cloud)
                assert refusal.value.problems == found
            elif text := rendered(given, cloud):
                assert "" == complaints(text)
        verdicts.append(bool(found))
        return 1

    try_many(10_000 if exhaustive else 1_000, definitions(spoilt=True), check)
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8, "nearly all are of one sort: the other was hardly tried"


def rendered(given: Given, cloud: Cloud) -> str:
    """The text of the payload; nothing if it does not fit the slot."""
    try:
        return render(given.definition, given.values, cloud).text
    except StartupScriptError as error:
        assert [problem.path for problem in error.problems] == [f"payload for {cloud}"]
        return ""


def complaints(text: str) -> str:
    """What dash and bash say to the program in a payload; what follows it they never read."""
    program = text[text.index("#!/bin/sh\n") : text.index(END)] + END
    return "".join(
        subprocess.run([shell, "-n"], input=program, capture_output=True, text=True).stderr for shell in ("dash", "bash")
    )
