"""The exact children of GcpVm. Mocks do not prove that Google Cloud accepts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pulumi
import pytest

from components import GcpVm, GcpVmArgs, Inbound
from startup import render
from startup.testing.deployment import Deployment, deploy

from .conftest import SCRIPT

ACCOUNT = "web-6cdc8411a8"


def vm(name: str = "web", opts: pulumi.ResourceOptions | None = None, **arguments: object) -> Deployment:
    return deploy(lambda: made(name, opts, **arguments))


def made(name: str = "web", opts: pulumi.ResourceOptions | None = None, **arguments: object) -> dict[str, object]:
    machine = GcpVm(name, GcpVmArgs(startup=SCRIPT, **arguments), opts)  # pyright: ignore[reportArgumentType]
    outputs = ("id", "private_address", "public_address", "fingerprint", "identity")
    return {name: getattr(machine, name) for name in outputs}


def test_it_has_exactly_these_children() -> None:
    """`children`, `inbound`: A VM with nothing but a definition is these resources: no firewall rule among them."""
    assert [
        ("evenboot:index:GcpVm", "web"),
        ("gcp:compute/instance:Instance", "web-vm"),
        ("gcp:compute/network:Network", "evenboot-europe-west3"),
        ("gcp:compute/subnetwork:Subnetwork", "evenboot-europe-west3"),
        ("gcp:serviceaccount/account:Account", "web-identity"),
        ("pulumi:index:Stash", "web-steps"),
    ] == vm().all()


def test_the_instance_is_secure_from_the_start() -> None:
    """`startup`, `security`: Exactly these properties, the definition's payload in `metadata`."""
    assert {
        "name": "web",
        "zone": "europe-west3-a",
        "machineType": "e2-micro",
        "bootDisk": {
            "autoDelete": True,
            "initializeParams": {
                "image": "projects/debian-cloud/global/images/family/debian-12",
                "size": 20,
                "type": "pd-balanced",
            },
        },
        "networkInterfaces": [{"subnetwork": "evenboot-europe-west3-id", "accessConfigs": [{}]}],
        "metadata": {
            "startup-script": render(SCRIPT, {}, "gcp").text,
            "block-project-ssh-keys": "TRUE",
            "serial-port-enable": "FALSE",
        },
        "serviceAccount": {
            "email": f"{ACCOUNT}@p.iam",
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        },
        "shieldedInstanceConfig": {
            "enableSecureBoot": True,
            "enableVtpm": True,
            "enableIntegrityMonitoring": True,
        },
        "allowStoppingForUpdate": True,
    } == vm().resource("web-vm").properties


def test_the_network_is_its_own() -> None:
    """`security`: Not the project's default network, whose rules let SSH in from everywhere."""
    deployment = vm()

    assert {"autoCreateSubnetworks": False, "description": "VMs that were given no subnet"} == deployment.resource(
        "evenboot-europe-west3", "Network"
    ).properties
    assert {
        "network": "evenboot-europe-west3-id",
        "region": "europe-west3",
        "ipCidrRange": "10.70.0.0/20",
        "privateIpGoogleAccess": True,
    } == deployment.resource("evenboot-europe-west3", "Subnetwork").properties


def test_inbound_opens_ports_of_this_vm_only() -> None:
    """`inbound`: Each entry is a firewall rule for the VM's own identity."""
    assert {
        "network": "evenboot-europe-west3-id",
        "description": "Opens tcp 80 of the VM web",
        "direction": "INGRESS",
        "allows": [{"protocol": "tcp", "ports": ["80"]}],
        "sourceRanges": ["10.0.0.0/8"],
        "targetServiceAccounts": [f"{ACCOUNT}@p.iam"],
    } == vm(inbound=[Inbound(80, sources=["10.0.0.0/8"])]).resource("web-tcp-80").properties


def test_inbound_of_a_subnet_of_ones_own_asks_for_its_network() -> None:
    """`subnet`: A subnet's network is looked up for the rule; no network is made."""
    deployment = vm(subnet="regions/r/subnetworks/own", inbound=[Inbound(80)])

    asked = ("gcp:compute/getSubnetwork:getSubnetwork", {"selfLink": "regions/r/subnetworks/own"}, "")
    assert asked in deployment.looked_up
    assert "networks/own" == deployment.resource("web-tcp-80").properties["network"]
    assert [{"subnetwork": "regions/r/subnetworks/own"}] == deployment.resource("web-vm").properties[
        "networkInterfaces"
    ]
    assert "gcp:compute/network:Network" not in dict(deployment.all())


def test_each_default_can_be_loosened_by_name() -> None:
    """`security`, `ssh_public_key`, `disk_gib`, `public_address`: The named arguments reach the instance."""
    properties = (
        vm(
            secure_boot=False,
            project_ssh_keys=True,
            serial_console=True,
            scopes=["https://www.googleapis.com/auth/logging.write"],
            ssh_public_key="ssh-ed25519 AAAA me",
            disk_gib=50,
            public_address=False,
        )
        .resource("web-vm")
        .properties
    )

    assert properties["shieldedInstanceConfig"]["enableSecureBoot"] is False
    assert ("FALSE", "TRUE", "vmadmin:ssh-ed25519 AAAA me") == (
        properties["metadata"]["block-project-ssh-keys"],
        properties["metadata"]["serial-port-enable"],
        properties["metadata"]["ssh-keys"],
    )
    assert ["https://www.googleapis.com/auth/logging.write"] == properties["serviceAccount"]["scopes"]
    assert 50 == properties["bootDisk"]["initializeParams"]["size"]
    assert [{"subnetwork": "evenboot-europe-west3-id"}] == properties["networkInterfaces"]


@pytest.mark.parametrize(
    ("image", "machine_type", "expected"),
    [
        ("debian-12", "t2a-standard-1", "projects/debian-cloud/global/images/family/debian-12-arm64"),
        ("ubuntu-24.04", "e2-micro", "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"),
        ("ubuntu-24.04", "c4a-standard-1", "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-arm64"),
        ("projects/p/global/images/mine", "e2-micro", "projects/p/global/images/mine"),
    ],
)
def test_images_are_families_for_the_processor(image: str, machine_type: str, expected: str) -> None:
    """`image`: A name becomes its family; an image's own path is taken as it is."""
    disk = vm(image=image, machine_type=machine_type).resource("web-vm").properties["bootDisk"]

    assert expected == disk["initializeParams"]["image"]


def test_outputs_say_where_the_vm_is() -> None:
    """`outputs`: The outputs of the contract; the identity is the account as policies name it."""
    outputs = vm().outputs

    assert ("web-vm-id", "10.70.0.2", "198.51.100.2", f"serviceAccount:{ACCOUNT}@p.iam") == (
        outputs["id"],
        outputs["private_address"],
        outputs["public_address"],
        outputs["identity"],
    )
    assert vm(public_address=False).outputs["public_address"] is None


def test_vms_share_a_network_by_region_and_provider() -> None:
    """`subnet`: Two VMs of a region share; another region and another provider have networks of their own."""

    def program() -> None:
        other = pulumi.ProviderResource("gcp", "other", {})
        made("a")
        made("b", zone="europe-west3-c")
        made("c", zone="us-east1-b")
        made("d", pulumi.ResourceOptions(provider=other))
        made("e", pulumi.ResourceOptions(providers={"gcp": other}))

    deployment = deploy(program)

    assert ["evenboot-europe-west3", "evenboot-other-europe-west3", "evenboot-us-east1"] == [
        name for kind, name in deployment.all() if kind == "gcp:compute/network:Network"
    ]
    for kind in ("Network", "Subnetwork"):
        shared = deployment.resource("evenboot-other-europe-west3", kind)
        assert shared.parent.endswith("::evenboot-test"), "it belongs to the stack"
        assert "::other::" in shared.request.provider


def test_labels_reach_instance_and_disk() -> None:
    """`tags`: Tags are labels here."""
    properties = vm(tags={"team": "a"}).resource("web-vm").properties

    assert {"team": "a"} == properties["labels"] == properties["bootDisk"]["initializeParams"]["labels"]


@pytest.mark.parametrize("mapping", [dict, MappingProxyType])
def test_labels_that_google_refuses(mapping: Callable[[dict[str, str]], Mapping[str, str]]) -> None:
    """`tags`: What can be no label is a problem, whatever mapping it comes in; what can is one."""
    error = vm(tags=mapping({"Team": "a", "tier": "Front End", "fine": "b"})).error

    assert "tags.Team: is 'a'; labels are small letters" in str(error)
    assert "tags.tier: is 'Front End'; labels are small letters" in str(error)
    assert "tags.fine" not in str(error)
    assert {"fine": "b"} == vm(tags=mapping({"fine": "b"})).resource("web-vm").properties["labels"]


def test_a_zone_is_asked_for() -> None:
    """Neither `zone` nor the stack's configuration: one clear problem."""
    error = deploy(made, config={"gcp:zone": None}).error

    assert "zone: is not given; give it, or set it for the stack: pulumi config set gcp:zone europe-west3-a" in str(
        error
    )


def test_service_account_ids_fit_and_differ() -> None:
    """Ids are 6 to 30 characters, for the longest name too, and differ where names differ only at their end."""
    ids = {
        vm(name).resource(f"{name}-identity").properties["accountId"] for name in ("a", "a" * 44 + "b", "a" * 44 + "c")
    }

    assert 3 == len(ids)
    assert all(6 <= len(account) <= 30 for account in ids)


def test_service_account_ids_differ_between_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stacks in one project may have a VM of the same name each: their accounts have other ids."""
    ids: set[str] = set()
    for stack in ("dev", "prod"):
        monkeypatch.setattr(pulumi, "get_stack", lambda stack=stack: stack)
        ids.add(vm().resource("web-identity").properties["accountId"])

    assert 2 == len(ids)
