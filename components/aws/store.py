"""Scripts that do not fit their slot on AWS: objects in S3."""

from __future__ import annotations

import json
from typing import NamedTuple

import pulumi
from pulumi_aws import iam, s3

from ..objects import CONTENT_TYPE, Script, StoredScript
from ..options import shared_options
from ..sharing import once, shared_name


class _Bucket(NamedTuple):
    name: pulumi.Input[str]
    arn: pulumi.Input[str]
    host: pulumi.Input[str]
    region: pulumi.Input[str]


def store(
    name: str,
    script: Script,
    overflow: bool | pulumi.Input[str],
    role: iam.Role,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> StoredScript:
    """Register the object, and the right of the VM's role to read what lies in its folder.

    Args:
        name: The component's name.
        script: What the object holds.
        overflow: True, or the name of a bucket.
        role: The VM's role.
        provider: The provider of the VM.
        children: Options of the component's children.
    """
    bucket = _shared_bucket(provider) if isinstance(overflow, bool) else _bucket(overflow, provider)
    stored = s3.BucketObjectv2(
        f"{name}-script",
        bucket=bucket.name,
        key=script.name,
        source=script.asset,
        content_type=CONTENT_TYPE,
        opts=script.options,
    )
    resource = pulumi.Output.concat(bucket.arn, f"/{script.folder}/*")
    right = iam.RolePolicy(
        f"{name}-reads-script", role=role.name, policy=resource.apply(_may_read), opts=children
    )
    return StoredScript(
        url=pulumi.Output.concat("https://", bucket.host, "/", stored.key),
        region=bucket.region,
        ready=[stored.id, right.id],
    )


def _may_read(resource: str) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _shared_bucket(provider: pulumi.ProviderResource | None) -> _Bucket:
    return once(provider, ("objects",), lambda: _new_bucket(provider))


def _new_bucket(provider: pulumi.ProviderResource | None) -> _Bucket:
    name, options = shared_name(provider, "objects"), shared_options(provider)
    # A name of the provider's choice, as the names of buckets are the whole world's.
    bucket = s3.Bucket(name, force_destroy=True, opts=options)
    encrypted = s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.id,
        rules=[
            s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=(
                    s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="AES256"
                    )
                )
            )
        ],
        opts=options,
    )
    private = s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=options,
    )
    # Nothing is stored before the bucket is private and encrypts.
    ready = pulumi.Output.all(bucket.bucket, private.id, encrypted.id).apply(lambda known: known[0])
    return _Bucket(ready, bucket.arn, bucket.bucket_regional_domain_name, bucket.region)


def _bucket(name: pulumi.Input[str], provider: pulumi.ProviderResource | None) -> _Bucket:
    options = pulumi.InvokeOptions(provider=provider)
    found = once(provider, ("bucket", name), lambda: s3.get_bucket_output(bucket=name, opts=options))
    return _Bucket(name, found.arn, found.bucket_regional_domain_name, found.bucket_region)
