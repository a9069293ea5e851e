"""Construction, names, and what construction leaves alone."""

from __future__ import annotations

import doctest
import json
import pickle
from dataclasses import fields, replace
from typing import Any

import pytest

from startup import Directory, Download, File, Packages, Service, Shell, StartupScript, Step, Unit, User, definition

CONF = File("/etc/x", content="x")


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (Shell("warm cache", script="true"), "warm cache"),
        (Packages(["nginx", "curl"]), "packages nginx"),
        (File("/etc/x", content=""), "file /etc/x"),
        (Directory("/srv"), "directory /srv"),
        (User("app"), "user app"),
        (Unit("app.service", content="x"), "unit app.service"),
        (Service("nginx"), "service nginx"),
        (Download("https://example.org/x", path="/opt/x", sha256="a" * 64), "download /opt/x"),
        (Service("nginx", name="web server"), "web server"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_names_are_derived_unless_given(step: Step, name: str) -> None:
    """A step has the name it is given, otherwise one made of its kind and its subject."""
    assert name == step.name


@pytest.mark.parametrize(
    ("step", "other", "name"),
    [
        (Packages(["nginx"]), {"names": ["curl"]}, "packages curl"),
        (CONF, {"path": "/etc/y"}, "file /etc/y"),
        (CONF, {"content": "y"}, "file /etc/x"),
        (Directory("/srv"), {"path": "/opt"}, "directory /opt"),
        (User("app"), {"login": "web"}, "user web"),
        (Unit("app.service", content="x"), {"unit": "web.service"}, "unit web.service"),
        (Service("nginx"), {"service": "apache2"}, "service apache2"),
        (Download("https://example.org/x", path="/opt/x", sha256="a" * 64), {"path": "/opt/y"}, "download /opt/y"),
        (Service("nginx", name="web server"), {"service": "apache2"}, "web server"),
        (Service("nginx", name="service nginx"), {"service": "apache2"}, "service nginx"),
        (Service("nginx", name="web server"), {"name": None}, "service nginx"),
        (Shell("warm cache", script="true"), {"script": "false"}, "warm cache"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_copy_derives_its_own_name(step: Step, other: dict[str, Any], name: str) -> None:
    """A copy with other fields has the name that is derived from those; a name that was given stays."""
    copy = replace(step, **other)

    assert name == copy.name == replace(pickle.loads(pickle.dumps(step)), **other).name
    assert replace(copy, rerun_on=["a"]).name == name


def test_a_derived_name_is_text() -> None:
    """A derived name is equal to, hashed, shown and written as the text that it is."""
    assert CONF == File("/etc/x", content="x", name="file /etc/x")
    assert hash(CONF.name) == hash("file /etc/x")
    assert ("'file /etc/x'", '"file /etc/x"') == (repr(CONF.name), json.dumps(CONF.name))
    assert CONF.name == pickle.loads(pickle.dumps(CONF.name))


def test_steps_are_values() -> None:
    """Steps that say the same are equal, hash alike and survive pickling."""
    one, two = Service("nginx", restart_on=[CONF]), Service("nginx", restart_on=(CONF.name,))

    assert one == two
    assert hash(one) == hash(two)
    assert one == pickle.loads(pickle.dumps(one))


def test_steps_cannot_be_changed() -> None:
    """A step is frozen, so that its fingerprint stays true."""
    with pytest.raises(AttributeError):
        CONF.mode = 0o600  # pyright: ignore[reportAttributeAccessIssue]


def test_other_steps_are_remembered_by_name() -> None:
    """`rerun_on` and `restart_on` take steps and names alike."""
    service = Service("nginx", restart_on=[CONF], rerun_on=["file /etc/x", CONF])

    assert ("file /etc/x",) == service.restart_on
    assert ("file /etc/x", "file /etc/x") == service.rerun_on


def test_sequences_become_tuples() -> None:
    """A list or a generator that is changed or used up later does not change the step."""
    names = ["nginx"]
    packages, generated = Packages(names), Packages(name for name in names)  # pyright: ignore[reportArgumentType]
    names.append("curl")

    assert ("nginx",) == packages.names == generated.names


@pytest.mark.parametrize("value", ["nginx", None, {"nginx"}, {"nginx": 1}, b"nginx", object, [[]], 10**5000], ids=type)
def test_construction_leaves_wrong_content_to_validation(value: Any) -> None:
    """Whatever a field is given, construction does not fail."""
    File(value, content=value, uses=value, mode=value, name=value, rerun_on=value)
    Packages(value)
    Service(value, restart_on=value, timeout_seconds=value)
    Download(value, path=value, sha256=value)
    StartupScript(value, first_boot=value, every_boot=value, shutdown=value)


def test_misspelt_and_missing_arguments_are_type_errors() -> None:
    """An argument that does not exist, or is missing, fails where it is written."""
    with pytest.raises(TypeError, match="modee"):
        File("/etc/x", content="", modee=0o600)  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="script"):
        Shell("x")  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError):
        Shell("x", "true")  # pyright: ignore[reportCallIssue]


def test_steps_come_in_the_order_of_running() -> None:
    """First boot, every boot, shutdown; each with its list and index."""
    a, b, c, d = (Shell(name, script="true") for name in "abcd")
    script = StartupScript("x", shutdown=[d], every_boot=[c], first_boot=[a, b])

    assert [("first_boot", 0, a), ("first_boot", 1, b), ("every_boot", 0, c), ("shutdown", 0, d)] == list(
        script.steps()
    )


def test_every_step_has_a_documented_example_and_all_examples_run() -> None:
    """The docstring of each step holds an example, and it is true."""
    finder = doctest.DocTestFinder()
    for step_type in (*definition.STEP_TYPES, StartupScript):
        assert any(test.examples for test in finder.find(step_type)), step_type

    assert 0 == doctest.testmod(definition).failed


@pytest.mark.parametrize("step_type", definition.STEP_TYPES, ids=lambda step_type: step_type.kind)
def test_every_field_is_documented(step_type: Any) -> None:
    """The docstring of each step names each of its fields, and that of their base those that all have."""
    documented = step_type.__doc__ + definition.BaseStep.__doc__
    for field in fields(step_type):
        assert f"        {field.name}: " in documented, field.name
