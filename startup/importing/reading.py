"""Read: a folder or a file goes in, a definition and all that is to be known about it come out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .. import problems
from ..definition import ListName, StartupScript, Step
from ..delivery import CLOUDS, Cloud
from ..loading import LoadingError
from ..problems import StartupScriptError
from ..rendering import render
from ..rules import NAME_LIMIT
from ..validation import validate
from .scripts import script_step
from .sources import Source, sources
from .warnings import Warning, Warnings


@dataclass(frozen=True, slots=True)
class Imported:
    """Hold what came of an import.

    Attributes:
        definition: A definition without problems.
        warnings: What is to be known, in the order of the input.
    """

    definition: StartupScript
    warnings: tuple[Warning, ...]


def import_from(path: Path, name: str = "") -> Imported:
    """Turn a folder of scripts, a script, a cloud-config or MIME user data into a definition.

    Args:
        path: The folder or the file.
        name: What the definition is called; the folder's or file's name when not given.

    Raises:
        LoadingError: There is no such path, nothing in it can be imported, or PyYAML is needed and missing.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "first-boot.sh").write_text("#!/bin/bash\\nset -e\\necho hello\\n")
        >>> import_from(folder, "site").definition.first_boot[0].name
        'first-boot.sh'
    """
    if not path.exists():
        raise LoadingError(f"{path}: no such file or folder")
    warnings = Warnings()
    # What cloud-config asks for is there before cloud-init runs a script.
    found = sorted(sources(path, warnings), key=_is_script)
    lists = _Lists(warnings)
    names = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
    for source in _timed(found, warnings):
        if source.kind == "cloud-config":
            _carry_over(source, lists, warnings)
        else:
            lists.add(source.list_name, source.place, script_step(source, names, warnings))
    if not any(lists.steps.values()):
        told = "".join(f"\n{warning}" for warning in warnings.found)
        raise LoadingError(f"{path}: holds nothing that can be imported{told}")
    definition = StartupScript(name or path.resolve().stem[:NAME_LIMIT] or "imported", **lists.steps)
    if wrong := validate(definition):
        raise LoadingError(f"{path}: {'; '.join(map(str, wrong))}")
    _measure(definition, warnings)
    return Imported(definition, tuple(warnings.found))


def _is_script(source: Source) -> bool:
    return source.kind == "script"


def _carry_over(source: Source, lists: _Lists, warnings: Warnings) -> None:
    from .cloud_config import cloud_config, load  # needs PyYAML

    try:
        entries = load(source.place, source.text, warnings)
    except ImportError:
        raise LoadingError(
            f"{source.place}: cloud-config is YAML, and PyYAML, which reads it, is not installed; install pyyaml"
        ) from None
    except ValueError as error:
        warnings.lose(source.place, f"it is no YAML: {error}")
        return
    for list_name, place, step in cloud_config(source.place, entries, warnings):
        lists.add("every_boot" if step.name == "runcmd" and source.list_name == "every_boot" else list_name, place, step)


def _timed(found: list[Source], warnings: Warnings) -> list[Source]:
    """Let user scripts run at each boot where a cloud-config asks cloud-init for that, as on AWS it is usual."""
    asking = [source for source in found if source.kind == "cloud-config" and _at_each_boot(source.text)]
    if not asking:
        return found
    for source in asking:
        warnings.say(source.place, "lets user scripts run at each boot: they are every_boot steps here")
    return [
        replace(source, list_name="every_boot") if source.user_script or source.kind == "cloud-config" else source
        for source in found
    ]


def _at_each_boot(text: str) -> bool:
    from .cloud_config import ALWAYS

    return ALWAYS.search(text) is not None


class _Lists:
    """The steps of the three lists, each without problems and with a name of its own."""

    def __init__(self, warnings: Warnings) -> None:
        self.steps: dict[ListName, list[Step]] = {"first_boot": [], "every_boot": [], "shutdown": []}
        self.warnings = warnings
        self.names: set[str] = set()

    def add(self, list_name: ListName, place: str, step: Step) -> None:
        """Add a step; one that has problems is named instead."""
        step = replace(step, name=self._free(step.name))
        if wrong := validate(StartupScript("imported", first_boot=[step])):
            for problem in wrong:
                self.warnings.lose(place, f"{problem.path.partition('.')[2]} {problem.message}")
            return
        self.names.add(step.name)
        self.steps[list_name].append(step)

    def _free(self, name: str) -> str:
        name = "".join(c if c.isprintable() else " " for c in name)[:NAME_LIMIT] or "step"
        number = 1
        found = name
        while found in self.names:
            number += 1
            found = f"{name[: NAME_LIMIT - 5]} {number}"
        return found


def _measure(definition: StartupScript, warnings: Warnings) -> None:
    """Say for which cloud the definition is too large."""
    for cloud in CLOUDS:
        try:
            render(definition, {}, _cloud(cloud))
        except StartupScriptError as error:
            for problem in error.problems:
                warnings.say(problem.path, problem.message)


def _cloud(name: str) -> Cloud:
    for cloud in ("aws", "gcp", "azure"):
        if cloud == name:
            return cloud
    raise ValueError(problems.unknown_cloud(name, CLOUDS))
