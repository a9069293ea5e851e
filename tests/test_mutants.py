"""`tools/mutants`: that each change still fits the program, and the tool itself on a project of a few lines."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from .checkout import ROOT

TOOL = ROOT / "tools" / "mutants"
PROGRAM = 'def size():\n    return 1\n\n\ndef name():\n    return "a"\n'
TESTS = """
import time
from startup.program import name, size

def test_size():
    assert 1 == size()

def test_name():
    assert name() in ("a", "b")

def test_waits():
    time.sleep(0 if size() == 1 else 600)

def test_fails():
    assert False
"""
NOTICED = """
[noticed]
file = "startup/program.py"
old = "return 1"
new = "return 2"
suffers = "a wrong size"
tests = ["tests/test_program.py::test_size"]
"""
SURVIVES = """
[survives]
file = "startup/program.py"
old = 'return "a"'
new = 'return "b"'
suffers = "a wrong name"
tests = ["tests/test_program.py::test_name"]
"""
HANGS = NOTICED.replace("[noticed]", "[hangs]").replace("test_size", "test_waits")
EQUIVALENT = """
[equivalent]
file = "startup/program.py"
old = "def size"
new = "def  size"
suffers = "nothing"
equivalent = "white space"
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the tool of a project."""
    own = env(folder) if folder != ROOT else None
    return subprocess.run(command(folder, *arguments), env=own, capture_output=True, text=True, timeout=100)


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(folder / "tools" / "mutants"), *arguments]


def env(folder: Path) -> dict[str, str]:
    """An environment in which the tool's temporary folder can be seen, and pytest begins at once."""
    (folder / "tmp").mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(folder / "tmp"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def files(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in ("startup/program.py", "tests/test_program.py")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with two functions and their tests, and no changes yet."""
    for name in ("startup", "tests", "tools/mutants.d"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy2(TOOL, tmp_path / "tools" / "mutants")
    (tmp_path / "startup" / "program.py").write_text(PROGRAM)
    (tmp_path / "tests" / "test_program.py").write_text(TESTS)
    (tmp_path / ".gitignore").write_text("tmp/\n.mutants/\n")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def to_try(folder: Path, *texts: str) -> None:
    (folder / "tools" / "mutants.d" / "list.toml").write_text("".join(texts))


def test_every_change_fits() -> None:
    """Each change stands exactly once in its file, and there are the tests that are to notice it."""
    checked = run(ROOT, "--check")

    assert (0, "") == (checked.returncode, checked.stderr)


def test_enough_is_changed() -> None:
    """There are at least 140 changes, over the runner and the Python packages alike."""
    listed = run(ROOT, "--list").stdout
    places = Counter(re.findall(r"^\S+ \((startup/runner|startup|components)/[^)]+\): ", listed, re.MULTILINE))

    assert 70 <= places["startup/runner"]
    assert 70 <= places["startup"] + places["components"]


def test_score(folder: Path) -> None:
    """A change that fails a test or makes it hang is noticed, another survives; nothing is changed in the project itself."""
    to_try(folder, NOTICED, SURVIVES, HANGS, EQUIVALENT)
    before = files(folder)
    tried = run(folder, "--limit", "5")

    assert 1 == tried.returncode, tried.stderr
    assert "survived  survives (startup/program.py): a wrong name" in tried.stdout.splitlines()
    assert "startup:    2 of 3 noticed (67 %); 1 equivalent" in tried.stdout.splitlines()
    assert "together:   2 of 3 noticed (67 %)" in tried.stdout.splitlines()
    assert before == files(folder)
    assert [] == list((folder / "tmp").iterdir())


def test_all_are_noticed(folder: Path) -> None:
    """When the tests notice all that is tried, the exit code is 0."""
    to_try(folder, NOTICED, SURVIVES)
    tried = run(folder, "--only", "noticed")

    assert (0, "") == (tried.returncode, tried.stderr)
    assert "together:   1 of 1 noticed (100 %)" in tried.stdout.splitlines()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"return 1"', '"return 3"', "noticed: stale: the old text stands 0 times in startup/program.py"),
        ('"return 1"', '"return"', "noticed: stale: the old text stands 2 times in startup/program.py"),
        ("program.py", "gone.py", "noticed: there is no file startup/gone.py"),
        ("test_size", "test_gone", "noticed: there is no test tests/test_program.py::test_gone"),
        ('tests = ["tests/test_program.py::test_size"]', "", "noticed: it needs either tests or the reason"),
        ('"return 2"', '"return 1"', "noticed: it changes nothing"),
    ],
)
def test_stale(folder: Path, old: str, new: str, said: str) -> None:
    """A change that does not fit any more, or whose test is gone, is named and nothing is tried."""
    to_try(folder, NOTICED.replace(old, new, 1))
    for checked in (run(folder, "--check"), run(folder)):
        assert (1, "") == (checked.returncode, checked.stdout)
        assert checked.stderr.startswith(said)


def test_what_fails_anyway_notices_nothing(folder: Path) -> None:
    """A test that fails on the code as it is proves nothing: it is named, its change is not counted."""
    to_try(folder, NOTICED.replace("test_size", "test_fails"))
    tried = run(folder)

    assert 1 == tried.returncode
    assert "as it does not pass on the code as it is: tests/test_program.py::test_fails: 1 failed" in tried.stderr
    assert "together:   0 of 0 noticed" in tried.stdout


def test_goes_on(folder: Path) -> None:
    """What was tried is not tried again, until the change, the code or the tests are others."""
    to_try(folder, NOTICED)
    first = run(folder).stdout
    to_try(folder, NOTICED, SURVIVES)
    second = run(folder).stdout
    (folder / "startup" / "program.py").write_text(PROGRAM + "\n")
    third = run(folder).stdout
    (folder / "tests" / "test_program.py").write_text(TESTS + "\n")
    fourth = run(folder).stdout

    tried = re.compile(r"^(?:noticed|survived) +\w+ +[\d.]+ s$", re.MULTILINE)
    assert [1, 1, 2, 2] == [len(tried.findall(said)) for said in (first, second, third, fourth)]
    assert "1 known from an earlier run; 1 to try" in second


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_ended(folder: Path, by: signal.Signals) -> None:
    """Ended by Ctrl-C or a signal, it leaves no folder and no program behind, and what was tried is kept."""
    to_try(folder, NOTICED, HANGS)
    tool = subprocess.Popen(
        command(folder, "--jobs", "1"), env=env(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert tool.stdout is not None
    lines = iter(tool.stdout.readline, "")
    assert any(line.startswith("noticed   noticed") for line in lines)
    marks = [str(path) for path in (folder / "tmp").iterdir()]
    tool.send_signal(by)
    begun = time.monotonic()
    _, said = tool.communicate(timeout=60)

    assert (130, "mutants: ended; what was tried is kept\n") == (tool.returncode, said)
    assert time.monotonic() - begun < 30
    assert ([], 1) == (list((folder / "tmp").iterdir()), len(marks))
    assert [] == [path for path in Path("/proc").glob("[0-9]*/cmdline") if marks[0].encode() in content(path)]
    assert "1 known from an earlier run" in run(folder, "--only", "noticed").stdout


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
