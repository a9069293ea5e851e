"""What is to be known about an import: warnings, and the list in which they gather."""

from __future__ import annotations

from dataclasses import dataclass, field

from .bounds import SHOWN, WARNINGS, Bounds


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


def visible(text: str) -> str:
    """Return a text as a terminal may show it: on one line, with everything that acts or hides written as an escape.

    Example:
        >>> print(visible("a\\x1b[2Jb"))
        a\\x1b[2Jb
    """
    if len(text) > SHOWN:
        text = f"{text[:SHOWN]}..."
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


@dataclass(slots=True)
class Warnings:
    """Gather warnings in the order of the input; what it took of its bounds is known here, too."""

    found: list[Warning] = field(default_factory=list[Warning])
    more: list[int] = field(default_factory=lambda: [0, 0])
    bounds: Bounds = field(default_factory=Bounds)

    def say(self, place: str, message: str) -> None:
        """Note something that is in the definition, but differs or is risky."""
        self._note(place, message, lost=False)

    def lose(self, place: str, message: str) -> None:
        """Note something that is not in the definition."""
        self._note(place, f"not carried over: {message}", lost=True)

    def _note(self, place: str, message: str, lost: bool) -> None:
        if len(self.found) < WARNINGS:
            self.found.append(Warning(visible(place), visible(message), lost))
        else:
            self.more[lost] += 1

    def all(self, place: str) -> tuple[Warning, ...]:
        """Return what was noted, with the number of those that are too many to be shown."""
        said, lost = self.more
        if not said + lost:
            return tuple(self.found)
        message = f"{said + lost:,} more warnings, {lost:,} of them of what is not carried over: {WARNINGS:,} are shown"
        return *self.found, Warning(visible(place), f"{message}; import fewer files at once", lost > 0)
