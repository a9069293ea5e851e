"""Generated definitions: every kind of step, odd text in every field, and sometimes what no field may hold."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import hypothesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from startup import Directory, Download, File, Packages, Reboot, Service, Shell, StartupScript, Unit, User, rules
from startup.definition import LIST_NAMES

FRAGMENTS = (
    '\n', '\r\n', '\r', '\n\n', ' ', '\t', '|', '||', '\\', '\\n', '\\c', "'", '"', '`id`', '$(touch /pwned)',
    '`touch /pwned`', '; touch /pwned;', '$', '$$', '${', '}', '$HOME', '${A}', '${B}', '${A', '%s', '%n', '*',
    '~', '!', '#', '&', '-n', '--', '\n@ name 3\n', '\n@ name 3 open\n', '@ a.script 1', '\nmain "$@"; exit\n',
    '\nsum=0000000000000000000000000000000000000000000000000000000000000000\n', 'sum=', '\nFrom nobody\n',
    '\n.\n', '\n--evenboot-0123456789abcdef--\n', '--==BOUNDARY==', 'Content-Type: text/plain\n\n', 'EOF\n',
    '\n#!/bin/sh\n', '--- now step a', 'evenboot: result {}', '# evenboot: end', 'first_boot', 'due|first_boot',
    '\xe9', '\xff', '\x85', '\u2028', '\u200b', '\x00', '\ud800', '\ufeff', '\ufffe', '\u65e5\u672c',
    '\U0001f600', 'e\u0301', '\x01', '\x1b[31m', '\x7f', '\x1c', '\x0b', '\x0c', ',', ':', '=', '^', '[', ']',
    '{', '/',
)  # fmt: skip
"""What a careless program takes for something else than text."""

SHELL_VARIABLES = (
    "A",
    "B",
    "IFS_",
    "LINES",
    "COLUMNS",
    "HISTSIZE",
    "TMOUT",
    "GLOBIGNORE",
    "CDPATHS",
    "OPTS",
    "KEY",
    "STEP",
    "RUN",
)
"""Names of values, some of them special to a shell, some to the runner but for their letters' case."""

Draw = Callable[[SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Given:
    """A definition and the values it is given."""

    definition: StartupScript
    values: Mapping[str, str]


letters = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8)
texts = st.lists(st.sampled_from(FRAGMENTS) | letters, max_size=6).map("".join)
long_texts = st.builds(str.__mul__, texts, st.sampled_from([1, 1, 1, 1, 1, 1, 1, 1, 50, 700])).map(
    lambda text: text[:40_000]
)
lines = texts.map(lambda text: "".join(character for character in text if character.isprintable()))
ends = st.sampled_from(["", "", " ", "|", "\\", "'"])
names = st.builds(lambda *found: "".join(found)[:100], ends, lines, ends).filter(bool)
plain = texts.map(lambda text: "".join(c for c in text if ord(c) >= 32 and c not in "/\x7f")[:60])
parts = st.builds(lambda *found: "".join(found), ends, plain, ends).filter(
    lambda part: part not in ("", ".", "..")
)
paths = st.lists(parts, min_size=1, max_size=3).map(lambda found: "/" + "/".join(found))
modes = st.integers(0, 0o7777).filter(lambda mode: rules.mode(mode) is None)
value_names = st.one_of(
    st.sampled_from(SHELL_VARIABLES), *[st.from_regex(r"[A-Z][A-Z0-9_]{2,9}", fullmatch=True)] * 3
).filter(lambda name: rules.value_name(name) is None)
packages = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9+._:=~*-]{0,9}", fullmatch=True).filter(lambda name: name[-1] != "-")
units = st.from_regex(r"[A-Za-z0-9:_][A-Za-z0-9:_.\\-]{0,9}", fullmatch=True)
logins = st.from_regex(r"[a-z_][a-z0-9_-]{0,9}", fullmatch=True)
keys = lines.filter(lambda key: rules.ssh_key(key) is None)
shells = paths.filter(lambda path: rules.login_shell(path) is None)
urls = st.from_regex(r"https?://[a-z][!-~]{0,20}", fullmatch=True)
owners, groups = st.sampled_from(["root", "nobody"]), st.sampled_from(["root", "nogroup"])
sums = st.binary(max_size=2).map(lambda content: hashlib.sha256(content).hexdigest())
worded = texts.filter(str.strip)

wrong = st.sampled_from([
    None, 3, -1, 1.5, b"a", "", "\0", "a\0b", "\ud800", " ", "x" * 5000, "a\nb", [], ["a"], ("\0",), {}, {"a"}, True, object,
    Shell, PurePosixPath("/a"), Shell("in", script="a"), 10**400,
])  # fmt: skip
"""What most fields may not hold."""

FIELDS: dict[type[Any], dict[str, SearchStrategy[Any]]] = {
    Shell: {"name": names, "script": worded, "unless": st.none() | worded, "cwd": st.none() | paths, "user": st.none() | owners},
    Reboot: {"name": names, "unless": st.none() | worded},
    File: {"path": paths, "content": long_texts, "mode": modes, "owner": owners, "group": groups},
    Directory: {"path": paths, "mode": modes, "owner": owners, "group": groups},
    Packages: {"names": st.lists(packages, min_size=1, max_size=3)},
    User: {"login": logins, "groups": st.lists(logins, max_size=2), "shell": shells, "ssh_keys": st.lists(keys, max_size=2)},
    Unit: {
        "unit": units.map(lambda name: f"{name}.service"),
        "content": worded,
        "enable": st.booleans(),
        "start": st.booleans(),
    },
    Service: {"service": units, "enable": st.booleans(), "start": st.booleans()},
    Download: {"url": urls, "path": paths, "sha256": sums, "mode": modes, "owner": owners, "group": groups},
}
COMMON: dict[str, SearchStrategy[Any]] = {
    "name": st.none() | names,
    "timeout_seconds": st.just(1800) | st.integers(60, 86_400),
    "retries": st.integers(0, 3),
}


@st.composite
def steps(
    draw: Draw, kinds: tuple[type[Any], ...], known: tuple[str, ...], earlier: tuple[str, ...] = (), spoilt: bool = False
) -> Any:
    """A step of one of the kinds, which may use known values and name earlier steps; if spoilt, one field holds anything."""
    kind = draw(st.sampled_from(kinds))
    fields: dict[str, SearchStrategy[Any]] = {**COMMON, **FIELDS[kind]}
    if known and kind in (Shell, File):
        fields["uses"] = st.lists(st.sampled_from(known), unique=True, max_size=2)
    if earlier:
        fields["rerun_on"] = st.lists(st.sampled_from(earlier), max_size=1)
    if spoilt:
        name = draw(st.sampled_from([*fields, "rerun_on", *(["restart_on"] if kind is Service else [])]))
        fields[name] = wrong | texts
    drawn = {name: draw(field) for name, field in fields.items()}
    if not spoilt and drawn["name"] is None and not drawn.get("path", "").isprintable():
        drawn["name"] = draw(names)
    if kind is File and isinstance(drawn["content"], str):
        used = drawn.get("uses")
        drawn["content"] += "".join(f"${{{name}}}" for name in used) if isinstance(used, list) else ""
    return kind(**drawn)


@st.composite
def definitions(draw: Draw, kinds: tuple[type[Any], ...] = tuple(FIELDS), spoilt: bool = False) -> Given:
    """A definition with one to four steps and the values that they use; if spoilt, it may hold anything in some places."""
    values: dict[str, str] = draw(st.dictionaries(value_names, long_texts, max_size=2))
    spoil = st.integers(0, 5).map((5).__eq__) if spoilt else st.just(False)
    lists: dict[str, Any] = {name: [] for name in LIST_NAMES}
    earlier: list[str] = []
    for at in sorted(draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=1, max_size=4))):
        named = tuple(earlier) if at < 2 else ()
        step = draw(steps((Shell,) if at == 2 else kinds, tuple(values), named, draw(spoil)))
        lists[LIST_NAMES[at]].append(step)
        earlier += [step.name] if isinstance(step.name, str) else []
    if draw(spoil):
        lists[draw(st.sampled_from(LIST_NAMES))] = draw(wrong)
    definition = StartupScript(draw(names if not draw(spoil) else wrong), **lists)
    used = {name for _, _, step in definition.steps() if isinstance(step, (Shell, File)) for name in uses(step)}
    return Given(definition, {name: text for name, text in values.items() if name in used})


def uses(step: Any) -> tuple[str, ...]:
    """The names of the values that a step sees."""
    found = getattr(step, "uses", ())
    return found if isinstance(found, tuple) else ()


def try_many(count: int, strategy: SearchStrategy[Any], check: Callable[[Any], int]) -> None:
    """Check what a strategy generates, until the checks say that they have tried so many.

    It is the same each time, and of what fails the smallest is shown.
    """
    tried = 0

    def counted(example: Any) -> None:
        nonlocal tried
        tried += check(example)

    for number in itertools.count():
        if tried >= count:
            return
        unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
        quietly = settings(
            deadline=None, database=None, max_examples=20, report_multiple_bugs=False, suppress_health_check=unhurried
        )
        hypothesis.seed(number)(quietly(given(strategy)(counted)))()
