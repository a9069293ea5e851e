"""A script that exceeds its slot, from the component by way of the cloud's object store to the machine."""

from __future__ import annotations

import json
from typing import Any

from lab.machine import Machine
from startup.overflow import BOOTSTRAP_LIMIT

from .clouds import PATIENCE, Cloud, Vm, outcomes
from .deploying import Project

STORES = ("s3", "gcs", "blob")
PROGRAM = """
import random
import pulumi
from components import vm_on
from startup import Shell, StartupScript

config = pulumi.Config()
filler = random.Random(5).randbytes(150_000).hex()
definition = StartupScript(
    "large",
    first_boot=[Shell("once", script=f"echo once {config.require('text')} >>/done\\n# {filler}\\n")],
    every_boot=[Shell("always", script="echo always >>/done")],
)
vm, args = vm_on(config.require("cloud"))
vm(config.require("vm"), args(startup=definition, overflow=True))
"""


def fetched(machine: Machine) -> list[Any]:
    """Return the answers that a machine has had from the object store."""
    log = machine.lab.network(machine.cloud).folder / "requests.jsonl"
    requests = [json.loads(line) for line in log.read_text().splitlines()]
    return [one["status"] for one in requests if one["service"] in STORES and one["ip"] == machine.address]


def test_more_than_fits(cloud: Cloud) -> None:
    """`overflow`: The slot holds 3 KB; the machine fetches the rest once per definition, and at a reboot needs no network."""
    project = Project(cloud, PROGRAM)
    assert (True, "") == project.up(text="one")
    machine = cloud.lab.machine(project.name)
    vm = cloud.look_after(machine)
    first = arrived(vm, results=1)

    assert len((machine.folder / "payload").read_bytes()) <= BOOTSTRAP_LIMIT
    assert ("ok", "first", ["ran once", "ran always"]) == (first["result"], first["boot"], outcomes(first))
    assert [200] == fetched(machine)

    machine.outage("503")
    offline = vm.reboot(240)
    machine.outage("ok")

    assert ("ok", "later", "cached") == (offline["result"], offline["boot"], offline["source"])
    assert ["once one", "always", "always"] == vm.lines()
    assert [200] == fetched(machine)

    assert (True, "") == project.up(text="two")
    if cloud.name != "aws":  # where the provider itself stops and starts the instance
        machine.reboot()
    changed = arrived(vm, results=3)

    assert ("ok", "later", "cloud") == (changed["result"], changed["boot"], changed["source"])
    assert ["once one", "always", "always", "once two", "always"] == vm.lines()
    assert [200, 200] == fetched(machine)


def arrived(vm: Vm, results: int) -> dict[str, Any]:
    """Wait for the boot that brings this many results, and return its status."""
    vm.machine.wait_result(after=results - 1, seconds=PATIENCE)
    vm.machine.wait_ready(PATIENCE)
    return vm.status()
