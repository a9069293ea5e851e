"""The real `pulumi` command drives the same providers, with plugins from PATH and state in the lab's folder."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from lab import engine, project, pulumi_cli
from lab.laboratory import Lab

from .embedding import Cloud
from .test_providers_over_grpc import PLUGIN, ROOT

PULUMI = pulumi_cli.find() or ""
pytestmark = pytest.mark.skipif(not PULUMI, reason="no pulumi command with its Python support on PATH")


class RealCloud(Cloud):
    """The same small programs, deployed by the real engine."""

    def pulumi(self, *arguments: str) -> list[str]:
        """Run a pulumi command, which must go well, and return its lines."""
        lines: list[str] = []
        subject = project.read(self.program, "local")
        assert pulumi_cli.run(PULUMI, self.fake, subject, [*arguments, "--stack", "local"], lines.append), "\n".join(
            lines
        )
        return lines

    def operations(self, text: str | None = None) -> set[str]:
        """Deploy the program and return what the engine counts: "+ 1 created"."""
        if text is not None:
            self.write(text)
        lines: list[str] = []
        assert pulumi_cli.up(PULUMI, self.fake, project.read(self.program, "local"), lines.append), "\n".join(lines)
        return {line.strip() for line in lines if re.fullmatch(r" +([+~-]|\+-)? *\d+ \w+", line)}

    @property
    def fake(self) -> Lab:
        return cast(Lab, self.lab)


@pytest.fixture
def cloud() -> Iterator[RealCloud]:
    """Yield a cloud in a folder with a short name, as the lab wants it."""
    with tempfile.TemporaryDirectory(prefix="eb-") as folder:
        yield RealCloud(Path(folder))


def test_up_takes_what_only_the_command_knows(cloud: RealCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab`: An option beyond the embedded run, and a secret under the user's own passphrase."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the user")
    timeouts = 'role("r", _custom_timeouts=pulumi.CustomTimeouts(create="5m"))'
    cloud.write(f'{timeouts}; pulumi.export("seven", pulumi.Config().require_secret_int("key").apply(lambda n: n + 1))')
    encrypts = replace(project.read(cloud.program, "local"), secrets=frozenset({"small:key"}))
    for arguments in (["stack", "init", "local"], ["config", "set", "--secret", "key", "6", "--stack", "local"]):
        assert pulumi_cli.run(PULUMI, cloud.fake, encrypts, arguments, print)

    assert 0 == engine.up(cloud.fake, cloud.program)
    shown: list[str] = []
    assert pulumi_cli.run(PULUMI, cloud.fake, encrypts, ["stack", "output", "--show-secrets", "--stack", "local"], shown.append)
    assert ["seven", "7"] == shown[-1].split()


def test_preview_up_and_destroy_do_what_they_say(cloud: RealCloud) -> None:
    """`lab`: A creation, nothing to do, an update, a replacement and an end, each seen by the engine as what it is."""
    program = 'r = role("r", path="/{}/", description="{}"); pulumi.export("id", r.id)'
    cloud.write(program.format("a", "1"))
    subject = project.read(cloud.program, "local")
    assert pulumi_cli.run(PULUMI, cloud.fake, subject, ["stack", "init", "local"], lambda line: None)
    assert any("+ 2 to create" in line for line in cloud.pulumi("preview"))
    assert cloud.operations() == {"+ 2 created"}
    assert cloud.operations() == {"2 unchanged"}
    assert cloud.operations(program.format("a", "2")) == {"~ 1 updated", "1 unchanged"}
    assert any("2 unchanged" in line for line in cloud.pulumi("refresh", "--yes", "--skip-preview"))
    assert cloud.operations(program.format("b", "2")) == {"+-1 replaced", "1 unchanged"}
    assert pulumi_cli.has_state(cloud.fake)
    assert any("- 2 deleted" in line for line in cloud.pulumi("destroy", "--yes", "--skip-preview"))


def test_an_object_holds_a_text(cloud: RealCloud) -> None:
    """A text that goes to an object as an asset is the same text the next time; under another key it is another object."""
    program = """
        content = {"bucket": "b", "key": "KEY", "source": pulumi.StringAsset("KEY")}
        add("o", content, "aws:s3/bucketObjectv2:BucketObjectv2")
    """
    cloud.write(program.replace("KEY", "one"))
    subject = project.read(cloud.program, "local")
    assert pulumi_cli.run(PULUMI, cloud.fake, subject, ["stack", "init", "local"], lambda line: None)
    assert cloud.operations() == {"+ 2 created"}
    assert cloud.operations() == {"2 unchanged"}
    assert any("2 unchanged" in line for line in cloud.pulumi("refresh", "--yes", "--skip-preview"))
    assert cloud.operations(program.replace("KEY", "two")) == {"+-1 replaced", "1 unchanged"}


def test_a_failure_is_shown_with_its_reason(cloud: RealCloud) -> None:
    """What check refuses fails the run, with the property and the reason."""
    cloud.write('role("r", colour="blue")')
    lines: list[str] = []
    assert not pulumi_cli.up(PULUMI, cloud.fake, project.read(cloud.program, "local"), lines.append)
    text = "\n".join(lines)
    assert "unknown property" in text and "colour" in text


def test_a_killed_command_leaves_nothing_in_the_way(cloud: RealCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab`: SIGKILL while a machine boots: the next run takes the lock, removes the half-made machine, and makes it."""

    def write_fake_plugin(path: Path, package: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        argv = shlex.join([sys.executable, "-c", PLUGIN, str(cloud.lab.state)])
        path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {argv}\n")
        path.chmod(0o755)

    monkeypatch.setattr(pulumi_cli, "_write_plugin", write_fake_plugin)
    cloud.write('role("r"); vm("web")')
    (cloud.lab.folder / "boots-slowly").touch()
    killer = threading.Thread(target=_kill_when_booting, args=(cloud.lab.folder,))
    killer.start()
    assert not pulumi_cli.up(PULUMI, cloud.fake, project.read(cloud.program, "local"), lambda line: None)
    killer.join()
    (cloud.lab.folder / "boots-slowly").unlink()
    assert cloud.operations() <= {"+ 1 created", "2 unchanged", "+ 2 created", "1 unchanged"}
    assert [machine.name for machine in cloud.lab.machines()] == ["web"]
    assert cloud.lab.machine("web").state == "running"


def _kill_when_booting(folder: Path) -> None:
    """Kill the pulumi command, and what it started, while a machine boots."""
    end = time.monotonic() + 60
    while not (folder / "booting").exists() and time.monotonic() < end:
        time.sleep(0.05)
    for pid in _descendants(os.getpid()):
        os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]
