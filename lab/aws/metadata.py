"""Metadata service of EC2: IMDSv2, answers only those who have asked for a token."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from ..metadata.service import MetadataHandler

VERSIONS = ["1.0", "2009-04-04", "2016-09-02", "2018-09-24", "2021-03-23", "latest"]
ACCOUNT, IMAGE, REGION = "123456789012", "ami-0123456789abcdef0", "eu-west-1"


class Ec2Handler(MetadataHandler):
    service = "ec2"
    server_version = "EC2ws"
    tokens: dict[str, float] = {}

    def answer(self) -> None:
        if self.command == "PUT" and self.path == "/latest/api/token":
            self.issue_token()
        elif self.command not in ("GET", "HEAD"):
            self.respond(405)
        elif self.tokens.get(self.headers.get("X-aws-ec2-metadata-token", ""), 0) < time.time():
            self.respond(401, "Unauthorized")
        else:
            self.get()

    def issue_token(self) -> None:
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return self.respond(400, "Bad Request")
        if self.headers.get("X-Forwarded-For"):
            return self.respond(403, "Forbidden")
        token = secrets.token_urlsafe(40)
        self.tokens[token] = time.time() + int(ttl)
        self.respond(200, token, headers={"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": ttl})

    def get(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts == [""]:
            return self.respond(200, "\n".join(VERSIONS))
        if parts[0] not in VERSIONS:
            return self.respond(404, "Not Found")
        user_data = self.store.payload(self.ip)
        if parts[1:] == ["user-data"]:
            if user_data is None:
                return self.respond(404, "Not Found")
            return self.respond(200, user_data, "application/octet-stream")
        node: Any = {
            "dynamic": {"instance-identity": {"document": self.document(), "pkcs7": "x", "signature": "x"}},
            "meta-data": self.meta_data(),
            **({} if user_data is None else {"user-data": ""}),
        }
        for part in parts[1:]:
            if not isinstance(node, dict) or part not in node:
                return self.respond(404, "Not Found")
            node = node[part]
        if isinstance(node, dict):
            top = len(parts) == 1
            node = "\n".join(k + ("/" if isinstance(v, dict) and not top else "") for k, v in node.items())
        self.respond(200, node)

    def meta_data(self) -> dict[str, Any]:
        mac, hostname, ip = self.instance["mac"], self.instance["hostname"], self.ip
        nic = {
            "device-number": "0",
            "interface-id": "eni-0a1b2c3d4e5f60718",
            "local-hostname": hostname,
            "local-ipv4s": ip,
            "mac": mac,
            "owner-id": ACCOUNT,
            "security-groups": "default",
            "security-group-ids": "sg-0123456789abcdef0",
            "subnet-id": "subnet-0123456789abcdef0",
            "subnet-ipv4-cidr-block": f"{ip.rpartition('.')[0]}.0/24",
            "vpc-id": "vpc-0123456789abcdef0",
            "vpc-ipv4-cidr-block": "10.0.0.0/16",
            "vpc-ipv4-cidr-blocks": "10.0.0.0/16",
        }
        role = self.identities.of(self.instance["name"])
        return {
            "ami-id": IMAGE,
            "ami-launch-index": "0",
            "ami-manifest-path": "(unknown)",
            "block-device-mapping": {"ami": "/dev/xvda", "root": "/dev/xvda"},
            "hostname": hostname,
            **({"iam": {"security-credentials": {role: self.credentials(role)}}} if role else {}),
            "instance-action": "none",
            "instance-id": self.instance["instance_id"],
            "instance-life-cycle": "on-demand",
            "instance-type": "t3.micro",
            "local-hostname": hostname,
            "local-ipv4": ip,
            "mac": mac,
            "network": {"interfaces": {"macs": {mac: nic}}},
            "placement": {"availability-zone": REGION + "a", "availability-zone-id": "euw1-az1", "region": REGION},
            "profile": "default-hvm",
            "reservation-id": "r-0123456789abcdef0",
            "security-groups": "default",
            "services": {"domain": "amazonaws.com", "partition": "aws"},
        }

    def credentials(self, role: str) -> str:
        issued = self.identities.credentials(role)
        return json.dumps(
            {
                "Code": "Success",
                "LastUpdated": "2026-01-01T00:00:00Z",
                "Type": "AWS-HMAC",
                "AccessKeyId": issued.key,
                "SecretAccessKey": issued.secret,
                "Token": issued.token,
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(issued.expires)),
            },
            indent=2,
        )

    def document(self) -> str:
        return json.dumps(
            {
                "accountId": ACCOUNT,
                "architecture": "x86_64",
                "availabilityZone": REGION + "a",
                "imageId": IMAGE,
                "instanceId": self.instance["instance_id"],
                "instanceType": "t3.micro",
                "privateIp": self.ip,
                "pendingTime": "2026-01-01T00:00:00Z",
                "region": REGION,
                "version": "2017-09-30",
            },
            indent=2,
        )
