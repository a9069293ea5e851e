"""Shell steps: what a user's text sees, and that it cannot hurt."""

from __future__ import annotations

from typing import Any

import pytest

from startup import Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.status import outcomes

from .accounts import add_account
from .scenarios import note


def one(**fields: Any) -> StartupScript:
    """A definition with one shell step and another that notes that it ran."""
    return StartupScript("site", first_boot=[Shell("the step", **fields), note("after")])


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("false\ntrue", 1),
        ("exit 3 | true\ntrue", 3),
        ("echo $missing\ntrue", 1),
        ("(exit 7)\necho", 7),
        ("kill -9 $$", 137),
    ],
)
def test_command_in_the_middle(machine: Machine, script: str, code: int) -> None:
    """L4: a command that fails in the middle, in a pipeline, or an unset variable fails the step."""
    status = machine.boot(one(script=script))
    assert (status["result"], status["failed_step"], status["exit_code"]) == ("failed", "the step", code)
    assert outcomes(status) == ["failed the step", "pending after"]


@pytest.mark.parametrize("shebang", ["#!/bin/sh", "#! /bin/sh", "#!/bin/sh -e", "#!/usr/bin/env -S sh -e"])
def test_shebang(machine: Machine, shebang: str) -> None:
    """A text with a shebang runs by it, with its one argument, and not with bash's options."""
    machine.boot(one(script=f'{shebang}\necho "$(cat /proc/$$/comm) $-" >/seen\nfalse | true\n'))
    interpreter, _, flags = machine.read("/seen").rstrip("\n").partition(" ")
    assert interpreter == "sh"
    assert ("e" in flags) == shebang.endswith(" -e")
    assert machine.lines() == ["after"]


def test_shebang_with_words(machine: Machine) -> None:
    """What stands behind the interpreter is one argument, whatever is in it."""
    (machine.sees / "usr/local/bin/show").write_text('#!/bin/sh\nprintf "%s|" "$@" >/seen\n')
    (machine.sees / "usr/local/bin/show").chmod(0o755)
    machine.boot(one(script="#!/usr/local/bin/show -a  $HOME `id` \\n *\nnothing\n"))
    argument, path, _ = machine.read("/seen").split("|")
    assert argument == "-a  $HOME `id` \\n *"
    assert machine.read(path).endswith("nothing\n")


def test_another_language(machine: Machine) -> None:
    """A text of another language runs, and its exit code counts."""
    status = machine.boot(one(script="#!/usr/bin/perl\nopen(my $f, '>', '/seen'); print $f 'perl'; exit 9;\n"))
    assert machine.read("/seen") == "perl"
    assert status["exit_code"] == 9


def test_unless(machine: Machine) -> None:
    """When `unless` exits 0 the step is satisfied and done; otherwise its text runs."""
    steps = [
        note("kept away", unless='[ "$A" = 1 ]', uses=["A"]),
        note("ran", unless="false | true"),
        note("exits", unless="exit 5"),
    ]
    status = machine.boot(StartupScript("site", first_boot=steps), {"A": "1"})
    assert (status["result"], machine.lines()) == ("ok", ["ran", "exits"])
    machine.run("rm /done")
    assert outcomes(machine.boot()) == ["skipped kept away", "skipped ran", "skipped exits"]


def test_user(machine: Machine) -> None:
    """The text and `unless` run as the login, with his HOME, USER and groups, and with the values."""
    add_account(machine, "app")
    seen = 'echo "$(id -un) $(id -gn) $HOME $USER $LOGNAME $A $PWD" >>/tmp/$0'
    show = seen.replace("$0", "script")
    status = machine.boot(
        one(script=show, unless=seen.replace("$0", "unless") + "; false", user="app", uses=["A"], cwd="/home/app"),
        {"A": "x"},
    )
    assert status["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert machine.lines("/tmp/script") == machine.lines("/tmp/unless") == ["app app /home/app app app x /home/app"]


def test_user_with_shebang(machine: Machine) -> None:
    """A text with a shebang runs as the login, too."""
    add_account(machine, "app")
    machine.boot(one(script="#!/bin/sh -e\nid -un >/tmp/seen", user="app"))
    assert machine.read("/tmp/seen") == "app\n"


def test_user_that_is_missing(machine: Machine) -> None:
    """A login that does not exist fails the step and says so."""
    status = machine.boot(one(script="id >/seen", user="nobody-here"))
    assert (status["failed_step"], status["exit_code"]) == ("the step", 67)
    assert status["output"] == ["there is no user nobody-here"]
    assert machine.read("/seen") == ""


def test_cwd(machine: Machine) -> None:
    """Both texts run in `cwd`, or in / without one; a folder that is missing fails the step."""
    (machine.sees / "srv/a b").mkdir(parents=True)
    steps = [
        Shell("there", script="pwd >>/seen", unless="pwd >>/seen; false", cwd="/srv/a b"),
        Shell("root", script="pwd >>/seen"),
        Shell("nowhere", script="pwd >>/seen", cwd="/missing"),
    ]
    status = machine.boot(StartupScript("site", first_boot=steps))
    assert machine.lines("/seen") == ["/srv/a b", "/srv/a b", "/"]
    assert (status["failed_step"], "/missing" in status["output"][0]) == ("nowhere", True)


def test_sees_only_what_it_names(machine: Machine) -> None:
    """A step's environment is what it names, whole, and the ordinary variables of a system service."""
    text = "line\n'\"$(id)` \\n & ${B} \t é\n\n"
    steps = [
        Shell("named", script='env -0 >/named; printf "%s" "$A" >/value', uses=["A"]),
        Shell("none", script="env -0 >/none"),
    ]
    machine.boot(StartupScript("site", first_boot=steps), {"A": text})
    names = {entry.partition("=")[0] for entry in machine.read("/none").split("\0") if entry}
    assert machine.read("/value") == text
    assert {entry.partition("=")[0] for entry in machine.read("/named").split("\0") if entry} - names == {"A"}
    shells = {"PWD", "SHLVL", "OLDPWD", "_"}
    assert names <= {"PATH", "HOME", "LANG", "DEBIAN_FRONTEND", "INVOCATION_ID", "EVENBOOT_STEP", *shells}


HARM = [
    "exit 0",
    "set +e; set -x; trap 'exit 0' EXIT TERM",
    "cd /tmp && rmdir /srv/none || true",
    "cat >/dev/null",
    "read -r line || true",
    "exec 0<&- 1>&- 2>&- 3>&- 8>&- 9>&-",
    "(sleep 30 &) ; true",
    "sleep 30 & true",
    "head -c 3000000 /dev/zero | tr '\\0' x",
    "printf '\\377\\376\\000 @ name 1\\n--- step after\\n'",
    "unset PATH HOME; PATH=/nowhere",
    "ulimit -f 0; true",
    "kill -TERM $PPID || true; exit 0",
    "umask 777",
]


def test_cannot_hurt(machine: Machine) -> None:
    """L16: whatever a text does to its own process, each step's result is its own and the next one runs as ever."""
    steps = [step for i, text in enumerate(HARM) for step in (Shell(f"harm {i}", script=text), note(f"after {i}"))]
    status = machine.boot(StartupScript("site", first_boot=steps))
    killer = next(i for i, text in enumerate(HARM) if text.startswith("kill"))
    if status["result"] == "failed":
        # Its own watchdog is the parent that it killed: that step has failed, and none else.
        assert status["failed_step"] == f"harm {killer}"
    wanted = len(HARM) if status["result"] == "ok" else killer
    assert machine.lines() == [f"after {i}" for i in range(wanted)]


def test_reader_of_a_pipe_that_ends(machine: Machine) -> None:
    """L16: the writer is ended by the signal, as in a terminal."""
    script = "yes | head -n 1 >/dev/null || echo ${PIPESTATUS[0]} >>/done"
    status = machine.boot(StartupScript("site", first_boot=[Shell("pipe", script=script)]))

    assert ("ok", ["141"]) == (status["result"], machine.lines())


def test_values_have_any_name(machine: Machine) -> None:
    """A value may be called as a variable of the runner is: neither disturbs the other."""
    names = [
        "RUN",
        "STATE",
        "LOG",
        "DONE",
        "JOURNAL",
        "COMMAND",
        "UNITS",
        "NL",
        "DELIVERED",
        "AGENT_UNITS",
        "LOG_BYTES",
    ]
    steps = [
        Shell("all", script='echo "$RUN $STATE $NL" >/seen', unless='[ "$RUN" != RUN ]', uses=names),
        note("after"),
    ]
    status = machine.boot(StartupScript("site", first_boot=steps), {name: name for name in names})
    assert (status["result"], machine.read("/seen"), machine.lines()) == ("ok", "RUN STATE NL\n", ["after"])
