"""What a user may get wrong: type checkers find each line that says so, and no other.

Nothing here is called: tests/test_types.py has the checkers read it, as a user's file.
"""

from __future__ import annotations

from collections.abc import Callable

import pulumi

from components import AwsVm, AwsVmArgs, AzureVmArgs, GcpVm, GcpVmArgs, Inbound, VmArgs
from startup import (
    Directory,
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    Unit,
    User,
    render,
    validate,
)
from startup.testing import Machine, assert_idempotent, assert_survives_any_kill
from startup.testing.deployment import Deployment
from startup.testing.local_cloud import LocalCloud

app = StartupScript("app", first_boot=[Packages(["nginx"])])

# Steps.
Packages()  # mistake
Packages([80])  # mistake
Packages("nginx", "curl")  # mistake
Packages(["nginx"], names=["curl"])  # mistake
Shell("no script")  # mistake
Shell(script="true")  # mistake
Shell("by place", "true")  # mistake
Shell("user", script="true", user=1000)  # mistake
Shell("cwd", script="true", cwd=["/srv"])  # mistake
File("/etc/a")  # mistake
File("/etc/a", content=b"bytes")  # mistake
File("/etc/a", content="a", mode="0644")  # mistake
File("/etc/a", content="a", uses=[None])  # mistake
File("/etc/a", content="a", modee=0o600)  # mistake
File("/etc/a", content="a", name=7)  # mistake
Directory("/srv", content="a")  # mistake
User("app", groups=3)  # mistake
User("app", ssh_keys={"ssh-ed25519 AAAA me": True}.items())  # mistake
Unit("app.service", content="[Service]", enable="yes")  # mistake
Service("nginx", restart_on=[3])  # mistake
Service("nginx", restart_on=app)  # mistake
Download("https://example.org/a", path="/opt/a")  # mistake
Download("https://example.org/a", path="/opt/a", sha256=7)  # mistake
Reboot()  # mistake
Reboot("kernel", unless=True)  # mistake
Shell("timeout", script="true", timeout_seconds="60")  # mistake
Directory("/srv", retries="often")  # mistake
Directory("/srv", rerun_on=Packages(["nginx"]))  # mistake

# Definitions.
StartupScript(first_boot=[])  # mistake
StartupScript("app", first_boot=["nginx"])  # mistake
StartupScript("app", every_boot=Packages(["nginx"]))  # mistake
StartupScript("app", on_boot=[Packages(["nginx"])])  # mistake
app.name = "other"  # mistake
Packages(["nginx"]).names.append("curl")  # mistake
validate(Packages(["nginx"]))  # mistake
render(app, cloud="digitalocean")  # mistake
render(app, {"PORT": 80})  # mistake

# Components.
AwsVmArgs()  # mistake
AwsVmArgs(app)  # mistake
AwsVmArgs(startup="app")  # mistake
AwsVmArgs(startup=app, values={"PORT": 80})  # mistake
AwsVmArgs(startup=app, on_change="later")  # mistake
AwsVmArgs(startup=app, wait="yes")  # mistake
AwsVmArgs(startup=app, disk_gib="30")  # mistake
AwsVmArgs(startup=app, inbound=[80])  # mistake
AwsVmArgs(startup=app, tags=["web"])  # mistake
AwsVmArgs(startup=app, public_address="198.51.100.1")  # mistake
AwsVmArgs(startup=app, machine_type="e2-small")  # mistake
AwsVmArgs(startup=app, ssh_public_key=pulumi.Output.from_input("a"))  # mistake
GcpVmArgs(startup=app, instance_type="t3.micro")  # mistake
GcpVmArgs(startup=app, scopes=[1])  # mistake
AzureVmArgs(startup=app, zone=1)  # mistake
AzureVmArgs(startup=app, resource_group=7)  # mistake
Inbound("80")  # mistake
Inbound(80, ["203.0.113.0/24"])  # mistake
Inbound(80, protocol="icmp")  # mistake
AwsVm("app", GcpVmArgs(startup=app))  # mistake
AwsVm("app", VmArgs(startup=app))  # mistake
GcpVm("app")  # mistake
print(GcpVm("app", GcpVmArgs(startup=app)).role_name)  # mistake
GcpVm("app", GcpVmArgs(startup=app), opts={"protect": True})  # mistake
print(AwsVm("app", AwsVmArgs(startup=app)).startup.nam)  # mistake


# The kit.
def test_machine(machine: Machine) -> None:
    """Ask a machine what it has not."""
    machine.boot(Packages(["nginx"]))  # mistake
    machine.boot(app, values={"PORT": 80})  # mistake
    machine.edit()  # mistake
    machine.cut_power(at=0.5)  # mistake
    machine.rerun(app.first_boot[0])  # mistake
    machine.reboot(app)  # mistake
    machine.write("/etc/a", b"bytes")  # mistake
    machine.package("nginx", ["nginx"])  # mistake
    machine.status().named("ran", 1)  # mistake
    print(machine.ran.first)  # mistake
    machine.stand_in(name="join", text="true")  # mistake


def test_assertions() -> None:
    """Assert about something else than a definition."""
    assert_idempotent([app])  # mistake
    assert_idempotent(app, {"PORT": "80"})  # mistake
    assert_idempotent(app, prepare=lambda: None)  # mistake
    assert_survives_any_kill(app, cloud="local")  # mistake
    assert_survives_any_kill(app, at="first boot")  # mistake


def test_deployment(deploy: Callable[..., Deployment], local_cloud: LocalCloud) -> None:
    """Ask a deployment and a cloud what they have not."""
    deploy(app).script(1)  # mistake
    deploy(app).payload()  # mistake
    print(deploy(app).resources)  # mistake
    local_cloud.vm("app").status().well()  # mistake
    local_cloud.vm(1)  # mistake
    local_cloud.vm("app").exec(["true"])  # mistake
