"""What a trace shows, and what a kill point leaves behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from startup.testing.machine import Machine
from startup.testing.root import why_not
from startup.testing.tracing import trace

WRITE_TWICE = "echo one >>{0}/log; (echo two >>{0}/log; echo three >>{0}/log) & wait; echo four >>{0}/log"


def shell(script: str, folder: Path) -> list[str]:
    return ["bash", "-c", script.replace("{0}", str(folder))]


def changes(script: str, folder: Path) -> list[str]:
    """What a shell text changes, as "PROGRAM CALL PATHS", without the folder and without what fails."""
    calls = trace(shell(f"cd {{0}}\n{script}", folder)).calls
    # Which of its variants a program calls depends on the machine and on the version.
    return [
        f"{call.program} {re.sub('at2?$', '', call.name)} {' '.join(path.removeprefix(f'{folder}/') for path in call.paths)}"
        for call in calls
        if call.result is not None and call.result >= 0 and call.name != "ioctl"
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo a >b", ["bash open b", "bash write b"]),
        (": >>b; echo a >>b; echo a >>b", ["bash open b", "bash write b", "bash write b"]),
        ("echo a >/dev/null; echo a | cat; cat /etc/passwd; echo a >&2", []),
        ("mkdir -p b/c; rmdir b/c", ["mkdir mkdir b", "mkdir mkdir b/c", "rmdir rmdir b/c"]),
        ("ln -s b c; mkdir b; : >c/../c/d", ["ln symlink c", "mkdir mkdir b", "bash open b/d"]),
        (": >b; mv b c; rm c", ["bash open b", "mv rename b c", "rm unlink c"]),
        (": >b; chmod 600 b; sync b", ["bash open b", "chmod fchmod b", "sync fsync b"]),
        (": >b; truncate -s 5 b; ln b c", ["bash open b", "truncate ftruncate b", "ln link b c"]),
    ],
)
def test_changes(tmp_path: Path, script: str, expected: list[str]) -> None:
    """A trace has each call that changes the file system, with its program and what it changes, and no other call."""
    assert expected == changes(script, tmp_path)


def test_paths_are_those_of_the_process(tmp_path: Path) -> None:
    """A process in another root is traced with its own paths."""
    if reason := why_not():
        pytest.skip(reason)
    with Machine(tmp_path) as machine:
        calls = trace(machine.command("ln -s srv /link; mkdir /srv; cd /link; : >../srv/made")).calls

    assert ["/link", "/srv", "/srv/made"] == [path for call in calls for path in call.paths]


def test_calls_are_counted_over_all_processes(tmp_path: Path) -> None:
    """The k-th call is the k-th of the whole run, whichever process makes it."""
    calls = trace(shell(WRITE_TWICE, tmp_path)).calls

    assert [1, 2, 3, 4, 5] == [call.number for call in calls]
    assert 2 == len({call.pid for call in calls})
    assert [2, 3, 4, 5, 6] == [call.until for call in calls]


@pytest.mark.parametrize(
    ("kill_at", "left"), [(1, None), (2, ""), (3, "one\n"), (4, "one\ntwo\n"), (5, "one\ntwo\nthree\n")]
)
def test_kill(tmp_path: Path, kill_at: int, left: str | None) -> None:
    """All processes are killed before the call is executed."""
    killed = trace(shell(WRITE_TWICE, tmp_path), kill_at=kill_at)

    assert (True, -9, kill_at) == (killed.killed, killed.exit_code, len(killed.calls))
    assert left == ((tmp_path / "log").read_text() if left is not None else None)
    assert (left is not None) == (tmp_path / "log").exists()


def test_kill_spares_nobody(tmp_path: Path) -> None:
    """A process that has left its parent, its session and the standard streams is killed, too."""
    script = "setsid sh -c 'trap \"\" HUP TERM; exec sleep 60' & echo $! >{0}/pid; sleep 0.1; echo end >{0}/end"
    assert trace(shell(script, tmp_path), kill_at=3).killed

    about = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not about.exists() or ") Z " in about.read_text()


def test_no_such_call(tmp_path: Path) -> None:
    """A run that ends before the kill point is not touched."""
    ended = trace(shell(f"{WRITE_TWICE}; exit 7", tmp_path), kill_at=6)

    assert (False, 7, 5) == (ended.killed, ended.exit_code, len(ended.calls))


def test_signals(tmp_path: Path) -> None:
    """Signals arrive as without a trace: a trap runs, and what is stopped stays so until it is told to go on."""
    script = """
        trap 'echo term >>{0}/log' TERM
        kill -TERM $$
        sleep 0.5 & sleep 0.2; kill -STOP $!; sleep 0.1
        sed -n 's/^State:.//p' /proc/$!/status >>{0}/log
        kill -CONT $!; wait $! && echo went on >>{0}/log
        sh -c 'kill -KILL $$'; echo $? >>{0}/log
    """
    assert 0 == trace(shell(script, tmp_path)).exit_code

    lines = (tmp_path / "log").read_text().splitlines()
    assert ["term", "went on", "137"] == [line for line in lines if "stop" not in line]
    assert 4 == len(lines)


def test_threads(tmp_path: Path) -> None:
    """Threads are part of the process, and one of them may execute another program."""
    script = f"import os, threading; threading.Thread(target=os.execvp, args=('touch', ['touch', '{tmp_path}/made'])).start()"

    assert 0 == trace(["python3", "-c", script]).exit_code
    assert (tmp_path / "made").exists()


def test_too_long() -> None:
    """A run that does not end is killed, and said to be too long."""
    with pytest.raises(TimeoutError, match=r"sleep ran for more than 0\.2 s"):
        trace(["sleep", "60"], seconds=0.2)
