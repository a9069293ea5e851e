"""What is wrong with a VM's arguments is said at once, before anything is registered."""

from __future__ import annotations

import os
from typing import Any

import pulumi
import pytest

from components import Inbound, VmArgs, VmArgsError
from startup import File, Shell, StartupScript, StartupScriptError
from startup.testing.deployment import STACK

from .conftest import KINDS, WITH_VALUE, Kind

BROKEN = StartupScript(
    "site",
    first_boot=[
        File("etc/motd", content="hello"),
        Shell("hello", script="echo", timeout_seconds=0),
    ],
)


def problems(kind: Kind, name: str = "web", **arguments: Any) -> dict[str, str]:
    deployment = kind.deploy(name, **arguments)
    assert isinstance(deployment.error, VmArgsError), deployment.error
    assert [STACK] == [resource.type for resource in deployment.registered], "something was registered"
    return {problem.path: problem.message for problem in deployment.error.problems}


def test_everything_wrong_is_said_together(kind: Kind) -> None:
    """R6: problems of the definition, of values and of all other arguments come in one error, nothing is registered."""
    found = problems(
        kind,
        "Web_1",
        startup=BROKEN,
        values={"PEER": "x"},
        on_change="reboot",
        wait=-60,
        image="debian-99",
        disk_gib=5,
        inbound=[Inbound(0), 80],
        ssh_public_key="my key",
    )

    assert {
        "first_boot[0].path",
        "first_boot[1].timeout_seconds",
        "values.PEER",
        "name",
        "on_change",
        "wait",
        "image",
        "inbound[0].port",
        "inbound[1]",
        "disk_gib",
        "ssh_public_key",
    } == found.keys()


def test_the_error_is_read_by_a_person(kind: Kind) -> None:
    """Pulumi prints it without a stack trace: which VM, then a problem on each line. Code can catch it as its kin."""
    error = kind.deploy(disk_gib=5, wait=0).error

    assert isinstance(error, pulumi.RunError)
    assert isinstance(error, StartupScriptError)
    assert [
        f"{kind.make.__self__.cloud.capitalize()}Vm 'web' cannot be made as asked:",
        "  wait: is 0; give True, False, or how many seconds to wait, at most 86,400",
        "  disk_gib: is 5; give a whole number of GiB from 10 (an image needs as much) to 16,384",
    ] == str(error).split("\n")


@pytest.mark.parametrize(
    ("arguments", "path", "says"),
    [
        ({"wait": 0}, "wait", "give True, False, or how many seconds"),
        ({"wait": "1m"}, "wait", "give True, False, or how many seconds"),
        ({"wait": float("nan")}, "wait", "give True, False, or how many seconds"),
        ({"wait": 86_401}, "wait", "at most 86,400"),
        ({"on_change": "replce"}, "on_change", "is 'replce'; give 'update', 'restart', 'replace' or 'ignore'"),
        ({"image": "debian"}, "image", "give 'debian-12' or 'ubuntu-24.04', or "),
        ({"image": None}, "image", "is None; give 'debian-12'"),
        ({"image": 5}, "image", "is 5; give 'debian-12'"),
        ({"subnet": ""}, "subnet", "is ''; give the cloud's id of a subnet, or leave it out"),
        ({"subnet": 5}, "subnet", "is 5; give the cloud's id"),
        ({"disk_gib": 9}, "disk_gib", "from 10"),
        ({"disk_gib": True}, "disk_gib", "is True"),
        ({"disk_gib": "20"}, "disk_gib", "is '20'"),
        ({"public_address": "no"}, "public_address", "give True or False"),
        ({"inbound": "80"}, "inbound", "give a list such as [Inbound(80)]"),
        ({"inbound": [80]}, "inbound[0]", "give Inbound(80)"),
        ({"inbound": [Inbound(70_000)]}, "inbound[0].port", "from 1 to 65,535"),
        ({"inbound": [Inbound(80, protocol="http")]}, "inbound[0].protocol", "give 'tcp' or 'udp'"),  # type: ignore
        ({"inbound": [Inbound(80, sources="10.0.0.0/8")]}, "inbound[0].sources", "give a list of IPv4 ranges"),
        ({"inbound": [Inbound(80, sources=[])]}, "inbound[0].sources", "give a list of IPv4 ranges"),
        ({"inbound": [Inbound(80, sources=["10.0.0.1/8"])]}, "inbound[0].sources[0]", "no IPv4 range"),
        ({"inbound": [Inbound(80, sources=["10.0.0.1"])]}, "inbound[0].sources[0]", "no IPv4 range"),
        ({"inbound": [Inbound(80, sources=["::/0"])]}, "inbound[0].sources[0]", "no IPv4 range"),
        ({"inbound": [Inbound(80), Inbound(80, sources=["10.0.0.0/8"])]}, "inbound[1]", "a second time"),
        ({"ssh_public_key": "-----BEGIN PRIVATE KEY-----"}, "ssh_public_key", "is a private key"),
        ({"ssh_public_key": "ssh-ed25519 AAAA\nssh-rsa AAAA"}, "ssh_public_key", "is no public key"),
        ({"tags": ["a"]}, "tags", "is a list; give a mapping"),
        ({"tags": {"a": 1}}, "tags.a", "is 1, not text"),
        ({"values": ["A"]}, "values", "is a list; give a mapping"),
        ({"startup": "echo hello"}, "definition", "StartupScript"),
    ],
)
def test_each_problem_names_argument_and_way_out(kind: Kind, arguments: Any, path: str, says: str) -> None:
    """The path is the argument's, the message has what to give instead."""
    found = problems(kind, **arguments)

    assert [path] == list(found)
    assert says in found[path]


@pytest.mark.parametrize("name", ["", "Web", "1web", "web-", "web_1", "w" * 46, "we\nb"])
def test_names_are_good_on_all_clouds(kind: Kind, name: str) -> None:
    """A name that one of the clouds refuses is refused on all."""
    assert "name" in problems(kind, name)


def test_a_missing_value_is_named(kind: Kind) -> None:
    """A step uses a value that is not given."""
    assert ["first_boot[0].uses[0]"] == list(problems(kind, startup=WITH_VALUE))


def test_arguments_of_another_kind_are_named(kind: Kind) -> None:
    """A mapping in place of the arguments' class is a problem, not a crash."""
    from components import vm_on
    from startup.testing.deployment import deploy

    vm, args = vm_on(kind.cloud)
    for other in ({"startup": None}, VmArgs(startup=BROKEN)):
        error = deploy(lambda other=other: vm("web", other)).error

        assert f"args: is a {type(other).__name__}; give {args.__name__}(startup=...)" in str(error)


@pytest.mark.parametrize(
    ("cloud", "path", "given"),
    [
        ("aws", "instance_type", None),
        ("gcp", "machine_type", None),
        ("gcp", "disk_type", 7),
        ("gcp", "ssh_user", None),
        ("azure", "vm_size", None),
        ("azure", "admin_username", None),
        ("azure", "location", 5),
        ("azure", "resource_group", 5),
        ("azure", "resource_group", ""),
        ("azure", "subnet", "default"),
    ],
)
def test_what_is_no_text_is_named(cloud: str, path: str, given: object) -> None:
    """As `config.get(...)` gives it: an argument that takes a text does not take None."""
    kind = next(kind for kind in KINDS if kind.cloud == cloud)
    arguments: dict[str, Any] = {path: given}
    found = problems(kind, **arguments)

    assert [path] == list(found)
    assert found[path].startswith(f"is {given!r}; give ")


def test_a_misspelt_argument_is_a_type_error(kind: Kind) -> None:
    """Arguments are fields of a class."""
    with pytest.raises(TypeError, match="disk_gb"):
        kind.make(disk_gb=20)


def test_a_payload_too_large_is_said_before_anything_is_registered(kind: Kind) -> None:
    """R3: size, limit and largest step stand in the error, together with other problems."""
    noise = os.urandom(300_000).hex()
    found = problems(kind, startup=StartupScript("big", first_boot=[Shell("noise", script=f": {noise}")]), disk_gib=5)

    assert 2 == len(found)
    assert any("noise" in message for message in found.values())
