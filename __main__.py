"""Make one VM on each chosen cloud; all of them obey the one definition in web.py."""

from __future__ import annotations

import pulumi

from components import Inbound, vm_on
from web import web_server

config = pulumi.Config()
site_name = config.get("siteName") or "Evenboot"
sources = config.get_object("openTo") or []
chosen = {cloud: vm_on(cloud) for cloud in config.require_object("clouds")}

for cloud, (Vm, VmArgs) in chosen.items():
    name = f"web-{cloud}"
    vm = Vm(
        name,
        VmArgs(
            startup=web_server,
            values={"SITE_NAME": site_name},
            inbound=[Inbound(80, sources=sources)] if sources else [],
            tags={"project": "evenboot"},
        ),
    )
    pulumi.export(
        name,
        {
            "id": vm.id,
            "private_address": vm.private_address,
            "public_address": vm.public_address,
            "fingerprint": vm.fingerprint,
            "identity": vm.identity,
        },
    )
