"""A definition and its values that were checked: once, and what is derived from them is derived once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

from .definition import StartupScript
from .fingerprints import digest_of, step_fingerprints, used_values
from .problems import Problem, StartupScriptError
from .validation import problems_of, problems_of_values

T = TypeVar("T")

MOST = 512
"""Values that a definition remembers to have been checked with."""


@dataclass(frozen=True, eq=False)
class Checked:
    """A definition with its values, and what was found.

    Attributes:
        definition: What was checked.
        values: The texts of the used values; None if every used value was taken as given.
        problems: What is not allowed; nothing can be made of a definition with problems.
        notes: What is allowed and probably not meant.
    """

    definition: StartupScript
    values: Mapping[str, str] | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()
    _made: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any], init=False, repr=False)

    def demand(self) -> Checked:
        """Return this.

        Raises:
            StartupScriptError: There are problems; all are reported.
        """
        if self.problems:
            raise StartupScriptError(self.problems)
        return self

    @cached_property
    def step_fingerprints(self) -> Mapping[str, str]:
        """Each step's fingerprint, 64 hexadecimal digits, by the step's name."""
        return step_fingerprints(self.definition, self.values)

    @cached_property
    def fingerprint(self) -> str:
        """The definition's fingerprint, 64 hexadecimal digits."""
        return digest_of(self.definition, self.step_fingerprints)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """The names of the values that steps use, sorted."""
        return tuple(sorted({name for _, _, step in self.definition.steps() for name in used_values(step)}))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` makes of this: it is called the first time that somebody asks with this key."""
        if key not in self._made:
            self._made[key] = make()
        return cast(T, self._made[key])


@dataclass
class _Memory:
    """What a definition remembers of its checks.

    Attributes:
        sound: The sets of names of values with which nothing was wrong with the definition itself.
        checked: What came out, by the values.
    """

    sound: set[frozenset[str] | None] = field(default_factory=set[frozenset[str] | None])
    checked: dict[Hashable, Checked] = field(default_factory=dict[Hashable, Checked])


def check(definition: StartupScript, values: Mapping[str, str] | None = None) -> Checked:
    """Check a definition with its values; the same definition, and the same values with it, are judged once.

    Args:
        definition: What is judged; anything may be in it, nothing makes this raise.
        values: The texts of the values by name; None takes every used value as given.

    Example:
        >>> from startup import Shell
        >>> check(StartupScript("site", first_boot=[Shell("say hello", script="echo hello")])).problems
        ()
    """
    if not _are_texts(values) or not isinstance(cast(object, definition), StartupScript):
        return Checked(definition, values, tuple(problems_of(definition, values)))
    memory: _Memory = vars(definition).setdefault("_memory", _Memory())
    key = None if values is None else tuple(sorted(values.items()))
    if key not in memory.checked:
        if len(memory.checked) >= MOST:
            memory.checked.clear()
        memory.checked[key] = Checked(definition, values and dict(values), tuple(_problems(definition, values, memory)))
    return memory.checked[key]


def _are_texts(values: object) -> bool:
    """Tell whether values can be told apart by equality: with True == 1 one would find the other's result."""
    if not isinstance(values, Mapping):
        return values is None
    return all(type(name) is str and type(text) is str for name, text in cast("Mapping[object, object]", values).items())


def _problems(definition: StartupScript, values: Mapping[str, str] | None, memory: _Memory) -> list[Problem]:
    """Return the problems; a definition without any holds nothing that can change, and is judged once."""
    names = None if values is None else frozenset(values)
    if names in memory.sound:
        return list(problems_of_values(definition, values))
    found = list(problems_of(definition, values))
    if not found:
        memory.sound.add(names)
    return found


def validate(definition: StartupScript, values: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Find all problems of a definition, in its order.

    Args:
        definition: What is judged; anything may be in it, nothing makes this raise.
        values: The texts of the values by name; None takes every used value as given.

    Returns:
        The problems; empty when there are none.

    Example:
        >>> from startup import File
        >>> site = StartupScript("site", first_boot=[File("/etc/motd", content="hello", mode=644)])
        >>> for problem in validate(site):
        ...     print(problem)
        first_boot[0].mode: is 644, which is 0o1204 in octal; write 0o644 if you mean the permissions 644
    """
    return check(definition, values).problems
