"""The wheel: what another project installs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from .checkout import ROOT


def test_wheel_holds_everything_below_one_name(wheel: Path) -> None:
    """Beside its metadata the wheel holds `evenboot` only, with the runner and the marks that it is typed."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {"evenboot"} == {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    shipped = {name.removeprefix("evenboot/") for name in names}
    for package in ("startup", "components"):
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*") if path.is_file()}
        assert {name for name in sources if "__pycache__" not in name} <= shipped


def test_wheel_renders_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """R1, R4: `evenboot.startup` from the wheel renders what `startup` renders here."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "from {}startup import *; import sys; definition = StartupScript('a', first_boot=[Shell('b', script='true')]);"
        "sys.stdout.buffer.write(render(definition, {{}}, 'aws').content)"
    )

    here, there = (
        subprocess.run([sys.executable, "-c", code.format(prefix)], cwd=folder, check=True, capture_output=True).stdout
        for prefix, folder in (("", ROOT), ("evenboot.", tmp_path))
    )

    assert here == there
    assert len(here) > 1000


def test_the_command_is_evenboot(wheel: Path, tmp_path: Path) -> None:
    """Installed, the wheel gives the command `evenboot`, which is `python -m startup` here, and knows its own name."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path, wheel], check=True
    )
    definition = "from evenboot.startup import *\napp = StartupScript('app', first_boot=[Shell('a', script='b')])\n"
    (tmp_path / "app.py").write_text(definition)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, tmp_path / "bin/evenboot", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert call("check", "app.py").stdout.startswith("app: 1 step, no problems, ")
    assert call("--help").stdout.startswith("usage: evenboot ")
