"""The local S3: the resources of package `aws` that keep objects, and the right to read them."""

from __future__ import annotations

from ..providers.provider import Provider
from ..providers.resources import ANYTHING, Resource
from ..providers.wire import Plain

_TAGS = {"*": str}
_HOST = "{bucket}.s3.{region}.amazonaws.com"

TABLES = (
    Resource(
        token="aws:s3/bucket:Bucket",
        id="{bucket}",
        named="bucket",
        inputs={"bucket": str, "forceDestroy": bool, "objectLockEnabled": bool, "region": str, "tags": _TAGS},
        replaces=("bucket", "objectLockEnabled", "region"),
        outputs={
            "arn": "arn:aws:s3:::{bucket}",
            "region": "{region}",
            "bucketRegion": "{region}",
            "bucketDomainName": "{bucket}.s3.amazonaws.com",
            "bucketRegionalDomainName": _HOST,
        },
    ),
    Resource(
        token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        id="{bucket}",
        inputs={
            "bucket": str,
            "blockPublicAcls": bool,
            "blockPublicPolicy": bool,
            "ignorePublicAcls": bool,
            "restrictPublicBuckets": bool,
            "skipDestroy": bool,
            "region": str,
        },
        required=("bucket",),
        replaces=("bucket", "region"),
    ),
    Resource(
        token="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        id="{bucket}",
        inputs={"bucket": str, "expectedBucketOwner": str, "region": str, "rules": ANYTHING},
        required=("bucket", "rules"),
        replaces=("bucket", "expectedBucketOwner", "region"),
    ),
    Resource(
        token="aws:s3/bucketObjectv2:BucketObjectv2",
        id="{bucket}/{key}",
        inputs={
            "bucket": str,
            "key": str,
            "source": str,
            "content": str,
            "contentType": str,
            "forceDestroy": bool,
            "region": str,
            "tags": _TAGS,
        },
        required=("bucket",),
        replaces=("bucket", "key", "region"),
        outputs={"arn": "arn:aws:s3:::{bucket}/{key}"},
    ),
    Resource(
        token="aws:iam/rolePolicy:RolePolicy",
        id="{role}:{name}",
        named="name",
        inputs={"name": str, "policy": str, "role": str},
        required=("policy", "role"),
        replaces=("name", "role"),
    ),
)


def get_bucket(arguments: Plain, cloud: Provider) -> Plain:
    """Answer `getBucket` for a bucket of this name in the provider's region."""
    bucket, region = str(arguments["bucket"]), cloud.settings["region"]
    return {
        "id": bucket,
        "bucket": bucket,
        "arn": f"arn:aws:s3:::{bucket}",
        "region": region,
        "bucketRegion": region,
        "bucketDomainName": f"{bucket}.s3.amazonaws.com",
        "bucketRegionalDomainName": _HOST.format(bucket=bucket, region=region),
    }
