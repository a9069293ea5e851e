"""S3: requests are signed with the credentials of a role, and the role's policies say what it may read."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from calendar import timegm
from collections.abc import Mapping
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from ..identities import Credentials, Identities
from ..objects.service import ObjectHandler
from ..providers.records import Records

_INSTANCE = "aws:ec2/instance:Instance"
_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
_POLICY = "aws:iam/rolePolicy:RolePolicy"
_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
_HOST = re.compile(r"(?P<bucket>[a-z0-9-]+)\.s3\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), *SignedHeaders=(?P<headers>[^,]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW_SECONDS = 900
NOTHING = hashlib.sha256(b"").hexdigest()


class Refused(Exception):
    """Say why a request is refused, as S3 does."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def role_of(records: Records, machine: str) -> str | None:
    """Return the role of the instance behind a machine."""
    for record in records.all():
        if record.token == _INSTANCE and record.machine == machine:
            profile = records.get(_PROFILE, str(record.inputs.get("iamInstanceProfile")))
            return profile and profile.inputs.get("role")
    return None


def may_read(records: Records, role: str, bucket: str, key: str) -> bool:
    """Tell whether a role's own policies let it get an object."""
    for record in records.all():
        if record.token == _POLICY and record.inputs.get("role") == role:
            statements = json.loads(record.inputs["policy"])["Statement"]
            if any(_allows(one, f"arn:aws:s3:::{bucket}/{key}") for one in statements):
                return True
    return False


def _allows(statement: Mapping[str, object], object: str) -> bool:
    actions, resources = (_texts(statement.get(name)) for name in ("Action", "Resource"))
    return (
        statement.get("Effect") == "Allow"
        and any(fnmatchcase("s3:GetObject", action) for action in actions)
        and any(fnmatchcase(object, resource) for resource in resources)
    )


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def signer(
    identities: Identities, method: str, url: str, region: str, headers: Mapping[str, str], now: float
) -> Credentials:
    """Return the credentials that have signed a request.

    Args:
        identities: Who may ask.
        method: The request's method.
        url: Its path and query.
        region: The region of the host that is asked.
        headers: Its headers, with names in small letters.
        now: The time in seconds since 1970.

    Raises:
        Refused: It is not signed, or not rightly.
    """
    given = headers.get("authorization")
    if given is None:
        raise Refused(403, "AccessDenied", "Access Denied")
    match = _SIGNATURE.fullmatch(given)
    if match is None:
        raise Refused(400, "AuthorizationHeaderMalformed", "The authorization header is malformed")
    date = headers.get("x-amz-date", "")
    if match["scope"] != f"{date[:8]}/{region}/s3/aws4_request":
        raise Refused(400, "AuthorizationHeaderMalformed", f"the scope {match['scope']!r} is wrong; expecting {region!r}")
    credentials = identities.of_key(match["key"])
    if credentials is None:
        raise Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    signed = match["headers"].split(";")
    if not {"host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"} <= set(signed):
        raise Refused(403, "AccessDenied", "There were headers present in the request which were not signed")
    if headers.get("x-amz-security-token") != credentials.token:
        raise Refused(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
    if abs(_seconds(date) - now) > _SKEW_SECONDS:
        raise Refused(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
    if headers["x-amz-content-sha256"] not in (NOTHING, "UNSIGNED-PAYLOAD"):
        raise Refused(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match.")
    wanted = signature(credentials.secret, match["scope"], method, url, signed, headers)
    if not hmac.compare_digest(wanted, match["signature"]):
        raise Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
    return credentials


def signature(
    secret: str, scope: str, method: str, url: str, signed: list[str], headers: Mapping[str, str]
) -> str:
    """Return the signature, version 4, of a request."""
    parts = urlsplit(url)
    pairs = sorted((quote(k, "-_.~"), quote(v, "-_.~")) for k, v in parse_qsl(parts.query, keep_blank_values=True))
    lines = [
        method,
        parts.path or "/",
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed),
        "",
        ";".join(signed),
        headers["x-amz-content-sha256"],
    ]
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, request])
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _seconds(date: str) -> float:
    try:
        return timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return 0


class S3Handler(ObjectHandler):
    """One request to S3."""

    service = "s3"
    server_version = "AmazonS3"

    def answer(self) -> None:
        """Hand out an object to a role that may read it."""
        try:
            self.respond(200, self._object(), "text/x-shellscript; charset=utf-8")
        except Refused as refused:
            text = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
            self.respond(refused.status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), "application/xml")

    def _object(self) -> bytes:
        match = _HOST.fullmatch(self.host)
        if match is None:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
        headers = {name.lower(): value for name, value in self.headers.items()}
        who = signer(self.identities, self.command, self.path, match["region"], headers, time.time())
        key, records = unquote(urlsplit(self.path).path[1:]), self.identities.records
        # Who may not list a bucket is not told either which objects it has.
        found = records.get(_OBJECT, f"{match['bucket']}/{key}")
        if not may_read(records, who.identity, match["bucket"], key) or found is None:
            raise Refused(403, "AccessDenied", "Access Denied")
        return str(found.inputs["source"]).encode()
