"""The schema of a package: what other languages' SDKs are made from, derived from the arguments and their docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from typing import Any

from components import VmArgs
from components.component import Vm
from startup import StartupScript
from startup.definition import STEP_TYPES, fields_of

from .arguments import names
from .forms import Form, forms_of
from .spelling import camel, respelled
from .steps import DEFINITION, KINDS, LISTS

VERSION = "0.1.0"
"""The project's version; a package that comes from git has its tag's instead."""

OUTPUTS = {"id": "vmId"}
"""Outputs that need another name: the SDKs keep `id` for resources that are no components."""

_WORDS = {"True": "true", "False": "false", "None": "null"}


def schema(cloud: str, component: type[Vm], kind: type[VmArgs]) -> dict[str, Any]:
    """Return a package's schema.

    Args:
        cloud: Names the package, as in `evenboot-aws`.
        component: Its one component.
        kind: The class of the component's arguments.
    """
    return _Schema(cloud, component, kind).package()


def outputs(component: type[Vm]) -> dict[str, str]:
    """Return Python's names of a component's outputs by those that the package has for them."""
    return {OUTPUTS.get(name) or camel(name): name for name in _attributes(component) if name != "startup"}


class _Schema:
    def __init__(self, cloud: str, component: type[Vm], kind: type[VmArgs]) -> None:
        self.cloud, self.component, self.kind = cloud, component, kind
        self.name = f"evenboot-{cloud}"
        self.types: dict[str, Any] = {}

    def package(self) -> dict[str, Any]:
        resource = self.resource()
        return {
            "name": self.name,
            "displayName": f"Evenboot for {self.cloud}",
            "version": VERSION,
            "description": "VMs whose first boot and every boot are described once, as data.",
            "keywords": ["category/cloud", "kind/component"],
            "license": "Apache-2.0",
            "language": {
                "csharp": {"respectSchemaVersion": True},
                "go": {"respectSchemaVersion": True},
                "nodejs": {"packageName": f"@evenboot/{self.cloud}", "respectSchemaVersion": True},
                "python": {
                    "packageName": f"evenboot_{self.cloud}",
                    "pyproject": {"enabled": True},
                    "respectSchemaVersion": True,
                },
            },
            "types": dict(sorted(self.types.items())),
            "provider": {},
            "resources": {f"{self.name}:index:{self.component.__name__}": resource},
        }

    def resource(self) -> dict[str, Any]:
        described = _attributes(self.component)
        annotations = _annotations(self.component)
        return {
            "isComponent": True,
            "description": self.prose(_text(self.component, until="Attributes")),
            "inputProperties": {**self.definition(), **self.properties(self.kind)},
            "requiredInputs": [],
            "properties": {
                written: {"type": "string", "description": self.prose(described[name])}
                for written, name in outputs(self.component).items()
            },
            "required": sorted(
                written
                for written, name in outputs(self.component).items()
                if "None" not in annotations.get(name, "")
            ),
        }

    def definition(self) -> dict[str, Any]:
        """Return the properties that together are the definition."""
        described = _attributes(StartupScript)
        step = {"$ref": self.steps(), "plain": True}
        name = f"{described['name'].removesuffix('.')}; the VM's own name when not given."
        lists = {
            written: {"type": "array", "items": step, "plain": True, "description": self.prose(described[one])}
            for one, written in LISTS.items()
        }
        return {DEFINITION: {"type": "string", "plain": True, "description": name}, **lists}

    def steps(self) -> str:
        """Add the type of a step, which has the fields of all kinds, and return its reference."""
        properties: dict[str, Any] = {}
        for kind in STEP_TYPES:
            for name in (field.name for field in fields_of(kind)):
                one = {**self.property(name, forms_of(kind)[name]), "description": self.prose(_of_each_kind(name))}
                if properties.setdefault(camel(name), one) != one:
                    raise TypeError(f"{name} has another type in {kind.kind} than in the kinds before")
        kinds = self.choices("StepKind", KINDS, [_text(kind, until="Attributes") for kind in STEP_TYPES])
        kind = {"$ref": kinds, "plain": True, "description": "What the step does; it decides which fields there are."}
        description = "One named, re-runnable piece of work. Which fields it has depends on its kind."
        return self.type("Step", {"kind": kind, **properties}, ["kind"], description)

    def properties(self, kind: type) -> dict[str, Any]:
        """Return the properties that stand for a dataclass's fields."""
        described = _attributes(kind)
        found: dict[str, Any] = {}
        for field in dataclasses.fields(kind):
            if field.name in forms_of(kind):
                text = f"{described[field.name]}{_default(field)}"
                one = self.property(field.name, forms_of(kind)[field.name])
                found[camel(field.name)] = {**one, "description": self.prose(text)}
        return found

    def property(self, name: str, form: Form) -> dict[str, Any]:
        """Return what a form is in a schema."""
        plain = {} if form.later else {"plain": True}
        if form.record:
            return {"$ref": self.record(form.record), **plain}
        if form.choices:
            return {"$ref": self.choices(camel(name)[0].upper() + camel(name)[1:], form.choices), **plain}
        if form.others:
            return {"oneOf": [{"type": base, **plain} for base in (form.base, *form.others)], **plain}
        key = {"array": "items", "object": "additionalProperties"}.get(form.base)
        entries = {key: self.property(name, form.entries)} if key and form.entries else {}
        return {"type": form.base, **entries, **plain}

    def record(self, kind: type) -> str:
        """Add the type that stands for a dataclass, and return its reference."""
        needed = [camel(field.name) for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]
        return self.type(kind.__name__, self.properties(kind), needed, self.prose(_text(kind, until="Attributes")))

    def choices(self, name: str, choices: Iterable[str], described: Iterable[str] = ()) -> str:
        """Add a type with these texts, and return its reference."""
        texts = list(choices)
        lines = list(described) or [""] * len(texts)
        members = [
            {"name": text.capitalize(), "value": text, **({"description": self.prose(line)} if line else {})}
            for text, line in zip(texts, lines, strict=True)
        ]
        token = f"{self.name}:index:{name}"
        self.types[token] = {"type": "string", "enum": members}
        return f"#/types/{token}"

    def type(self, name: str, properties: dict[str, Any], required: list[str], description: str) -> str:
        token = f"{self.name}:index:{name}"
        self.types[token] = {
            "type": "object",
            "description": description,
            "properties": properties,
            "required": sorted(required),
        }
        return f"#/types/{token}"

    def prose(self, text: str) -> str:
        """Return a text of the docstrings in the words of data."""
        words = re.sub(r"\b(True|False|None)\b", lambda word: _WORDS[word[0]], text)
        return respelled(words, names(self.kind))


def _of_each_kind(name: str) -> str:
    """Return what the kinds of steps say of a field, each text once with the kinds that say it."""
    said: dict[str, list[str]] = {}
    for kind in STEP_TYPES:
        for field in dataclasses.fields(kind):
            if field.name == name:
                said.setdefault(f"{_attributes(kind)[name]}{_default(field)}", []).append(kind.kind)
    if list(said.values()) == [list(KINDS)]:
        return next(iter(said))
    return "\n".join(f"{', '.join(kinds)}: {text}" for text, kinds in said.items())


def _attributes(kind: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each attribute, each on one line."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        section = (inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")[2]).partition("\n\n")[0]
        if section and one.__module__.partition(".")[0] != "pulumi":
            entries = re.findall(r"^(\w+): (.+(?:\n +.+)*)", inspect.cleandoc(section), re.MULTILINE)
            found.update((name, " ".join(text.split())) for name, text in entries)
    return found


def _text(kind: type, until: str) -> str:
    """Return the docstring of a class up to a heading."""
    return inspect.cleandoc(kind.__doc__ or "").partition(f"{until}:\n")[0].strip()


def _annotations(kind: type) -> dict[str, str]:
    return {name: str(text) for one in reversed(kind.__mro__) for name, text in inspect.get_annotations(one).items()}


def _default(field: dataclasses.Field[Any]) -> str:
    """Return the words for a default that a reader of data would want to know."""
    if isinstance(field.default, bool):
        return f" By default {str(field.default).lower()}."
    if field.name == "mode":
        return f" By default {field.default:#o}."
    return f" By default {field.default}." if isinstance(field.default, (str, int)) and field.default != "" else ""
