"""Metadata service of Google Compute Engine.

The payload of a machine is its startup-script; its further attributes (shutdown-script, ssh-keys, ...) stand beside it.
Guest attributes that the machine writes are kept in its folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from ..cloud import METADATA_ADDRESS
from ..host import write_atomically
from ..metadata.service import MetadataHandler
from ..metadata.store import Store

PROJECT, PROJECT_NUMBER, ZONE = "local-project", "123456789012", "us-central1-a"
MAX_VALUE = 262144
USER_KEYS = ("attributes", "guest-attributes")  # below these, keys are user data and are not renamed in JSON
CHANGE_POLL_SECONDS = 0.25


def camel_case(key: str) -> str:
    first, *rest = key.split("-")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def to_json(node: Any, key: str = "", user_keys: bool = False) -> Any:
    if isinstance(node, dict):
        if node and not user_keys and all(k.isdigit() for k in node):
            return [to_json(node[k]) for k in sorted(node, key=int)]
        user_keys = user_keys or key in USER_KEYS
        return {
            (k if user_keys else camel_case(k)): to_json(v, k, user_keys)
            for k, v in node.items()
            if user_keys or k not in ("token", "identity")
        }
    if not user_keys and key in ("id", "numeric-project-id", "mtu"):
        return int(node)  # the guest agent insists on numbers here
    return node


def to_text(node: Any) -> str:
    return "\n".join(node) if isinstance(node, list) else str(node)


def to_lines(node: Any, prefix: str = "") -> str:
    if not isinstance(node, dict):
        return f"{prefix} {to_text(node)}\n"
    return "".join(to_lines(v, f"{prefix}/{k}" if prefix else k) for k, v in node.items())


def etag(node: Any) -> str:
    return hashlib.sha256(json.dumps(node, sort_keys=True).encode()).hexdigest()[:16]


class GceStore(Store):
    def __init__(self, machines: Path, cloud: str, log: Path) -> None:
        super().__init__(machines, cloud, log)
        self._guest_lock = threading.Lock()

    def guest_attributes(self, ip: str) -> dict[str, dict[str, str]]:
        """Return what the machine has written, by namespace and key."""
        found = self.find("ip", ip)
        try:
            text = (found[0] / "guest-attributes.json").read_text() if found else "{}"
        except FileNotFoundError:
            return {}
        attributes: dict[str, dict[str, str]] = json.loads(text)
        return attributes

    def set_guest_attribute(self, ip: str, namespace: str, key: str, value: str | None) -> None:
        """Keep what the machine has written, or forget it when the value is None."""
        found = self.find("ip", ip)
        if not found:
            return
        with self._guest_lock:
            attributes = self.guest_attributes(ip)
            keys = attributes.setdefault(namespace, {})
            if value is None:
                keys.pop(key, None)
            else:
                keys[key] = value
            write_atomically(found[0] / "guest-attributes.json", json.dumps(attributes).encode())

    def token(self, account: str | None) -> str:
        """Return a token of a service account; a machine that no provider made has one that nobody takes."""
        text = self.identities.credentials(account).token if account else "local"
        return json.dumps({"access_token": text, "expires_in": 3599, "token_type": "Bearer"}, separators=(",", ":"))

    def tree(self, ip: str) -> dict[str, Any]:
        instance = self.instance(ip)
        if instance is None:
            return {}
        attributes = dict(instance["attributes"])
        payload = self.payload(ip)
        if payload is not None:
            attributes["startup-script"] = payload.decode()
        name = instance["name"]
        account = self.identities.of(name)
        return {
            "project": {
                "project-id": PROJECT,
                "numeric-project-id": PROJECT_NUMBER,
                "attributes": {"enable-oslogin": "FALSE"},
            },
            "instance": {
                "id": instance["instance_id"],
                "name": name,
                "hostname": instance["hostname"],
                "zone": f"projects/{PROJECT_NUMBER}/zones/{ZONE}",
                # not e2-*: for those the guest agent writes to /proc/sys/vm, read-only in a container
                "machine-type": f"projects/{PROJECT_NUMBER}/machineTypes/n1-standard-1",
                "cpu-platform": "Intel Broadwell",
                "image": "projects/debian-cloud/global/images/debian-12",
                "description": "",
                "tags": [],
                "preempted": "FALSE",
                "maintenance-event": "NONE",
                "remaining-cpu-time": "-1",
                "attributes": attributes,
                "guest-attributes": {},
                "disks": {
                    "0": {
                        "device-name": name,
                        "index": "0",
                        "interface": "SCSI",
                        "mode": "READ_WRITE",
                        "type": "PERSISTENT-BALANCED",
                    }
                },
                "licenses": {"0": {"id": "2147286739765738111"}},
                "network-interfaces": {
                    "0": {
                        "access-configs": {"0": {"external-ip": "203.0.113.10", "type": "ONE_TO_ONE_NAT"}},
                        "dns-servers": [METADATA_ADDRESS],
                        "forwarded-ips": [],
                        "ip-aliases": [],
                        "target-instance-ips": [],
                        "gateway": ip.rsplit(".", 1)[0] + ".1",
                        "ip": ip,
                        "mac": instance["mac"],
                        "mtu": "1460",
                        "network": f"projects/{PROJECT_NUMBER}/networks/default",
                        "subnetmask": "255.255.255.0",
                    }
                },
                "scheduling": {"automatic-restart": "TRUE", "on-host-maintenance": "MIGRATE", "preemptible": "FALSE"},
                "service-accounts": {
                    "default": {
                        "aliases": ["default"],
                        "email": account or f"{PROJECT_NUMBER}-compute@developer.gserviceaccount.com",
                        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                        "token": self.token(account),
                    }
                },
                "virtual-clock": {"drift-token": "0"},
            },
        }

    def lookup(self, ip: str, path: str) -> Any:
        node: Any = self.tree(ip)
        # Guest attributes appear only when asked for: else each write would wake those who wait for a change.
        if path.startswith("/instance/guest-attributes"):
            node["instance"]["guest-attributes"] = self.guest_attributes(ip)
        for part in path.split("/"):
            if part:
                if not isinstance(node, dict) or part not in node:
                    return None
                node = node[part]
        return node


class GceHandler(MetadataHandler):
    """One request to the metadata service of Google Compute Engine."""

    service = "gce"
    @property
    def gce(self) -> GceStore:
        """Return the machines, with what they have written."""
        return cast(GceStore, self.store)

    def version_string(self) -> str:
        return "Metadata Server for VM"

    def answer(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path == "/" and self.command == "GET":
            return self.reply(200, "0.1/\ncomputeMetadata/\n")
        if path.rstrip("/") == "/computeMetadata" and self.command == "GET":
            return self.reply(200, "v1/\n")
        if self.headers.get("X-Forwarded-For") or self.headers.get("Metadata-Flavor", "").lower() != "google":
            return self.reply(403, "Forbidden: missing Metadata-Flavor:Google header.", "text/html")
        match = re.fullmatch(r"/computeMetadata/v1(/.*)?", path)
        if not match:
            return self.reply(404, "Not Found", "text/html")
        enabled = str(self.instance["attributes"].get("enable-guest-attributes", "")).upper() == "TRUE"
        if "/instance/guest-attributes" in path and not enabled:
            return self.reply(403, "Guest attributes endpoint access is disabled.", "text/html")
        if self.command in ("GET", "HEAD"):
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            return self.get(match[1] or "/", query)
        match = re.fullmatch(r"/computeMetadata/v1/instance/guest-attributes/([^/]+)/([^/]+)", path)
        if not match or self.command not in ("PUT", "DELETE"):
            return self.reply(405, "Method Not Allowed", "text/html")
        if len(self.body) > MAX_VALUE:
            return self.reply(413, "Request Entity Too Large", "text/html")
        value = self.body.decode(errors="replace") if self.command == "PUT" else None
        self.gce.set_guest_attribute(self.ip, match[1], match[2], value)
        self.reply(200)

    def get(self, path: str, query: dict[str, str]) -> None:
        if query.get("wait_for_change", "").lower() == "true":
            self.wait_for_change(path, query)
        node = self.gce.lookup(self.ip, path)
        if node is None:
            return self.reply(404, "The requested URL was not found on this server.", "text/html")
        tag = etag(node)
        parts = [part for part in path.split("/") if part]
        key = parts[-1] if parts else ""
        user_keys = any(part in USER_KEYS for part in parts)
        recursive = query.get("recursive", "").lower() == "true"
        if not isinstance(node, dict):
            if query.get("alt") == "json":
                return self.reply(200, json.dumps(to_json(node, key, user_keys)), "application/json", tag)
            return self.reply(200, to_text(node), tag=tag)
        if recursive and query.get("alt") == "text":
            return self.reply(200, to_lines(node), tag=tag)
        if recursive:
            return self.reply(200, json.dumps(to_json(node, key, user_keys)), "application/json", tag)
        if not path.endswith("/"):
            location = f"http://{self.headers.get('Host', METADATA_ADDRESS)}{urlsplit(self.path).path}/"
            return self.reply(301, location, "text/html", location=location)
        self.reply(200, "".join(k + ("/" if isinstance(v, dict) else "") + "\n" for k, v in node.items()), tag=tag)

    def wait_for_change(self, path: str, query: dict[str, str]) -> None:
        seconds = float(query.get("timeout_sec") or 0)
        end = time.monotonic() + seconds if seconds else float("inf")
        last = query.get("last_etag") or etag(self.gce.lookup(self.ip, path))
        while time.monotonic() < end and etag(self.gce.lookup(self.ip, path)) == last:
            time.sleep(CHANGE_POLL_SECONDS)

    def reply(
        self, status: int, body: str = "", content_type: str = "application/text", tag: str = "", location: str = ""
    ) -> None:
        headers = {"Metadata-Flavor": "Google", "ETag": tag, "Location": location}
        self.respond(status, body, content_type, {name: value for name, value in headers.items() if value})
