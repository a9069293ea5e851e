"""What a user may write: every argument of every step, of the components and of the kit. Type checkers find nothing wrong.

Nothing here is called: tests/test_types.py has the checkers read it, as a user's file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pytest

from components import (
    AwsVm,
    AwsVmArgs,
    AzureVm,
    AzureVmArgs,
    GcpVm,
    GcpVmArgs,
    Inbound,
    Vm,
    VmArgs,
    VmArgsError,
    vm_on,
)
from startup import (
    Directory,
    Download,
    File,
    Overflow,
    Packages,
    Payload,
    Problem,
    Reboot,
    Service,
    Shell,
    StartupScript,
    StartupScriptError,
    Step,
    Unit,
    User,
    fingerprint,
    plan,
    render,
    render_or_overflow,
    step_fingerprints,
    validate,
)
from startup.testing import Machine, NoStatus, Status, assert_idempotent, assert_survives_any_kill
from startup.testing.deployment import Deployment, Registered
from startup.testing.local_cloud import LocalCloud

# Lists and tuples, of steps and of names; no sequence has to be of one kind.
packages = Packages(["nginx", "curl"], name="web server", timeout_seconds=600, retries=2, rerun_on=[])
user = User(
    "app",
    groups=["adm"],
    shell="/bin/sh",
    system=True,
    ssh_keys=("ssh-ed25519 AAAA me",),
    name="account",
    timeout_seconds=60,
    retries=1,
    rerun_on=("web server", packages),
)
folder = Directory(
    "/srv/app", mode=0o750, owner="app", group="app", name="folder", timeout_seconds=60, retries=1, rerun_on=[user]
)
conf = File(
    "/etc/app.conf",
    content="address ${ADDRESS}\n",
    uses=["ADDRESS"],
    mode=0o640,
    owner="app",
    group="app",
    name="configuration",
    timeout_seconds=60,
    retries=1,
    rerun_on=[folder, "account"],
)
program = Download(
    "https://example.org/app",
    path="/opt/app",
    sha256="ab" * 32,
    mode=0o755,
    owner="app",
    group="app",
    name="program",
    timeout_seconds=60,
    retries=3,
    rerun_on=[user],
)
unit = Unit(
    "app.service",
    content="[Service]\nExecStart=/opt/app\n",
    enable=False,
    start=True,
    name="unit",
    timeout_seconds=60,
    retries=1,
    rerun_on=[program],
)
service = Service(
    "nginx",
    enable=True,
    start=False,
    restart_on=[conf, "web server"],
    name="service",
    timeout_seconds=60,
    retries=1,
    rerun_on=[conf],
)
reboot = Reboot("new kernel", unless="test -e /done", timeout_seconds=300, retries=0, rerun_on=[packages])
shell = Shell(
    "warm cache",
    script="curl -fsS localhost/$ADDRESS",
    uses=("ADDRESS",),
    unless="test -e /warm",
    user="app",
    cwd="/srv/app",
    timeout_seconds=60,
    retries=1,
    rerun_on=[conf.name, service],
)

several: list[Step] = [packages, user, folder, conf]
app = StartupScript("app", first_boot=[*several, program, unit, service, reboot], every_boot=(shell,), shutdown=[])
values: Mapping[str, str] = {"ADDRESS": "10.0.0.7"}

# What a definition is asked.
names: list[str] = [step.name for _, _, step in app.steps() if step.retries > 0]
kinds: set[str] = {step.kind for step in app.first_boot} | {step.kind for step in app.listed("every_boot")}
mode: int = conf.mode
first: str = packages.names[0] + user.groups[0]
problems: tuple[Problem, ...] = validate(app, values)
said: list[str] = [f"{problem.path}: {problem.message}" for problem in problems]
whole: str = fingerprint(app, values)
each: dict[str, str] = step_fingerprints(app, values)
payload: Payload = render(app, values, cloud="azure")
text: str = payload.text
content: bytes = payload.content
either: Payload | Overflow = render_or_overflow(app, values, cloud="aws")
actions: list[str] = [one.action for one in plan(app, app, values)]


def refused() -> tuple[Problem, ...]:
    """Say what is wrong with a definition."""
    try:
        render(app, {}, "gcp")
    except StartupScriptError as error:
        return error.problems
    return ()


# The components.
key = "ssh-ed25519 AAAA me"
address: pulumi.Output[str] = pulumi.Output.from_input("10.0.0.7")
inbound = [Inbound(80), Inbound(22, sources=["203.0.113.0/24"], protocol="tcp")]

aws_vm = AwsVm(
    "aws",
    AwsVmArgs(
        startup=app,
        values={"ADDRESS": address},
        on_change="restart",
        overflow="a-bucket",
        wait=True,
        image="ami-0123456789abcdef0",
        subnet=address,
        public_address=True,
        inbound=inbound,
        disk_gib=30,
        ssh_public_key=key,
        tags={"team": "web", "address": address},
        instance_type="t4g.small",
        allow_imdsv1=True,
        metadata_hop_limit=2,
        encrypt_disk=False,
    ),
    pulumi.ResourceOptions(protect=True),
)
gcp_vm = GcpVm(
    "gcp",
    GcpVmArgs(
        startup=app,
        values={"ADDRESS": aws_vm.private_address},
        on_change="ignore",
        overflow=True,
        wait=600,
        image="ubuntu-24.04",
        subnet=None,
        public_address=False,
        inbound=(Inbound(443),),
        disk_gib=30,
        ssh_public_key=key,
        tags={"team": "web"},
        machine_type="e2-small",
        disk_type="pd-ssd",
        zone="europe-west3-a",
        ssh_user="me",
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
        secure_boot=False,
        project_ssh_keys=True,
        serial_console=True,
    ),
    opts=pulumi.ResourceOptions(depends_on=[aws_vm]),
)
azure_vm = AzureVm(
    "azure",
    AzureVmArgs(
        startup=app,
        values=values,
        on_change="replace",
        overflow=address,
        wait=0.5,
        image="debian-12",
        subnet="/subscriptions/s/subnets/n",
        public_address=None,
        inbound=[],
        disk_gib=64,
        ssh_public_key=None,
        tags={},
        vm_size="Standard_B2s",
        location="westeurope",
        resource_group=address,
        zone="1",
        admin_username="me",
        trusted_launch=False,
        secure_boot=False,
        boot_diagnostics=False,
    ),
)
vms: list[Vm] = [aws_vm, gcp_vm, azure_vm]
for vm in vms:
    pulumi.export("address", vm.public_address)
    pulumi.export("facts", [vm.id, vm.private_address, vm.fingerprint, vm.identity])
role: pulumi.Output[str] = aws_vm.role_name
definitions: list[StartupScript] = [aws_vm.startup, *(vm.startup for vm in vms)]


def on_a_chosen_cloud(cloud: str) -> Vm:
    """Make the VM of a cloud whose name the configuration has."""
    kind, arguments = vm_on(cloud)
    common: VmArgs = arguments(startup=app, values={"ADDRESS": address})
    try:
        return kind("vm", common)
    except VmArgsError as error:
        raise ValueError([problem.path for problem in error.problems]) from error


# The kit.
def prepare(machine: Machine) -> None:
    """Set up what the definition finds."""
    machine.stand_in("join", "cat >/etc/joined")
    machine.serve("https://example.org/app", b"a program")
    machine.package("nginx", services=["nginx"], files={"/etc/nginx/nginx.conf": ""})
    machine.known_service("cron")
    machine.write("/etc/found", "text", mode=0o600)


def test_machine(machine: Machine, machine_of: Callable[..., Machine]) -> None:
    """Boot, reboot, edit, cut off and clone."""
    prepare(machine_of("aws", shell="bash"))
    status: Status = machine.boot(app, values)
    assert status.result == "ok" and status["boot"] == "first"
    assert status.named("ran", which="first_boot") == machine.ran
    machine.edit(app, values=values)
    machine.cut_power(at="web server")
    machine.cut_power(at=17)
    machine.cut_power(at=lambda: machine.sees.joinpath("done").exists())
    machine.clone()
    assert machine.reboot().well("the second boot").exit_code == 0
    assert machine.apply().message is None
    assert machine.rerun(conf.name).steps[0]["name"] == conf.name
    assert machine.journal == step_fingerprints(app, values)
    assert machine.packages == {"nginx"}
    assert machine.services["nginx"] == "enabled"
    assert machine.calls("systemctl")[0].startswith("enable")
    assert machine.read("/etc/app.conf") + machine.log(conf.name) + machine.log()
    assert machine.lines("/done") == machine.console()
    assert machine.run("true").returncode == 0
    with pytest.raises(NoStatus):
        machine.status()


def test_what_a_definition_stands() -> None:
    """Apply again, and kill."""
    assert_idempotent(app, values=values, prepare=prepare, ignore=["/var/cache/*"], cloud="aws")
    assert_survives_any_kill(app, values=values, prepare=prepare, ignore=("/var/cache/*",), cloud="azure")


def test_deployment(deploy: Callable[..., Deployment]) -> None:
    """Deploy under mocks."""
    deployment = deploy(Path("program"), preview=True, config={"aws:region": None}, found={"aws:ec2/getAmi:getAmi": {}})
    assert deployment.error is None
    vm: Registered = deployment.resource("app-vm", "Instance")
    assert vm.type + vm.name + vm.parent in deployment.script("app")
    assert vm.properties["instanceType"] == vm.options["protect"]
    assert deployment.payload("app") == b""
    assert deployment.tree() == deployment.outputs


def test_local_cloud(local_cloud: LocalCloud) -> None:
    """Boot a program's VMs on this computer."""
    vm = local_cloud.vm("app")
    assert vm.status().result == vm.reboot().result == "ok"
    assert vm.exec("systemctl", "is-active", "nginx").stdout == "active\n"
    assert "evenboot: result" in vm.console()
