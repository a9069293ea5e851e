"""The local Compute Engine: the resources and look-ups of package `gcp` that VMs need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..errors import LabError
from ..providers.machines import Machine
from ..providers.provider import Provider
from ..providers.resources import Failure, Resource
from ..providers.wire import Plain, Unknown
from . import storage

VALUE_LIMIT = 262_144
"""Bytes of one metadata value."""

TOTAL_LIMIT = 524_288
"""Bytes of all metadata of an instance."""

SCRIPT = "startup-script"
IMAGES = ("debian-12", "debian-13")

_LINK = "https://www.googleapis.com/compute/v1/"
_PROJECT = "projects/{project}/"
_LABELS = {"*": str}
_PARAMETERS = {"image": str, "size": int, "type": str, "labels": _LABELS}

_INSTANCE = Resource(
    token="gcp:compute/instance:Instance",
    id="projects/{project}/zones/{zone}/instances/{name}",
    named="name",
    inputs={
        "name": str,
        "project": str,
        "zone": str,
        "machineType": str,
        "description": str,
        "hostname": str,
        "bootDisk": {
            "autoDelete": bool,
            "deviceName": str,
            "mode": str,
            "source": str,
            "kmsKeySelfLink": str,
            "initializeParams": _PARAMETERS,
        },
        "networkInterfaces": [
            {
                "network": str,
                "subnetwork": str,
                "subnetworkProject": str,
                "networkIp": str,
                "stackType": str,
                "accessConfigs": [{"natIp": str, "networkTier": str}],
            }
        ],
        "metadata": {"*": str},
        "metadataStartupScript": str,
        "serviceAccount": {"email": str, "scopes": [str]},
        "shieldedInstanceConfig": {"enableSecureBoot": bool, "enableVtpm": bool, "enableIntegrityMonitoring": bool},
        "scheduling": {
            "preemptible": bool,
            "automaticRestart": bool,
            "onHostMaintenance": str,
            "provisioningModel": str,
        },
        "allowStoppingForUpdate": bool,
        "deletionProtection": bool,
        "canIpForward": bool,
        "enableDisplay": bool,
        "labels": _LABELS,
        "tags": [str],
    },
    required=("machineType", "bootDisk", "networkInterfaces", "serviceAccount.scopes"),
    replaces=(
        "name",
        "project",
        "zone",
        "hostname",
        "description",
        "bootDisk.source",
        "bootDisk.kmsKeySelfLink",
        "bootDisk.deviceName",
        "bootDisk.initializeParams.image",
        "bootDisk.initializeParams.size",
        "bootDisk.initializeParams.type",
        "networkInterfaces.network",
        "networkInterfaces.subnetwork",
        "networkInterfaces.networkIp",
        "scheduling.preemptible",
        "scheduling.provisioningModel",
        "canIpForward",
        "metadataStartupScript",
    ),
    outputs={
        "selfLink": _LINK + "projects/{project}/zones/{zone}/instances/{name}",
        "cpuPlatform": "Intel Broadwell",
        "currentStatus": "RUNNING",
    },
)

_STOPPED_ONLY = ("machineType", "serviceAccount", "shieldedInstanceConfig", "enableDisplay")


def _get_subnetwork(arguments: Plain, cloud: Provider) -> Plain:
    link = str(arguments.get("selfLink") or arguments.get("name") or "")
    if not link:
        raise LabError("gcp:compute/getSubnetwork:getSubnetwork: selfLink or name is required")
    id = link.removeprefix(_LINK)
    record = cloud.records.get("gcp:compute/subnetwork:Subnetwork", id)
    if record is None:
        raise LabError(f"googleapi: Error 404: The resource '{id}' was not found, notFound")
    return {**record.state, "id": record.id}


def _get_machine_types(arguments: Plain, cloud: Provider) -> Plain:
    zone = str(arguments.get("zone") or cloud.settings["zone"])
    if not _ZONE.fullmatch(zone):
        raise LabError(f"googleapi: Error 400: Invalid value for field 'zone': '{zone}'. Unknown zone., invalid")
    named = re.fullmatch(r'name = "(.*)"', str(arguments.get("filter") or 'name = "e2-micro"'))
    if named is None:
        raise LabError(f"the local cloud finds machine types by name only, not by {arguments.get('filter')!r}")
    found = [{"name": named[1]}] if _TYPE.fullmatch(named[1]) else []
    return {"id": zone, "zone": zone, "project": cloud.settings["project"], "machineTypes": found}


_ZONE = re.compile(r"[a-z]+-[a-z]+\d*-[a-f]|[a-z]+-[a-f]")
_TYPE = re.compile(r"[a-z]\d[a-z]{0,2}-(?!custom)[a-z]+(-\d+[a-z]*)*")
"""What machine types look like; the local cloud has all that do, and as Google's no custom ones in its list."""


def _get_image(arguments: Plain, cloud: Provider) -> Plain:
    kind = "family" if arguments.get("family") else "name"
    name, project = arguments.get(kind), arguments.get("project") or cloud.settings["project"]
    path = f"projects/{project}/global/images/{'family/' if kind == 'family' else ''}{name}"
    if _image(path) is None:
        raise LabError(f"googleapi: Error 404: The resource '{path}' was not found, notFound")
    return {"id": path, "selfLink": _LINK + path, "name": name, "project": project}


class GcpProvider(Provider):
    """Provide instances of Compute Engine, and what stands around them."""

    package = "gcp"
    version = "10.2.0"
    cloud = "gcp"
    vm = _INSTANCE.token
    vm_outputs = ("instanceId", "networkInterfaces")
    settings_known = {
        "project": "local-project",
        "region": "us-central1",
        "zone": "us-central1-a",
        "disableGlobalProjectWarning": "",
    }
    lookups = {
        "gcp:compute/getSubnetwork:getSubnetwork": _get_subnetwork,
        "gcp:compute/getMachineTypes:getMachineTypes": _get_machine_types,
        "gcp:compute/getImage:getImage": _get_image,
    }
    tables = (
        _INSTANCE,
        *storage.TABLES,
        Resource(
            token="gcp:compute/network:Network",
            id=_PROJECT + "global/networks/{name}",
            named="name",
            inputs={
                "name": str,
                "project": str,
                "description": str,
                "autoCreateSubnetworks": bool,
                "routingMode": str,
                "mtu": int,
                "deleteDefaultRoutesOnCreate": bool,
            },
            replaces=("name", "project", "description", "autoCreateSubnetworks"),
            outputs={"selfLink": _LINK + _PROJECT + "global/networks/{name}"},
        ),
        Resource(
            token="gcp:compute/subnetwork:Subnetwork",
            id=_PROJECT + "regions/{region}/subnetworks/{name}",
            named="name",
            inputs={
                "name": str,
                "project": str,
                "region": str,
                "network": str,
                "description": str,
                "ipCidrRange": str,
                "privateIpGoogleAccess": bool,
                "stackType": str,
            },
            required=("network", "ipCidrRange"),
            replaces=("name", "project", "region", "network", "description"),
            outputs={
                "selfLink": _LINK + _PROJECT + "regions/{region}/subnetworks/{name}",
                "gatewayAddress": "10.128.0.1",
            },
        ),
        Resource(
            token="gcp:compute/firewall:Firewall",
            id=_PROJECT + "global/firewalls/{name}",
            named="name",
            inputs={
                "name": str,
                "project": str,
                "network": str,
                "description": str,
                "direction": str,
                "priority": int,
                "disabled": bool,
                "allows": [{"protocol": str, "ports": [str]}],
                "denies": [{"protocol": str, "ports": [str]}],
                "sourceRanges": [str],
                "destinationRanges": [str],
                "sourceTags": [str],
                "targetTags": [str],
                "targetServiceAccounts": [str],
            },
            required=("network", "allows.protocol", "denies.protocol"),
            replaces=("name", "project", "network", "direction"),
            outputs={"selfLink": _LINK + _PROJECT + "global/firewalls/{name}"},
        ),
        Resource(
            token="gcp:serviceaccount/account:Account",
            id="projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
            named="accountId",
            inputs={
                "accountId": str,
                "project": str,
                "displayName": str,
                "description": str,
                "disabled": bool,
                "createIgnoreAlreadyExists": bool,
            },
            replaces=("accountId", "project"),
            outputs={
                "name": "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
                "email": "{accountId}@{project}.iam.gserviceaccount.com",
                "member": "serviceAccount:{accountId}@{project}.iam.gserviceaccount.com",
                "uniqueId": "{number}",
            },
        ),
    )

    def vm_problems(self, inputs: Plain) -> Iterator[Failure]:
        """Yield what Compute Engine refuses."""
        image = ((inputs.get("bootDisk") or {}).get("initializeParams") or {}).get("image")
        if not isinstance(image, Unknown) and _image(image) is None:
            known = ", ".join(f"debian-cloud/{name}" for name in IMAGES)
            yield Failure("bootDisk.initializeParams.image", f"{image!r} was not found; the local cloud has {known}")
        metadata = inputs.get("metadata")
        if isinstance(metadata, Mapping):
            yield from _metadata_problems(metadata)
            if inputs.get("metadataStartupScript") is not None and SCRIPT in metadata:
                yield Failure("metadataStartupScript", f'conflicts with metadata["{SCRIPT}"]')

    def vm_name(self, inputs: Plain) -> str:
        """Return the instance's name."""
        return str(inputs["name"])

    def vm_image(self, inputs: Plain) -> str:
        """Return the lab's image behind the image or its family."""
        image = inputs["bootDisk"]["initializeParams"]["image"]
        found = _image(image)
        if found is None:
            raise LabError(f"image {image!r} was not found")
        return found

    def vm_payload(self, inputs: Plain) -> bytes | None:
        """Return the startup script."""
        script = inputs.get("metadataStartupScript") or (inputs.get("metadata") or {}).get(SCRIPT)
        return None if script is None else str(script).encode()

    def vm_attributes(self, inputs: Plain) -> dict[str, str]:
        """Return the metadata beside the startup script."""
        return {key: value for key, value in (inputs.get("metadata") or {}).items() if key != SCRIPT}

    def vm_computed(self, machine: Machine, inputs: Plain) -> Plain:
        """Return addresses; the public one is of a network for examples, as nobody outside can reach the machine."""
        number = machine.address.rpartition(".")[2]
        interfaces = [
            {
                **interface,
                "name": f"nic{index}",
                "networkIp": machine.address,
                "accessConfigs": [
                    {"natIp": f"198.51.100.{number}", "networkTier": "PREMIUM", **config}
                    for config in interface.get("accessConfigs") or []
                ],
            }
            for index, interface in enumerate(inputs["networkInterfaces"])
        ]
        return {"instanceId": machine.instance_id, "networkInterfaces": interfaces}

    def vm_restart_needed(self, changed: Mapping[str, str], new: Plain) -> bool:
        """Tell whether the instance must be stopped, which the program has to allow."""
        stopping = [path for path in changed if path.partition(".")[0] in _STOPPED_ONLY]
        if stopping and not new.get("allowStoppingForUpdate"):
            raise LabError(
                f"changing {', '.join(stopping)} on a started instance requires stopping it; "
                "to acknowledge this, set allowStoppingForUpdate to true"
            )
        return bool(stopping)


def _image(image: object) -> str | None:
    match = re.search(r"(?:^|/)(debian-\d+)(?:-|$)", str(image))
    return match[1] if match and match[1] in IMAGES else None


def _metadata_problems(metadata: Mapping[str, object]) -> Iterator[Failure]:
    total = 0
    for key, value in metadata.items():
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,127}", key):
            yield Failure(f"metadata.{key}", "a key has 1 to 127 characters of a-z, A-Z, 0-9, '-' and '_'")
        size = len(value.encode()) if isinstance(value, str) else 0
        total += size
        if size > VALUE_LIMIT:
            yield Failure(f"metadata.{key}", f"is limited to {VALUE_LIMIT} bytes, got {size}")
    if total > TOTAL_LIMIT:
        yield Failure("metadata", f"all values together are limited to {TOTAL_LIMIT} bytes, got {total}")
