"""What a deployment learns of a VM over its serial console, through the cloud's API and its SDK: L12."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from components.console import Console
from components.consoles import console_at
from components.overview import look
from components.stacks import StackVm
from components.waiting import StartupFailed, boots_seen, restart, wait_for_result
from lab import consoles
from lab.clouds import CLOUDS
from lab.laboratory import Lab
from lab.providers.records import Record, Records, records_folder
from startup import Shell, StartupScript, fingerprint

from ..runner.scenarios import note
from .clouds import PATIENCE, Cloud, Vm

FORMS = {
    "aws": "{id}",
    "gcp": "projects/shop/zones/local-a/instances/{name}",
    "azure": "/subscriptions/5b6f/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/{name}",
}
FAILS = Shell("third", script="echo no such model >&2\nexit 3\n")


@pytest.fixture(scope="module", autouse=True)
def _served(lab: Lab) -> Iterator[None]:
    """Let the SDKs in this process find the lab's machines."""
    with consoles.at_hand(lab, lab.state):
        yield


def site(third: Shell) -> StartupScript:
    """A definition with three steps, and one for the end."""
    return StartupScript("site", first_boot=[note("one"), note("two"), third], shutdown=[note("drained")])


def address_of(vm: Vm) -> str:
    """The cloud's full name of a VM, which the cloud's records know from now on."""
    machine, package = vm.machine, CLOUDS[vm.cloud.name].package
    id = FORMS[vm.cloud.name].format(id=machine.instance_id, name=machine.name)
    record = Record(token=CLOUDS[vm.cloud.name].provider().vm, id=id, urn="urn", inputs={}, machine=machine.name)
    Records(records_folder(vm.cloud.lab.state) / package).put(record)
    return f"arn:aws:ec2:local-1:123456789012:instance/{id}" if package == "aws" else id


async def restarted(console: Console, wanted: str) -> str | None:
    """Restart a VM and wait for its result; return the boot that it is of."""
    seen = await boots_seen(console)
    assert await restart(console)
    result = await wait_for_result(console, wanted, PATIENCE, lambda text: None, seen=seen)
    assert result.boot_id not in seen
    return result.boot_id


def test_a_deployment_learns_what_failed_and_that_it_is_mended(cloud: Cloud) -> None:
    """L12, L13: the failing step arrives with code and output; a restart runs the shutdown steps, and its ok arrives."""
    vm = cloud.make(site(FAILS))
    console, broken = console_at("web", address_of(vm)), fingerprint(site(FAILS), {})
    vm.machine.start()

    with pytest.raises(StartupFailed) as caught:
        asyncio.run(wait_for_result(console, broken, PATIENCE, lambda text: None))
    assert str(caught.value) == "web: step 'third' failed with exit code 3\n  | no such model"

    mended = site(note("third"))
    vm.define(mended)
    boot = asyncio.run(restarted(console, fingerprint(mended, {})))
    [report] = look([StackVm(name="web", cloud=cloud.name, address=address_of(vm), fingerprint=broken)])

    assert ["one", "two", "drained", "third"] == vm.lines()
    assert report.result is not None
    assert (True, boot) == (report.outdated, report.result.boot_id)
