"""What makes a step due again, and what does not."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from startup import (
    Directory,
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
    fingerprint,
    step_fingerprints,
)
from startup.definition import STEP_TYPES

STEPS: tuple[Step, ...] = (
    Shell("a", script="echo $A", uses=["A"], unless="false", user="app", cwd="/srv"),
    File("/x", content="${A} é", uses=["A"], mode=0o600, owner="app", group="app"),
    Directory("/srv", mode=0o700, owner="app", group="app"),
    Packages(["nginx", "curl"]),
    User("app", groups=["adm"], shell="/bin/sh", system=True, ssh_keys=["ssh-ed25519 AAAA me"]),
    Unit("app.service", content="[Service]", enable=False, start=False),
    Service("nginx", enable=False, start=False, restart_on=["file /x", "a", "directory /srv"]),
    Download("https://example.org/x", path="/opt/x", sha256="ab" * 32, mode=0o755, owner="app", group="app"),
    Reboot("new kernel", unless="test -e /done"),
)
EXAMPLE = StartupScript("example", first_boot=STEPS[:4], every_boot=STEPS[4:7], shutdown=STEPS[7:8])
VALUES = {"A": "10.0.0.1"}


def one(step: Step, *others: Step, values: dict[str, str] | None = None) -> str:
    script = StartupScript("x", first_boot=[*others, step])
    return step_fingerprints(script, VALUES if values is None else values)[step.name]


def test_fingerprints_stay_as_they_are() -> None:
    """An upgrade of the library makes no step due: these texts never change."""
    assert {
        "a": "ea4ed95508a7b265729d620169bb2685127fa413399faacab92172e73373adc0",
        "file /x": "f7cc554833ee72c6815ce3c05e4bd1e2dd13877681167f69d267ed1226e401f6",
        "directory /srv": "97e345f56a06e69617f9ca3c9666c28fe4296fe7691b722ca544b19c551280d9",
        "packages nginx": "ea47a224fc4bc0246c3b18687699ac06166f2a753bbd7e327fa56af2bc8a685e",
        "user app": "261aa3baab0664e85f484b18068a5459375e4fce36462ea6fb055c4cc33a6016",
        "unit app.service": "100bca9514db3c5d7ae105cf571583e4b611e249d5a524561a4121fd20d183ca",
        "service nginx": "37027606160ca30f4ad8242148ee1566c26fae234d46c1115ccdab2d6c89dcb3",
        "download /opt/x": "d20892ddba472dbbfbf4259cd3b191b4882b770894d16f83afc7330990cc542f",
    } == step_fingerprints(EXAMPLE, VALUES)
    assert "207300435dd4d0d34b832b8820beb0acd69c8b1b9a393075a936f063e4569708" == one(STEPS[8])
    assert "cbfaf8ae5b811d20afe5fc82dafc7e348c64a087455ae3e6f31c0298b173067c" == fingerprint(EXAMPLE, VALUES)


NOT_IN_IT: dict[str, Any] = {"name": "other", "timeout_seconds": 5, "retries": 5, "rerun_on": ()}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_name_and_patience_are_not_in_it(step: Step) -> None:
    """Renaming a step, or giving it more time or tries, does not change its fingerprint."""
    for field, value in NOT_IN_IT.items():
        assert one(step) == one(replace(step, **{field: value})), field


CHANGED: dict[str, Any] = {
    "script": "echo b",
    "unless": None,
    "user": None,
    "cwd": None,
    "uses": (),
    "path": "/y",
    "content": "other ${A}",
    "mode": 0o640,
    "owner": "root",
    "group": "root",
    "names": ("nginx",),
    "login": "app2",
    "groups": (),
    "shell": "/bin/bash",
    "system": False,
    "ssh_keys": (),
    "unit": "other.service",
    "service": "apache2",
    "enable": True,
    "start": True,
    "url": "https://example.org/y",
    "sha256": "cd" * 32,
    "restart_on": (),
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_every_other_field_is_in_it(step: Step) -> None:
    """L6: A change of any field that decides what a step does changes its fingerprint."""
    conf = File("/x", content="x")
    others = () if step.kind == "file" else (conf,)
    for field in fields(step):
        if field.name not in NOT_IN_IT:
            assert one(step, *others) != one(replace(step, **{field.name: CHANGED[field.name]}), *others), field.name


def test_every_kind_is_covered() -> None:
    """The tables above hold each kind of step."""
    assert set(STEP_TYPES) == {type(step) for step in STEPS}


def test_position_and_list_are_not_in_a_steps_fingerprint() -> None:
    """L6: Reordering makes nothing due."""
    a, b = STEPS[0], STEPS[3]
    before = step_fingerprints(StartupScript("x", first_boot=[a, b]), VALUES)

    assert before == step_fingerprints(StartupScript("y", first_boot=[b], every_boot=[a]), VALUES)


def test_name_order_and_list_are_in_the_definitions_fingerprint() -> None:
    """The fingerprint of a definition is over its name and its ordered lists."""
    a, b = STEPS[0], STEPS[3]
    scripts = [
        StartupScript("x", first_boot=[a, b]),
        StartupScript("y", first_boot=[a, b]),
        StartupScript("x", first_boot=[b, a]),
        StartupScript("x", first_boot=[a], every_boot=[b]),
        StartupScript("x", first_boot=[a, replace(b, name="other")]),
    ]

    assert len(scripts) == len({fingerprint(script, VALUES) for script in scripts})


def test_a_step_knows_only_its_own_values() -> None:
    """L6: A changed value concerns the steps that use it, and no other."""
    uses, ignores = STEPS[0], STEPS[3]

    assert one(uses, values={"A": "1"}) != one(uses, values={"A": "2"})
    assert one(ignores, values={"A": "1"}) == one(ignores, values={"A": "2"})
    assert one(uses, values={"A": "1"}) == one(uses, values={"A": "1", "B": "2"})


def test_an_unknown_value_is_not_the_empty_one() -> None:
    """In a preview a value may be unknown; that is no text."""
    script = StartupScript("x", first_boot=[STEPS[0]])

    assert step_fingerprints(script) != step_fingerprints(script, {"A": ""})
    assert step_fingerprints(script) == step_fingerprints(script, {})


def test_a_change_spreads_through_rerun_on() -> None:
    """L6: `rerun_on` extends "concerned", from step to step."""

    def chain(content: str) -> dict[str, str]:
        a = File("/a", content=content)
        b = Shell("b", script="x", rerun_on=[a])
        return step_fingerprints(
            StartupScript("x", first_boot=[a, b, Service("c", restart_on=[b]), Shell("d", script="x")])
        )

    before, after = chain("1"), chain("2")

    assert ["file /a", "b", "service c"] == [name for name in before if before[name] != after[name]]


def test_renaming_what_is_followed_changes_nothing() -> None:
    """A step follows what another does, not what it is called."""
    a, other = File("/a", content="x"), File("/a", content="x", name="other")

    assert one(Shell("b", script="x", rerun_on=[a]), a) == one(Shell("b", script="x", rerun_on=[other]), other)


def test_the_order_of_sets_does_not_count() -> None:
    """Packages, groups, keys and followed steps are sets to the VM."""
    a, b = Shell("a", script="x"), Shell("b", script="y")

    assert one(Packages(["a", "b"], name="x")) == one(Packages(["b", "a"], name="x"))
    assert one(User("a", groups=["x", "y"])) == one(User("a", groups=["y", "x"]))
    assert one(Service("c", restart_on=[a, b]), a, b) == one(Service("c", restart_on=[b, a, b]), a, b)


def test_a_checksums_letter_case_does_not_count() -> None:
    """The same SHA-256 written in capitals is the same download."""
    download = STEPS[7]

    assert isinstance(download, Download)
    assert one(download) == one(replace(download, sha256=download.sha256.upper()))
