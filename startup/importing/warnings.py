"""What is to be known about an import: warnings, and the list in which they gather."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Warning:
    """Say where something is to be looked at, what, and the way out.

    Attributes:
        place: The file, with line or key, as in `setup.sh:12` or `user-data: users[0].passwd`.
        message: What is to be known.
        lost: Whether it says that something is not in the definition.

    Example:
        >>> print(Warning("setup.sh:12", "appends again at each run"))
        setup.sh:12: appends again at each run
    """

    place: str
    message: str
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(slots=True)
class Warnings:
    """Gather warnings in the order of the input."""

    found: list[Warning] = field(default_factory=list[Warning])

    def say(self, place: str, message: str) -> None:
        """Note something that is in the definition, but differs or is risky."""
        self.found.append(Warning(place, message))

    def lose(self, place: str, message: str) -> None:
        """Note something that is not in the definition."""
        self.found.append(Warning(place, f"not carried over: {message}", lost=True))
