"""Make one VM on Google Cloud; it obeys the definition in web.py."""

import pulumi
from evenboot.components import GcpVm, GcpVmArgs, Inbound

from web import web_server

config = pulumi.Config()
open_to = config.get("openTo")

vm = GcpVm(
    "web",
    GcpVmArgs(
        startup=web_server,
        values={"SITE_NAME": config.require("siteName")},
        inbound=[Inbound(80, sources=[open_to])] if open_to else [],
    ),
)

pulumi.export("address", vm.public_address)
pulumi.export("identity", vm.identity)
