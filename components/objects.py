"""Scripts that do not fit their slot: what the three clouds' object stores have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from .arguments import VmArgs
from .clouds import CLOUDS
from .startup import CloudName, Overflow
from .values import Delivered, slot_text

CONTENT_TYPE = "text/x-shellscript; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScript:
    """One script in a cloud's object store.

    Attributes:
        url: Where it is.
        region: The region that requests are signed for; aws only.
        ready: Known when the object is there and the VM's identity may read it.
    """

    url: pulumi.Input[str]
    region: pulumi.Input[str] = ""
    ready: Sequence[pulumi.Input[Any]] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is to be an object.

    Attributes:
        text: Its text.
        folder: What its name in the store begins with, the same for all scripts of one VM: rights are given to that.
        options: Those of the object.
    """

    text: pulumi.Input[str]
    folder: str
    options: pulumi.ResourceOptions

    @property
    def name(self) -> pulumi.Input[str]:
        """Return its name in the store: the folder and the SHA-256 of the text."""
        if isinstance(self.text, str):
            return _name(self.folder, self.text)
        return pulumi.Output.from_input(self.text).apply(lambda text: _name(self.folder, text))

    @property
    def asset(self) -> pulumi.Input[pulumi.Asset]:
        """Return its text as an object's content."""
        if isinstance(self.text, str):
            return pulumi.StringAsset(self.text)
        return pulumi.Output.from_input(self.text).apply(pulumi.StringAsset)


def script_to_store(
    name: str, args: VmArgs, delivered: Delivered, children: pulumi.ResourceOptions
) -> Script | None:
    """Return what is to be an object before a VM is made; None if the slot holds it.

    Args:
        name: The component's name.
        args: What the VM is.
        delivered: What it is told.
        children: Options of the component's children.
    """
    if delivered.object is None:
        return None
    # A VM that ignores changes keeps its slot, so what that names must stay, too.
    ignored = ["key", "name", "blobName", "source"] if args.on_change == "ignore" else None
    options = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(ignore_changes=ignored))
    return Script(delivered.object, folder(name), options)


def content_or_bootstrap(cloud: CloudName, args: VmArgs, delivered: Delivered, stored: StoredScript) -> pulumi.Output[str]:
    """Return what a VM's slot holds: the script if it fits after all, and else what fetches it.

    Args:
        cloud: Its cloud.
        args: What the VM is.
        delivered: What it is told.
        stored: The script in the store.
    """
    title = args.startup.name

    def filled(known: Mapping[str, Any]) -> str:
        if known["content"]:
            return known["content"]
        return slot_text(CLOUDS[cloud], Overflow.of(cloud, title, known["text"]).bootstrap(known["url"], known["region"]))

    return pulumi.Output.all(
        content=delivered.content,
        text=delivered.object,
        url=stored.url,
        region=stored.region,
        ready=list(stored.ready),
    ).apply(filled)


def folder(name: str) -> str:
    """Return what the names of a VM's objects begin with: no other VM's do, of whatever organization, project and stack.

    A store may be shared, and the VM may read all that begins so. Where a stack is not kept by Pulumi Cloud its
    organization is always called `organization`: there two people's stacks need different names, or stores.
    """
    whole = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}/{name}"
    # 64 bits; with the longest name that a VM may have it is 62 characters, and Azure's containers have 63 at most.
    return f"{name}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def _name(folder: str, text: str) -> str:
    return f"{folder}/{hashlib.sha256(text.encode()).hexdigest()}"
