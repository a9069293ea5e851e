"""Metadata services of Azure: IMDS, with the payload in compute/userData, and the wireserver that provisioning asks."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..metadata.service import MetadataHandler

VERSIONS = [
    "2017-04-02",
    "2018-02-01",
    "2019-06-01",
    "2020-09-01",
    "2021-01-01",
    "2021-02-01",
    "2021-08-01",
    "2021-12-13",
    "2023-07-01",
]

GOAL_STATE = """<?xml version="1.0" encoding="utf-8"?>
<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <Version>2012-11-30</Version>
  <Incarnation>1</Incarnation>
  <Machine><ExpectedState>Started</ExpectedState><StopRolesDeadlineHint>300000</StopRolesDeadlineHint>
    <LBProbePorts><Port>16001</Port></LBProbePorts><ExpectHealthReport>FALSE</ExpectHealthReport></Machine>
  <Container><ContainerId>{vm_uuid}</ContainerId><RoleInstanceList><RoleInstance>
    <InstanceId>{vm_uuid}._{name}</InstanceId><State>Started</State><Configuration></Configuration>
  </RoleInstance></RoleInstanceList></Container>
</GoalState>"""
WIRE_VERSIONS = (
    '<?xml version="1.0"?><Versions><Preferred><Version>2015-04-05</Version></Preferred>'
    "<Supported><Version>2012-11-30</Version></Supported></Versions>"
)


class AzureHandler(MetadataHandler):
    service = "azure"
    server_version = "Microsoft-IIS/10.0"

    def answer(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if self.headers.get("Metadata", "").lower() != "true" or self.headers.get("X-Forwarded-For"):
            return self.json(400, {"error": "Bad request. Required metadata header not specified"})
        version = query.get("api-version", "")
        if version not in VERSIONS:
            return self.json(
                400,
                {
                    "error": "Bad request. api-version is invalid or was not specified in the request.",
                    "newest-versions": VERSIONS[:-4:-1],
                },
            )
        parts = url.path.strip("/").split("/")
        if self.command == "GET" and parts == ["metadata", "identity", "oauth2", "token"]:
            return self.token(query.get("resource", ""))
        if self.command != "GET" or parts[:2] != ["metadata", "instance"]:
            return self.json(404, {"error": "Not found"})
        node: Any = self.instance_metadata(version)
        for part in parts[2:]:
            try:
                node = node[int(part)] if isinstance(node, list) else node[part]
            except (KeyError, IndexError, ValueError, TypeError):
                return self.json(404, {"error": "Not found"})
        if query.get("format") == "text" or not isinstance(node, (dict, list)):
            return self.respond(200, node if isinstance(node, str) else json.dumps(node))
        self.json(200, node)

    def token(self, resource: str) -> None:
        principal = self.identities.of(self.instance["name"])
        if not resource:
            return self.json(400, {"error": "invalid_request", "error_description": "Required audience parameter missing"})
        if principal is None:
            return self.json(400, {"error": "invalid_request", "error_description": "Identity not found"})
        issued = self.identities.credentials(principal, resource)
        self.json(
            200,
            {
                "access_token": issued.token,
                "client_id": principal,
                "expires_in": "3599",
                "expires_on": str(int(issued.expires)),
                "not_before": str(int(issued.expires) - 3600),
                "resource": resource,
                "token_type": "Bearer",
            },
        )

    def json(self, status: int, value: Any) -> None:
        self.respond(status, json.dumps(value), "application/json; charset=utf-8")

    def instance_metadata(self, version: str) -> dict[str, Any]:
        hostname = self.instance["hostname"]
        compute: dict[str, Any] = {
            "azEnvironment": "AzurePublicCloud",
            "customData": "",
            "location": "westeurope",
            "name": hostname,
            "offer": "debian-12",
            "osType": "Linux",
            "placementGroupId": "",
            # Without a user name cloud-init's modules for users and keys fail.
            "osProfile": {
                "adminUsername": "azureuser",
                "computerName": hostname,
                "disablePasswordAuthentication": "true",
            },
            "plan": {"name": "", "product": "", "publisher": ""},
            "platformFaultDomain": "0",
            "platformUpdateDomain": "0",
            "provider": "Microsoft.Compute",
            "publicKeys": [
                {
                    "keyData": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDl local",
                    "path": "/home/azureuser/.ssh/authorized_keys",
                }
            ],
            "publisher": "Debian",
            "resourceGroupName": "local",
            "resourceId": "/subscriptions/0/resourceGroups/local",
            "sku": "12-gen2",
            "subscriptionId": "00000000-0000-0000-0000-000000000000",
            "tags": "",
            "tagsList": [],
            "version": "0.1",
            "vmId": self.instance["vm_uuid"],
            "vmScaleSetName": "",
            "vmSize": "Standard_B1s",
            "zone": "1",
        }
        if version >= "2021-01-01":
            compute["userData"] = base64.b64encode(self.store.payload(self.ip) or b"").decode()
        network = {
            "interface": [
                {
                    "ipv4": {
                        "ipAddress": [{"privateIpAddress": self.ip, "publicIpAddress": ""}],
                        "subnet": [{"address": f"{self.ip.rpartition('.')[0]}.0", "prefix": "24"}],
                    },
                    "ipv6": {"ipAddress": []},
                    "macAddress": self.instance["mac"].replace(":", "").upper(),
                }
            ]
        }
        extended = {"extended": {"compute": {"hasCustomData": False}}} if version >= "2021-08-01" else {}
        return {"compute": compute, "network": network, **extended}


class WireserverHandler(MetadataHandler):
    service = "wireserver"
    server_version = "Microsoft-IIS/10.0"

    def answer(self) -> None:
        component = parse_qs(urlsplit(self.path).query).get("comp", [""])[0]
        if self.command == "POST":
            self.store.log(service=self.service, ip=self.ip, posted=component, body=self.body.decode(errors="replace"))
            self.respond(200)
        elif component == "goalstate":
            self.respond(200, GOAL_STATE.format(**self.instance), "text/xml; charset=utf-8")
        elif component == "versions":
            self.respond(200, WIRE_VERSIONS, "text/xml")
        else:
            self.respond(404)
