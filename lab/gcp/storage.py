"""The local Cloud Storage: the resources of package `gcp` that keep objects, and the right to read them."""

from __future__ import annotations

from ..providers.resources import Resource

TABLES = (
    Resource(
        token="gcp:storage/bucket:Bucket",
        id="{name}",
        named="name",
        inputs={
            "name": str,
            "location": str,
            "project": str,
            "uniformBucketLevelAccess": bool,
            "publicAccessPrevention": str,
            "forceDestroy": bool,
            "storageClass": str,
            "labels": {"*": str},
        },
        required=("location",),
        replaces=("name", "location", "project"),
        outputs={"url": "gs://{name}", "selfLink": "https://www.googleapis.com/storage/v1/b/{name}"},
    ),
    Resource(
        token="gcp:storage/bucketObject:BucketObject",
        id="{bucket}-{name}",
        named="name",
        inputs={"bucket": str, "name": str, "source": str, "contentType": str, "cacheControl": str},
        required=("bucket", "source"),
        replaces=("bucket", "name", "source", "contentType", "cacheControl"),
        outputs={"outputName": "{name}"},
    ),
    Resource(
        token="gcp:storage/bucketIAMMember:BucketIAMMember",
        id="b/{bucket}/{role}/{member}",
        inputs={
            "bucket": str,
            "role": str,
            "member": str,
            "condition": {"title": str, "expression": str, "description": str},
        },
        required=("bucket", "role", "member", "condition.title", "condition.expression"),
        replaces=("bucket", "role", "member", "condition"),
    ),
)
