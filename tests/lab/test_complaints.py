"""Whoever cannot use the local cloud, or uses it wrongly, is told so at once in one clear text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import host, image
from lab.__main__ import main
from lab.errors import LabError
from lab.laboratory import Lab

from ..checkout import ROOT


def test_another_system_than_linux_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything else is looked at."""
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(LabError, match="needs Linux"):
        host.check(tmp_path)


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="this is no Linux")
@pytest.mark.parametrize("command", ["up", "install"])
def test_another_system_lacks_more_than_linux_has(command: str) -> None:
    """`lab`: Python has fewer signals there, and the message comes all the same."""
    there = "import signal, sys, urllib.request; del signal.SIGRTMIN; import lab.__main__ as lab"
    program = f"{there}; sys.platform = 'darwin'; sys.exit(lab.main())"
    run = subprocess.run([sys.executable, "-c", program, command], cwd=ROOT, capture_output=True, text=True)
    assert (1, True) == (run.returncode, run.stderr.startswith("error: the local cloud needs Linux; this is ")), run.stderr


@pytest.mark.parametrize(
    ("stand_in", "said"),
    [
        ("[ $# = 0 ] || echo Darwin", "setup: the local cloud needs Linux; this is Darwin: use a Linux machine"),
        ("case $0 in */id) echo 1000 ;; *) echo Linux ;; esac", "setup: the local cloud needs root for mounts"),
    ],
)
def test_set_up_says_at_once_what_cannot_be(tmp_path: Path, stand_in: str, said: str) -> None:
    """`lab`: `make up` fetches nothing for a local cloud that this computer cannot run."""
    for name in ("uname", "id", "python3", "flock"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{stand_in}\n")
        (tmp_path / name).chmod(0o755)
    run = subprocess.run([ROOT / "tools/setup", "run"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)
    assert (1, "") == (run.returncode, run.stdout)
    assert run.stderr.startswith(said) and run.stderr.count("\n") == 1


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the way out."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"needs root .* sudo"):
        host.check(tmp_path)


def test_missing_programs_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The text is the command that installs them."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "environment", lambda: {"PATH": str(tmp_path)})
    with pytest.raises(LabError, match=r"apt-get install .*mmdebstrap .*systemd-container"):
        host.check(tmp_path)


def test_missing_programs_are_not_installed_by_others_than_root(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m lab install` says what to install, and fails."""
    monkeypatch.setattr(host, "missing_packages", lambda: ["mmdebstrap"])
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["install"]) == 1
    assert "apt-get install mmdebstrap" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["reboot", "stop", "start", "console", "exec"])
def test_an_unknown_machine_is_one_line_with_the_known_names(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong use: exit code 2."""
    monkeypatch.setattr("lab.laboratory.LONGEST_STATE", 500)
    monkeypatch.setenv("EVENBOOT_LAB_STATE", str(tmp_path))
    for name in ("aws-web", "gcp-web"):
        (tmp_path / "machines" / name).mkdir(parents=True)
        (tmp_path / "machines" / name / "instance.json").write_text("{}")
    assert main([command, "web"]) == 2
    assert capsys.readouterr().err == "error: there is no machine 'web'; the machines are: aws-web, gcp-web\n"


def test_an_image_that_cannot_boot_here_is_refused_with_those_that_can() -> None:
    """ubuntu-24.04 is for the real clouds."""
    with pytest.raises(LabError, match=r"'ubuntu-24.04' cannot boot .* debian-12, debian-13"):
        image.ensure("ubuntu-24.04")


@pytest.mark.parametrize("state", ["/" + "x" * 50, "/var/lib/a:b", "/var/lib/a,b"])
def test_a_state_folder_that_mounts_cannot_name_is_refused(state: str) -> None:
    """Too long, or with a character that means something to an overlay."""
    with pytest.raises(LabError, match=r"state folder .* at most 50 letters"):
        Lab(state=Path(state))


def test_too_many_machines_for_this_computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that finds no inotify instance any more says what the limit is and how to raise it."""
    monkeypatch.setattr("lab.laboratory.LONGEST_STATE", 500)
    folder = tmp_path / "machines" / "aws-web"
    folder.mkdir(parents=True)
    (folder / "instance.json").write_text("{}")
    (folder / "console.log").write_text("Failed to create control group inotify object: Too many open files\r\n")
    with pytest.raises(LabError, match=r"\d+ inotify instances.* sysctl fs\.inotify\.max_user_instances=1024\nFailed"):
        Lab(state=tmp_path).machine("aws-web").wait_ready()
    (folder / "console.log").write_text("Too many open files in a program\r\n")
    with pytest.raises(LabError, match=r"is off:\nToo many"):
        Lab(state=tmp_path).machine("aws-web").wait_ready()
