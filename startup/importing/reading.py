"""Read: a folder or a file goes in, a definition and all that is to be known about it come out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .. import problems
from ..checked import validate
from ..definition import ListName, StartupScript, Step
from ..delivery import CLOUDS, Cloud
from ..loading import LoadingError
from ..problems import StartupScriptError
from ..rendering import render
from ..rules import NAME_LIMIT
from ..validation import owned_by
from . import accounts, tree
from .bounds import DOCUMENT, TooLong, TooMuch
from .cloud_config import ALWAYS, Entries, cloud_config, load
from .entries import wrong_with
from .scripts import Neighbours, script_step
from .sources import Source, sources
from .warnings import Warning, Warnings, visible


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
    try:
        return _imported(path, name)
    except TooLong as error:
        raise LoadingError(f"{visible(str(path))}: {error}") from None


def _imported(path: Path, name: str) -> Imported:
    warnings = Warnings()
    files = tree.files(path, warnings)
    # What cloud-config asks for is there before cloud-init runs a script.
    found = _timed(sorted(_that_fit(sources(files, warnings), warnings), key=_is_script), warnings)
    lists = _Lists(warnings)
    configs = _configs(found, warnings)
    refused = accounts.refused(configs.values())
    names = Neighbours(file.place for file in files)
    for source in found:
        warnings.bounds.in_time()
        if source.kind == "script":
            lists.add(source.list_name, source.place, script_step(source, names, warnings))
        elif source in configs:
            _carry_over(source, configs[source], refused, lists, warnings)
    told = warnings.all(path.name)
    if not any(lists.steps.values()):
        raise LoadingError("\n".join([f"{visible(str(path))}: holds nothing that can be imported", *map(str, told)]))
    definition = StartupScript(name or printable(path.resolve().stem)[:NAME_LIMIT].strip() or "imported", **lists.steps)
    if wrong := validate(definition):
        raise LoadingError(f"{visible(str(path))}: {visible('; '.join(map(str, wrong)))}")
    _measure(definition, warnings)
    return Imported(definition, warnings.all(path.name))


def _is_script(source: Source) -> bool:
    return source.kind == "script"


def _that_fit(found: Iterable[Source], warnings: Warnings) -> Iterator[Source]:
    for source in found:
        try:
            warnings.bounds.take(source.text)
        except TooMuch as error:
            warnings.lose(source.place, str(error))
        else:
            yield source


def _configs(found: Iterable[Source], warnings: Warnings) -> dict[Source, Entries]:
    """Return the entries of each cloud-config that can be read."""
    configs: dict[Source, Entries] = {}
    for source in found:
        if source.kind == "cloud-config":
            try:
                configs[source] = load(source.place, source.text, warnings)
            except ImportError:
                raise LoadingError(
                    f"{visible(source.place)}: cloud-config is YAML, and PyYAML, which reads it, is not installed; install pyyaml"
                ) from None
            except ValueError as error:
                warnings.lose(source.place, str(error))
    return configs


def _carry_over(source: Source, entries: Entries, refused: Collection[str], lists: _Lists, warnings: Warnings) -> None:
    for list_name, place, step in cloud_config(source.place, entries, refused, warnings):
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
    return ALWAYS.search(text) is not None


class _Lists:
    """The steps of the three lists, each without problems and with a name of its own."""

    def __init__(self, warnings: Warnings) -> None:
        self.steps: dict[ListName, list[Step]] = {"first_boot": [], "every_boot": [], "shutdown": []}
        self.warnings = warnings
        self.names: dict[str, int] = {}
        self.owned: set[str] = set()

    def add(self, list_name: ListName, place: str, step: Step) -> None:
        """Add a step; one that has problems is named instead."""
        self.warnings.bounds.in_time()
        step = replace(step, name=self._free(step.name))
        if wrong := wrong_with(step):
            for problem in wrong:
                self.warnings.lose(place, problem)
            return
        if (what := owned_by(step, list_name)) in self.owned:
            self.warnings.lose(place, f"{what} a second time; write in the first step what is meant")
            return
        self.owned |= {what} if what else set()
        self.names.setdefault(step.name, 1)
        self.steps[list_name].append(step)

    def _free(self, name: str) -> str:
        name = printable(name)[:NAME_LIMIT] or "step"
        found = name
        while found in self.names:
            self.names[name] = self.names.get(name, 1) + 1
            found = f"{name[: NAME_LIMIT - 5]} {self.names[name]}"
        return found


def printable(name: str) -> str:
    """Return a name as a step may have it, with spaces for what cannot be printed."""
    return "".join(c if c.isprintable() else " " for c in name)


def _measure(definition: StartupScript, warnings: Warnings) -> None:
    """Say for which cloud the definition is too large."""
    size = sum(len(getattr(step, "script", "")) + len(getattr(step, "content", "")) for _, _, step in definition.steps())
    if size > DOCUMENT:  # compressing it for each cloud would take long
        warnings.say("payload", f"has {size:,} characters of texts: no slot may hold them; `render` says it for each cloud")
        return
    for cloud in CLOUDS:
        try:
            render(definition, {}, _cloud(cloud))
        except StartupScriptError as error:
            for problem in error.problems:
                warnings.say(problem.path, problem.message)


def _cloud(name: str) -> Cloud:
    for cloud in CLOUDS:
        if cloud == name:
            return cloud
    raise ValueError(problems.unknown_cloud(name, CLOUDS))
