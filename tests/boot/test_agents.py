"""The cloud's agent runs the payload twice at the same time, and operators are at it as well: L10."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from startup import Shell, StartupScript

from ..runner.scenarios import definition, note
from .clouds import Cloud, Vm, outcomes
from .test_edits import SLOW

# What the agent runs at a boot: cloud-init the part that it took out of the payload, Google's agent the text itself.
BOOTHOOK = "env INSTANCE_ID=again /var/lib/cloud/instance/boothooks/startup-script"
AGENTS = {"aws": BOOTHOOK, "gcp": "google_metadata_script_runner startup", "azure": BOOTHOOK}


def at_once(vm: Vm, *commands: str) -> None:
    """Run commands side by side, and wait until they and what they began are done."""
    vm.run("\n".join(f"{command} >/dev/null 2>&1 &" for command in commands) + "\nwait\n")
    vm.until(lambda: not vm.busy(), "the unit is at rest")


def test_two_agents_deliver_at_once(cloud: Cloud) -> None:
    """L10: onto a machine that knows nothing of the runner two agents bring it at once: each step runs once."""
    vm = cloud.make(definition("one two", "three"))
    vm.start()
    vm.run("evenboot clean; rm /done")
    at_once(vm, AGENTS[cloud.name], AGENTS[cloud.name])

    assert ["one", "two", "three"] == vm.lines()
    assert ["ran one", "ran two", "ran three"] == outcomes(vm.status())


def test_two_agents_and_an_operator_during_a_boot(cloud: Cloud) -> None:
    """L10: while the boot's apply is in a step, two agents and an operator come along: no step runs twice."""
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), SLOW], every_boot=[note("two")]))
    vm.machine.start()
    vm.wait_line("begin")
    at_once(vm, AGENTS[cloud.name], AGENTS[cloud.name], "evenboot apply", "sleep 1; touch /go-on")

    assert ["one", "begin", "end", "two"] == vm.lines()
    assert "ok" == vm.status()["result"]


def test_two_agents_and_an_operator_obey_an_edit(cloud: Cloud) -> None:
    """L6, L10: two agents, of which those of aws and azure still know the old definition, and an operator's apply: the
    edited one is in force in the end, and its new step has run once."""
    vm = cloud.make(definition("one", "three"))
    vm.start()
    vm.define(definition("one two", "three"))
    at_once(vm, AGENTS[cloud.name], "evenboot apply", AGENTS[cloud.name])

    assert ["one", "three", "two"] == vm.lines()
    assert 0 == vm.evenboot("apply").returncode
    assert ["skipped one", "skipped two", "skipped three"] == outcomes(vm.status())


def test_operators_come_one_after_another(cloud: Cloud) -> None:
    """L10, L12: an operator whose apply is over learns its result, also while another one's waits for its turn."""
    vm = cloud.make(StartupScript("site", first_boot=[Shell("lasts", script="sleep 2\n")], every_boot=[note("four")]))
    vm.start()
    with ThreadPoolExecutor() as operators:
        first = operators.submit(vm.evenboot, "rerun", "lasts")
        vm.until(vm.busy, "the first apply runs")
        second = operators.submit(vm.evenboot, "apply")
        said = [first.result(), second.result()]

    assert [0, 0] == [call.returncode for call in said], said
