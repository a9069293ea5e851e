"""The embedded run creates, keeps, updates, replaces and deletes, obeys the options it knows, and refuses the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.embedded import ignoring

from .embedding import Cloud

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def test_a_first_run_creates_and_a_second_has_nothing_to_do(cloud: Cloud) -> None:
    """All that the program has is created once, with its outputs given to the program."""
    program = """
        r = role("r")
        p = add("p", {"role": r.id}, "aws:iam/instanceProfile:InstanceProfile")
        vm("web", depends_on=[p])
        pulumi.export("role", r.id)
    """
    assert cloud.done(program) == ["create r", "create p", "create web"]
    assert cloud.entry("p").inputs["role"] == cloud.entry("r").id
    outcome, _ = cloud.up()
    assert [what for _, _, what in outcome.done] == ["same"] * 3
    assert outcome.outputs == {"role": cloud.entry("r").id}
    assert cloud.lab.machine("web").events == ["start"]


def test_a_changed_input_updates_in_place(cloud: Cloud) -> None:
    """Only the resource concerned is updated, under its old id."""
    cloud.done('role("a"); vm("web", "one")')
    id = cloud.entry("web").id
    assert cloud.done('role("a"); vm("web", "two")') == ["update web"]
    assert cloud.entry("web").id == id
    assert cloud.lab.machine("web").events == ["start", "stop", "payload", "start"]
    assert cloud.done() == []


def test_what_cannot_change_is_replaced_and_the_old_deleted_last(cloud: Cloud) -> None:
    """The new one is created first, dependents see it, then the old one is deleted."""
    program = 'r = role("r", path={!r}); add("p", {{"role": r.id}}, "aws:iam/instanceProfile:InstanceProfile")'
    cloud.done(program.format("/a/"))
    old = cloud.entry("r").id
    assert cloud.done(program.format("/b/")) == ["replace r", "update p", "delete r"]
    assert cloud.entry("r").id != old and cloud.entry("p").inputs["role"] == cloud.entry("r").id
    assert cloud.names == ["p", "r"]


def test_delete_before_replace_deletes_first(cloud: Cloud) -> None:
    """With the option the old one goes before the new one comes."""
    cloud.done('vm("web", replacement_trigger="1", delete_before_replace=True)')
    done = cloud.done('vm("web", replacement_trigger="2", delete_before_replace=True)')
    assert done == ["delete for replacement web", "replace web"]
    assert [machine.name for machine in cloud.lab.machines()] == ["web"]


def test_a_fixed_name_is_deleted_before_its_replacement_without_being_told(cloud: Cloud) -> None:
    """Two resources cannot have one name at a time: the provider says so, and the run obeys."""
    program = 'add("r", {{"assumeRolePolicy": "{{}}", "name": "fixed", "path": {!r}}})'
    cloud.done(program.format("/a/"))
    assert cloud.done(program.format("/b/")) == ["delete for replacement r", "replace r"]


def test_a_changed_replacement_trigger_replaces(cloud: Cloud) -> None:
    """The trigger replaces when it changes; when it is set for the first time or taken away nothing happens."""
    assert cloud.done('vm("web")') == ["create web"]
    assert cloud.done('vm("web", replacement_trigger="1")') == []
    assert cloud.done('vm("web", replacement_trigger="2")') == ["replace web", "delete web"]
    assert cloud.done('vm("web")') == []


def test_replace_on_changes_replaces_at_or_below_its_path(cloud: Cloud) -> None:
    """A change that would be made in place replaces if it is at or below a path of the option."""
    cloud.done('role("r", tags={"a": "1"}, description="1", _replace_on_changes=["tags"])')
    assert cloud.done('role("r", tags={"a": "1"}, description="2", _replace_on_changes=["tags"])') == ["update r"]
    done = cloud.done('role("r", tags={"a": "2"}, description="2", _replace_on_changes=["tags"])')
    assert done == ["replace r", "delete r"]


def test_ignored_changes_are_ignored_and_the_others_made(cloud: Cloud) -> None:
    """The value at an ignored path stays what it was at the creation."""
    cloud.done('role("r", description="1", maxSessionDuration=3600)')
    changed = 'role("r", description="2", maxSessionDuration={}, _ignore_changes=["description"])'
    assert cloud.done(changed.format(3600)) == []
    assert cloud.done(changed.format(7200)) == ["update r"]
    assert cloud.entry("r").inputs["description"] == "1"


def test_ignoring_works_inside_maps_and_for_what_was_not_there() -> None:
    """A path with a dot keeps one key of a map; what was absent stays absent."""
    news = {"tags": {"a": "new", "b": "new"}, "c": "new"}
    assert ignoring(news, {"tags": {"a": "old"}}, ["tags.a", "c"]) == {"tags": {"a": "old", "b": "new"}}


def test_a_protected_resource_is_neither_deleted_nor_replaced(cloud: Cloud) -> None:
    """Both fail with its name and the way out; once it is not protected any more they work."""
    cloud.done('role("r", path="/a/", _protect=True)')
    assert "protect=False" in cloud.failures('role("r", path="/b/", _protect=True)')["r"]
    assert "protect=False" in cloud.failures("pass")["r"]
    assert cloud.names == ["r"]
    assert cloud.done('role("r", path="/a/")') == []
    assert cloud.done("pass") == ["delete r"]


def test_what_is_gone_from_the_program_is_deleted_after_what_depends_on_it(cloud: Cloud) -> None:
    """Deletion runs against the order of dependency, by property as well as by depends_on."""
    program = """
        first = role("first")
        second = role("second", _depends_on=[first])
        add("third", {"role": second.id}, "aws:iam/instanceProfile:InstanceProfile")
        role("stays")
    """
    cloud.done(program)
    assert cloud.done('role("stays")') == ["delete third", "delete second", "delete first"]
    assert cloud.names == ["stays"]


def test_children_have_their_parents_in_their_urns(cloud: Cloud) -> None:
    """A resource below a component is another than one of its name beside it."""
    program = """
        group = pulumi.ComponentResource("my:index:Group", "group")
        role("r", _parent=group); role("r")
    """
    assert cloud.done(program) == ["create r", "create r"]
    types = [entry.urn.split("::")[2] for entry in cloud.deployment.entries]
    assert sorted(types) == ["aws:iam/role:Role", "my:index:Group$aws:iam/role:Role"]


def test_two_resources_of_one_name_are_refused(cloud: Cloud) -> None:
    """The second registration fails, as with the real engine."""
    assert "two resources 'r'" in cloud.failures('role("r"); role("r")')["r"]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("_retain_on_delete=True", "retain_on_delete"),
        ('_import_="other"', "import_"),
        ('_deleted_with=role("other")', "deleted_with"),
        ('_custom_timeouts=pulumi.CustomTimeouts(create="1m")', "custom_timeouts"),
        ('_aliases=[pulumi.Alias(name="old")]', "aliases"),
        ('_provider=pulumi.ProviderResource("aws", "mine", {})', "provider"),
        ("_transforms=[lambda args: None]", "transforms"),
        ('_hooks=pulumi.ResourceHookBinding(after_delete=[pulumi.ResourceHook("h", lambda a: None)])', "hooks (after_delete)"),
    ],
)
def test_an_option_that_it_does_not_know_is_refused_by_name(cloud: Cloud, option: str, name: str) -> None:
    """The resource fails with the option's name, and is not created."""
    message = cloud.failures(f'role("r", {option})')["r"]
    assert f"option {name}" in message and "pulumi" in message
    assert "r" not in cloud.names


def test_options_that_only_matter_elsewhere_are_taken(cloud: Cloud) -> None:
    """What hides text in a display and a former type of an SDK's resource change nothing here."""
    options = '_hide_diffs=["description"], _aliases=[pulumi.Alias(type_="aws:iam/old:Role")]'
    assert cloud.done(f'role("r", {options})') == ["create r"]


def test_a_stash_keeps_its_first_value(cloud: Cloud) -> None:
    """The output stays what was stashed first, so that what was looked up once is not looked up anew."""
    program = 'pulumi.export("kept", pulumi.Stash("s", input={!r}{}).output)'
    cloud.done(program.format("one", ""))
    outcome, _ = cloud.up(program.format("two", ', opts=pulumi.ResourceOptions(ignore_changes=["input"])'))
    assert outcome.outputs == {"kept": "one"} and [what for _, _, what in outcome.done] == ["same"]
    outcome, _ = cloud.up(program.format("two", ""))
    assert outcome.outputs == {"kept": "one"} and cloud.entry("s").outputs == {"input": "two", "output": "one"}


def test_a_failure_is_named_and_the_others_finish(cloud: Cloud) -> None:
    """What depends on the failed resource waits, what does not is created; the next run makes up for it."""
    program = """
        web = vm("web")
        role("after", _depends_on=[web], description=web.id)
        role("beside")
    """
    (cloud.lab.folder / "does-not-boot").touch()
    assert cloud.failures(program) == {"web": "machine web does not boot within 30 s"}
    assert cloud.names == ["beside"] and not cloud.lab.machines()
    (cloud.lab.folder / "does-not-boot").unlink()
    assert cloud.done() == ["create web", "create after"]


def test_nothing_is_deleted_while_something_fails(cloud: Cloud) -> None:
    """A program that did not run to its end may still have what it did not come to register."""
    cloud.done('role("a"); role("b")')
    assert "b" in cloud.failures('role("b", colour="blue")')
    assert cloud.names == ["a", "b"]
    outcome, error = cloud.up("raise ValueError('no')")
    assert error is not None and "__main__.py:" in error and error.endswith("ValueError: no")
    assert cloud.names == ["a", "b"] and not outcome.done


def test_a_vm_whose_machine_is_gone_is_made_again(cloud: Cloud) -> None:
    """What somebody removed from the cloud is created anew."""
    cloud.done('vm("web")')
    cloud.lab.machine("web").delete()
    assert cloud.done() == ["create web"]


def test_a_secret_is_refused(cloud: Cloud) -> None:
    """The state is a plain file, so a secret property fails by its path."""
    message = cloud.failures('role("r", description=pulumi.Output.secret("hush"))')["r"]
    assert message == "description: a secret is not taken by the local cloud"
    assert not cloud.names


def test_a_killed_run_loses_nothing_and_the_next_goes_on(cloud: Cloud) -> None:
    """SIGKILL while a machine boots: what was made is kept, the half-made machine is removed and made again."""
    cloud.write('r = role("r"); vm("web", depends_on=[r])')
    (cloud.lab.folder / "boots-slowly").touch()
    argv = [sys.executable, "-m", "tests.lab.embedding", str(cloud.program.parent)]
    process = subprocess.Popen(argv, cwd=ROOT)
    try:
        end = time.monotonic() + 30
        while not (cloud.lab.folder / "booting").exists():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert cloud.names == ["r"] and len(cloud.lab.machines()) == 1
    half_made = cloud.lab.machine("web").instance_id
    (cloud.lab.folder / "boots-slowly").unlink()
    assert cloud.done() == ["create web"]
    assert [machine.name for machine in cloud.lab.machines()] == ["web"]
    assert cloud.lab.machine("web").instance_id == cloud.entry("web").id != half_made
