"""The clouds' object stores: who gets an object, and who does not. A machine's own curl asks in tests/boot."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from google.protobuf import struct_pb2

from lab import dns
from lab.aws.store import Refused, S3Handler, may_read, role_of, signer
from lab.azure.store import AUDIENCE, BlobHandler, principal_of
from lab.certificates import BUNDLE, TRUSTED, certificate, ensure_authority, trust
from lab.clouds import provider
from lab.errors import LabError
from lab.gcp.store import GcsHandler, account_of
from lab.identities import Credentials, Identities
from lab.metadata.store import Store
from lab.objects.service import ObjectHandler, ObjectServer
from lab.providers.records import Record, Records
from lab.providers.wire import decode

from .fake_machines import FakeLab
from .test_answers import query

REGION = "eu-central-1"


def put(records: Records, token: str, id: str, inputs: Mapping[str, Any], machine: str = "") -> None:
    """Let the cloud have a resource."""
    records.put(Record(token=token, id=id, urn=f"urn:{id}", inputs=dict(inputs), machine=machine))


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """What three clouds have: a VM named web with its identity, an object, and the right to read its folder."""
    records = Records(tmp_path / "records")
    put(records, "aws:ec2/instance:Instance", "i-1", {"iamInstanceProfile": "profile"}, "web")
    put(records, "aws:iam/instanceProfile:InstanceProfile", "profile", {"role": "role"})
    policy = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/web-1/*"}]}
    put(records, "aws:iam/rolePolicy:RolePolicy", "role:reads", {"role": "role", "policy": json.dumps(policy)})
    for folder in ("web-1", "db-1"):
        put(records, "aws:s3/bucketObjectv2:BucketObjectv2", f"bucket/{folder}/x", {"source": "the script"})
        put(records, "gcp:storage/bucketObject:BucketObject", f"bucket-{folder}/x", {"source": "the script"})
        place = {"accountName": "account", "containerName": folder, "blobName": "x"}
        put(records, "azure-native:storage:Blob", f"/account/containers/{folder}/blobs/x", {**place, "source": "the script"})
    put(records, "gcp:compute/instance:Instance", "vm", {"serviceAccount": {"email": "web@p.iam"}}, "web")
    condition = {"title": "t", "expression": 'resource.name.startsWith("projects/_/buckets/bucket/objects/web-1/")'}
    member = {"bucket": "bucket", "member": "serviceAccount:web@p.iam", "role": "roles/storage.objectViewer"}
    put(records, "gcp:storage/bucketIAMMember:BucketIAMMember", "m", {**member, "condition": condition})
    identity = {"identity": {"userAssignedIdentities": ["user"]}}
    put(records, "azure-native:compute:VirtualMachine", "vm", identity, "web")
    user = Record(token="azure-native:managedidentity:UserAssignedIdentity", id="user", urn="urn:user", inputs={})
    user.computed["principalId"] = "principal"
    records.put(user)
    reader = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    right = {"scope": "/account/containers/web-1", "roleDefinitionId": reader, "principalId": "principal"}
    put(records, "azure-native:authorization:RoleAssignment", "a", right)
    return records


# S3, whose requests another implementation signs.


def signed(credentials: Credentials, url: str, region: str = REGION, **changed: str) -> dict[str, str]:
    """Return the headers with which botocore signs a request, some of them changed afterwards."""
    request = AWSRequest("GET", url)
    S3SigV4Auth(Keys(credentials.key, credentials.secret, credentials.token), "s3", region).add_auth(request)
    host = url.split("/")[2]
    return {**{name.lower(): value for name, value in request.headers.items()}, "host": host, **changed}


@pytest.fixture
def role(records: Records) -> tuple[Identities, Credentials]:
    """The identities of AWS, and the credentials of the VM's role."""
    identities = Identities(records, role_of)
    name = identities.of("web")
    assert name == "role"
    return identities, identities.credentials(name)


URL = f"https://bucket.s3.{REGION}.amazonaws.com/web-1/a%20b?x=1&a="


def judged(identities: Identities, headers: Mapping[str, str], later: float = 0, region: str = REGION) -> str:
    """Return who has signed, or the code of the refusal."""
    path = URL.partition(".com")[2]
    try:
        return signer(identities, "GET", path, region, headers, time.time() + later).identity
    except Refused as refused:
        return refused.code


def test_a_signature(role: tuple[Identities, Credentials]) -> None:
    """What botocore signs with a role's credentials is that role's."""
    identities, credentials = role

    assert "role" == judged(identities, signed(credentials, URL))


def test_what_is_no_signature(role: tuple[Identities, Credentials]) -> None:
    """Nothing else is: each way to be wrong is named as S3 names it."""
    identities, credentials = role
    good = signed(credentials, URL)
    stranger = Identities(identities.records, role_of).credentials("role")
    unsigned = {**good, "authorization": good["authorization"].replace(";x-amz-security-token", "")}

    assert "AccessDenied" == judged(identities, {name: good[name] for name in good if name != "authorization"})
    assert "AuthorizationHeaderMalformed" == judged(identities, {**good, "authorization": "AWS4-HMAC-SHA256"})
    assert "AuthorizationHeaderMalformed" == judged(identities, good, region="us-east-1")
    assert "InvalidAccessKeyId" == judged(identities, signed(stranger, URL))
    assert "InvalidToken" == judged(identities, {**good, "x-amz-security-token": "another"})
    assert "AccessDenied" == judged(identities, unsigned)
    assert "RequestTimeTooSkewed" == judged(identities, good, later=1000)
    assert "SignatureDoesNotMatch" == judged(identities, {**good, "host": "other.s3.eu-central-1.amazonaws.com"})
    assert "SignatureDoesNotMatch" == judged(identities, signed(credentials, URL + "1"))


def test_what_a_role_may_read(records: Records) -> None:
    """A role may read what its policies name."""
    assert may_read(records, "role", "bucket", "web-1/x")
    assert not may_read(records, "role", "bucket", "db-1/x")
    assert not may_read(records, "role", "other", "web-1/x")
    assert not may_read(records, "stranger", "bucket", "web-1/x")


# All three, over HTTPS.


class Asked:
    """A store that listens on this computer, asked under its cloud's name."""

    def __init__(self, server: ObjectServer, context: SSLContext, identities: Identities) -> None:
        self.server, self.context, self.identities = server, context, identities

    def get(self, host: str, path: str, headers: Mapping[str, str] = {}) -> tuple[int, str]:
        """Return status and text."""
        with socket.create_connection(self.server.server_address[:2]) as plain:  # pyright: ignore[reportArgumentType]
            connection = http.client.HTTPConnection(host)
            connection.sock = self.context.wrap_socket(plain, server_hostname=host)
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode()
            connection.close()
            return status, text


def asked(kind: type[ObjectHandler], identities: Identities, folder: Path) -> Iterator[Asked]:
    """Run a store for one test."""
    root = ensure_authority(folder / "authority")
    handler = type("Handler", (kind,), {"identities": identities, "log": Store(folder, "any", folder / "log")})
    with ObjectServer(("127.0.0.1", 0), handler, folder / "authority") as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield Asked(server, create_default_context(cafile=str(root)), identities)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def s3_store(records: Records, tmp_path: Path) -> Iterator[Asked]:
    yield from asked(S3Handler, Identities(records, role_of), tmp_path)


@pytest.fixture
def gcs_store(records: Records, tmp_path: Path) -> Iterator[Asked]:
    yield from asked(GcsHandler, Identities(records, account_of), tmp_path)


@pytest.fixture
def blob_store(records: Records, tmp_path: Path) -> Iterator[Asked]:
    yield from asked(BlobHandler, Identities(records, principal_of), tmp_path)


def test_s3(s3_store: Asked) -> None:
    """The VM's role gets its own object, no other one, and nobody gets one without a signature."""
    credentials, host = s3_store.identities.credentials("role"), f"bucket.s3.{REGION}.amazonaws.com"

    def get(path: str) -> tuple[int, str]:
        return s3_store.get(host, path, signed(credentials, f"https://{host}{path}"))

    assert (200, "the script") == get("/web-1/x")
    assert 403 == get("/db-1/x")[0]
    assert 403 == get("/web-1/none")[0]
    assert (403, True) == (s3_store.get(host, "/web-1/x")[0], "AccessDenied" in s3_store.get(host, "/web-1/x")[1])


def test_gcs(gcs_store: Asked) -> None:
    """The VM's service account gets its own object; other tokens, and none, get nothing."""
    host, token = "storage.googleapis.com", gcs_store.identities.credentials("web@p.iam").token
    bearer = {"Authorization": f"Bearer {token}"}
    other = {"Authorization": f"Bearer {gcs_store.identities.credentials('db@p.iam').token}"}

    assert (200, "the script") == gcs_store.get(host, "/bucket/web-1/x", bearer)
    assert 403 == gcs_store.get(host, "/bucket/db-1/x", bearer)[0]
    assert 404 == gcs_store.get(host, "/bucket/web-1/none", bearer)[0]
    assert 403 == gcs_store.get(host, "/bucket/web-1/x", other)[0]
    assert 403 == gcs_store.get(host, "/bucket/web-1/x")[0]
    assert 401 == gcs_store.get(host, "/bucket/web-1/x", {"Authorization": "Bearer local"})[0]


def test_blobs(blob_store: Asked) -> None:
    """The VM's identity gets its own blob, with a token for the store and a version that knows tokens."""
    host, issue = "account.blob.core.windows.net", blob_store.identities.credentials
    version = {"x-ms-version": "2021-08-06"}
    bearer = {**version, "Authorization": f"Bearer {issue('principal', AUDIENCE).token}"}
    elsewhere = {**version, "Authorization": f"Bearer {issue('principal', 'https://vault.azure.net').token}"}
    stranger = {**version, "Authorization": f"Bearer {issue('other', AUDIENCE).token}"}

    assert (200, "the script") == blob_store.get(host, "/web-1/x", bearer)
    assert 403 == blob_store.get(host, "/db-1/x", bearer)[0]
    assert 404 == blob_store.get(host, "/web-1/none", bearer)[0]
    assert 403 == blob_store.get(host, "/web-1/x", {"Authorization": bearer["Authorization"]})[0]
    assert 401 == blob_store.get(host, "/web-1/x", elsewhere)[0]
    assert 403 == blob_store.get(host, "/web-1/x", stranger)[0]
    assert 409 == blob_store.get(host, "/web-1/x", version)[0]


@pytest.mark.parametrize(
    ("find", "identity"),
    [(role_of, "role"), (account_of, "web@p.iam"), (principal_of, "principal")],
)
def test_who_a_machine_is(records: Records, find: Any, identity: str) -> None:
    """A machine's identity is that of the VM that a program registered; one that no program made has none."""
    identities = Identities(records, find)

    assert (identity, None) == (identities.of("web"), identities.of("other"))


def test_credentials_stay_until_they_expire(records: Records) -> None:
    """The same identity has the same credentials for a while, and each audience others."""
    identities = Identities(records, role_of)
    first = identities.credentials("role")

    assert first == identities.credentials("role") == identities.of_key(first.key) == identities.of_token(first.token)
    assert first.token != identities.credentials("role", "audience").token
    assert (None, None) == (identities.of_key("ASIA"), identities.of_token(""))


# What lies below.


def test_names_with_stars() -> None:
    """The name server answers for all buckets, and for nothing that only looks alike."""
    names = {"*.s3.*.amazonaws.com": "10.0.0.1", "archive.internal": "10.0.0.2"}

    assert dns.answer(query("bucket.s3.eu-central-1.amazonaws.com"), names).endswith(socket.inet_aton("10.0.0.1"))
    assert dns.answer(query("Archive.internal"), names).endswith(socket.inet_aton("10.0.0.2"))
    assert 3 == dns.answer(query("s3.eu-central-1.amazonaws.com"), names)[3] & 15


def test_a_disk_trusts_the_authority(tmp_path: Path) -> None:
    """A new disk's list of authorities is the image's and the lab's; a copy of it is not made longer."""
    root, lower, upper = ensure_authority(tmp_path / "authority"), tmp_path / "lower", tmp_path / "upper"
    (lower / BUNDLE).parent.mkdir(parents=True)
    (lower / BUNDLE).write_text("the image's\n")
    for _ in range(2):
        trust(root, upper, [lower])

    assert "the image's\n" + root.read_text() == (upper / BUNDLE).read_text()
    assert root.read_text() == (upper / TRUSTED / "local-cloud.crt").read_text()
    assert "the image's\n" == (lower / BUNDLE).read_text()


def test_what_is_no_host(tmp_path: Path) -> None:
    """No certificate, and no file, is made for what cannot be a host."""
    ensure_authority(tmp_path)
    with pytest.raises(LabError, match="no name of a host"):
        certificate(tmp_path, "../x")


def test_a_text_asset_is_its_text() -> None:
    """What an object holds comes to the providers as text; other assets are still refused."""
    struct = struct_pb2.Struct()
    struct.update({"source": {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "echo"}})

    assert {"source": "echo"} == decode(struct)



def test_a_bucket_of_the_users_own(tmp_path: Path) -> None:
    """A look-up of a bucket says where it is asked for."""
    lab = FakeLab(tmp_path)
    found = provider("aws", lab, lab.state, {"region": REGION}).invoke("aws:s3/getBucket:getBucket", {"bucket": "own"})

    assert ("arn:aws:s3:::own", f"own.s3.{REGION}.amazonaws.com", REGION) == (
        found["arn"],
        found["bucketRegionalDomainName"],
        found["bucketRegion"],
    )
