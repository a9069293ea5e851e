"""From data to a definition: `{"kind": "packages", "names": ["nginx"]}` becomes `Packages(["nginx"])`.

Nothing here knows Pulumi. Kinds and fields are those of the step types, so a new one is known here at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from startup import Problem, Shell, StartupScript, Step, validate
from startup.definition import LIST_NAMES, STEP_TYPES, fields_of
from startup.problems import shown

from .records import meant, record_of, taken
from .spelling import as_written, camel, within

DEFINITION = "definition"
"""What data calls the definition's name; its name alone would be taken for the VM's."""

LISTS = {name: camel(name) for name in LIST_NAMES}
"""What data calls each list of steps."""

KINDS: dict[str, type[Step]] = {step.kind: step for step in STEP_TYPES}
"""The type of each kind of step."""

RECORDS = {kind: record_of(fields_of(step), f"a {kind} step", known=("kind",)) for kind, step in KINDS.items()}
"""The fields of each kind of step."""

NAMES = frozenset(name for record in RECORDS.values() for name in record.names.values()) | frozenset(LISTS)
"""Every field of every kind of step, and the lists, as Python spells them."""

# Whether a step is named that there is not: where one could not be read, nobody can say.
_REFERENCE = re.compile(r"\.(rerunOn|restartOn)\[")
_LIKE = "{kind: packages, names: [nginx]}"


def definition(
    name: object, lists: Mapping[str, object], values: Mapping[str, Any]
) -> tuple[StartupScript, list[Problem]]:
    """Return the definition that data describes, and everything that is wrong with it, in its order.

    Args:
        name: The definition's name.
        lists: Steps as data, by the name of their list in the data.
        values: The texts of the values, by name.

    Returns:
        The definition, as good as it could be read, and the problems with their paths in the data.

    Example:
        >>> site, problems = definition("site", {"firstBoot": [{"kind": "packages", "names": ["nginx"]}]}, {})
        >>> site.first_boot[0].name, problems
        ('packages nginx', [])
        >>> for problem in definition("site", {"firstBoot": [{"kind": "directory", "path": "/srv", "mod": 7}]}, {})[1]:
        ...     print(problem)
        firstBoot[0].mod: is no field of a directory step; did you mean 'mode'?
    """
    found: list[Problem] = []
    unread: list[str] = []
    steps: dict[str, Any] = {}
    for list_name, written in LISTS.items():
        entries: Any = lists.get(written, ())
        steps[list_name] = (
            [_step(entry, f"{written}[{index}]", found, unread) for index, entry in enumerate(entries)]
            if isinstance(entries, list)
            else entries
        )
    startup = StartupScript(name, **steps)  # pyright: ignore[reportArgumentType]  `validate` judges the name
    # A step that could not be read may use any of the values.
    judged = as_written(validate(startup, None if unread else values), NAMES, {"name": DEFINITION})
    places = [*unread, *(one.path for one in found)]
    known = (one for one in judged if not any(within(one.path, place) for place in places))
    return startup, sorted([*found, *(one for one in known if not (unread and _REFERENCE.search(one.path)))], key=_order)


def _step(data: object, place: str, found: list[Problem], unread: list[str]) -> Step:
    """Return the step that an object of data describes, or one that only keeps its place."""
    wrong = _wrong_kind(data, place)
    if wrong is not None:
        found.append(wrong)
        unread.append(place)
        name = data.get("name") if isinstance(data, Mapping) else None
        return Shell(name if isinstance(name, str) else place, script="true")
    assert isinstance(data, Mapping)
    kind = data["kind"]
    return KINDS[kind](**taken(data, RECORDS[kind], place, found))


def _wrong_kind(data: object, place: str) -> Problem | None:
    if not isinstance(data, Mapping):
        return Problem(place, f"is {shown(data)}, not a step; give an object such as {_LIKE}")
    kind = data.get("kind")
    if kind is None:
        return Problem(f"{place}.kind", f"is not given; there are {', '.join(KINDS)}")
    if not isinstance(kind, str) or kind not in KINDS:
        written = kind if isinstance(kind, str) else ""
        return Problem(f"{place}.kind", f"is {shown(kind)}, no kind of step; {meant(written, KINDS)}")
    return None


def _order(problem: Problem) -> tuple[int, int]:
    head, _, rest = problem.path.partition("[")
    places = (DEFINITION, *LISTS.values())
    return places.index(head) if head in places else len(places), int(rest.partition("]")[0] or -1)
