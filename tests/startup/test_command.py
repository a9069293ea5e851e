"""`python -m startup`: what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from startup import __main__ as command
from startup import fingerprint, render
from startup.loading import load

ROOT = Path(__file__).parents[2]

SITE = """
from startup import File, Packages, Service, Shell, StartupScript

conf = File("/etc/x", content="é ${UPSTREAM}", uses=["UPSTREAM"])
site = StartupScript(
    "site",
    first_boot=[Packages(["nginx"]), conf, Service("nginx", restart_on=[conf]), Shell("gone", script="true")],
    every_boot=[Shell("warm", script="true")],
)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder with one definition in it, `site.py`."""
    monkeypatch.chdir(tmp_path)
    write("site.py", SITE)
    return tmp_path


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, "utf-8")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process: exit code, standard output, standard error."""
    try:
        code = command.main(arguments)
    except SystemExit as stop:  # argparse ends so
        code = stop.code if isinstance(stop.code, int) else 1
    written = capsys.readouterr()
    return code, written.out, written.err


def process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as its own process, as a user does."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run([sys.executable, "-m", "startup", *arguments], env=environment, capture_output=True)


@pytest.mark.usefixtures("folder")
class TestCheck:
    def test_fine_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`check`: Without values they are taken as given, and named."""
        assert run(capsys, "check", "site.py") == (
            0,
            "site: 5 steps, no problems, values taken as given: UPSTREAM\n",
            "",
        )

    def test_with_the_values_it_tells_the_fingerprint(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The fingerprint is the one that the VM's status shows."""
        expected = fingerprint(load("site.py"), {"UPSTREAM": "a=b"})

        assert run(capsys, "check", "site.py", "--set", "UPSTREAM=a=b") == (
            0,
            f"site: 5 steps, no problems, fingerprint {expected}\n",
            "",
        )

    def test_every_problem_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """R6: One line for each problem, and exit code 1."""
        write("bad.py", "from startup import *\nbad = StartupScript('', first_boot=[Packages([])], shutdown=[3])")

        code, out, err = run(capsys, "check", "bad.py")
        assert (code, err) == (1, "")
        assert [line.partition(": ")[0] for line in out.splitlines()] == ["name", "first_boot[0].names", "shutdown[0]"]

    def test_a_misspelt_value_is_a_problem(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`check`: With `--set`, all values count as said."""
        code, out, _ = run(capsys, "check", "site.py", "--set", "UPSTRAEM=1")

        assert code == 1
        assert "a value that is not given; did you mean 'UPSTRAEM'?" in out


@pytest.mark.usefixtures("folder")
class TestRender:
    @pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
    def test_it_writes_exactly_the_bytes_of_the_slot(self, cloud: str) -> None:
        """`render`: Nothing is added, decoded or translated, whatever the terminal's encoding."""
        done = process("render", "site.py", "--cloud", cloud, "--set", "UPSTREAM=é", PYTHONIOENCODING="ascii")

        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == render(load("site.py"), {"UPSTREAM": "é"}, cloud).content  # pyright: ignore[reportArgumentType]

    def test_it_needs_every_used_value(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`render`: Problems go to standard error, as standard output is for the payload."""
        assert run(capsys, "render", "site.py", "--cloud", "gcp") == (
            1,
            "",
            "first_boot[1].uses[0]: is UPSTREAM, a value that is not given; give UPSTREAM in values\n",
        )

    def test_what_the_file_prints_stays_out_of_the_payload(self) -> None:
        """A definition that prints something does not damage what is rendered."""
        write("noisy.py", SITE + "\nprint('noise')")

        done = process("render", "noisy.py", "--cloud", "gcp", "--set", "UPSTREAM=1")
        assert (done.stdout[:10], done.stderr) == (b"#!/bin/sh\n", b"noise\n")

    def test_too_large_is_one_clear_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """R3: The command says the same as a deployment would."""
        write(
            "big.py", "from startup import *\nbig = StartupScript('big', first_boot=[Shell('a', script='x' * 300_000)])"
        )

        code, out, err = run(capsys, "render", "big.py", "--cloud", "gcp")
        assert (code, out) == (1, "")
        assert err.startswith("payload for gcp: has 3")
        assert err.count("\n") == 1

    def test_a_reader_that_leaves_early_is_no_error(self) -> None:
        """`render ... | head` is quiet."""
        write(
            "big.py", "from startup import *\nbig = StartupScript('big', first_boot=[Shell('a', script='x' * 200_000)])"
        )
        line = f"{sys.executable} -m startup render big.py --cloud gcp | head -c 1; echo ${{PIPESTATUS[0]}}"

        done = subprocess.run(["bash", "-c", line], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
        assert (done.stdout, done.stderr) == (b"#0\n", b"")


@pytest.mark.usefixtures("folder")
class TestPlan:
    def test_it_says_what_would_run_and_why(self, capsys: pytest.CaptureFixture[str]) -> None:
        """L6: Due steps with their reasons, then what always runs, then what is dropped."""
        new = (
            SITE.replace("é", "e")
            .replace('Shell("gone"', 'Shell("new"')
            .replace('script="true")],\n)', 'script="x")],\n)')
        )
        write("new.py", new)

        assert run(capsys, "plan", "site.py", "new.py")[:2] == (
            0,
            (
                "would run once, in this order:\n"
                "  file /etc/x    changed: content\n"
                "  service nginx  because 'file /etc/x' changes (restart_on)\n"
                "  new            new (the same as 'gone': renamed is removed and added)\n"
                "runs at each boot, as always:\n"
                "  warm           changed: script\n"
                "is dropped (what it did stays):\n"
                "  gone\n"
                "stays done: 1 step of the first boot\n"
            ),
        )

    def test_nothing_to_do_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`plan`: The same definition twice is nothing to do but what each boot does."""
        assert run(capsys, "plan", "site.py", "site.py", "--set", "UPSTREAM=1") == (
            0,
            (
                "nothing to do: no step is due again\n"
                "runs at each boot, as always:\n"
                "  warm\n"
                "stays done: 4 steps of the first boot\n"
            ),
            "",
        )

    def test_neighbours_of_the_same_name_are_kept_apart(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`plan`: Two checkouts of one project can be compared, each with its own modules."""
        for folder, text in (("old", "a"), ("new", "b")):
            write(f"{folder}/texts.py", f"TEXT = {text!r}")
            write(
                f"{folder}/it.py",
                "from startup import *\nfrom texts import TEXT\nx = StartupScript('x', first_boot=[Shell('s', script=TEXT)])",
            )

        assert "  s  changed: script\n" in run(capsys, "plan", "old/it.py", "new/it.py")[1]
        assert "texts" not in sys.modules
        assert list(Path().rglob("__pycache__")) == []

    def test_problems_say_in_which_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Both files are judged before anything is compared."""
        write("bad.py", "from startup import *\nbad = StartupScript('bad', first_boot=[Packages([])])")

        code, out, err = run(capsys, "plan", "site.py", "bad.py")
        assert (code, out) == (1, "")
        assert err == "bad.py: first_boot[0].names: is empty; give package names, at least one\n"

    def test_a_value_that_neither_uses_is_a_problem(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A misspelt `--set` would otherwise go unnoticed."""
        code, _, err = run(capsys, "plan", "site.py", "site.py", "--set", "X=1")

        assert (code, err.partition(":")[0]) == (1, "values.X")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "text", "source", "message"),
    [
        ("", "", "none.py", "none.py: no such file"),
        ("d.py/x", "", "d.py", "d.py: not a file"),
        ("x.txt", "", "x.txt", "x.txt: not a Python file; give FILE.py or FILE.py:NAME"),
        ("x.py", "a =", "x.py", "x.py:1: invalid syntax"),
        ("x.py", "\n  a = 1", "x.py", "x.py:2: unexpected indent"),
        ("x.py", "\nimport nowhere_at_all", "x.py", "x.py:2: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("x.py", "def f():\n    1 / 0\n\nf()", "x.py", "x.py:2: ZeroDivisionError: division by zero"),
        ("x.py", "from startup import *\nFile('/x', modee=1)", "x.py", "x.py:2: TypeError: "),
        ("x.py", "raise ValueError('two\\nlines')", "x.py", "x.py:1: ValueError: two lines"),
        ("x.py", "import sys\nsys.exit(7)", "x.py", "x.py:2: ends Python (sys.exit) instead of defining"),
        ("x.py", "\0", "x.py", "x.py:1: "),
        ("x.py", "x = '\udcff'", "x.py", "x.py:1: "),
        ("x.py", "", "x.py", "x.py: has no StartupScript; write NAME = StartupScript(...) at its top level"),
        (
            "x.py",
            SITE + "b = StartupScript('b')",
            "x.py",
            "x.py: has several startup scripts (site, b); choose one, as",
        ),
        ("x.py", SITE, "x.py:nope", "x.py: has no nope; it has site"),
        ("x.py", SITE, "x.py:conf", "x.py: conf is a File, not a StartupScript; it has site"),
        ("x.py", "a = 1", "x.py:a", "x.py: a is 1, not a StartupScript; it has no StartupScript at all"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_a_file_that_gives_no_definition_is_one_line(
    capsys: pytest.CaptureFixture[str], name: str, text: str, source: str, message: str
) -> None:
    """A user's mistake is one line that says where, exit code 2, and never a stack trace."""
    if name:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, "utf-8", "surrogateescape")

    code, out, err = run(capsys, "check", source)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_one_of_several_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`FILE.py:NAME` chooses; two names of one definition need no choice."""
    write("two.py", SITE + "other = StartupScript('other', every_boot=[Shell('s', script='x')])\n")
    write("alias.py", SITE + "same = site\n")

    assert run(capsys, "check", "two.py:other")[1].startswith("other: 1 step, no problems, fingerprint ")
    assert run(capsys, "check", "alias.py")[0] == 0


def test_a_file_may_read_its_own_texts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A definition finds what lies beside it, from wherever the command is called."""
    write("beside/setup.sh", "echo hello")
    write("beside/names.py", "STEP = 'say hello'")
    write(
        "beside/it.py",
        "from pathlib import Path\nfrom startup import *\nfrom names import STEP\n"
        "it = StartupScript('it', first_boot=[Shell(STEP, script=Path(__file__).with_name('setup.sh').read_text())])",
    )

    assert run(capsys, "check", "beside/it.py")[0] == 0
    assert run(capsys, "check", str(folder / "beside" / "it.py"))[0] == 0
    assert str(folder / "beside") not in sys.path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["check"],
        ["check", "site.py", "more"],
        ["check", "site.py", "--set", "NAME"],
        ["check", "site.py", "--set", "=x"],
        ["check", "site.py", "--set", "A=1", "--set", "A=2"],
        ["render", "site.py"],
        ["render", "site.py", "--cloud", "ibm"],
        ["plan", "site.py"],
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Wrong use shows how the command is used."""
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("usage: python -m startup")


@pytest.mark.usefixtures("folder")
def test_names_that_the_terminal_lacks_are_escaped() -> None:
    """A message with characters outside the terminal's encoding is printed all the same."""
    write("x.py", "from startup import *\nx = StartupScript('☃', first_boot=[Shell('s', script='x')])")

    done = process("check", "x.py", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout[:7], done.stderr) == (0, b"\\u2603:", b"")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("arguments", [("check", "site.py"), ("render", "site.py", "--cloud", "aws", "--set", "UPSTREAM=1")])
def test_output_that_is_closed_is_no_stack_trace(arguments: tuple[str, ...]) -> None:
    """The exit code says it all then."""
    command = ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-m", "startup", *arguments]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.usefixtures("folder")
def test_the_command_needs_no_pulumi() -> None:
    """The whole command works where Pulumi is not installed."""
    write("sitecustomize.py", "import sys\nsys.modules['pulumi'] = None\n")

    done = process("render", "site.py", "--cloud", "aws", "--set", "UPSTREAM=1", PYTHONPATH=f"{Path.cwd()}:{ROOT}")
    assert (done.returncode, done.stderr) == (0, b"")
