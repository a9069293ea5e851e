"""The resources of the local clouds change, are replaced and refuse as those of the real clouds do.

Machines are fakes here: what a boot does is proven in tests/boot.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lab.aws.provider import IMAGES, AwsProvider
from lab.azure.provider import AzureNativeProvider
from lab.clouds import provider
from lab.errors import LabError
from lab.gcp.provider import GcpProvider
from lab.providers.provider import Provider
from lab.providers.resources import changes
from lab.providers.wire import UNKNOWN

from .fake_machines import FakeLab

AMI = next(iter(IMAGES))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


AWS: dict[str, Any] = {
    "ami": AMI,
    "instanceType": "t3.micro",
    "subnetId": "subnet-1",
    "userDataBase64": b64("one"),
    "tags": {"Name": "web"},
}
GCP: dict[str, Any] = {
    "name": "web",
    "zone": "europe-west3-a",
    "machineType": "e2-small",
    "bootDisk": {"initializeParams": {"image": "projects/debian-cloud/global/images/family/debian-12"}},
    "networkInterfaces": [{"subnetwork": "vms", "accessConfigs": [{}]}],
    "metadata": {"startup-script": "one", "serial-port-enable": "FALSE"},
}
AZURE: dict[str, Any] = {
    "vmName": "web",
    "resourceGroupName": "group",
    "location": "westeurope",
    "osProfile": {"computerName": "web", "adminUsername": "admin"},
    "storageProfile": {
        "imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "latest"},
        "osDisk": {"createOption": "FromImage"},
    },
    "userData": b64("one"),
}
VMS = {"aws": (AwsProvider, AWS), "gcp": (GcpProvider, GCP), "azure-native": (AzureNativeProvider, AZURE)}
CLOUDS = pytest.mark.parametrize("package", list(VMS))


@pytest.fixture
def lab(tmp_path: Path) -> FakeLab:
    return FakeLab(tmp_path)


def made(lab: FakeLab, package: str) -> tuple[Provider, str, dict[str, Any]]:
    cloud = provider(package, lab, lab.state)
    inputs, failures = cloud.check(cloud.vm, "web", {}, VMS[package][1])
    assert not failures
    id, _ = cloud.create(cloud.vm, f"urn:pulumi:local::p::{cloud.vm}::web", inputs)
    return cloud, id, inputs


def changed(inputs: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(inputs))
    *parents, last = path.split(".")
    place = copy
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return copy


@CLOUDS
def test_a_vm_becomes_a_running_machine_with_its_payload(lab: FakeLab, package: str) -> None:
    """Creating a VM creates and starts a machine of its name; reading it back gives inputs and outputs."""
    cloud, id, inputs = made(lab, package)
    machine = lab.machine("web")
    assert (machine.state, machine.payload, machine.image) == ("running", "one", "debian-12")
    read = cloud.read(cloud.vm, id)
    assert read is not None and read[0] == inputs
    assert set(cloud.vm_outputs) <= set(read[1])


@CLOUDS
def test_a_preview_makes_nothing(lab: FakeLab, package: str) -> None:
    """In a preview the id is empty, outputs are unknown, and there is no machine and no record."""
    cloud = provider(package, lab, lab.state)
    id, state = cloud.create(cloud.vm, "urn", VMS[package][1], preview=True)
    assert id == "" and all(state[name] is UNKNOWN for name in cloud.vm_outputs)
    assert not lab.machines() and not list(cloud.records.all())


@CLOUDS
def test_deleting_takes_the_machine_away_and_may_be_repeated(lab: FakeLab, package: str) -> None:
    """A deleted VM's machine is gone, reading finds nothing, and deleting again is fine."""
    cloud, id, _ = made(lab, package)
    cloud.delete(cloud.vm, id)
    cloud.delete(cloud.vm, id)
    assert not lab.machines() and cloud.read(cloud.vm, id) is None


@CLOUDS
def test_a_vm_whose_machine_is_gone_is_gone(lab: FakeLab, package: str) -> None:
    """Reading a VM whose machine somebody removed says that it is gone, so that it is made again."""
    cloud, id, _ = made(lab, package)
    lab.machine("web").delete()
    assert cloud.read(cloud.vm, id) is None


@pytest.mark.parametrize(
    ("package", "path", "value", "events"),
    [
        ("aws", "userDataBase64", b64("two"), ["start", "stop", "payload", "start"]),
        ("aws", "instanceType", "t3.large", ["start", "stop", "start"]),
        ("aws", "tags.team", "blue", ["start"]),
        ("gcp", "metadata.startup-script", "two", ["start", "payload"]),
        ("gcp", "metadata.ssh-keys", "a:b", ["start", "attributes"]),
        ("gcp", "labels.team", "blue", ["start"]),
        ("azure-native", "userData", b64("two"), ["start", "payload"]),
        ("azure-native", "tags.team", "blue", ["start"]),
    ],
)
def test_a_change_in_place_does_to_the_machine_what_the_cloud_does(
    lab: FakeLab, package: str, path: str, value: Any, events: list[str]
) -> None:
    """EC2 stops, changes and starts for a new payload or type; GCE and Azure change the payload under a running VM."""
    cloud, id, inputs = made(lab, package)
    new = changed(inputs, path, value)
    difference = cloud.diff(cloud.vm, inputs, new)
    assert list(difference.changed) == [path] and not difference.replaces
    cloud.update(cloud.vm, id, inputs, new)
    assert lab.machine("web").events == events
    assert cloud.read(cloud.vm, id) == (new, cloud.read(cloud.vm, id)[1])  # pyright: ignore[reportOptionalSubscript]


@pytest.mark.parametrize(
    ("package", "path", "value", "delete_first"),
    [
        ("aws", "ami", "ami-2", False),
        ("aws", "subnetId", "subnet-2", False),
        ("aws", "rootBlockDevice.encrypted", True, False),
        ("gcp", "metadataStartupScript", "two", True),
        ("gcp", "zone", "europe-west3-b", True),
        ("gcp", "bootDisk.initializeParams.image", "debian-cloud/debian-13", True),
        ("gcp", "name", "other", False),
        ("azure-native", "location", "northeurope", True),
        ("azure-native", "vmName", "other", False),
    ],
)
def test_what_the_cloud_cannot_change_is_replaced(
    lab: FakeLab, package: str, path: str, value: Any, delete_first: bool
) -> None:
    """Such a change replaces; where the new one would have the old one's name, the old one is deleted first."""
    cloud = provider(package, lab, lab.state)
    inputs = VMS[package][1]
    difference = cloud.diff(cloud.vm, inputs, changed(inputs, path, value))
    assert difference.replaces == [path]
    assert difference.delete_before_replace is delete_first


@pytest.mark.parametrize("path", ["osProfile.customData", "osProfile.adminUsername"])
def test_azure_refuses_what_is_written_once(lab: FakeLab, path: str) -> None:
    """A change of customData previews as an update and then fails, as it does on Azure."""
    cloud, id, inputs = made(lab, "azure-native")
    new = changed(inputs, path, b64("two"))
    assert not cloud.diff(cloud.vm, inputs, new).replaces
    with pytest.raises(LabError, match=f"409 PropertyChangeNotAllowed.*{path}"):
        cloud.update(cloud.vm, id, inputs, new)


def test_a_machine_type_needs_leave_to_stop_on_gcp(lab: FakeLab) -> None:
    """Without allowStoppingForUpdate the change fails; with it the instance stops and starts."""
    cloud, id, inputs = made(lab, "gcp")
    new = changed(inputs, "machineType", "e2-medium")
    with pytest.raises(LabError, match="allowStoppingForUpdate"):
        cloud.update(cloud.vm, id, inputs, new)
    cloud.update(cloud.vm, id, inputs, {**new, "allowStoppingForUpdate": True})
    assert lab.machine("web").events == ["start", "stop", "start"]


@pytest.mark.parametrize(
    ("package", "path", "value", "complaint"),
    [
        ("aws", "userDataBase64", base64.b64encode(b"x" * 16_385).decode(), "16384 bytes before base64, got 16385"),
        ("aws", "userDataBase64", "no base64!", "not valid base64"),
        ("aws", "userData", "x", "conflicts with userData"),
        ("aws", "ami", "ami-12345678", "InvalidAMIID.NotFound"),
        ("aws", "colour", "blue", "unknown property"),
        ("aws", "instanceType", 3, "expected text, got a whole number 3"),
        ("aws", "associatePublicIpAddress", "yes", "expected true or false, got text 'yes'"),
        ("aws", "metadataOptions.httpTocens", "required", "unknown property"),
        ("gcp", "metadata.startup-script", "x" * 262_145, "262144 bytes, got 262145"),
        ("gcp", "metadata.a key", "x", "a key has 1 to 127 characters"),
        ("gcp", "machineType", None, "missing required property"),
        ("gcp", "serviceAccount", {"email": "a@b"}, "missing required property"),
        ("gcp", "bootDisk.initializeParams.image", "debian-cloud/debian-9", "was not found"),
        ("azure-native", "userData", base64.b64encode(b"x" * 49_153).decode(), "65536 characters of base64, got 65540"),
        ("azure-native", "userData", "no base64!", "not valid base64"),
        ("azure-native", "storageProfile.osDisk.createOption", None, "missing required property"),
        ("azure-native", "osProfile.adminUsername", None, "missing required property"),
    ],
)
def test_check_names_what_is_wrong(lab: FakeLab, package: str, path: str, value: Any, complaint: str) -> None:
    """`lab`: An unknown or missing property, a wrong type, a text over the limit: refused with its path and reason."""
    cloud = provider(package, lab, lab.state)
    _, failures = cloud.check(cloud.vm, "web", {}, changed(VMS[package][1], path, value))
    assert [complaint in failure.reason for failure in failures] == [True], failures
    assert failures[0].path.replace("Base64", "").startswith(path.replace("Base64", "").rpartition(".")[0])


@pytest.mark.parametrize(
    ("package", "path", "value"),
    [
        ("aws", "userDataBase64", base64.b64encode(b"x" * 16_384).decode()),
        ("gcp", "metadata.startup-script", "x" * 262_144),
        ("azure-native", "userData", base64.b64encode(b"x" * 49_152).decode()),
        ("aws", "ami", UNKNOWN),
        ("gcp", "metadata.startup-script", UNKNOWN),
        ("azure-native", "userData", UNKNOWN),
    ],
)
def test_check_takes_what_just_fits_and_what_is_not_known_yet(
    lab: FakeLab, package: str, path: str, value: Any
) -> None:
    """The limit itself fits, and an unknown value passes in a preview."""
    cloud = provider(package, lab, lab.state)
    inputs = dict(VMS[package][1])
    if value is UNKNOWN and "." in path:
        key, _, inner = path.partition(".")
        inputs[key] = {**inputs[key], inner: UNKNOWN}
    elif value is UNKNOWN:
        inputs[path] = UNKNOWN
    else:
        inputs = changed(inputs, path, value)
    assert cloud.check(cloud.vm, "web", {}, inputs)[1] == []


def test_a_name_that_is_not_given_is_chosen_once(lab: FakeLab) -> None:
    """The provider derives a name from the logical one, keeps it at later checks, and chooses anew for a replacement."""
    cloud = provider("aws", lab, lab.state)
    token, given = "aws:iam/instanceProfile:InstanceProfile", {"role": "r"}
    first, _ = cloud.check(token, "profile", {}, given)
    again, _ = cloud.check(token, "profile", first, given)
    other, _ = cloud.check(token, "profile", {}, given)
    assert first["name"].startswith("profile-") and len(first["name"]) == len("profile-") + 7
    assert again == first and other["name"] != first["name"]


def test_two_resources_cannot_have_one_name(lab: FakeLab) -> None:
    """The second creation fails as on the cloud, and the first stays."""
    cloud, id, inputs = made(lab, "gcp")
    with pytest.raises(LabError, match="409 already exists"):
        cloud.create(cloud.vm, "urn:other", inputs)
    assert cloud.read(cloud.vm, id) is not None and len(lab.machines()) == 1


def test_two_instances_may_have_one_tag(lab: FakeLab) -> None:
    """On EC2 a name is only a tag: the second instance's machine gets a number."""
    made(lab, "aws")
    made(lab, "aws")
    assert {machine.name for machine in lab.machines()} == {"web", "web-2"}


@CLOUDS
def test_a_vm_that_does_not_boot_leaves_nothing(lab: FakeLab, package: str) -> None:
    """When the machine does not start, the creation fails and neither machine nor record stays."""
    (lab.folder / "does-not-boot").touch()
    with pytest.raises(LabError, match="does not boot"):
        made(lab, package)
    assert not lab.machines() and not list(provider(package, lab, lab.state).records.all())


def test_azures_interface_has_the_address_that_the_vm_gets(lab: FakeLab) -> None:
    """The address is known when the interface is made, before the VM exists, and an update keeps it."""
    cloud = provider("azure-native", lab, lab.state)
    token = "azure-native:network:NetworkInterface"
    nic, _ = cloud.check(token, "nic", {}, {"resourceGroupName": "g", "ipConfigurations": [{"name": "primary"}]})
    id, state = cloud.create(token, "urn:nic", nic)
    address = state["ipConfigurations"][0]["privateIPAddress"]
    assert cloud.update(token, id, nic, {**nic, "tags": {"a": "b"}})["ipConfigurations"] == state["ipConfigurations"]
    lab.create("azure", "somebody-else", payload=None)
    cloud.create(cloud.vm, "urn:vm", {**AZURE, "networkProfile": {"networkInterfaces": [{"id": id}]}})
    assert lab.machine("web").address == address


def test_azures_interface_stays_in_its_network(lab: FakeLab) -> None:
    """An interface moves to another subnet of its network, and Azure refuses one of another network."""
    cloud = provider("azure-native", lab, lab.state)
    token = "azure-native:network:NetworkInterface"

    def at(network: str, subnet: str) -> dict[str, Any]:
        id = f"/virtualNetworks/{network}/subnets/{subnet}"
        return {"resourceGroupName": "g", "ipConfigurations": [{"subnet": {"id": id}}]}

    old, _ = cloud.check(token, "nic", {}, at("a", "one"))
    id, state = cloud.create(token, "urn:nic", old)
    moved = {**old, **at("a", "two")}
    assert state["ipConfigurations"] != cloud.update(token, id, old, moved)["ipConfigurations"]
    with pytest.raises(LabError, match="can change its subnet, but not its virtual network"):
        cloud.update(token, id, moved, {**old, **at("b", "one")})
    assert (moved,) == (cloud.read(token, id) or ())[:1]


def test_look_ups_find_images_and_networks(lab: FakeLab) -> None:
    """The parameter of an image leads to one that boots, and the subnets of a zone to their network."""
    cloud = provider("aws", lab, lab.state, {"region": "eu-west-1"})
    found = cloud.invoke("aws:ssm/getParameter:getParameter", {"name": "/aws/service/debian/release/13/latest/amd64"})
    assert IMAGES[found["insecureValue"]] == "debian-13"
    filters = [{"name": "availability-zone", "values": ["eu-west-1a"]}]
    ids = cloud.invoke("aws:ec2/getSubnets:getSubnets", {"filters": filters})["ids"]
    assert cloud.invoke("aws:ec2/getSubnet:getSubnet", {"id": ids[0]})["vpcId"].startswith("vpc-0")


@pytest.mark.parametrize(
    ("token", "arguments", "complaint"),
    [
        ("aws:ssm/getParameter:getParameter", {"name": "/my/own"}, "no parameter '/my/own'"),
        ("aws:ec2/getSubnet:getSubnet", {"id": "subnet-9"}, "InvalidSubnetID.NotFound"),
        ("aws:sqs/getQueue:getQueue", {}, "no look-up aws:sqs/getQueue:getQueue"),
    ],
)
def test_a_look_up_that_finds_nothing_says_what_there_is(
    lab: FakeLab, token: str, arguments: dict[str, Any], complaint: str
) -> None:
    """Such a look-up fails with the name that was asked for."""
    with pytest.raises(LabError, match=complaint):
        provider("aws", lab, lab.state).invoke(token, arguments)


def test_a_resource_that_the_local_cloud_does_not_have_is_refused_by_name(lab: FakeLab) -> None:
    """The failure names the resource and those that there are."""
    _, failures = provider("aws", lab, lab.state).check("aws:sqs/queue:Queue", "b", {}, {})
    assert "no aws:sqs/queue:Queue; it has aws:ec2/instance:Instance" in failures[0].reason


def test_unknown_settings_are_refused(lab: FakeLab) -> None:
    """A setting of a provider that the local cloud does not know is named."""
    cloud = provider("gcp", lab, lab.state)
    assert cloud.check_config({"project": "p", "version": "10.2.0"}) == []
    assert [failure.path for failure in cloud.check_config({"projekt": "p"})] == ["projekt"]


def test_lists_differ_where_they_differ() -> None:
    """The differences have a path each, numbers of list items included; own notes never differ."""
    old = {"rules": [{"port": 1}, {"port": 2}], "__defaults": ["a"], "name": "x"}
    new = {"rules": [{"port": 1}, {"port": 3}, {"port": 4}], "tags": {"a": "b"}, "name": "x"}
    assert changes(old, new) == {"rules[1].port": "update", "rules[2].port": "add", "tags.a": "add"}
