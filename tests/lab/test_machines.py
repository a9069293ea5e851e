"""Machines boot as the three clouds' VMs do, and can be steered from any process at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import archive
from lab.errors import LabError
from lab.laboratory import Lab
from lab.machine import Machine
from lab.network import remove_namespace
from tests.machines import lab_of_tests

pytestmark = [pytest.mark.boot, pytest.mark.xdist_group("machines")]

CLOUDS = ("aws", "gcp", "azure")
PROJECT = Path(__file__).resolve().parents[2]
PAYLOAD = b"#!/bin/sh\necho payload-ran >>/var/log/payload\n"
PROBE = "curl -s -m 1 -o /dev/null -w '%{http_code} %{exitcode}' http://169.254.169.254/"


@pytest.fixture(scope="module")
def three() -> Iterator[dict[str, Machine]]:
    """Yield a machine of each cloud, booted side by side."""
    with lab_of_tests() as lab:

        def boot(cloud: str) -> Machine:
            machine = lab.create(cloud, f"{cloud}-vm", payload=PAYLOAD, attributes={"color": "blue"})
            machine.start()
            machine.wait_ready()
            return machine

        with ThreadPoolExecutor() as pool:
            yield dict(zip(CLOUDS, pool.map(boot, CLOUDS), strict=True))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_real_agent_runs_the_payload_under_the_clouds_instance_id(three: dict[str, Machine], cloud: str) -> None:
    """`lab`: cloud-init on aws and azure, and the guest agent alone on gcp, learn who they are and run the payload."""
    machine = three[cloud]
    assert "payload-ran" in machine.exec("cat /var/log/payload").stdout
    place = "/etc/google_instance_id" if cloud == "gcp" else "/var/lib/cloud/data/instance-id"
    assert machine.exec(["cat", place]).stdout.strip() == machine.instance_id
    agents = machine.exec("ls /usr/bin | grep -xE 'cloud-init|google_guest_agent'").stdout.split()
    assert agents == ["google_guest_agent" if cloud == "gcp" else "cloud-init"]
    assert machine.exec(["systemctl", "is-system-running"], check=False).stdout.strip() == "running"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_package_of_the_archive_can_be_installed_inside(three: dict[str, Machine], cloud: str) -> None:
    """The machine has no way out, and apt works all the same, from the archive at its cloud's gateway."""
    try:
        archive.ensure("debian-12", ["tree"])
    except LabError as error:
        pytest.skip(f"no package archive can be reached: {error}")
    three[cloud].exec("apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install tree && tree --version")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_outage_is_what_its_name_says(three: dict[str, Machine], cloud: str) -> None:
    """The metadata service answers 503, refuses connections (curl's 7), answers in no time (28), and recovers."""
    machine, seen = three[cloud], dict[str, str]()
    healthy = machine.exec(PROBE, check=False).stdout
    for mode in ("503", "refuse", "drop", "slow", "ok"):
        machine.outage(mode)
        seen[mode] = machine.exec(PROBE, check=False).stdout
    assert seen == {"503": "503 0", "refuse": "000 7", "drop": "000 28", "slow": "000 28", "ok": healthy}


def test_a_slow_answer_is_whole_in_the_end(three: dict[str, Machine]) -> None:
    """The outage "slow" loses nothing: what does not fit in the first second arrives later."""
    machine = three["gcp"]
    machine.set_attributes({"color": "blue", "long": "x" * 250})
    machine.outage("slow")
    ask = "curl -s -m {} -H Metadata-Flavor:Google http://metadata/computeMetadata/v1/instance/attributes/long | wc -c"
    part, whole = machine.exec(ask.format(2)).stdout, machine.exec(ask.format(30)).stdout
    machine.outage("ok")
    assert int(part) < int(whole) == 250


def test_further_metadata_is_handed_out(three: dict[str, Machine]) -> None:
    """A gcp machine sees the other keys of its metadata beside the startup-script, and new ones at once."""
    machine = three["gcp"]
    ask = "curl -sf -H Metadata-Flavor:Google http://metadata/computeMetadata/v1/instance/attributes/"
    assert machine.exec(ask + "color").stdout == "blue"
    machine.set_attributes({"color": "red"})
    assert machine.exec(ask + "color").stdout == "red"
    assert machine.exec(ask + "startup-script").stdout == PAYLOAD.decode()


def test_a_machine_outlives_the_command_that_made_it(lab: Lab) -> None:
    """`lab`: Another process may reboot it, cut its power, start it, and its disk is the same all the time."""
    code = "from lab.laboratory import Lab; Lab().create('gcp', 'web', payload=None).start()"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment(lab), check=True, timeout=60)
    machine = lab.machine("web")
    machine.wait_ready()
    machine.exec("echo kept >/root/note")
    machine.reboot()
    assert (machine.boots, machine.state) == (2, "running")
    machine.wait_ready()
    machine.exec(["systemctl", "reboot"], check=False)  # its own wish is obeyed too
    until(lambda: machine.boots == 3)
    machine.wait_ready()
    machine.cut_power()
    assert machine.state == "stopped"
    assert (machine.root() / "root/note").read_text() == "kept\n"
    machine.start()
    assert machine.exec("cat /root/note").stdout == "kept\n"
    machine.stop()
    assert (machine.boots, machine.state) == (4, "stopped")


def test_a_clone_is_another_instance_with_the_same_disk(lab: Lab) -> None:
    """L7 stands on this: new instance id and hardware, the parent's machine-id and files; the parent goes on."""
    parent = lab.create("aws", "parent", payload=None)
    parent.start()
    parent.wait_ready()
    parent.exec("echo inherited >/root/note")
    machine_id = parent.exec("cat /etc/machine-id").stdout
    clone = parent.clone("clone", PAYLOAD)
    clone.start()
    clone.wait_ready()
    assert clone.exec("cat /root/note /etc/machine-id").stdout == "inherited\n" + machine_id
    assert clone.exec("cat /var/lib/cloud/data/instance-id").stdout.strip() == clone.instance_id != parent.instance_id
    uuids = {machine.exec("cat /sys/class/dmi/id/product_uuid").stdout for machine in (parent, clone)}
    assert len(uuids) == 2
    assert "payload-ran" in clone.exec("cat /var/log/payload").stdout


def test_a_small_disk_can_be_filled(lab: Lab) -> None:
    """A machine that is told how much its disk holds finds it full then, keeps what it has in a power cut, and can be
    cloned; nothing stays mounted of it."""
    machine = lab.create("gcp", "web", payload=None, disk_mib=16)
    machine.start()
    machine.wait_ready()
    assert "No space left on device" in machine.exec("cat /dev/zero >/filler", check=False).stderr
    machine.cut_power()
    assert 8 << 20 < (machine.root() / "filler").stat().st_size < 16 << 20
    (machine.root() / "filler").unlink()
    machine.start()
    machine.exec("echo kept >/note")
    clone = machine.clone("other", None)
    assert (clone.root() / "note").read_text() == "kept\n"
    machine.delete()
    clone.delete()
    assert lab.leftovers()["mounts"] == []


def test_a_machine_whose_keeper_was_killed_gets_another_one(lab: Lab) -> None:
    """Until then it runs on and `lonely` says so; afterwards it can be rebooted as before."""
    machine = lab.create("gcp", "web", payload=None)
    machine.start()
    machine.wait_ready()
    for pid in machine.keeper_group.processes():
        os.kill(pid, signal.SIGKILL)
    until(lambda: machine.lonely)
    assert lab.heal() == ["keeper of web"]
    machine.reboot()
    assert (machine.boots, machine.lonely) == (2, False)


def test_services_that_died_are_started_by_the_next_command(lab: Lab) -> None:
    """A cloud without its metadata service, names and addresses is found and mended."""
    machine = lab.create("gcp", "web", payload=PAYLOAD)
    machine.start()
    for pid in lab.network("gcp").group.processes():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not lab.network("gcp").serving)
    with lab.commanding("test"):
        assert lab.network("gcp").serving
    until(lambda: "payload-ran" in machine.exec("cat /var/log/payload", check=False).stdout, 60)


def test_down_leaves_nothing_of_what_was_killed(lab: Lab) -> None:
    """`lab`: A command killed while it makes machines, a keeper, the services: `down` finds and removes all of it."""
    lab.create("azure", "web", payload=None).start()
    code = "from lab.laboratory import Lab; import itertools; lab = Lab()\n"
    code += "for n in itertools.count(): lab.create('aws', f'vm{n}', payload=None).start()"
    command = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=environment(lab))
    until(lambda: len(lab.machines()) > 2)
    command.kill()
    command.wait()
    for group in (lab.machine("web").keeper_group, lab.network("aws").group):
        for pid in group.processes():
            os.kill(pid, signal.SIGKILL)
    lab.down()
    assert not any(lab.leftovers().values())
    assert lab.machines() == []


def test_status_tells_of_what_belongs_to_no_machine(lab: Lab) -> None:
    """A network namespace and half a machine that a killed command left are listed; a change sweeps the half."""
    lab.create("gcp", "web", payload=None)
    half, namespace = lab.state / "machines/.half.new", f"{lab.prefix}stray"
    half.mkdir()
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        assert lab.strays() == {"network namespaces": [namespace], "folders": [str(half)]}
        run = [sys.executable, "-m", "lab", "status"]
        shown = subprocess.run(run, cwd=PROJECT, env=environment(lab), check=True, capture_output=True, text=True)
        assert namespace in shown.stdout
        assert "web" in shown.stdout
    finally:
        remove_namespace(namespace)
    lab.machine("web").set_attributes({})
    assert lab.strays() == {}


def test_exec_passes_the_exit_code_and_the_streams(lab: Lab) -> None:
    """`python -m lab exec` is as good as the command itself."""
    lab.create("gcp", "web", payload=None).start()
    run = [sys.executable, "-m", "lab", "exec", "web", "--", "sh", "-c", "cat; echo problem >&2; exit 7"]
    done = subprocess.run(run, cwd=PROJECT, env=environment(lab), input="given", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (7, "given", "problem\n")


def environment(lab: Lab) -> dict[str, str]:
    """Return the environment in which another process uses this lab."""
    return {**os.environ, "EVENBOOT_LAB_STATE": str(lab.state), "EVENBOOT_LAB_PREFIX": lab.prefix}


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_what_a_newer_nspawn_leaves_of_a_killed_machine_goes_away(lab: Lab) -> None:
    """`lab`: From systemd 256 on a mount stays, over which systemd-nspawn refuses to start the machine again."""
    machine = lab.create("gcp", "web", payload=None)
    place = Path("/run/systemd/nspawn/unix-export", machine.host_name)

    def leave(name: str = machine.host_name) -> None:
        place.with_name(name).mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "left-by-a-test", place.with_name(name)], check=True)

    def left() -> bool:
        return "left-by-a-test" in Path("/proc/mounts").read_text()

    leave()
    machine.start()
    assert not left()
    machine.cut_power()
    lab.down()
    leave(f"{lab.prefix}stray")
    assert {"nspawn folders": [f"{lab.prefix}stray"]} == lab.strays()
    lab.down()
    assert (False, False) == (left(), place.with_name(f"{lab.prefix}stray").exists())
