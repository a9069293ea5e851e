"""A web server on Azure, with the component in a process of its own: this program needs no SDK of the cloud."""

import pulumi
from evenboot_azure import AzureVm

vm = AzureVm(
    "web",
    definition="web-server",
    first_boot=[
        {"kind": "packages", "names": ["nginx"]},
        {
            "kind": "file",
            "path": "/var/www/html/index.html",
            "content": "Served by ${REGION}.\n",
            "uses": ["REGION"],
            "mode": 0o644,
        },
    ],
    every_boot=[{"kind": "shell", "name": "empty the cache", "script": "rm -rf /var/cache/nginx/*"}],
    values={"REGION": "westeurope"},
    inbound=[{"port": 80}],
)

pulumi.export("address", vm.public_address)
pulumi.export("identity", vm.identity)
