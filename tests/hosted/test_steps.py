"""Data becomes the definition that Python would have, with the same bytes and the same messages."""

from __future__ import annotations

import dataclasses
import doctest
from types import ModuleType
from typing import Any, Literal

import pytest

from hosted import forms, records, spelling, steps, wire
from hosted.spelling import camel
from hosted.steps import KINDS, definition
from startup import Shell, StartupScript, fingerprint, render, validate
from startup.definition import LIST_NAMES, STEP_TYPES, Step
from tests.test_shell import EVERY_KIND

PACKAGES = {"kind": "packages", "names": ["nginx"]}
OTHER = {"kind": "packages", "names": ["curl"]}


def data_of(step: Step) -> dict[str, Any]:
    """A step as another language sends it: all its fields, and numbers as floats."""
    fields = {camel(field.name): getattr(step, field.name) for field in dataclasses.fields(step)}
    return {"kind": step.kind, **{name: sent(value) for name, value in fields.items()}}


def sent(value: Any) -> Any:
    if isinstance(value, tuple):
        return [sent(entry) for entry in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def lists_of(startup: StartupScript) -> dict[str, Any]:
    return {camel(name): [data_of(step) for step in startup.listed(name)] for name in LIST_NAMES}


def problems(first_boot: Any, **values: Any) -> list[str]:
    return [str(problem) for problem in definition("site", {"firstBoot": first_boot}, values)[1]]


def test_every_kind_of_step_can_be_data() -> None:
    """There is a kind for each step, and each field of it is read."""
    startup, found = definition(EVERY_KIND.name, lists_of(EVERY_KIND), {"A": "a"})

    assert {kind.kind for kind in STEP_TYPES} == set(KINDS) == {step.kind for step in EVERY_KIND.first_boot}
    assert [] == found
    assert EVERY_KIND == startup


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_the_bytes_are_those_of_python(cloud: Literal["aws", "gcp", "azure"]) -> None:
    """R1: a definition from data renders to the bytes of the same definition in Python, and has its fingerprint."""
    startup, _ = definition(EVERY_KIND.name, lists_of(EVERY_KIND), {"A": "a"})

    assert render(EVERY_KIND, {"A": "a"}, cloud).content == render(startup, {"A": "a"}, cloud).content
    assert fingerprint(EVERY_KIND, {"A": "a"}) == fingerprint(startup, {"A": "a"})


def test_what_is_not_given_has_its_default() -> None:
    """A field that is left out, or null, is what it is in Python."""
    startup, _ = definition("site", {"everyBoot": [{"kind": "shell", "name": "a", "script": "b", "user": None}]}, {})

    assert StartupScript("site", every_boot=[Shell("a", script="b")]) == startup


BAD: list[dict[str, Any]] = [
    {"kind": "file", "path": "etc/a", "content": "a", "mode": 644, "owner": "A", "uses": ["A"]},
    {"kind": "shell", "name": "", "script": " ", "timeout_seconds": 0, "retries": 1.5, "cwd": 5},
    {"kind": "packages", "names": "nginx", "rerun_on": ["later"]},
    {"kind": "service", "service": "a b", "enable": "yes", "restart_on": ["service a b"]},
    {"kind": "shell", "name": "later", "script": "true"},
    {"kind": "shell", "name": "later", "script": "true"},
]


def test_the_messages_are_those_of_python() -> None:
    """R6: all problems are reported, in Python's words and order; only paths and names are spelled as in data."""
    fields = [{name: value for name, value in step.items() if name != "kind"} for step in BAD]
    python = StartupScript("site", first_boot=[KINDS[step["kind"]](**own) for step, own in zip(BAD, fields, strict=True)])
    data = [{camel(name): sent(value) for name, value in step.items()} for step in BAD]
    _, found = definition("site", {"firstBoot": data}, {"A": "a", "B": "b"})

    expected = [str(problem) for problem in validate(python, {"A": "a", "B": "b"})]
    assert len(expected) > 10
    assert [spelled(line) for line in expected] == [str(problem) for problem in found]


def spelled(text: str) -> str:
    for name in ("first_boot", "timeout_seconds", "rerun_on", "restart_on"):
        text = text.replace(name, camel(name))
    return text


def test_an_unknown_kind_is_one_message() -> None:
    """It is named with the one that is meant; nothing else is said of that step, nor of what may refer to it."""
    step = {"kind": "pakages", "names": [1], "uses": ["PEER"]}
    reference = {"kind": "service", "service": "nginx", "rerunOn": ["packages nginx"]}

    assert ["firstBoot[0].kind: is 'pakages', no kind of step; did you mean 'packages'?"] == problems(
        [step, reference], PEER="a"
    )


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({}, ".kind: is not given; there are shell, file, directory, packages, user, unit, service, download"),
        ({"kind": ["file"]}, ".kind: is a list, no kind of step; there are shell, file, directory, packages, user"),
        ("nginx", ": is 'nginx', not a step; give an object such as {kind: packages, names: [nginx]}"),
        ({**OTHER, "name": 3.0}, ".name: is 3, not text"),
        ({**OTHER, "mode": 420.0}, ".mode: is no field of a packages step; there are kind, names, name, timeoutSeconds"),
        ({**OTHER, "rerun_on": []}, ".rerun_on: is no field of a packages step; did you mean 'rerunOn'?"),
        ({"kind": "file", "path": "/a"}, ".content: is not given; a file step needs path and content"),
        ({"kind": "file", "path": "/a", "content": "", "mode": "0644"}, ".mode: is '0644'; give a whole number in octal"),
    ],
    ids=str,
)
def test_what_only_data_can_have_wrong(step: Any, problem: str) -> None:
    """A missing or unknown kind, a field that the kind has not, one that is missing, a wrong type: one message each."""
    [found] = problems([PACKAGES, step, {"kind": "shell", "name": "b", "script": "true"}])

    assert found.startswith(f"firstBoot[1]{problem}")


def test_lists_that_are_none() -> None:
    """A list that is something else is told as such, and no step at all as in Python."""
    assert ["firstBoot: is a dict, not a list of steps; write them between [ and ]"] == problems(PACKAGES)
    assert ["definition: has no steps; give at least one in firstBoot, everyBoot or shutdown"] == problems([])


def test_the_name_of_the_definition_has_a_path_of_its_own() -> None:
    """In data the definition's name is called `definition`."""
    assert ["definition: is 7, not text"] == [str(one) for one in definition(7, {"firstBoot": [PACKAGES]}, {})[1]]


@pytest.mark.parametrize("module", [forms, records, spelling, steps, wire], ids=lambda module: module.__name__)
def test_examples_print_what_they_say(module: ModuleType) -> None:
    """The examples in the docstrings run."""
    assert 0 == doctest.testmod(module).failed
