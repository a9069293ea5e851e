"""Make one VM on AWS; it obeys the definition in web.py."""

import pulumi
from evenboot.components import AwsVm, AwsVmArgs, Inbound

from web import web_server

config = pulumi.Config()
open_to = config.get("openTo")

vm = AwsVm(
    "web",
    AwsVmArgs(
        startup=web_server,
        values={"SITE_NAME": config.require("siteName")},
        inbound=[Inbound(80, sources=[open_to])] if open_to else [],
    ),
)

pulumi.export("address", vm.public_address)
pulumi.export("identity", vm.identity)
