"""A package answers Pulumi's engine: the component's process, asked over gRPC.

What the real engine and the generated SDKs make of it is tested in test_examples.py, where `pulumi` is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from components.values import SECRET
from hosted.schema import VERSION
from startup import Packages, Shell, StartupScript, fingerprint
from startup.testing.deployment import Deployment
from tests.components.conftest import KINDS, Kind

from .hosting import UNKNOWN, Package, Refused, output, package, secret, token

DATA = {"firstBoot": [{"kind": "packages", "names": ["nginx"]}]}
PYTHON = StartupScript("web", first_boot=[Packages(["nginx"])])
WITH_VALUE = {"everyBoot": [{"kind": "shell", "name": "greet", "script": 'echo "$PEER"', "uses": ["PEER"]}]}
PYTHON_WITH_VALUE = StartupScript("web", every_boot=[Shell("greet", script='echo "$PEER"', uses=["PEER"])])


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.cloud)
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kind, Package]]:
    """Each cloud's package in turn. Nothing that a test does makes it print a stack trace."""
    kind: Kind = request.param
    with package(kind.cloud, tmp_path_factory.mktemp("package")) as running:
        yield kind, running
        assert "Traceback" not in running.log.read_text()


def refusal(running: Package, inputs: dict[str, Any], *, preview: bool = False, name: str = "web") -> list[str]:
    """The problems with which the package refuses, and that nothing was registered."""
    with running.deployment(preview) as deployment:
        with pytest.raises(Refused) as caught:
            deployment.construct(inputs, name)
        assert [] == deployment.deployment.all()
    first, *problems = str(caught.value).split("\n  ")
    assert f"{token(running.cloud).rpartition(':')[2]} {name!r} cannot be made as asked:" == first
    return problems


def in_python(kind: Kind, **arguments: Any) -> Deployment:
    deployment = kind.deploy(**arguments)
    assert deployment.error is None
    return deployment


def test_the_package_says_what_it_is(hosted: tuple[Kind, Package]) -> None:
    """It has the project's version and the schema of its cloud."""
    kind, running = hosted

    assert VERSION == running.stub.GetPluginInfo(empty_pb2.Empty()).version
    schema = json.loads(running.stub.GetSchema(pb.GetSchemaRequest()).schema)
    assert {token(kind.cloud)} == schema["resources"].keys()


def test_a_vm_from_data_is_the_vm_from_python(hosted: tuple[Kind, Package]) -> None:
    """`package`: The same children with the same properties, and in the slot the same bytes; the outputs come back."""
    kind, running = hosted
    python = in_python(kind, startup=PYTHON)

    made = running.construct(DATA)

    assert kind.slot_of(python) == kind.slot_of(made.deployment)
    assert [entry for entry in python.all() if not entry[0].startswith("evenboot")] == [
        entry for entry in made.deployment.all() if not entry[0].startswith("evenboot")
    ]
    assert fingerprint(PYTHON, {}) == made.state["fingerprint"]
    assert {"vmId", "privateAddress", "publicAddress", "fingerprint", "identity"} <= made.state.keys()
    assert made.urn.endswith(f"{token(kind.cloud)}::web")


def test_the_children_belong_to_the_component(hosted: tuple[Kind, Package]) -> None:
    """The component is registered under the package's name, and its VM below it."""
    _, running = hosted
    made = running.construct(DATA)

    assert made.urn == made.deployment.resource("web-vm").parent


def test_every_argument_reaches_the_vm(hosted: tuple[Kind, Package]) -> None:
    """`package`: Numbers come as floats, lists of objects by their fields; the VM is the one that Python makes of them."""
    from components import Inbound

    kind, running = hosted
    python = in_python(
        kind, startup=PYTHON, disk_gib=40, public_address=False, inbound=[Inbound(80, sources=["203.0.113.0/24"])],
        tags={"team": "web"}, image="ubuntu-24.04", on_change="replace",
    )  # fmt: skip

    made = running.construct(
        {
            **DATA,
            "diskGib": 40.0,
            "publicAddress": False,
            "inbound": [{"port": 80.0, "sources": ["203.0.113.0/24"]}],
            "tags": {"team": "web"},
            "image": "ubuntu-24.04",
            "onChange": "replace",
            "subnet": None,
        }
    )

    for name in {name for _, name in python.all()} - {"web"}:
        for wanted, found in zip(named(python, name), named(made.deployment, name), strict=True):
            # The account's id holds the project's name, which mocks have only in the process of the test.
            assert wanted.properties == found.properties
            assert list(wanted.request.ignoreChanges) == list(found.request.ignoreChanges)
            assert wanted.request.replacement_trigger == found.request.replacement_trigger
    assert "publicAddress" not in made.state


def named(deployment: Deployment, name: str) -> list[Any]:
    return sorted((one for one in deployment.registered if one.name == name), key=lambda one: one.type)


@pytest.mark.parametrize("form", [output(known=False), UNKNOWN], ids=["output", "text"])
def test_a_preview_takes_unknown_values(hosted: tuple[Kind, Package], form: Any) -> None:
    """`package`, `values`: A value that is known only after the deployment leaves the slot unknown in the preview."""
    kind, running = hosted

    made = running.construct({**WITH_VALUE, "values": {"PEER": form}, "subnet": output(known=False)}, preview=True)

    assert UNKNOWN == made.state["fingerprint"]
    assert "Unknown" == type(kind.slot_of(made.deployment)).__name__


def test_a_known_output_is_a_value(hosted: tuple[Kind, Package]) -> None:
    """`package`, `values`: At the deployment the text of an Output is in the slot, as from Python."""
    kind, running = hosted
    python = in_python(kind, startup=PYTHON_WITH_VALUE, values={"PEER": "10.0.0.7"})

    made = running.construct({**WITH_VALUE, "values": {"PEER": output("10.0.0.7")}})

    assert kind.slot_of(python) == kind.slot_of(made.deployment)
    assert fingerprint(PYTHON_WITH_VALUE, {"PEER": "10.0.0.7"}) == made.state["fingerprint"]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize("form", [output("hush", secret=True), output(secret=True, known=False), secret("hush")],
                         ids=["output", "unknown", "plain"])  # fmt: skip
def test_a_secret_value_is_refused(hosted: tuple[Kind, Package], form: Any, preview: bool) -> None:
    """L14: in the words that Python has for it, before anything is registered, and without its text."""
    _, running = hosted

    assert [f"values.PEER: {SECRET}"] == refusal(running, {**WITH_VALUE, "values": {"PEER": form}}, preview=preview)


def test_a_secret_in_the_definition_is_refused(hosted: tuple[Kind, Package]) -> None:
    """L14: a step cannot have one; neither can an argument that stands in the cloud's console."""
    _, running = hosted
    step = {"kind": "file", "path": "/a", "content": secret("hush"), "owner": output("hush", secret=True)}

    assert [
        f"firstBoot[0].content: {SECRET}",
        f"firstBoot[0].owner: {SECRET}",
        "diskGib: is a secret, and would be readable in the cloud's console; give it plainly",
    ] == refusal(running, {"firstBoot": [step], "diskGib": secret(20)})


@pytest.mark.parametrize("form", [secret("web"), output("web", secret=True)], ids=["plain", "output"])
def test_a_tag_may_be_secret(hosted: tuple[Kind, Package], form: Any) -> None:
    """What the cloud takes as an Input goes on as it is."""
    kind, running = hosted
    made = running.construct({**DATA, "tags": {"team": form}})

    found = made.deployment.resource("web-vm").properties["labels" if kind.cloud == "gcp" else "tags"]
    assert "1b47061264138c4ac30d75fd1eb44270" in str(found) and "web" in str(found)


def test_everything_wrong_is_told_at_once(hosted: tuple[Kind, Package]) -> None:
    """R6: the definition's problems and the VM's, each once, with the path as it was written."""
    kind, running = hosted
    steps = [{"kind": "pakages"}, {"kind": "file", "path": "/a", "content": "", "mode": 644.0, "rerun_on": []}]
    inputs = {
        "firstBoot": steps,
        "diskGib": "large",
        "inbound": [{"port": 0.0}, {"sources": []}, 80.0],
        "colour": "blue",
        "image": 12.0,
        "tags": {"my_tag": 1.0},
        "sshPublicKey": output("ssh-ed25519 AAAA"),
    }

    found = refusal(running, inputs)

    expected = [
        f"colour: is no field of {token(kind.cloud).rpartition(':')[2]}; ",
        "firstBoot[0].kind: is 'pakages', no kind of step; did you mean 'packages'?",
        "firstBoot[1].rerun_on: is no field of a file step; did you mean 'rerunOn'?",
        "firstBoot[1].mode: is 644, which is 0o1204 in octal; write 0o644 if you mean the permissions 644",
        "image: is 12; give 'debian-12' or ",
        "inbound[0].port: is 0; give a whole number from 1 to 65,535",
        "inbound[1].port: is not given; an entry of inbound needs port",
        "inbound[1].sources: is []; give a list of IPv4 ranges",
        "inbound[2]: is 80; give an object such as {port: 80}",
        "diskGib: is 'large'; give a whole number of GiB",
        "sshPublicKey: is an Output, known only at deployment, and has to be known before; give it plainly",
        "tags.my_tag: is 1, not text",
    ]
    assert len(expected) == len([line for line in found if not line.startswith("tags.my_tag: is 1; labels")])
    for start, line in zip(expected, found, strict=False):
        assert line.startswith(start), line


def test_what_is_found_only_with_the_values_is_one_message_too(hosted: tuple[Kind, Package]) -> None:
    """A text that is too long is told when the value is known; no error of what waited for it stands around."""
    _, running = hosted

    with pytest.raises(Refused) as caught:
        running.construct({**WITH_VALUE, "values": {"PEER": output("x" * 70_000)}})
    assert [
        f"{token(running.cloud).rpartition(':')[2]} 'web' cannot be made as asked:",
        "  values.PEER: has 70,000 bytes, more than 65,536; let a step fetch it instead",
    ] == str(caught.value).splitlines()


def test_a_name_that_a_cloud_refuses_is_told(hosted: tuple[Kind, Package]) -> None:
    """The component's own name is judged as in Python."""
    _, running = hosted

    assert ["name: is 'Web'; a VM's name is 1 to 45"] == [line[:38] for line in refusal(running, DATA, name="Web")]


@pytest.mark.parametrize("explicit", [False, True], ids=["default provider", "own provider"])
def test_the_vms_of_a_program_share_their_network(hosted: tuple[Kind, Package], explicit: bool) -> None:
    """Two VMs, each constructed by a call of its own: what they share is made once, and their own things twice."""
    kind, running = hosted
    with running.deployment() as deployment:
        providers = {kind.package: deployment.provider(kind.package, "own")} if explicit else {}
        for name in ("one", "two"):
            deployment.construct(DATA, name, providers=providers)
        names = [name for _, name in deployment.deployment.all()]

    assert {"one-vm", "two-vm"} <= set(names)
    shared = [name for name in names if name.startswith("evenboot-")]
    assert (kind.cloud == "aws") == (shared == [])
    assert all(("-own-" in name) == explicit for name in shared)


def test_another_component_is_refused(hosted: tuple[Kind, Package]) -> None:
    """A package serves one component."""
    _, running = hosted
    request = pb.ConstructRequest(type="evenboot-x:index:Other", name="web", project="p", stack="s")

    with running.deployment() as deployment:
        request.monitorEndpoint = deployment.monitor
        with pytest.raises(Exception, match=f"there is no evenboot-x:index:Other in this package, only {token(running.cloud)}"):
            running.stub.Construct(request)
