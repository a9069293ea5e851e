"""Download steps."""

from __future__ import annotations

import shutil
from hashlib import sha256
from typing import Any

import pytest

from startup import Download, StartupScript
from startup.testing.machine import Machine

DATA = b"\0\xffbinary\r\n"


def step(**fields: Any) -> StartupScript:
    known: dict[str, Any] = {"path": "/opt/a b/app", "sha256": sha256(DATA).hexdigest(), "mode": 0o755, **fields}
    return StartupScript("site", every_boot=[Download("http://example.org/app", **known)])


def offer(machine: Machine, data: bytes | None = DATA) -> None:
    shutil.rmtree(machine.sees / "stand-ins/served", ignore_errors=True)
    if data is not None:
        machine.serve("http://example.org/app", data)


def requests(machine: Machine) -> int:
    return sum("example.org" in line for line in machine.lines("/metadata/requests"))


def left(machine: Machine) -> list[str]:
    return sorted(path.name for path in (machine.sees / "opt/a b").glob("*")) + sorted(
        path.name for path in (machine.sees / "opt/a b").glob(".*")
    )


def test_downloaded_once(machine: Machine) -> None:
    """The file arrives with mode and owner; when it is right nothing is downloaded, and it stays the same file."""
    offer(machine)
    machine.boot(step(owner="nobody", group="nogroup"))
    file = machine.sees / "opt/a b/app"
    assert (file.read_bytes(), left(machine), requests(machine)) == (DATA, ["app"], 1)
    assert machine.run("stat -c '%a %U %G' '/opt/a b/app'").stdout == "755 nobody nogroup\n"
    before = file.stat()
    assert machine.boot()["result"] == "ok"
    assert (requests(machine), file.stat().st_ino, file.stat().st_ctime_ns) == (1, before.st_ino, before.st_ctime_ns)


@pytest.mark.parametrize("spoil", ["chmod 600", "chown nobody", "chgrp nogroup"])
def test_mode_is_mended(machine: Machine, spoil: str) -> None:
    """A right file with a wrong mode or owner is mended without a download."""
    offer(machine)
    machine.boot(step())
    machine.run(f"{spoil} '/opt/a b/app'")
    machine.boot()
    assert machine.run("stat -c '%a %U %G' '/opt/a b/app'").stdout == "755 root root\n"
    assert ((machine.sees / "opt/a b/app").read_bytes(), left(machine), requests(machine)) == (DATA, ["app"], 1)


def test_changed_file_is_replaced(machine: Machine) -> None:
    """A file with other content is downloaded anew."""
    offer(machine)
    machine.boot(step())
    (machine.sees / "opt/a b/app").write_text("changed")
    machine.boot()
    assert ((machine.sees / "opt/a b/app").read_bytes(), requests(machine)) == (DATA, 2)


def test_wrong_checksum_leaves_nothing(machine: Machine) -> None:
    """Other content than promised is refused, with both checksums, and nothing of it is left."""
    offer(machine, b"evil")
    status = machine.boot(step())
    assert (status["failed_step"], status["exit_code"], left(machine)) == ("download /opt/a b/app", 65, [])
    (line,) = status["output"]
    assert sha256(b"evil").hexdigest() in line and sha256(DATA).hexdigest() in line


def test_wrong_checksum_leaves_the_old_file(machine: Machine) -> None:
    """What was there before stays when other content than promised arrives."""
    offer(machine)
    machine.boot(step())
    offer(machine, b"evil")
    machine.boot(step(sha256=sha256(b"new").hexdigest()))
    assert ((machine.sees / "opt/a b/app").read_bytes(), left(machine)) == (DATA, ["app"])


def test_address_that_does_not_answer(machine: Machine) -> None:
    """A failed download fails the step with the program's exit code, and the next apply tries again."""
    offer(machine, None)
    assert machine.boot(step())["exit_code"] == 22
    assert left(machine) == []
    offer(machine)
    assert machine.evenboot("apply").returncode == 0
    assert left(machine) == ["app"]


def test_asked_as_it_stands(machine: Machine) -> None:
    """An address is no pattern: brackets and braces in it are asked for as they stand."""
    (machine.sees / "usr/local/bin/curl").rename(machine.sees / "usr/local/bin/curl.stub")
    (machine.sees / "usr/local/bin/curl").write_text('#!/bin/sh\necho "$@" >>/curl\nexec curl.stub "$@"\n')
    (machine.sees / "usr/local/bin/curl").chmod(0o755)
    offer(machine)
    machine.boot(step())
    (line,) = [line for line in machine.lines("/curl") if "example.org" in line]
    flags = "".join(word for word in line.split() if word.startswith("-") and not word.startswith("--"))
    assert line.split()[0] == "-q", "root's own configuration would count"
    assert "g" in flags and "f" in flags and "L" in flags
