"""Scripts that exceed their slot, in the cloud's object store. Mocks do not prove that a cloud accepts what is asked of it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import re
from typing import Any, NamedTuple

import pulumi
import pytest

from startup import Payload, Shell, StartupScript, render_or_overflow
from startup.checked import check
from startup.overflow import both_forms
from startup.testing.deployment import Deployment, Registered, deploy

from .conftest import KINDS, Kind

LARGE = StartupScript("large", first_boot=[Shell("echo", script="echo " + random.Random(5).randbytes(150_000).hex())])
WITH_VALUE = StartupScript("late", first_boot=[Shell("hello", script='echo "$PEER"', uses=["PEER"])])
OBJECT = {"aws": "BucketObjectv2", "gcp": "BucketObject", "azure": ":Blob"}
NAME = {"aws": "key", "gcp": "name", "azure": "blobName"}
# Stores of the user's, as the argument names them.
OWN = {
    "aws": "own-bucket",
    "gcp": "own-bucket",
    "azure": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/own",
}


def slot_text(kind: Kind, deployment: Deployment, name: str = "web") -> str:
    """Return what a VM's slot holds, as a person reads it."""
    content = kind.slot_of(deployment, name)
    if kind.cloud == "gcp":
        return content
    plain = base64.b64decode(content)
    return (gzip.decompress(plain) if plain.startswith(b"\x1f\x8b") else plain).decode()


def said(text: str, name: str) -> str:
    """Return what a line of a bootstrap says."""
    [line] = [line for line in text.splitlines() if line.startswith(f"# {name}=")]
    return line.partition("=")[2]


def stores(deployment: Deployment) -> list[str]:
    """Return the names of the buckets and storage accounts that the program makes."""
    return [name for type, name in deployment.all() if type.endswith((":Bucket", ":StorageAccount"))]


def stored(kind: Kind, deployment: Deployment, name: str = "web") -> Registered:
    """Return the object of a VM."""
    return deployment.resource(f"{name}-script", OBJECT[kind.cloud])


def added(kind: Kind, **arguments: Any) -> list[tuple[str, str]]:
    """Return what a VM with these arguments registers beyond one with a small script."""
    return sorted(set(kind.deploy(**arguments).all()) - set(kind.deploy().all()))


def test_what_does_not_fit_becomes_an_object(kind: Kind) -> None:
    """`overflow`: The slot names the object, which holds the script, by address and SHA-256; it has 3 KB at most."""
    deployment = kind.deploy(startup=LARGE, overflow=True)
    assert deployment.error is None
    text, script = slot_text(kind, deployment), both_forms(check(LARGE, {}), kind.cloud)[1]  # pyright: ignore[reportArgumentType]
    properties = stored(kind, deployment).properties

    assert script.text == properties["source"].text
    assert script.sha256 == said(text, "sha256") == hashlib.sha256(script.text.encode()).hexdigest()
    assert properties[NAME[kind.cloud]].endswith(script.sha256)
    assert said(text, "object").endswith(f"/{script.sha256}")
    assert len(text.encode()) <= 3584


def test_what_fits_stands_in_the_slot(kind: Kind) -> None:
    """`overflow`: With `overflow` and a script that fits, the VM is the very same as without."""
    assert kind.deploy().all() == kind.deploy(overflow=True).all()
    assert kind.slot_of(kind.deploy()) == kind.slot_of(kind.deploy(overflow=True))


def test_without_overflow_the_error_names_it(kind: Kind) -> None:
    """R3: a script that does not fit is an error that names `overflow` as a way out."""
    assert "overflow=True" in str(kind.deploy(startup=LARGE).error)


def test_exactly_these_resources() -> None:
    """`overflow`: What `overflow=True` adds."""
    assert {
        "aws": [
            ("aws:iam/rolePolicy:RolePolicy", "web-reads-script"),
            ("aws:s3/bucket:Bucket", "evenboot-objects"),
            ("aws:s3/bucketObjectv2:BucketObjectv2", "web-script"),
            ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "evenboot-objects"),
            (
                "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
                "evenboot-objects",
            ),
        ],
        "gcp": [
            ("gcp:storage/bucket:Bucket", "evenboot-objects-europe-west3"),
            ("gcp:storage/bucketIAMMember:BucketIAMMember", "web-reads-script"),
            ("gcp:storage/bucketObject:BucketObject", "web-script"),
        ],
        "azure": [
            ("azure-native:authorization:RoleAssignment", "web-reads-script"),
            ("azure-native:storage:Blob", "web-script"),
            ("azure-native:storage:BlobContainer", "web-scripts"),
            ("azure-native:storage:StorageAccount", "evenboot18ebb088"),
        ],
    } == {kind.cloud: added(kind, startup=LARGE, overflow=True) for kind in KINDS}


def test_the_bucket_is_shared_and_the_right_is_not(kind: Kind) -> None:
    """`overflow`: Two VMs have one bucket; each may read what lies in its own folder only."""

    def two() -> None:
        kind.make("web", startup=LARGE, overflow=True)
        kind.make("db", startup=LARGE, overflow=True)

    deployment = deploy(two)
    assert deployment.error is None
    first, second = (json.dumps(deployment.resource(f"{name}-reads-script").properties) for name in ("web", "db"))

    assert "web-" in first and "db-" not in first
    assert "db-" in second and "web-" not in second
    assert 1 == len(stores(deployment))


class _Owner(NamedTuple):
    """Whose a VM named `web` is."""

    organization: str
    project: str
    stack: str


def _only_object(cloud: str, store: str, owner: _Owner) -> tuple[str, str]:
    """Deploy a VM to a store; return what of the store its identity may read, and the name of its object in it."""
    [kind] = [kind for kind in KINDS if kind.cloud == cloud]
    with pytest.MonkeyPatch.context() as patch:
        for name, text in owner._asdict().items():
            patch.setattr(pulumi, f"get_{name}", lambda text=text: text)
        deployment = deploy(lambda: made(kind, overflow=store))
    assert deployment.error is None
    properties = stored(kind, deployment).properties
    if cloud == "azure":  # the right is to the container, which mocks give the id of its resource
        container = deployment.resource("web-scripts").properties["containerName"]
        assert deployment.resource("web-reads-script").properties["scope"].endswith("/containers/web-scripts")
        return container, f"{container}/{properties['blobName']}"
    right = deployment.resource("web-reads-script").properties
    if cloud == "aws":
        [statement] = json.loads(right["policy"])["Statement"]
        return statement["Resource"].partition(":::own-bucket/")[2].removesuffix("*"), properties["key"]
    prefix = right["condition"]["expression"].partition("/own-bucket/objects/")[2]
    return prefix.removesuffix('")'), properties["name"]


@pytest.mark.parametrize(("cloud", "store"), OWN.items())
def test_two_stacks_in_one_store(cloud: str, store: str) -> None:
    """`overflow`: A VM may not read the scripts of one with its name in another stack, project or organization."""
    owners = [("acme", "shop", "dev"), ("acme", "shop", "prod"), ("acme", "site", "dev"), ("other", "shop", "dev")]
    found = [_only_object(cloud, store, _Owner(*owner)) for owner in owners]

    for mine, (right, _) in zip(owners, found, strict=True):
        assert re.fullmatch(r"web-[0-9a-f]{16}/?", right)  # no two of a million VMs by chance
        assert [mine] == [other for other, (_, name) in zip(owners, found, strict=True) if name.startswith(right)]


def test_the_longest_name_of_a_vm_fits() -> None:
    """`overflow`: Azure's containers have 63 characters at most."""
    name = "a" * 44 + "b"
    container = KINDS[2].deploy(name, startup=LARGE, overflow=True).resource(f"{name}-scripts").properties["containerName"]

    assert container.startswith(f"{name}-")
    assert len(container) <= 63


def test_the_right_on_aws() -> None:
    """`overflow`: The role may get objects of its folder, and nothing else."""
    deployment = KINDS[0].deploy(startup=LARGE, overflow=True)
    key = stored(KINDS[0], deployment).properties["key"]
    [statement] = json.loads(deployment.resource("web-reads-script").properties["policy"])["Statement"]

    assert {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::evenboot-objects-1/{key.partition('/')[0]}/*",
    } == statement


def test_the_right_on_gcp() -> None:
    """`overflow`: The service account may view objects of its folder, and nothing else."""
    deployment = KINDS[1].deploy(startup=LARGE, overflow=True)
    name = stored(KINDS[1], deployment).properties["name"]
    properties = deployment.resource("web-reads-script").properties

    folder = f"projects/_/buckets/evenboot-objects-europe-west3-1/objects/{name.partition('/')[0]}/"
    assert f'resource.name.startsWith("{folder}")' == properties["condition"]["expression"]
    assert "roles/storage.objectViewer" == properties["role"]
    assert properties["member"].startswith("serviceAccount:web-")


def test_the_right_on_azure() -> None:
    """`overflow`: The identity may read blobs of its container, and nothing else."""
    properties = KINDS[2].deploy(startup=LARGE, overflow=True).resource("web-reads-script").properties

    assert {
        "scope": "/subscriptions/s/containers/web-scripts",
        "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/"
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "principalId": "principal-web-identity",
        "principalType": "ServicePrincipal",
    } == properties


def test_the_stores_are_private() -> None:
    """`overflow`: No bucket that the program makes can be opened to the public, and each is removed with all that it holds."""
    aws, gcp, azure = (kind.deploy(startup=LARGE, overflow=True) for kind in KINDS)

    block = aws.resource("evenboot-objects", "PublicAccessBlock").properties
    assert {"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} == {
        name for name, value in block.items() if value is True
    }
    assert aws.resource("evenboot-objects", "s3/bucket:Bucket").properties["forceDestroy"] is True
    bucket = gcp.resource("evenboot-objects-europe-west3").properties
    assert ("enforced", True, True) == (
        bucket["publicAccessPrevention"],
        bucket["uniformBucketLevelAccess"],
        bucket["forceDestroy"],
    )
    account = azure.resource("evenboot18ebb088").properties
    assert (False, True, "TLS1_2") == (
        account["allowBlobPublicAccess"],
        account["enableHttpsTrafficOnly"],
        account["minimumTlsVersion"],
    )


@pytest.mark.parametrize(
    ("cloud", "address"),
    [
        ("aws", "https://own-bucket.s3.eu-central-1.amazonaws.com/web-"),
        ("gcp", "https://storage.googleapis.com/own-bucket/web-"),
        ("azure", "https://own.blob.core.windows.net/web-"),
    ],
)
def test_a_bucket_of_the_users_own(cloud: str, address: str) -> None:
    """`overflow`: The name of a bucket, plain or an Output, takes the place of the shared one."""
    [kind] = [kind for kind in KINDS if kind.cloud == cloud]
    own = OWN[cloud]
    for given in (lambda: own, lambda: pulumi.Output.from_input(own)):
        deployment = deploy(lambda given=given: made(kind, overflow=given()))
        assert deployment.error is None
        assert said(slot_text(kind, deployment), "object").startswith(address)
        assert [] == stores(deployment)


@pytest.mark.parametrize(
    ("cloud", "given"), [("aws", "my.bucket"), ("aws", ""), ("gcp", 3), ("azure", "account"), ("azure", None)]
)
def test_what_is_no_overflow(cloud: str, given: object) -> None:
    """A wrong `overflow` is named before anything is registered."""
    [kind] = [kind for kind in KINDS if kind.cloud == cloud]
    deployment = kind.deploy(overflow=given)

    assert "\n  overflow: is " in str(deployment.error)
    assert [] == deployment.all()


def test_scopes_that_read_no_object() -> None:
    """On gcp a VM whose scopes exclude the store could never fetch its script."""
    error = KINDS[1].deploy(overflow=True, scopes=["https://www.googleapis.com/auth/logging.write"]).error

    assert "scopes: are [" in str(error)


def test_values_known_at_deployment(kind: Kind) -> None:
    """`overflow`: With Outputs among the values the slot holds the script when it fits, and what fetches it when it does not."""
    for text in ("small", random.Random(7).randbytes(30_000).hex()):
        deployment = deploy(lambda text=text: made(kind, startup=WITH_VALUE, values={"PEER": pulumi.Output.from_input(text)}))
        assert deployment.error is None
        script = both_forms(check(WITH_VALUE, {"PEER": text}), kind.cloud)[1]  # pyright: ignore[reportArgumentType]
        assert script.text == stored(kind, deployment).properties["source"].text
        slot = slot_text(kind, deployment)
        if isinstance(rendered := render_or_overflow(WITH_VALUE, {"PEER": text}, kind.cloud), Payload):  # pyright: ignore[reportArgumentType]
            assert rendered.text == slot
        else:
            assert script.sha256 == said(slot, "sha256")


def test_in_a_preview(kind: Kind) -> None:
    """`overflow`: A preview registers the object under its name, and the slot's content is not known yet."""
    deployment = deploy(lambda: made(kind), preview=True)

    assert deployment.error is None
    assert both_forms(check(LARGE, {}), kind.cloud)[1].sha256 in str(stored(kind, deployment).properties)  # pyright: ignore[reportArgumentType]


def test_a_vm_that_ignores_changes(kind: Kind) -> None:
    """`overflow`: With `on_change="ignore"` the object that the old slot names stays, too."""
    request = stored(kind, kind.deploy(startup=LARGE, overflow=True, on_change="ignore")).request

    assert {NAME[kind.cloud], "source"} <= set(request.ignoreChanges)
    assert [] == list(stored(kind, kind.deploy(startup=LARGE, overflow=True)).request.ignoreChanges)


def test_the_vm_comes_after_its_object(kind: Kind) -> None:
    """`overflow`: The VM depends on the object and on the right to read it."""
    deployment = kind.deploy(startup=LARGE, overflow=True)
    needs = {urn.rpartition("::")[2] for urn in deployment.resource("web-vm", kind.vm_type).request.dependencies}

    assert {"web-script", "web-reads-script"} <= needs


def made(kind: Kind, **arguments: Any) -> None:
    kind.make(**{"startup": LARGE, "overflow": True, **arguments})
