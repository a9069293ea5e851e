"""AWS: what the components know of it, without its SDK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..cloud import Cloud

if TYPE_CHECKING:
    from ..console import Console


def _console() -> Callable[..., Console]:
    from .console import AwsConsole

    return AwsConsole


CLOUD = Cloud(
    name="aws",
    title="AWS",
    component="AwsVm",
    package="aws",
    vm_type="aws:ec2/instance:Instance",
    vm_address="arn",
    address_form=re.compile(r"arn:[a-z-]+:ec2:(?P<region>[a-z0-9-]+):\d*:instance/(?P<instance>i-[0-9a-f]+)"),
    address_example="the ARN of an EC2 instance",
    size="instance_type",
    place="the provider's region (aws:region)",
    account="the provider's credentials",
    boots_by_itself=True,
    slot_is_base64=True,
    console_modules=("boto3",),
    console=_console,
)
