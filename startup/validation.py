"""Validate: a definition goes in, everything that is wrong with it comes out, at once and in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

from . import problems, rules
from .definition import (
    LIST_NAMES,
    STEP_TYPES,
    DerivedName,
    Directory,
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
    assert_never,
)
from .problems import Problem

Finding = tuple[str, "str | None"]


def problems_of(definition: object, values: object) -> Iterator[Problem]:
    """Yield all problems of a definition, in its order; anything may be in it, nothing makes this raise.

    Args:
        definition: What is judged.
        values: The texts of the values by name; None takes every used value as given.
    """
    if not isinstance(definition, StartupScript):
        yield Problem("definition", problems.not_a_definition(definition))
        return
    yield from _found("", [("name", rules.name(definition.name))])
    for list_name in LIST_NAMES:
        entries: object = getattr(definition, list_name)
        if not isinstance(entries, tuple):
            yield Problem(list_name, problems.not_steps(entries))
    if (definition.first_boot, definition.every_boot, definition.shutdown) == ((), (), ()):
        yield Problem("definition", problems.no_steps())
    yield from _steps(definition, values)
    yield from problems_of_values(definition, values)


def _found(place: str, findings: Iterable[Finding]) -> Iterator[Problem]:
    for field, message in findings:
        if message is not None:
            yield Problem(f"{place}.{field}" if place else field, message)


# Steps, one by one


def _steps(definition: StartupScript, values: object) -> Iterator[Problem]:
    places: dict[object, str] = {}
    for list_name, index, step in definition.steps():
        if isinstance(cast(object, step), STEP_TYPES) and isinstance(cast(object, step.name), str):
            places.setdefault(step.name, f"{list_name}[{index}]")
    given = _Given(values)
    earlier: set[object] = set()
    owned: dict[str, str] = {}
    for list_name, index, step in definition.steps():
        place = f"{list_name}[{index}]"
        if not isinstance(cast(object, step), STEP_TYPES):
            yield Problem(place, problems.not_a_step(step))
            continue
        fields = list(_fields(step, given))
        fields[:0] = _owned(step, list_name, place, owned, fields)
        if isinstance(step, Reboot) and list_name != "first_boot":
            yield Problem(place, problems.reboot_elsewhere(list_name))
        yield from _found(place, [("name", _name(step, place, places, fields))])
        yield from _found(place, fields)
        if list_name == "shutdown" and isinstance(step, (Unit, Service)) and step.start is True:
            yield Problem(f"{place}.start", problems.start_in_shutdown())
        yield from _found(place, _limits(step))
        yield from _found(place, _references(step, list_name == "shutdown", places, earlier))
        if isinstance(cast(object, step.name), str):
            earlier.add(step.name)


_OWNS = {
    "file": "path",
    "directory": "path",
    "download": "path",
    "unit": "unit",
    "user": "login",
    "service": "service",
}


def owned_by(step: Step, list_name: str) -> str | None:
    """Return what a step of a list keeps, written in one way: a path, a unit or an account; it belongs to this step alone.

    A `Service` contradicts no `Unit` of its name, whose file is the other's alone, and none of another list: what is brought
    up once, in the middle of the first boot, may be seen to at each boot.
    """
    match step:
        case File() | Directory() | Download():
            return rules.plain_path(step.path)
        case Unit():
            return rules.plain_path(f"/etc/systemd/system/{step.unit}")
        case User():
            return f"user {step.login}"
        case Service():
            return f"{list_name} {rules.unit_of(step.service)}"
        case _:
            return None


def _owned(
    step: Step, list_name: str, place: str, owned: dict[str, str], fields: Iterable[Finding]
) -> Iterator[Finding]:
    """Judge whether an earlier step keeps the same; `owned` has the places of those."""
    field = _OWNS.get(step.kind)
    if field is None or any(message and judged == field for judged, message in fields):
        return
    what = owned_by(step, list_name)
    other = owned.setdefault(what, place) if what else place
    yield field, None if other == place else problems.owned_twice(getattr(step, field), other)


def _name(step: Step, place: str, places: Mapping[object, str], fields: Iterable[Finding]) -> str | None:
    derived = isinstance(step.name, DerivedName)
    wrong = rules.name(step.name, derived)
    if wrong is None and places[step.name] != place:
        wrong = problems.duplicate_name(step.name, places[step.name])
    # A name made from a field that is wrong itself would only repeat that.
    source = ("path", "names", "names[0]", "login", "unit", "service")
    return None if derived and any(message and field in source for field, message in fields) else wrong


def _limits(step: Step) -> Iterator[Finding]:
    yield "timeout_seconds", rules.timeout_seconds(step.timeout_seconds)
    yield "retries", rules.retries(step.retries)


def _fields(step: Step, given: _Given) -> Iterator[Finding]:
    match step:
        case Shell():
            yield "script", rules.shell_text(step.script)
            yield from _uses(step.uses, None, given)
            yield "unless", None if step.unless is None else rules.shell_text(step.unless)
            yield "user", None if step.user is None else rules.login(step.user)
            yield "cwd", None if step.cwd is None else rules.folder(step.cwd)
        case File():
            yield "path", rules.written_path(step.path)
            yield "content", rules.text(step.content)
            yield from _uses(step.uses, step.content, given)
            yield from _ownership(step)
        case Directory():
            yield "path", rules.written_path(step.path, root=True)
            yield from _ownership(step)
            yield "mode", rules.mode_of_folder(step.path, step.mode, step.group)
            yield "owner", rules.owner_of_folder(step.path, step.owner)
        case Packages():
            yield from _entries("names", step.names, "package names", rules.package, least=1)
        case User():
            yield "login", rules.login(step.login)
            yield from _entries("groups", step.groups, "groups", rules.group)
            yield "shell", rules.login_shell(step.shell)
            yield "system", rules.flag(step.system)
            yield from _entries("ssh_keys", step.ssh_keys, "public keys", rules.ssh_key)
        case Unit():
            yield "unit", rules.unit(step.unit, template_allowed=step.enable is False and step.start is False)
            yield "content", rules.unit_text(step.content)
            yield from _starting(step)
        case Service():
            yield "service", rules.service(step.service)
            yield from _starting(step)
        case Download():
            yield "url", rules.url(step.url)
            yield "path", rules.written_path(step.path)
            yield "sha256", rules.sha256(step.sha256)
            yield from _ownership(step)
        case Reboot():
            yield "unless", None if step.unless is None else rules.shell_text(step.unless)
        case _:
            assert_never(step)


def _ownership(step: File | Directory | Download) -> Iterator[Finding]:
    yield "mode", rules.mode(step.mode)
    yield "owner", rules.login(step.owner)
    yield "group", rules.group(step.group)


def _starting(step: Unit | Service) -> Iterator[Finding]:
    yield "enable", rules.flag(step.enable)
    yield "start", rules.flag(step.start)


def _entries(
    field: str, entries: object, what: str, rule: Callable[[object], str | None], least: int = 0
) -> Iterator[Finding]:
    if not isinstance(entries, tuple):
        yield field, problems.not_a_list(entries, what)
        return
    listed = cast("tuple[object, ...]", entries)
    if len(listed) < least:
        yield field, problems.empty(f"{what}, at least one")
    for index, entry in enumerate(listed):
        yield f"{field}[{index}]", rule(entry)


# Values


class _Given:
    """The names of the values that are given, all of them when nobody says; each missing one is told once."""

    def __init__(self, values: object) -> None:
        self.names: set[object] | None = (
            set(cast("Mapping[object, object]", values)) if isinstance(values, Mapping) else None
        )

    def missing(self, used: str) -> str | None:
        if self.names is None or used in self.names:
            return None
        guess = _guess(used, self.names)
        self.names.add(used)
        return problems.value_not_given(used, guess)


def _uses(uses: object, content: object, given: _Given) -> Iterator[Finding]:
    """Judge the names of used values, and whether a file's content holds them; `content` is None for shell text."""
    if not isinstance(uses, tuple):
        yield "uses", problems.not_a_list(uses, "names of values")
        return
    names = cast("tuple[object, ...]", uses)
    for index, used in enumerate(names):
        field = f"uses[{index}]"
        yield field, rules.value_name(used)
        if not isinstance(used, str) or rules.value_name(used) is not None:
            continue
        if used in names[:index]:
            yield field, problems.repeated(used)
        elif isinstance(content, str) and f"${{{used}}}" not in content:
            yield field, problems.not_in_content(used, _guess(used, re.findall(r"\$\{([A-Z][A-Z0-9_]*)\}", content)))
        yield field, given.missing(used)


def problems_of_values(definition: StartupScript, values: object) -> Iterator[Problem]:
    """Yield the problems of the values themselves, and of those that nobody uses."""
    if values is None:
        return
    if not isinstance(values, Mapping):
        yield Problem("values", f"is {problems.shown(values)}, not a mapping of names to texts")
        return
    used: set[object] = set()
    for _, _, step in definition.steps():
        if isinstance(step, (Shell, File)) and isinstance(cast(object, step.uses), tuple):
            used.update(name for name in step.uses if isinstance(cast(object, name), str))
    for name, text in cast("Mapping[object, object]", values).items():
        place = f"values.{name}" if isinstance(name, str) and name.isidentifier() else f"values[{problems.shown(name)}]"
        if name not in used:
            yield Problem(place, problems.value_not_used(_guess(name, used) if isinstance(name, str) else None))
        wrong = rules.value_text(text)
        if wrong is not None:
            yield Problem(place, wrong)


# Steps that name others


def _references(step: Step, at_shutdown: bool, places: Mapping[object, str], earlier: set[object]) -> Iterator[Finding]:
    fields: list[tuple[str, object]] = [("rerun_on", step.rerun_on)]
    if isinstance(step, Service):
        fields.insert(0, ("restart_on", step.restart_on))
    for field, named in fields:
        if at_shutdown and named != ():
            yield field, problems.in_shutdown()
        elif isinstance(named, STEP_TYPES):
            yield field, problems.not_steps(named)
        else:
            yield from _entries(field, named, "steps or their names", _reference(step.name, places, earlier))


def _reference(own: str, places: Mapping[object, str], earlier: set[object]) -> Callable[[object], str | None]:
    def judge(named: object) -> str | None:
        if not isinstance(named, str):
            return problems.not_a_reference(named)
        if named in earlier:
            return None
        if named == own:
            return problems.own_name(named)
        if named not in places:
            return problems.unknown_step(named, _guess_step(named, places))
        where = places[named]
        return (problems.shutdown_step if where.startswith("shutdown") else problems.later_step)(named, where)

    return judge


def _guess_step(named: str, known: Iterable[object]) -> str | None:
    names = [name for name in known if isinstance(name, str)]
    # '/etc/x' for 'file /etc/x' is the likely slip, and not close enough for a comparison of letters.
    return next((name for name in names if name.partition(" ")[2] == named), None) or _guess(named, names)


def _guess(given: str, known: Iterable[object]) -> str | None:
    import difflib  # only here, where something is wrong already: it costs a third of `import startup`

    close = difflib.get_close_matches(given, sorted({name for name in known if isinstance(name, str)}), 1)
    return close[0] if close else None
