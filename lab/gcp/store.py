"""Cloud Storage: requests carry the token of a service account, and the bucket's bindings say what that may read."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from ..objects.service import ObjectHandler
from ..providers.records import Record, Records

_INSTANCE = "gcp:compute/instance:Instance"
_OBJECT = "gcp:storage/bucketObject:BucketObject"
_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
_READERS = ("roles/storage.objectViewer", "roles/storage.objectUser", "roles/storage.objectAdmin")
_CONDITION = re.compile(r'resource\.name\.startsWith\("(?P<prefix>[^"]*)"\)')


def account_of(records: Records, machine: str) -> str | None:
    """Return the e-mail address of the service account of the instance behind a machine."""
    for record in records.all():
        if record.token == _INSTANCE and record.machine == machine:
            return (record.inputs.get("serviceAccount") or {}).get("email")
    return None


def may_read(records: Records, account: str, bucket: str, name: str) -> bool:
    """Tell whether a bucket's bindings let a service account get an object."""
    wanted = f"projects/_/buckets/{bucket}/objects/{name}"
    return any(
        record.token == _MEMBER
        and record.inputs.get("bucket") == bucket
        and record.inputs.get("member") == f"serviceAccount:{account}"
        and record.inputs.get("role") in _READERS
        and _holds(record, wanted)
        for record in records.all()
    )


def _holds(record: Record, name: str) -> bool:
    condition = record.inputs.get("condition")
    if not condition:
        return True
    match = _CONDITION.fullmatch(condition["expression"])
    return match is not None and name.startswith(match["prefix"])


class GcsHandler(ObjectHandler):
    """One request to Cloud Storage."""

    service = "gcs"
    server_version = "UploadServer"

    def answer(self) -> None:
        """Hand out an object to a service account that may read it."""
        bucket, _, name = unquote(urlsplit(self.path).path[1:]).partition("/")
        who = self.identities.of_token(self.bearer())
        records = self.identities.records
        if self.bearer() and who is None:
            return self._refuse(401, "AuthenticationRequired", "Authentication required.")
        if who is None or not may_read(records, who.identity, bucket, name):
            return self._refuse(403, "AccessDenied", "Access denied.")
        found = records.get(_OBJECT, f"{bucket}-{name}")
        if found is None:
            return self._refuse(404, "NoSuchKey", "The specified key does not exist.")
        self.respond(200, str(found.inputs["source"]).encode(), "text/x-shellscript; charset=utf-8")

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self.respond(status, text.encode(), "application/xml; charset=UTF-8")
