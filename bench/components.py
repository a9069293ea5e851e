"""A thousand VMs of one cloud under Pulumi's mocks, against the same resources registered bare.

`python -m bench.components [VMS]` prints both times and their ratio for each cloud.
Bare are the same children with the same properties below the same number of components that do nothing else.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import reset_options
from pulumi.runtime.stack import run_pulumi_func

from components import vm_on
from startup import render, step_fingerprints
from web import web_server

from .figures import Figure, figure

VALUES = {"SITE_NAME": "Evenboot"}
STEPS = {name: whole[:8] for name, whole in step_fingerprints(web_server, VALUES).items()}
CONFIG = {
    "aws:region": "eu-central-1",
    "gcp:project": "p",
    "gcp:zone": "europe-west3-a",
    "azure-native:location": "westeurope",
}
NOTE = """
Processor time, the least of three rounds. Bare are the same children with the same properties below the same number of
components that do nothing else. It takes some minutes, with 1,000 VMs on azure some twenty: its SDK gives each resource
hundreds of former types, for which Pulumi computes aliases; those that no component ever had are left out, the bare resources
have them all.
"""
ROUNDS = 3


class Cloud(pulumi_mocks.Mocks):
    """Answer with what was asked for, and what a resource needs of another."""

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return {"insecureValue": "ami-0", "locations": ["a"], "ids": ["subnet-a"], "vpcId": "vpc-a"}, []

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state: dict[str, Any] = {**args.inputs, "name": args.name}
        if "identity" in state:
            state["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {}}
        return f"{args.name}-id", state


def timed(program: Callable[[], None]) -> float:
    """Return how many seconds of processor time a program takes under mocks."""
    started = time.process_time()
    contextvars.Context().run(_run, program)
    return time.process_time() - started


def _run(program: Callable[[], None]) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def run() -> None:
        reset_options(project="bench", stack="bench", preview=False)
        set_all_config(CONFIG, [])
        pulumi.runtime.set_mocks(Cloud(), project="bench", stack="bench", preview=False)

        await run_pulumi_func(program)

    loop.run_until_complete(run())
    asyncio.set_event_loop(None)
    loop.close()


class Bare(pulumi.ComponentResource):
    """A component that does nothing but hold resources."""

    def __init__(self, name: str) -> None:
        super().__init__("bench:index:Bare", name)
        self.children = pulumi.ResourceOptions(parent=self)


def steps(name: str, id: pulumi.Output[str], vm: Bare) -> None:
    """Keep what a VM was told, without hooks."""
    told = {"vm": id, "definition": "0" * 64, "payload": "0" * 8, "steps": STEPS}
    pulumi.Stash(f"{name}-steps", input=told, opts=vm.children)


def bare_aws(count: int) -> None:
    from pulumi_aws import ec2, iam

    user_data = render(web_server, VALUES, "aws").base64
    for number in range(count):
        vm = Bare(f"vm-{number}")
        kept = pulumi.ResourceOptions(parent=vm, ignore_changes=["input"])
        network = pulumi.Stash(f"vm-{number}-network", input={"subnet": "subnet-a", "vpc": "vpc-a"}, opts=kept).input
        image = pulumi.Stash(f"vm-{number}-image-debian-12-amd64", input="ami-0", opts=kept).input
        role = iam.Role(
            f"vm-{number}-role",
            description="The identity of the VM",
            assume_role_policy=json.dumps({"Statement": [{"Principal": {"Service": "ec2.amazonaws.com"}}]}),
            opts=vm.children,
        )
        profile = iam.InstanceProfile(f"vm-{number}-profile", role=role.name, opts=vm.children)
        group = ec2.SecurityGroup(
            f"vm-{number}-firewall",
            description="What may reach the VM",
            vpc_id=network["vpc"],
            ingress=[],
            egress=[ec2.SecurityGroupEgressArgs(protocol="-1", from_port=0, to_port=0, cidr_blocks=["0.0.0.0/0"])],
            opts=vm.children,
        )
        instance = ec2.Instance(
            f"vm-{number}-vm",
            ami=image,
            instance_type="t3.micro",
            subnet_id=network["subnet"],
            associate_public_ip_address=True,
            vpc_security_group_ids=[group.id],
            iam_instance_profile=profile.name,
            user_data_base64=user_data,
            user_data_replace_on_change=False,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                encrypted=True, volume_size=20, volume_type="gp3", delete_on_termination=True
            ),
            tags={"Name": f"vm-{number}"},
            opts=vm.children,
        )
        steps(f"vm-{number}", instance.id, vm)
        vm.register_outputs({"id": instance.id, "address": instance.public_ip, "identity": role.arn})


def bare_gcp(count: int) -> None:
    from pulumi_gcp import compute, serviceaccount

    script = render(web_server, VALUES, "gcp").text
    network = compute.Network("network", auto_create_subnetworks=False)
    subnet = compute.Subnetwork("subnet", network=network.id, region="europe-west3", ip_cidr_range="10.70.0.0/20")
    for number in range(count):
        vm = Bare(f"vm-{number}")
        account = serviceaccount.Account(
            f"vm-{number}-identity", account_id=f"vm-{number}-x", display_name="The identity", opts=vm.children
        )
        instance = compute.Instance(
            f"vm-{number}-vm",
            name=f"vm-{number}",
            zone="europe-west3-a",
            machine_type="e2-micro",
            boot_disk=compute.InstanceBootDiskArgs(
                auto_delete=True,
                initialize_params=compute.InstanceBootDiskInitializeParamsArgs(
                    image="projects/debian-cloud/global/images/family/debian-12", size=20, type="pd-balanced"
                ),
            ),
            network_interfaces=[
                compute.InstanceNetworkInterfaceArgs(
                    subnetwork=subnet.id, access_configs=[compute.InstanceNetworkInterfaceAccessConfigArgs()]
                )
            ],
            metadata={"startup-script": script, "block-project-ssh-keys": "TRUE", "serial-port-enable": "FALSE"},
            service_account=compute.InstanceServiceAccountArgs(email=account.email, scopes=["cloud-platform"]),
            shielded_instance_config=compute.InstanceShieldedInstanceConfigArgs(
                enable_secure_boot=True, enable_vtpm=True, enable_integrity_monitoring=True
            ),
            allow_stopping_for_update=True,
            opts=vm.children,
        )
        interface = instance.network_interfaces[0]
        steps(f"vm-{number}", instance.instance_id, vm)
        vm.register_outputs(
            {
                "id": instance.id,
                "private": interface.network_ip,
                "public": interface.access_configs[0].nat_ip,
                "identity": account.member,
            }
        )


def bare_azure(count: int) -> None:
    from pulumi_azure_native import compute, managedidentity, network, resources

    user_data = render(web_server, VALUES, "azure").base64
    group = resources.ResourceGroup("group", location="westeurope").name
    place: Mapping[str, Any] = {"resource_group_name": group, "location": "westeurope"}
    subnet = (
        network.VirtualNetwork(
            "network",
            **place,
            address_space=network.AddressSpaceArgs(address_prefixes=["10.70.0.0/16"]),
            subnets=[network.SubnetArgs(name="vms", address_prefix="10.70.0.0/20")],
        )
        .subnets[0]
        .id
    )
    for number in range(count):
        vm = Bare(f"vm-{number}")
        here: Mapping[str, Any] = {**place, "opts": vm.children}
        identity = managedidentity.UserAssignedIdentity(f"vm-{number}-identity", **here)
        firewall = network.NetworkSecurityGroup(f"vm-{number}-firewall", **here, security_rules=[])
        address = network.PublicIPAddress(
            f"vm-{number}-address",
            **here,
            sku=network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
        )
        nic = network.NetworkInterface(
            f"vm-{number}-nic",
            **here,
            network_security_group=network.NetworkSecurityGroupArgs(id=firewall.id),
            ip_configurations=[
                network.NetworkInterfaceIPConfigurationArgs(
                    name="primary",
                    primary=True,
                    private_ip_allocation_method="Dynamic",
                    subnet=network.SubnetArgs(id=subnet),
                    public_ip_address=network.PublicIPAddressArgs(id=address.id),
                )
            ],
        )
        machine = compute.VirtualMachine(
            f"vm-{number}-vm",
            **here,
            vm_name=f"vm-{number}",
            hardware_profile=compute.HardwareProfileArgs(vm_size="Standard_B1s"),
            os_profile=compute.OSProfileArgs(
                computer_name=f"vm-{number}",
                admin_username="vmadmin",
                linux_configuration=compute.LinuxConfigurationArgs(
                    disable_password_authentication=True,
                    provision_vm_agent=True,
                    ssh=compute.SshConfigurationArgs(public_keys=[compute.SshPublicKeyArgs(path="/k", key_data="k")]),
                ),
            ),
            storage_profile=compute.StorageProfileArgs(
                image_reference=compute.ImageReferenceArgs(
                    publisher="Debian", offer="debian-12", sku="12-gen2", version="latest"
                ),
                os_disk=compute.OSDiskArgs(
                    create_option="FromImage",
                    delete_option="Delete",
                    disk_size_gb=30,
                    managed_disk=compute.ManagedDiskParametersArgs(storage_account_type="StandardSSD_LRS"),
                ),
            ),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[compute.NetworkInterfaceReferenceArgs(id=nic.id, primary=True)]
            ),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
            ),
            user_data=user_data,
            security_profile=compute.SecurityProfileArgs(
                security_type="TrustedLaunch",
                uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
            ),
            diagnostics_profile=compute.DiagnosticsProfileArgs(
                boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True)
            ),
        )
        steps(f"vm-{number}", machine.vm_id, vm)
        vm.register_outputs(
            {
                "id": machine.id,
                "private": nic.ip_configurations[0].private_ip_address,
                "public": address.ip_address,
                "identity": identity.principal_id,
            }
        )


BARE = {"aws": bare_aws, "gcp": bare_gcp, "azure": bare_azure}


def with_components(cloud: str, count: int) -> None:
    """Register the VMs as a user does."""
    vm, args = vm_on(cloud)
    for number in range(count):
        vm(f"vm-{number}", args(startup=web_server, values=VALUES))


def both(cloud: str, count: int) -> tuple[float, float]:
    """Return the least seconds of some rounds, bare and with components."""
    timed(lambda: BARE[cloud](1))  # imports the SDK
    timed(lambda: with_components(cloud, 1))
    rounds = [(timed(lambda: BARE[cloud](count)), timed(lambda: with_components(cloud, count))) for _ in range(ROUNDS)]
    return min(bare for bare, _ in rounds), min(made for _, made in rounds)


def measure(count: int = 1_000) -> list[Figure]:
    """Make a figure for each cloud."""
    what = f"{count:,} VMs on {{}} under mocks, against the same resources registered bare"
    pairs = [(cloud, *both(cloud, count)) for cloud in BARE]
    return [figure(what.format(cloud), made / bare, "times", 1.2) for cloud, bare, made in pairs]


def main() -> None:
    """Print a line for each cloud."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    for cloud in BARE:
        bare, made = both(cloud, count)
        print(
            f"{cloud}: {count:,} VMs: bare {bare:.2f} s, components {made:.2f} s, {made / bare:.2f} times", flush=True
        )


if __name__ == "__main__":
    main()
