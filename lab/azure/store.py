"""Azure's blobs: requests carry a token for the store, and role assignments say what its identity may read."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ..objects.service import ObjectHandler
from ..providers.records import Record, Records

_VM = "azure-native:compute:VirtualMachine"
_USER = "azure-native:managedidentity:UserAssignedIdentity"
_BLOB = "azure-native:storage:Blob"
_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
_FIRST_VERSION_WITH_TOKENS = "2017-11-09"
AUDIENCE = "https://storage.azure.com/"


def principal_of(records: Records, machine: str) -> str | None:
    """Return the principal id of the identity of the VM behind a machine."""
    for record in records.all():
        if record.token == _VM and record.machine == machine:
            for id in (record.inputs.get("identity") or {}).get("userAssignedIdentities") or []:
                user = records.get(_USER, id)
                return user and user.computed["principalId"]
    return None


def blob_at(records: Records, account: str, container: str, name: str) -> Record | None:
    """Return a blob by what its address says."""
    wanted = {"accountName": account, "containerName": container, "blobName": name}
    return next(
        (one for one in records.all() if one.token == _BLOB and wanted.items() <= one.inputs.items()), None
    )


def may_read(records: Records, principal: str, blob: Record) -> bool:
    """Tell whether an assignment at the blob's container or above lets a principal read it."""
    return any(
        record.token == _ASSIGNMENT
        and record.inputs.get("principalId") == principal
        and str(record.inputs.get("roleDefinitionId")).endswith(f"/{_READER}")
        and f"{blob.id}/".lower().startswith(f"{record.inputs['scope']}/".lower())
        for record in records.all()
    )


class BlobHandler(ObjectHandler):
    """One request to the blobs of a storage account."""

    service = "blob"
    server_version = "Windows-Azure-Blob/1.0"

    def answer(self) -> None:
        """Hand out a blob to an identity that may read it."""
        account = self.host.partition(".")[0]
        container, _, name = unquote(urlsplit(self.path).path[1:]).partition("/")
        who = self.identities.of_token(self.bearer())
        records = self.identities.records
        if not self.bearer():
            return self._refuse(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
        if self.headers.get("x-ms-version", "") < _FIRST_VERSION_WITH_TOKENS:
            return self._refuse(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        if who is None or who.audience != AUDIENCE:
            return self._refuse(401, "InvalidAuthenticationInfo", "Issuer validation failed, or audience is wrong.")
        found = blob_at(records, account, container, name)
        if found is None:
            return self._refuse(404, "BlobNotFound", "The specified blob does not exist.")
        if not may_read(records, who.identity, found):
            message = "This request is not authorized to perform this operation using this permission."
            return self._refuse(403, "AuthorizationPermissionMismatch", message)
        self.respond(200, str(found.inputs["source"]).encode(), "text/x-shellscript; charset=utf-8")

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        self.respond(status, text.encode(), "application/xml", {"x-ms-error-code": code})
