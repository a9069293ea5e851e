"""A test of a user's that runs on the local cloud."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from startup.testing import local_cloud
from tests.checkout import ROOT

FILES = {
    "Pulumi.yaml": "name: site\nruntime: python\n",
    "Pulumi.local.yaml": "config:\n  gcp:project: p\n  gcp:zone: europe-west3-a\n  site:word: hello\n",
    "__main__.py": """
import pulumi
from components import GcpVm, GcpVmArgs
from startup import Shell, StartupScript

once = Shell("once", script='echo "$WORD" >>/once', uses=["WORD"])
every = [Shell("always", script="echo always >>/always")]
definition = StartupScript("site", first_boot=[once], every_boot=every)
GcpVm("web", GcpVmArgs(startup=definition, values={"WORD": pulumi.Config().require("word")}))
""",
    "test_site.py": """
import pytest

@pytest.mark.local_cloud(".")
def test_it_boots(local_cloud):
    vm = local_cloud.vm("web")
    assert vm.status().named("ran") == ["once", "always"]
    assert vm.reboot().named("ran") == ["always"]
    assert vm.exec("cat", "/once", "/always").stdout == "hello\\nalways\\nalways\\n"
    assert vm.exec("false").returncode == 1
    assert vm.console().count("evenboot: result ") == 2
    with pytest.raises(AssertionError, match="there is no VM 'db'; the program has web"):
        local_cloud.vm("db")
""",
}


@pytest.mark.boot
def test_marked_test_has_the_vms_of_its_program(tmp_path: Path) -> None:
    """`kit`: The VMs of the program are booted before the test and gone after it; the lab of the user is not touched."""
    if reason := local_cloud.why_not():
        pytest.skip(reason)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    before = set(Path(local_cloud.PLACE).parent.glob("evenboot-kit*"))
    options = ["-q", "-rs", "-p", "no:cacheprovider", "-p", "startup.testing.plugin", "--local-cloud", "test_site.py"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip

    assert "1 passed" in run.stdout, run.stdout + run.stderr
    assert before == set(Path(local_cloud.PLACE).parent.glob("evenboot-kit*"))
