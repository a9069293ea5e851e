"""Scripts: the text of one goes in, a step comes out, with warnings for its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..definition import Shell
from .bounds import LINE
from .cautions import commands, long_lines, not_repeatable, secrets, templates
from .sources import Source
from .warnings import Warnings

_WORD = re.compile(r"[\w.-]+")


def script_step(source: Source, names: Neighbours, warnings: Warnings) -> Shell:
    """Make a step of a script, which goes on as it is.

    Args:
        source: The script.
        names: The files of the folder it is from, of which the VM has none.
        warnings: Where what is to be known of its lines is noted.
    """
    text = source.text.replace("\r\n", "\n")
    text = text.lstrip() if text.lstrip().startswith("#!") else text
    if "\r\n" in source.text:
        warnings.say(source.place, "had Windows line ends, which no shell takes; they are plain ones now")
    shebang = text.partition("\n")[0] if text.startswith("#!") else ""
    if not shebang:
        warnings.say(source.place, "has no shebang: it runs as bash -euo pipefail, so a command that fails ends it")
    elif is_shell(shebang) and not strict(shebang, text):
        warnings.say(source.place, "goes on when a command in its middle fails, and its step counts as done; write set -e on top")
    if not shebang or is_shell(shebang):
        judge(source.place, text, warnings)
        _neighbours(source, text, names, warnings)
    else:
        warnings.say(source.place, f"is a program for {shebang[2:80].strip()}; nobody looked for lines that are not repeatable")
        judge_text(source.place, text, warnings)
    return Shell(source.place, script=text)


def judge(place: str, script: str, warnings: Warnings) -> None:
    """Note which lines of a shell text are not repeatable, and all that holds for texts."""
    for number, message in not_repeatable(script, warnings.bounds):
        warnings.say(f"{place}:{number}", message)
    judge_text(place, script, warnings)


def judge_text(place: str, text: str, warnings: Warnings) -> None:
    """Note which lines of a text hold a secret or a placeholder, and those that are too long to be looked at."""
    for number, message in (*secrets(text, warnings.bounds), *templates(text, warnings.bounds), *long_lines(text)):
        warnings.say(f"{place}:{number}", message)


def is_shell(shebang: str) -> bool:
    """Whether a shebang asks for a shell."""
    return re.search(r"\b(ba|da|k|z|a)?sh\b", shebang) is not None


def strict(shebang: str, script: str) -> bool:
    """Whether a shell text ends when a command fails."""
    if re.search(r"\s-\w*e", shebang):
        return True
    return any(re.match(r"\s*set\s+(-\w+\s+)*(-\w*e|-o\s+errexit)", line) for _, line in commands(script))


class Neighbours:
    """The files of the folder, found by the last word of their names: a script may name any of them in each of its lines."""

    def __init__(self, places: Iterable[str]) -> None:
        self.by_word: dict[str, list[tuple[str, str]]] = {}
        for place in places:
            short = place.rpartition("/")[2]
            if found := _WORD.findall(short):
                self.by_word.setdefault(found[-1], []).append((place, short))

    def named(self, line: str) -> Iterator[tuple[str, str]]:
        """Yield (place, name) for each file whose name stands in a line."""
        for word in dict.fromkeys(_WORD.findall(line)):
            for place, short in self.by_word.get(word, ()):
                if short == word or re.search(rf"(?<![\w.-]){re.escape(short)}(?![\w.-])", line):
                    yield place, short


def _neighbours(source: Source, text: str, names: Neighbours, warnings: Warnings) -> None:
    for number, line in commands(text):
        warnings.bounds.in_time()
        line = line[:LINE]
        for place, short in names.named(line):
            if place != source.place:
                warnings.say(f"{source.place}:{number}", f"names {short}, which lies beside it here, but not on the VM; use File")
        if re.search(r"dirname\s+[\"']?\$(0|\{?BASH_SOURCE)", line):
            warnings.say(f"{source.place}:{number}", "looks for files beside itself; on the VM there are none")
