"""Scripts: the text of one goes in, a step comes out, with warnings for its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..definition import Shell
from .cautions import commands, not_repeatable, secrets, templates
from .sources import Source
from .warnings import Warnings


def script_step(source: Source, names: Iterable[str], warnings: Warnings) -> Shell:
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
        warnings.say(source.place, f"is a program for {shebang[2:].strip()}; nobody looked for lines that are not repeatable")
        judge_text(source.place, text, warnings)
    return Shell(source.place, script=text)


def judge(place: str, script: str, warnings: Warnings) -> None:
    """Note which lines of a shell text are not repeatable, and all that holds for texts."""
    for number, message in not_repeatable(script):
        warnings.say(f"{place}:{number}", message)
    judge_text(place, script, warnings)


def judge_text(place: str, text: str, warnings: Warnings) -> None:
    """Note which lines of a text hold a secret or a placeholder."""
    for number, message in (*secrets(text), *templates(text)):
        warnings.say(f"{place}:{number}", message)


def is_shell(shebang: str) -> bool:
    """Whether a shebang asks for a shell."""
    return re.search(r"\b(ba|da|k|z|a)?sh\b", shebang) is not None


def strict(shebang: str, script: str) -> bool:
    """Whether a shell text ends when a command fails."""
    if re.search(r"\s-\w*e", shebang):
        return True
    return any(re.match(r"\s*set\s+(-\w+\s+)*(-\w*e|-o\s+errexit)", line) for _, line in commands(script))


def _neighbours(source: Source, text: str, names: Iterable[str], warnings: Warnings) -> None:
    for number, line in commands(text):
        for name in names:
            short = name.rpartition("/")[2]
            if name != source.place and re.search(rf"(?<![\w.-]){re.escape(short)}(?![\w.-])", line):
                warnings.say(f"{source.place}:{number}", f"names {short}, which lies beside it here, but not on the VM; use File")
        if re.search(r"dirname\s+[\"']?\$(0|\{?BASH_SOURCE)", line):
            warnings.say(f"{source.place}:{number}", "looks for files beside itself; on the VM there are none")
