"""Images and packages: what is half made is never used."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import archive, host, image
from lab.control_group import ControlGroup
from lab.errors import LabError
from lab.laboratory import Lab

from ..checkout import ROOT

PREFIX = "ebtimage-"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache that takes the place of the user's."""
    monkeypatch.setenv("EVENBOOT_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.boot
def test_an_image_whose_build_fails_is_not_there(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaint carries what the builder said; nothing stays of the build, and machines cannot use it."""
    try:
        Lab().check()
    except LabError as error:
        pytest.skip(f"images cannot be built here: {error}")
    stub = tmp_path / "bin/mmdebstrap"
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\nsleep 1000 &\nfor target; do :; done\nmkdir $target\necho E: no room left\nexit 9\n")
    stub.chmod(0o755)
    found = host.environment()
    monkeypatch.setattr(image, "environment", lambda: {**found, "PATH": f"{stub.parent}:{found['PATH']}"})
    with pytest.raises(LabError, match=r"status 9: E: no room left"):
        image.ensure("debian-12", prefix=PREFIX)
    assert list((cache / "images").glob("*debian*")) == [
        path for path in (cache / "images").glob(".debian-12.*") if path.suffix in (".lock", ".log")
    ]
    assert ControlGroup.all(PREFIX) == []
    with pytest.raises(LabError, match=r"has not been built: python -m lab up builds it"):
        image.layers("debian-12", "aws")


def test_packages_that_are_there_need_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only names that were never asked for are fetched; a failed fetch makes no name known."""
    fetched: list[list[str]] = []

    def fetch(image_name: str, names: list[str], folder: Path, progress: archive.Progress) -> None:
        fetched.append(names)
        if "nonsense" in names:
            raise LabError("E: Unable to locate package nonsense")

    monkeypatch.setattr(archive, "_fetch", fetch)
    archive.ensure("debian-12", ["nginx", "tree"])
    archive.ensure("debian-12", ["tree", "jq"])
    archive.ensure("debian-12", ["jq", "nginx"])
    assert fetched == [["nginx", "tree"], ["jq"]]
    with pytest.raises(LabError, match="Unable to locate"):
        archive.ensure("debian-12", ["nonsense"])
    names = archive.archive_folder("debian-12").with_name(f".{archive.archive_folder('debian-12').name}.names")
    assert json.loads(names.read_text()) == ["jq", "nginx", "tree"]


def test_another_recipe_is_another_image(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image is built once per version of the recipe."""
    before = image.image_folder("debian-12")
    assert before == image.image_folder("debian-12") != image.image_folder("debian-13")
    monkeypatch.setattr(image, "PACKAGES", (*image.PACKAGES, "jq"))
    assert image.image_folder("debian-12") != before


def test_what_a_killed_build_leaves_is_listed_and_removed(cache: Path) -> None:
    """`lab`: `status` lists half an image and `down` removes it, but not while somebody builds on it."""
    left, built = (cache / "images" / f".debian-{number}.partial" for number in (12, 13))
    for partial in (left, built):
        (partial / "base").mkdir(parents=True)
    with built.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [str(left)] == Lab(Path("/nowhere")).strays()["half images"]
        image.remove_halves()
    assert [built] == list(image.halves())


def test_a_fetch_ends_with_who_asked_for_it(tmp_path: Path) -> None:
    """`lab`: Nothing goes on downloading when the command is killed."""
    code = f"from lab import archive; archive._run(['sh', '-c', 'echo $$ >{tmp_path}/pid; exec sleep 60'], '')"
    command = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    pid = tmp_path / "pid"
    while not pid.exists() or not pid.read_text().endswith("\n"):
        assert command.poll() is None
        time.sleep(0.01)
    command.kill()
    command.wait()
    end, about = time.monotonic() + 10, Path(f"/proc/{pid.read_text().strip()}/stat")
    while about.exists() and ") Z " not in about.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
