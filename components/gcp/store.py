"""Scripts that do not fit their slot on Google Cloud: objects in Cloud Storage."""

from __future__ import annotations

import pulumi
from pulumi_gcp import serviceaccount, storage

from ..objects import CONTENT_TYPE, Script, StoredScript
from ..options import shared_options
from ..sharing import once, shared_name


def store(
    name: str,
    script: Script,
    overflow: bool | pulumi.Input[str],
    region: str,
    account: serviceaccount.Account,
    provider: pulumi.ProviderResource | None,
    children: pulumi.ResourceOptions,
) -> StoredScript:
    """Register the object, and the right of the VM's service account to read what lies in its folder.

    Args:
        name: The component's name.
        script: What the object holds.
        overflow: True, or the name of a bucket.
        region: Where a bucket is made.
        account: The VM's service account.
        provider: The provider of the VM.
        children: Options of the component's children.
    """
    bucket = _shared_bucket(region, provider) if isinstance(overflow, bool) else overflow
    stored = storage.BucketObject(
        f"{name}-script",
        bucket=bucket,
        name=script.name,
        source=script.asset,
        content_type=CONTENT_TYPE,
        opts=script.options,
    )
    objects = pulumi.Output.concat('resource.name.startsWith("projects/_/buckets/', bucket, f'/objects/{script.folder}/")')
    right = storage.BucketIAMMember(
        f"{name}-reads-script",
        bucket=bucket,
        role="roles/storage.objectViewer",
        member=account.member,
        condition=storage.BucketIAMMemberConditionArgs(title=f"scripts of {name}", expression=objects),
        opts=children,
    )
    return StoredScript(
        url=pulumi.Output.concat("https://storage.googleapis.com/", stored.bucket, "/", stored.name),
        ready=[stored.id, right.id],
    )


def _shared_bucket(region: str, provider: pulumi.ProviderResource | None) -> pulumi.Output[str]:
    return once(provider, ("objects", region), lambda: _new_bucket(region, provider))


def _new_bucket(region: str, provider: pulumi.ProviderResource | None) -> pulumi.Output[str]:
    # A name of the provider's choice, as the names of buckets are the whole world's. The store encrypts by itself.
    bucket = storage.Bucket(
        shared_name(provider, f"objects-{region}"),
        location=region,
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        force_destroy=True,
        opts=shared_options(provider),
    )
    return bucket.name
