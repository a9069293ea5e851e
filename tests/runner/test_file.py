"""File steps: any content arrives byte for byte, and what is right is not touched."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from startup import Directory, File, Service, Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.root import why_not
from startup.testing.status import outcomes

TEXTS = {
    "empty": "",
    "line": "line\n",
    "open": "no end of line",
    "only end": "\n",
    "ends": "a\n\n\n",
    "cr": "a\r\nb\rc\r\n",
    "only cr": "\r",
    "shell": "$HOME ${HOME} $(id) `id` \"'\\ \\n %s & \\& !\n",
    "looks like the payload": '@ name 1\nevil\nmain "$@"; exit\n#!/bin/sh\n# sum=0\n@ x 99999 open\nEND\n--==\n',
    "utf-8": "é ü 漢字 \U0001f600 \u2028 \u0085 \ufeff\n",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f",
    "long line": "x" * 20_000,
    "tabs": "\t leading and trailing \t \n",
}


def content(machine: Machine, path: str) -> bytes:
    return (machine.sees / path.lstrip("/")).read_bytes()


def files(texts: dict[str, str]) -> StartupScript:
    return StartupScript("site", first_boot=[File(f"/srv/f {name}", content=text) for name, text in texts.items()])


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_any_text(machine_of: Callable[[str], Machine], cloud: str) -> None:
    """The file has exactly these bytes, whatever they are."""
    machine = machine_of(cloud)
    assert machine.boot(files(TEXTS))["result"] == "ok"
    assert {name: content(machine, f"/srv/f {name}") for name in TEXTS} == {
        name: text.encode() for name, text in TEXTS.items()
    }


def replaced(text: str, uses: list[str], values: dict[str, str]) -> str:
    """What a file's content becomes, said in another way than the runner does it."""
    return re.sub(r"\$\{(" + "|".join(uses) + r")\}", lambda found: values[found[1]], text) if uses else text


VALUES = {"A": "& \\& \\1 ${B} $A\n", "B": "two\nlines\n\n", "LONG_NAME_1": "é ${A}", "EMPTY": ""}
FIXED = [
    ("<${A}>", ["A"]),
    ("${A}${B}${A}", ["A", "B"]),
    ("${A} ${OTHER} $A ${ A} ${} ${A ${A", ["A"]),
    ("$${A} \\${A} ${${A}} {A}}", ["A"]),
    ("${EMPTY}", ["EMPTY"]),
    ("\n${EMPTY}\n\n", ["EMPTY"]),
    ("${LONG_NAME_1}${LONG_NAME_12}${LONG_NAME_}\r\n${B}\r", ["LONG_NAME_1", "B"]),
    ("${A B} ${A}", ["A", "B"]),
    ("${B", []),
]


def test_values(machine: Machine) -> None:
    """`${NAME}` of a used name becomes the value's text, which is never looked into; every other `$` stays."""
    cases = [
        (text if all(f"${{{name}}}" in text for name in uses) else text + "".join(f"${{{n}}}" for n in uses), uses)
        for text, uses in FIXED
    ]
    steps = [File(f"/srv/{i}", content=text, uses=uses) for i, (text, uses) in enumerate(cases)]
    assert machine.boot(StartupScript("site", first_boot=steps), VALUES)["result"] == "ok"
    for i, (text, uses) in enumerate(cases):
        assert content(machine, f"/srv/{i}").decode() == replaced(text, uses, VALUES), text


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
PIECES = st.one_of(
    st.text(LETTERS, max_size=20),
    st.sampled_from(
        [
            "\n",
            "\r\n",
            "\\",
            "&",
            "$",
            "${",
            "}",
            "${A}",
            "${B}",
            "${C}",
            "${A B}",
            "@ a 1\n",
            "'",
            "\t",
            "\n.",
            "\n@ b 0 open\n",
        ]
    ),
)
ANY_TEXT = st.lists(PIECES, max_size=12).map("".join)


@st.composite
def definitions(draw: st.DrawFn) -> tuple[list[tuple[str, list[str]]], dict[str, str]]:
    """Contents with the names that each uses, and the values."""
    values = {name: draw(ANY_TEXT) for name in "AB"}
    texts = draw(st.lists(ANY_TEXT, min_size=15, max_size=30))
    return [(text, [name for name in values if f"${{{name}}}" in text]) for text in texts], values


@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(definitions())
def test_any_text_and_values(shell: str, given_texts: tuple[list[tuple[str, list[str]]], dict[str, str]]) -> None:
    """Rendered, unpacked and replaced, any text with any values is what it should be."""
    texts, values = given_texts
    used = {name for _, uses in texts for name in uses}
    steps = [File(f"/srv/{i}", content=text, uses=uses) for i, (text, uses) in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder), shell) as machine:
        status = machine.boot(StartupScript("site", first_boot=steps), {name: values[name] for name in used})
        assert status["result"] == "ok", status["message"]
        for i, (text, uses) in enumerate(texts):
            assert content(machine, f"/srv/{i}").decode() == replaced(text, uses, values)


def test_mode_owner_and_group(machine: Machine) -> None:
    """A file and its missing folders come with mode, owner and group; names with spaces are names."""
    steps = [
        File("/srv/a b/deep/file", content="x", mode=0o4750, owner="nobody", group="nogroup"),
        File("/top", content="x", mode=0o000),
    ]
    machine.boot(StartupScript("site", first_boot=steps))
    shown = machine.run("stat -c '%a %U %G' '/srv/a b/deep/file' /top '/srv/a b/deep'").stdout.splitlines()
    assert shown == ["4750 nobody nogroup", "0 root root", "755 root root"]


def test_right_file_is_not_touched(machine: Machine) -> None:
    """At each boot the same file stays the same file, and no service is restarted for it."""
    conf = File("/etc/x", content="x", mode=0o640)
    definition = StartupScript("site", every_boot=[conf, Service("app", enable=False, start=False, restart_on=[conf])])
    (machine.sees / "etc/known").mkdir()
    (machine.sees / "etc/known/app.service").write_text("")
    machine.boot(definition)
    before = (machine.sees / "etc/x").stat()
    machine.power_on()
    machine.run("systemctl start app")
    machine.agent()
    after = (machine.sees / "etc/x").stat()
    assert outcomes(machine.status()) == ["ran file /etc/x", "ran service app"]
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    assert "restart app" not in machine.read("/stand-ins/calls/systemctl")


@pytest.mark.parametrize(
    "spoil", ["echo y >/etc/x", "chmod 600 /etc/x", "chown nobody /etc/x", "chgrp nogroup /etc/x", "rm /etc/x"]
)
def test_other_file_is_replaced(machine: Machine, spoil: str) -> None:
    """What differs in content, mode, owner or group is replaced; nothing is left beside it."""
    machine.boot(StartupScript("site", every_boot=[File("/etc/x", content="x\n")]))
    machine.run(spoil)
    machine.boot()
    assert machine.run("cat /etc/x; stat -c '%a %U %G' /etc/x").stdout == "x\n644 root root\n"
    assert not list((machine.sees / "etc").glob(".evenboot*"))


def test_replaced_at_once(machine: Machine) -> None:
    """A reader of the old file keeps the old text: the new one is another file in its place."""
    (machine.sees / "etc/x").write_text("old")
    with (machine.sees / "etc/x").open() as reader:
        machine.boot(StartupScript("site", first_boot=[File("/etc/x", content="new", mode=0o600)]))
        assert (reader.read(), machine.read("/etc/x")) == ("old", "new")
    assert "sync .evenboot.new" in machine.lines("/synced")


def test_link_is_replaced(machine: Machine) -> None:
    """A link in the file's place is replaced; where it led, nothing changes."""
    (machine.sees / "etc/other").write_text("x")
    (machine.sees / "etc/x").symlink_to("other")
    machine.boot(StartupScript("site", first_boot=[File("/etc/x", content="x")]))
    assert not (machine.sees / "etc/x").is_symlink()
    assert machine.read("/etc/other") == "x"


@pytest.mark.parametrize("fields", [{"owner": "ghost"}, {"group": "ghost"}, {"path": "/srv"}])
def test_failure_leaves_the_old_file(machine: Machine, fields: dict[str, Any]) -> None:
    """L4: an owner that does not exist, or a folder in the way, fails the step and leaves all as it was."""
    (machine.sees / "srv/in").mkdir(parents=True)
    (machine.sees / "etc/x").write_text("old")
    fields = {"path": "/etc/x", **fields}
    status = machine.boot(
        StartupScript("site", first_boot=[File(content="new", name="the file", **fields), Shell("no", script="id")])
    )
    assert outcomes(status) == ["failed the file", "pending no"]
    assert machine.read("/etc/x") == "old"
    assert not [path for folder in ("etc", "") for path in (machine.sees / folder).glob(".evenboot*")]


def test_value_that_is_named_like_a_variable_of_the_runner(machine: Machine) -> None:
    """A value may be called as a variable of the runner is."""
    names = ["RUN", "STATE", "LOG", "UNITS", "NL"]
    text = " ".join(f"${{{name}}}" for name in names)
    status = machine.boot(
        StartupScript("site", first_boot=[File("/x", content=text, uses=names)]), {name: name.lower() for name in names}
    )
    assert (status["result"], machine.read("/x")) == ("ok", "run state log units nl")


def test_folder_with_a_name_of_its_own(machine: Machine) -> None:
    """A file in a folder that an earlier step made leaves the folder's mode alone."""
    machine.boot(StartupScript("site", first_boot=[Directory("/srv/d", mode=0o700), File("/srv/d/f", content="")]))
    assert machine.run("stat -c %a /srv/d").stdout == "700\n"
