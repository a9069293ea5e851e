"""Two spellings of one name: `first_boot` in Python, `firstBoot` in data and in the programs of other languages."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from startup import Problem

_SNAKE = r"[a-z0-9]+(?:_[a-z0-9]+)+"
# What stands in quotes is the user's own text.
_QUOTED_OR_NAME = re.compile(rf"'[^']*'|\"[^\"]*\"|\b({_SNAKE})\b")


def camel(name: str) -> str:
    """Return a name as data spells it.

    Example:
        >>> camel("timeout_seconds")
        'timeoutSeconds'
    """
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def respelled(text: str, names: Collection[str]) -> str:
    """Return a text in which these names of Python's are spelled as in data, except between quotes.

    Example:
        >>> respelled("runs later (first_boot[2]), not 'first_boot'", {"first_boot"})
        "runs later (firstBoot[2]), not 'first_boot'"
    """
    return _QUOTED_OR_NAME.sub(lambda match: camel(match[0]) if match[1] in names else match[0], text)


def as_written(
    problems: Iterable[Problem], names: Collection[str], renamed: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """Return problems with the paths that the writer of data knows.

    Args:
        problems: Their paths are Python's, as in `first_boot[2].timeout_seconds`.
        names: The names of all fields, as Python spells them.
        renamed: Paths that are another in data.
    """
    return tuple(
        Problem((renamed or {}).get(one.path) or _path(one.path), respelled(one.message, names)) for one in problems
    )


def within(path: str, place: str) -> bool:
    """Return whether a path leads to a place or into it.

    Example:
        >>> within("first_boot[1].uses[0]", "first_boot[1]"), within("first_boot[12]", "first_boot[1]")
        (True, False)
    """
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _path(path: str) -> str:
    head = re.match(r"\w*", path)
    assert head
    rest = path[head.end() :]
    # Behind a dot stands a name that the user chose (`tags.my_tag`), behind an index a field.
    return camel(head[0]) + (re.sub(_SNAKE, lambda name: camel(name[0]), rest) if rest.startswith("[") else rest)
