"""The local storage accounts: the resources of package `azure-native` that keep blobs, and the right to read them."""

from __future__ import annotations

from ..providers.resources import Resource

_ACCOUNT = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
    "/providers/Microsoft.Storage/storageAccounts/{accountName}"
)
_CONTAINER = _ACCOUNT + "/blobServices/default/containers/{containerName}"

TABLES = (
    Resource(
        token="azure-native:storage:StorageAccount",
        id=_ACCOUNT,
        named="accountName",
        hyphen="",
        inputs={
            "accountName": str,
            "resourceGroupName": str,
            "location": str,
            "kind": str,
            "sku": {"name": str},
            "allowBlobPublicAccess": bool,
            "allowSharedKeyAccess": bool,
            "enableHttpsTrafficOnly": bool,
            "minimumTlsVersion": str,
            "publicNetworkAccess": str,
            "isHnsEnabled": bool,
            "tags": {"*": str},
        },
        required=("resourceGroupName", "kind", "sku.name"),
        replaces=("accountName", "resourceGroupName", "location", "isHnsEnabled"),
        outputs={"name": "{accountName}", "type": "Microsoft.Storage/storageAccounts", "provisioningState": "Succeeded"},
    ),
    Resource(
        token="azure-native:storage:BlobContainer",
        id=_CONTAINER,
        named="containerName",
        hyphen="",
        inputs={"accountName": str, "resourceGroupName": str, "containerName": str, "publicAccess": str},
        required=("resourceGroupName", "accountName"),
        replaces=("accountName", "resourceGroupName", "containerName"),
        outputs={"name": "{containerName}", "type": "Microsoft.Storage/storageAccounts/blobServices/containers"},
    ),
    Resource(
        token="azure-native:storage:Blob",
        id=_CONTAINER + "/blobs/{blobName}",
        named="blobName",
        hyphen="",
        inputs={
            "accountName": str,
            "resourceGroupName": str,
            "containerName": str,
            "blobName": str,
            "type": str,
            "source": str,
            "contentType": str,
            "accessTier": str,
        },
        required=("resourceGroupName", "accountName", "containerName"),
        replaces=("accountName", "resourceGroupName", "containerName", "blobName", "type", "source", "contentType"),
        outputs={
            "name": "{blobName}",
            "url": "https://{accountName}.blob.core.windows.net/{containerName}/{blobName}",
        },
    ),
    Resource(
        token="azure-native:authorization:RoleAssignment",
        id="{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        named="roleAssignmentName",
        hyphen="",
        inputs={
            "roleAssignmentName": str,
            "scope": str,
            "roleDefinitionId": str,
            "principalId": str,
            "principalType": str,
            "description": str,
        },
        required=("scope", "roleDefinitionId", "principalId"),
        replaces=("roleAssignmentName", "scope", "roleDefinitionId", "principalId", "principalType"),
        outputs={"name": "{roleAssignmentName}", "type": "Microsoft.Authorization/roleAssignments"},
    ),
)
