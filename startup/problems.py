"""What can be wrong: a problem, and the error that carries all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: where it is, what is wrong, and the way out.

    Attributes:
        path: The place in the definition, as in `first_boot[2].mode`.
        message: What is wrong, with value, limit and remedy.

    Example:
        >>> print(Problem("first_boot[2].mode", "is 420000, more than 0o7777"))
        first_boot[2].mode: is 420000, more than 0o7777
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class StartupScriptError(ValueError):
    """Say that a definition cannot be rendered or delivered, with every problem on a line of its own.

    Attributes:
        problems: The findings, in the order of the definition.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[StartupScriptError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)
