"""`python -m lab up` checks the program first, deploys it, waits for what was booted, and shows what happened.

Machines are fakes, and images and packages are not built; that all of it works for real is proven in tests/boot.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from lab import engine, project, pulumi_cli, report, waiting
from lab.errors import LabError, LabUsageError
from lab.laboratory import Lab
from lab.report import Progress

from ..checkout import ROOT
from .embedding import Cloud

COMPONENT = """
class Step:
    def __init__(self, kind, names): self.kind, self.names = kind, names

class Definition:
    def steps(self): yield "first_boot", 0, Step("packages", ["nginx", "curl"]); yield "every_boot", 0, Step("shell", [])

class Vm(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("my:index:Vm", name)
        self.startup = Definition()
        vm(name, parent=self)
"""


class Up(Cloud):
    """Small programs under the whole of `up`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[Any] = []

    def run(self, text: str | None = None) -> tuple[int, str]:
        """Deploy the program; return exit code and what was printed."""
        if text is not None:
            self.write(text)
        out = io.StringIO()
        code = engine.up(cast(Lab, self.lab), self.program, progress=Progress(Console(file=out, width=160)))
        return code, out.getvalue()


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Up:
    cloud = Up(tmp_path)
    monkeypatch.setattr(pulumi_cli, "find", lambda: None)
    monkeypatch.setattr(engine.image, "ensure", lambda name, progress, prefix: cloud.asked.append(name))
    monkeypatch.setattr(engine.archive, "ensure", lambda name, packages, progress: cloud.asked.append((name, packages)))
    monkeypatch.setattr(waiting, "LONGEST_SECONDS", 0.2)
    return cloud


def test_up_deploys_waits_and_shows_what_each_step_did(cloud: Up) -> None:
    """`lab`: The image of the VM and the packages of its definition are fetched first; the result is in the table."""
    code, text = cloud.run(COMPONENT + 'Vm("web")')
    assert code == 0
    assert cloud.asked == ["debian-12", ("debian-12", ["curl", "nginx"])]
    assert "no pulumi command found: deploying with the embedded run" in text
    assert "first boot" in text and "ran 0.1 s" in text and "python -m lab reboot web" in text


def test_a_vm_without_a_startup_script_is_not_waited_for(cloud: Up) -> None:
    """`lab`: It gives no result, and has booted all the same."""
    (cloud.lab.folder / "tells-nothing").touch()
    code, text = cloud.run('add("bare", {"ami": vm.__defaults__[1], "tags": {"Name": "bare"}}, "aws:ec2/instance:Instance")')
    assert (0, True) == (code, "bare: is up, and has no startup script" in text), text


def test_a_second_up_shows_the_last_result_of_an_unchanged_vm(cloud: Up) -> None:
    """Nothing is done, nothing is waited for, and the report says so."""
    cloud.run('vm("web")')
    code, text = cloud.run()
    assert code == 0 and "0 changes, 1 unchanged" in text and "web: unchanged; its last result is shown" in text


def test_a_vm_that_was_restarted_shows_its_later_boot(cloud: Up) -> None:
    """EC2 stops and starts for a new payload, and that boot's result is waited for."""
    cloud.run('vm("web", "one")')
    code, text = cloud.run('vm("web", "two")')
    assert code == 0 and "later boot" in text and "unchanged;" not in text


def test_a_payload_changed_under_a_running_vm_is_obeyed_at_the_next_boot(cloud: Up) -> None:
    """On gcp nothing boots, so the report names the command that makes the VM obey."""
    program = """
        add("web", {"name": "web", "zone": "z", "machineType": "m", "networkInterfaces": [{"network": "n"}],
            "bootDisk": {"initializeParams": {"image": "debian-cloud/debian-12"}},
            "metadata": {"startup-script": SCRIPT}}, "gcp:compute/instance:Instance")
    """
    cloud.run(program.replace("SCRIPT", '"one"'))
    code, text = cloud.run(program.replace("SCRIPT", '"two"'))
    assert code == 0 and "web: obeys the change at the next boot: python -m lab reboot web" in text


def test_a_failing_step_fails_the_command(cloud: Up) -> None:
    """`lab`: Exit code 1, with the step, its exit code and the last lines of its output."""
    (cloud.lab.folder / "step-fails").touch()
    code, text = cloud.run('vm("web")')
    assert code == 1 and "web: step 'warm' failed with exit code 3\n  | cannot warm" in text


def test_a_vm_without_a_result_fails_the_command(cloud: Up) -> None:
    """The wait ends, and the report names the VM and where to look."""
    (cloud.lab.folder / "tells-nothing").touch()
    code, text = cloud.run('vm("web")')
    assert code == 1 and "web: no result within 0 s: python -m lab console web" in text


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            'role("r", colour="blue"); vm("web", ami="ami-1")',
            ["r (aws:iam/role:Role): colour:", "web (aws:ec2/instance"],
        ),
        ("1 / 0", ["__main__.py:", "ZeroDivisionError: division by zero"]),
        ("import nothing_of_that_name", ["ModuleNotFoundError: No module named 'nothing_of_that_name'"]),
        ("def f(:\n    pass", ["SyntaxError"]),
        ('raise SystemExit("stop here")', ["stop here"]),
        ('pulumi.Config().require("size")', ["Missing required configuration variable 'small:size'"]),
    ],
)
def test_a_broken_program_deploys_nothing(cloud: Up, program: str, said: list[str]) -> None:
    """`lab`: Every problem is listed without a stack trace, the exit code is 1, and there is nothing in the cloud."""
    code, text = cloud.run(program)
    assert code == 1 and "Nothing was deployed." in text and "Traceback" not in text
    assert [part for part in said if part not in text] == [], text
    assert not cloud.asked and not cloud.lab.machines() and not cloud.names


def test_a_run_sees_none_of_what_the_modules_of_the_run_before_kept(cloud: Up) -> None:
    """A module of the program that remembers its resources is loaded anew, as each run has its own."""
    (cloud.program / "shared.py").write_text("made = {}\n")
    program = 'import shared; shared.made.setdefault("r", None) or shared.made.update(r=role("r"))'
    cloud.run(program)
    assert cloud.names == ["r"]
    assert cloud.run()[0] == 0 and cloud.names == ["r"]


def test_down_forgets_what_was_deployed(cloud: Up) -> None:
    """After the machines are gone, the next up creates all of it again."""
    cloud.run('vm("web")')
    cloud.lab.machine("web").delete()
    engine.forget(cast(Lab, cloud.lab))
    engine.forget(cast(Lab, cloud.lab))
    assert "create web" in cloud.run()[1]


def test_the_two_ways_to_deploy_do_not_mix(cloud: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was deployed one way is refused the other way, with the way out."""
    cloud.run('vm("web")')
    monkeypatch.setattr(pulumi_cli, "find", lambda: "/bin/false")
    with pytest.raises(LabError, match="python -m lab down"):
        cloud.run()


def test_configuration_is_read_as_pulumi_gives_it(tmp_path: Path) -> None:
    """Defaults and values of the project, then the stack's; arrays and numbers become JSON text."""
    (tmp_path / "__main__.py").touch()
    (tmp_path / "Pulumi.yaml").write_text(
        "name: p\nruntime: python\nconfig:\n"
        "  size: {type: string, default: small}\n  ports: {type: array, items: {type: integer}, default: [80]}\n"
        "  count: {type: integer}\n  aws:region: {value: eu-west-1}\n"
    )
    (tmp_path / "Pulumi.local.yaml").write_text(
        "config:\n  p:size: large\n  p:on: true\n  gcp:project: mine\n  p:since: 2026-01-31\n"
    )
    program = project.read(tmp_path, "local")
    assert program.config == {
        "p:size": "large",
        "p:ports": "[80]",
        "aws:region": "eu-west-1",
        "p:on": "true",
        "gcp:project": "mine",
        "p:since": "2026-01-31",
    }
    assert project.settings_of(program, "gcp") == {"project": "mine"}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "no Pulumi.yaml"),
        ({"Pulumi.yaml": "runtime: python"}, "name is missing"),
        ({"Pulumi.yaml": "name: p"}, "no __main__.py"),
        ({"Pulumi.yaml": "name: ["}, "not valid YAML"),
        ({"Pulumi.yaml": "- a"}, "expected keys and values"),
        ({"Pulumi.yaml": "name: p\nconfig: [x]", "__main__.py": ""}, r"Pulumi.yaml: config is \['x'\]; expected keys and values"),
        ({"Pulumi.yaml": "name: p", "__main__.py": "", "Pulumi.local.yaml": "config: hello"}, "local.yaml: config is 'hello'"),
        ({"Pulumi.yaml": "name: \udcff"}, "is not valid YAML: 'utf-8' codec can't decode"),
        ({"Pulumi.yaml": "name: p", "__main__.py": "", "Pulumi.local.yaml": "config: {k: {secure: x}}"}, "is a secret"),
    ],
)
def test_a_project_that_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    """The message names the file and what is wrong with it."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(LabError, match=complaint):
        project.read(tmp_path, "local")


def test_the_table_joins_the_steps_of_different_definitions() -> None:
    """Each step has one line, first-boot steps first, and a VM that has no such step an empty cell."""

    def step(name: str, outcome: str, kind: str = "first_boot") -> dict[str, Any]:
        return {"name": name, "list": kind, "outcome": outcome, "seconds": 1.25 if outcome == "ran" else None}

    one = {"result": "ok", "boot": "first", "steps": [step("a", "ran"), step("c", "ran", "every_boot")]}
    two = {"result": "ok", "boot": "later", "source": "cached", "steps": [step("b", "skipped"), step("a", "pending")]}
    out = io.StringIO()
    report.table({"one": one, "two": two}, Console(file=out, width=100))
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.getvalue().splitlines() if "│" in line]
    assert lines[0] == ["b", "first_boot", "", "skipped"]
    assert lines[1] == ["a", "first_boot", "ran 1.2 s", "pending"]
    assert lines[2] == ["c", "every_boot", "ran 1.2 s", ""]
    assert lines[3] == ["result", "", "ok", "ok (cached definition)"]


def test_a_command_finds_the_local_cloud(
    cloud: Up, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What runs in the lab's environment reads the machines' consoles with the clouds' own SDKs, and knows the VMs."""
    component = 'vm("web-vm", parent=pulumi.ComponentResource("evenboot:index:AwsVm", "web"))'
    assert cloud.run(component)[0] == 0
    monkeypatch.chdir(ROOT)

    assert engine.run(cast(Lab, cloud.lab), [sys.executable, "-m", "components", "status"]) == 0
    [_, line] = capfd.readouterr().out.splitlines()
    assert line.split()[:3] == ["web", "aws", "web-server"]
    assert " ok" in line


def test_a_command_that_is_not_there_is_told(cloud: Up) -> None:
    """A wrong word after `run --` is wrong use, told in one line."""
    with pytest.raises(LabUsageError, match="cannot run no-such-command: No such file or directory"):
        engine.run(cast(Lab, cloud.lab), ["no-such-command"])


BEYOND = {
    "an option": 'vm("web", custom_timeouts=pulumi.CustomTimeouts(create="5m"), aliases=[pulumi.Alias(name="old")])',
    "a secret": (
        'secret = pulumi.Output.secret("x"); pulumi.export("key", secret)\n'
        'add("web", {"ami": vm.__defaults__[1], "tags": {"a": secret}}, "aws:ec2/instance:Instance")'
    ),
    "a provider": 'add("mine", token="pulumi:providers:aws"); vm("web")',
    "another package": 'pulumi.export("id", add("r", token="random:index/randomId:RandomId").id); vm("web")',
    "what exists": 'pulumi.CustomResource("aws:iam/role:Role", "r", {}, pulumi.ResourceOptions(id="mine")); vm("web")',
    "a look-up": 'pulumi.runtime.invoke("random:index/get:get", {}).value.get("a"); vm("web")',
}


@pytest.mark.parametrize("text", BEYOND.values(), ids=BEYOND)
def test_what_only_the_pulumi_command_knows_is_left_to_it(cloud: Up, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """`lab`: Where it deploys, options, secrets and packages are no problem, and the VM's image is still known."""
    monkeypatch.setattr(pulumi_cli, "find", lambda: "/bin/pulumi")
    monkeypatch.setattr(pulumi_cli, "up", lambda pulumi, lab, subject: cloud.asked.append(pulumi) or True)
    code, said = cloud.run(text)
    assert (0, ["debian-12", ("debian-12", []), "/bin/pulumi"]) == (code, cloud.asked), said


def test_secret_configuration_is_left_to_the_pulumi_command(cloud: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be said of a program whose secrets only the command can read; without it they are refused."""
    cloud.write('assert "7" == pulumi.Config().require("key"); vm("web")')
    (cloud.program / "Pulumi.local.yaml").write_text("config:\n  small:key: {secure: v1:x}\n")
    with pytest.raises(LabError, match="small:key is a secret, which takes the pulumi command; install it"):
        cloud.run()
    monkeypatch.setattr(pulumi_cli, "find", lambda: "/bin/pulumi")
    monkeypatch.setattr(pulumi_cli, "up", lambda pulumi, lab, subject: cloud.asked.append(pulumi) or True)
    assert 0 == cloud.run()[0]
    assert ["debian-12", ("debian-12", []), "/bin/pulumi"] == cloud.asked


def test_a_broken_program_is_refused_before_the_pulumi_command(cloud: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is deployed, also where the command would have begun."""
    monkeypatch.setattr(pulumi_cli, "find", lambda: "/bin/pulumi")
    code, said = cloud.run('vm("web"); pulumi.Config().require("size")')
    assert (1, []) == (code, cloud.asked)
    assert "Missing required configuration variable 'small:size'" in said and "Nothing was deployed." in said
