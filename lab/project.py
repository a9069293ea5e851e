"""Read a Pulumi project's files: its name, and the configuration of one stack as Pulumi would give it to the program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .errors import LabError
from .program import Program

_SCHEMA = {"type", "default", "value", "description", "secret", "items"}


def read(folder: Path, stack: str, *, decrypts: bool = False) -> Program:
    """Return the program in a folder with the configuration of a stack.

    Args:
        folder: Where Pulumi.yaml is.
        stack: The stack's name.
        decrypts: Whether the pulumi command deploys it, which alone can read secrets.

    Raises:
        LabError: Something is wrong with a file; says what.
    """
    project = _load(folder / "Pulumi.yaml")
    if project is None:
        raise LabError(f"{folder} has no Pulumi.yaml: go to the folder of a Pulumi program")
    name = str(project.get("name") or "")
    if not name:
        raise LabError(f"{folder / 'Pulumi.yaml'}: name is missing")
    main = folder / str(project.get("main") or ".")
    if not (main / "__main__.py").is_file():
        raise LabError(f"{main} has no __main__.py: the local cloud runs Python programs")
    config: dict[str, str] = {}
    secrets: set[str] = set()
    for key, value in _values(folder / "Pulumi.yaml", project.get("config"), declared=True).items():
        config[_namespaced(name, key)] = _text(value)
    own = folder / f"Pulumi.{stack}.yaml"
    for key, value in _values(own, (_load(own) or {}).get("config"), declared=False).items():
        if '"secure":' in json.dumps(value, default=str):
            if not decrypts:
                raise LabError(f"{own.name}: {key} is a secret, which takes the pulumi command; install it")
            secrets.add(_namespaced(name, key))
        config[_namespaced(name, key)] = _text(value)
    return Program(folder=main.resolve(), name=name, stack=stack, config=config, secrets=frozenset(secrets))


def settings_of(program: Program, package: str) -> dict[str, str]:
    """Return the configuration of a provider: the keys in its namespace."""
    return {key.partition(":")[2]: value for key, value in program.config.items() if key.partition(":")[0] == package}


def _load(path: Path) -> dict[str, Any] | None:
    try:
        content = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if path.is_file() and not isinstance(content, dict | None):
        raise LabError(f"{path}: expected keys and values")
    return (content or {}) if path.is_file() else None


def _values(path: Path, config: Any, *, declared: bool) -> dict[str, Any]:
    """Return the values; in a project file an entry may be a schema with a default or a value."""
    if not isinstance(config, Mapping | None):
        raise LabError(f"{path}: config is {config!r}; expected keys and values")
    found: dict[str, Any] = {}
    for key, entry in (config or {}).items():
        if declared and isinstance(entry, Mapping) and set(entry) <= _SCHEMA:
            if "value" in entry or "default" in entry:
                found[str(key)] = entry.get("value", entry.get("default"))
        else:
            found[str(key)] = entry
    return found


def _namespaced(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: Any) -> str:
    plain = isinstance(value, bool | int | float | list | dict | None)
    return json.dumps(value, default=str) if plain else str(value)  # YAML has dates, too
