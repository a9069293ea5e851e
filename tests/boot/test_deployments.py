"""A deployment that knows what happens inside: from the failing step to the mended definition, as a user meets it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from lab import pulumi_cli

from ..checkout import ROOT
from .clouds import Cloud, outcomes
from .deploying import Project

MODEL = '''
from startup import Shell, StartupScript

def note(name):
    return Shell(name, script=f"echo {name} >>/done")

third = Shell("third", script=TEXT)
model = StartupScript("model", first_boot=[note("one"), note("two"), third, note("four")], every_boot=[note("always")])
'''
PROGRAM = """
import pulumi
from components import vm_on
from model import model

config = pulumi.Config()
vm, args = vm_on(config.require("cloud"))
vm(config.require("vm"), args(startup=model, wait=120, on_change=config.require("on_change")))
"""
BROKEN = "echo asking for the model\necho no such model >&2\nexit 3\n"
MENDED = "echo third >>/done"


def test_a_failing_step_is_mended_with_what_the_deployment_says(cloud: Cloud) -> None:
    """L4, L6, L12, `wait`, `preview`: the message has all that mending takes; the preview lists the mended step, which runs.

    With the real engine where there is one, with the embedded run elsewhere.
    """
    project = Project(cloud, PROGRAM, pulumi_cli.find())
    before, after = write_model(project.folder, BROKEN), project.folder / "model.py"
    # AWS boots the VM for a change by itself; elsewhere it takes a restart, and the advice says by whom.
    on_change = "update" if cloud.name == "aws" else "restart"
    ok, said = project.up(on_change=on_change)
    vm = cloud.look_after(cloud.lab.machine(project.name))

    who = "AWS stops and starts the instance" if cloud.name == "aws" else "the VM is restarted"
    message = (
        f"{project.name}: step 'third' failed with exit code 3\n| asking for the model\n| no such model\n"
        f"Mend it and deploy again: {who} for the change, and the VM goes on with what is not done yet. "
        "If there is nothing to mend, reboot it and deploy again."
    )
    assert not ok
    assert message in unindented(said)
    assert ["one", "two"] == vm.lines()
    assert "third" in project.components("status")[1]

    write_model(project.folder, MENDED)
    assert planned(before, after) == ["third  changed: script"]
    if project.pulumi:
        previewed = project.run("preview", "--diff", "--stack", "local")[1]
        assert re.findall(r'^ +[+~-] (.+?) *: "[0-9a-f]{8}"', steps_in(previewed), re.MULTILINE) == ["third"], previewed
        assert f"{project.name}: step 'third' is changed. " in previewed

    ok, said = project.up(on_change=on_change)

    assert ok, said
    assert ["one", "two", "third", "four", "always"] == vm.lines()
    told = ["skipped one", "skipped two", "ran third", "ran four", "ran always"]
    assert (told, "ok", "later") == (outcomes(status := vm.status()), status["result"], status["boot"])
    ok, table = project.components("status")
    assert (ok, ["ok"]) == (True, re.findall(rf"^{project.name} .* (\w+)  .*Z$", table, re.MULTILINE)), table


def write_model(folder: Path, third: str) -> Path:
    """Write the definition's module with a text for its third step, and return a copy of it."""
    text = f"TEXT = {third!r}\n{MODEL}"
    (folder / "model.py").write_text(text)
    copy = folder / f"model_{len(list(folder.glob('model*.py')))}.py"
    copy.write_text(text)
    return copy


def planned(old: Path, new: Path) -> list[str]:
    """Return the lines of `python -m startup plan` on steps that would run once."""
    command = [sys.executable, "-m", "startup", "plan", str(old), str(new)]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    once = printed.partition("would run once, in this order:\n")[2].partition("runs at each boot")[0]
    return [line.strip() for line in once.splitlines()]


def steps_in(previewed: str) -> str:
    """Return what a preview shows of the difference between two maps of steps."""
    return previewed.partition("~ steps")[2].partition("}")[0]


def unindented(text: str) -> str:
    """Return a text without what its lines begin and end with: each engine indents in its own way."""
    return "\n".join(line.strip() for line in text.splitlines())
