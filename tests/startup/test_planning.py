"""What a VM that obeyed one definition runs for another, and why."""

from __future__ import annotations

import doctest

import pytest

from startup import File, Packages, Service, Shell, StartupScript, Step, plan, planning

CONF = File("/x", content="a ${UP}", uses=["UP"])
NGINX = Service("nginx", restart_on=["file /x"])
INSTALL = Packages(["nginx"])
WARM = Shell("warm", script="x")
DRAIN = Shell("drain", script="x")

Due = dict[str, tuple[str, ...]]


def script(*first_boot: Step, every_boot: tuple[Step, ...] = (), shutdown: tuple[Step, ...] = ()) -> StartupScript:
    return StartupScript("site", first_boot=first_boot, every_boot=every_boot, shutdown=shutdown)


def due(old: StartupScript, new: StartupScript) -> Due:
    return {step.name: step.reasons for step in plan(old, new) if step.action == "run once"}


OLD = script(INSTALL, CONF, NGINX, every_boot=(WARM,), shutdown=(DRAIN,))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, {}),
        (script(CONF, NGINX, INSTALL), {}),
        (script(INSTALL, CONF, NGINX, Shell("x", script="x")), {"x": ("new",)}),
        (script(INSTALL, CONF, Shell("x", script="x")), {"x": ("new",)}),
        (
            script(INSTALL, File("/x", content="b ${UP}", uses=["UP"], mode=0o600), NGINX),
            {"file /x": ("changed: content, mode",), "service nginx": ("because 'file /x' changes (restart_on)",)},
        ),
        (
            script(INSTALL, File("/x", content="a ${UP}"), NGINX),
            {"file /x": ("changed: uses",), "service nginx": ("because 'file /x' changes (restart_on)",)},
        ),
        (script(INSTALL, CONF, Service("nginx")), {"service nginx": ("restart_on no longer names 'file /x'",)}),
        (
            script(INSTALL, CONF, Service("nginx", restart_on=[CONF], rerun_on=[INSTALL])),
            {"service nginx": ("rerun_on now names 'packages nginx'",)},
        ),
        (script(INSTALL, CONF, NGINX, WARM), {"warm": ("moved from every_boot",)}),
        (
            script(INSTALL, CONF, NGINX, Shell("drain", script="y")),
            {"drain": ("moved from shutdown", "changed: script")},
        ),
        (
            script(Packages(["nginx"], name="web"), CONF, NGINX),
            {"web": ("new (the same as 'packages nginx': renamed is removed and added)",)},
        ),
        (
            script(INSTALL, Shell("file /x", script="x"), Service("nginx")),
            {
                "file /x": ("changed: a file step became a shell step",),
                "service nginx": ("restart_on no longer names 'file /x'",),
            },
        ),
    ],
    ids=[
        "nothing",
        "reordered",
        "added",
        "replaced",
        "fields",
        "uses",
        "follows-less",
        "follows-more",
        "from-every-boot",
        "from-shutdown",
        "renamed",
        "kind",
    ],
)
def test_the_plan_names_exactly_the_due_steps_and_why(new: StartupScript, expected: Due) -> None:
    """L6: A changed definition makes exactly the steps concerned due again."""
    assert expected == due(OLD, new)


def test_nothing_changed_is_nothing_to_do() -> None:
    """`plan`: The same definition runs every-boot and shutdown steps as always, and gives no reason for anything."""
    assert [("warm", "run at each boot", ()), ("drain", "run at each stop", ())] == [
        (step.name, step.action, step.reasons) for step in plan(OLD, OLD)
    ]


def test_a_changed_value_concerns_the_steps_that_use_it() -> None:
    """L6: A changed value makes its steps due, and what follows them."""
    planned = plan(OLD, OLD, {"UP": "1"}, {"UP": "2"})

    assert {
        "file /x": ("value UP changed",),
        "service nginx": ("because 'file /x' changes (restart_on)",),
    } == {step.name: step.reasons for step in planned if step.reasons}


def test_a_value_known_on_one_side_only_is_said_to_be_so() -> None:
    """`plan`: Where a value is not known, the plan does not claim that it changed."""
    assert ("value UP is not known on both sides",) == plan(OLD, OLD, {"UP": "1"}, None)[0].reasons


def test_the_plan_shows_no_value() -> None:
    """L14: Reasons name a value and never show it."""
    assert "hunter2" not in repr(plan(OLD, OLD, {"UP": "hunter2"}, {"UP": "hunter22"}))


def test_a_removed_step_is_dropped() -> None:
    """L6: What is gone comes last, whichever list it stood in."""
    assert [("file /x", "first_boot", "drop"), ("drain", "shutdown", "drop")] == [
        (step.name, step.list_name, step.action)
        for step in plan(OLD, script(INSTALL, Service("nginx"), every_boot=(WARM,)))
        if step.action == "drop"
    ]


def test_moved_to_every_boot_runs_at_each_boot() -> None:
    """L6: A step that leaves the first-boot list is not due once, it always runs."""
    planned = plan(OLD, script(CONF, NGINX, every_boot=(WARM, INSTALL)))

    assert ("packages nginx", "run at each boot", ("moved from first_boot",)) in [
        (step.name, step.action, step.reasons) for step in planned
    ]


def test_examples_are_true() -> None:
    """The example in the docstring runs."""
    assert (0, True) == (doctest.testmod(planning).failed, doctest.testmod(planning).attempted > 0)


def test_a_copy_is_not_a_renamed_step() -> None:
    """A new step that is the same as one that stays is new, and nothing else."""
    one, copy = Shell("one", script="echo"), Shell("copy", script="echo")
    (planned,) = plan(StartupScript("site", first_boot=[one]), StartupScript("site", first_boot=[one, copy]))

    assert ("copy", ("new",)) == (planned.name, planned.reasons)
