"""Scripts that do not fit their slot on Azure: blobs."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

import pulumi
from pulumi_azure_native import authorization, managedidentity, storage

from ..objects import CONTENT_TYPE, Script, StoredScript
from ..options import shared_options
from ..sharing import once, shared_name
from .lookups import ACCOUNT

_STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


class _Account(NamedTuple):
    group: pulumi.Input[str]
    name: pulumi.Input[str]


def store(
    name: str,
    script: Script,
    overflow: bool | pulumi.Input[str],
    location: str,
    group: pulumi.Input[str],
    identity: managedidentity.UserAssignedIdentity,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> StoredScript:
    """Register the blob in a container of the VM's own, and the right of the VM's identity to read in there.

    Args:
        name: The component's name.
        script: What the blob holds.
        overflow: True, or the id of a storage account.
        location: Where a storage account is made.
        group: The resource group in which it is made.
        identity: The VM's identity.
        provider: The provider of the VM.
        children: Options of the component's children.
    """
    account = _shared_account(location, group, provider) if isinstance(overflow, bool) else _account(overflow)
    container = storage.BlobContainer(
        f"{name}-scripts",
        resource_group_name=account.group,
        account_name=account.name,
        # Azure refuses two hyphens in a row.
        container_name=re.sub("-+", "-", script.folder),
        public_access=storage.PublicAccess.NONE,
        opts=children,
    )
    blob = storage.Blob(
        f"{name}-script",
        resource_group_name=account.group,
        account_name=account.name,
        container_name=container.name,
        blob_name=pulumi.Output.from_input(script.name).apply(lambda whole: whole.rpartition("/")[2]),
        type=storage.BlobType.BLOCK,
        source=script.asset,
        content_type=CONTENT_TYPE,
        opts=script.options,
    )
    right = authorization.RoleAssignment(
        f"{name}-reads-script",
        scope=container.id,
        role_definition_id=container.id.apply(_reader),
        principal_id=identity.principal_id,
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        opts=children,
    )
    return StoredScript(url=blob.url, ready=[blob.id, right.id])


def _reader(id: str) -> str:
    subscription = "/".join(id.split("/")[:3])
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{_STORAGE_BLOB_DATA_READER}"


def _shared_account(
    location: str, group: pulumi.Input[str], provider: pulumi.ProviderResource | None
) -> _Account:
    return once(provider, ("objects", location), lambda: _new_account(location, group, provider))


def _new_account(location: str, group: pulumi.Input[str], provider: pulumi.ProviderResource | None) -> _Account:
    # Names of accounts are the whole world's, and at most 24 small letters and digits: these 16, and 8 of the provider's.
    digits = hashlib.sha256(shared_name(provider, location).encode()).hexdigest()[:8]
    account = storage.StorageAccount(
        f"evenboot{digits}",
        resource_group_name=group,
        location=location,
        kind=storage.Kind.STORAGE_V2,
        sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
        allow_blob_public_access=False,
        enable_https_traffic_only=True,
        minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
        opts=shared_options(provider),
    )
    return _Account(group, account.name)


def _account(id: pulumi.Input[str]) -> _Account:
    found = pulumi.Output.from_input(id).apply(_parts)
    return _Account(found[0], found[1])


def _parts(id: str) -> tuple[str, ...]:
    match = ACCOUNT.fullmatch(id)
    if match is None:
        raise pulumi.RunError(f"overflow: is {id!r}; give the id of a storage account ('/subscriptions/...')")
    return match.groups()
