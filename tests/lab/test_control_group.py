"""How the lab finds every process that it has started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lab import control_group
from lab.control_group import ControlGroup


def test_groups_that_end_meanwhile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A service's group that its system removes while the lab looks for processes is in nobody's way."""
    for name, pid in (("first", 11), ("ends", 12), ("ends/below", 13), ("other", 14)):
        (tmp_path / "machine" / name).mkdir(parents=True)
        (tmp_path / "machine" / name / "cgroup.procs").write_text(f"{pid}\n")
    look = os.scandir

    def look_too_late(path: Any) -> Any:
        if str(path).endswith("ends"):
            shutil.rmtree(path)
        return look(path)

    monkeypatch.setattr(control_group, "hierarchies", lambda: [tmp_path])
    monkeypatch.setattr(os, "scandir", look_too_late)
    assert ControlGroup("machine").processes() == {11, 14}
    assert not (tmp_path / "machine/ends").exists()
