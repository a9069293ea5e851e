"""Caution: what in a script cannot simply be run a second time, and what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .bounds import LINE, Bounds


def _table(*rows: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), message) for pattern, message in rows)



COMMAND = re.compile(r"(?:^|[;&|({]|\b(?:then|else|do|sudo|env|time|exec)\b) ?")
"""What stands before a command's name."""

APPENDS = "appends, so that a second run appends again; use File, or look first (grep -q)"

# A pattern sees a line with single spaces, and nothing in it looks further than a bound or tries a long stretch again from each
# of its characters: what it takes grows as the line does, whatever is in it.
_FAR = ".{0,1000}"
_OPTION = r"-\w{0,20}"
_WORD_BEFORE = f"(?:{_FAR} )?"

COMMANDS = _table(
    (r"(?:useradd|adduser|groupadd|addgroup)\b", "fails when the account is there; use User, or ask getent first"),
    (f"mkdir (?!{_WORD_BEFORE}(?:{_OPTION}p|--parents))", "fails when the folder is there; use Directory, or mkdir -p"),
    (f"ln (?={_FAR}{_OPTION}s)(?!{_FAR}(?:{_OPTION}f|--force))", "fails when the link is there; use ln -sfn"),
    (r"git clone\b", "fails when the folder is there; look first, and pull"),
    (r"mv\s", "finds its source gone at a second run; use cp, or look first"),
    (f"rm (?!{_FAR}(?:{_OPTION}f|--force))", "fails when the file is gone; use rm -f"),
    (r"(?:mkfs\S{0,40}|mkswap|[pvl]vcreate|vgcreate|parted|sgdisk) ", "formats anew at a second run; look first (blkid)"),
    (r"mount \S", "fails when it is mounted; ask mountpoint -q first"),
    (rf"(?:iptables|ip6tables) {_FAR}-[AI]\b", "adds the rule again at a second run; ask iptables -C first"),
    (r"(?:createdb|createuser)\b", "fails when it is there; ask first"),
    (rf"(?:docker|podman) run\b(?={_FAR}--name)", "fails when the container is there; remove it first (docker rm -f)"),
    (
        f"wget (?!{_FAR}(?:{_OPTION}[ON]|--output-doc|--timestamping))",
        "leaves a second copy (.1); use Download, or wget -O",
    ),
    (
        rf"(?:apt|apt-get|yum|dnf) (?={_FAR}\b(?:install|upgrade|remove)\b)(?!{_WORD_BEFORE}(?:{_OPTION}y|--yes|--assume-yes))",
        "waits for a yes that nobody gives; use Packages, or -y",
    ),
    (
        rf"(?:reboot|init 6|systemctl reboot|shutdown (?:{_OPTION}r|{_FAR} -r))\b",
        "reboots at each run; use Reboot",
    ),
    (r"read (?:-p|-r -p|-s)", "waits for input that nobody gives"),
)
"""What is looked for where a command begins."""

LINES = _table(
    (r">>(?! ?(?:/dev/|/var/log/|&|[^\s>]{0,200}\.log\b))", APPENDS),
    (rf"\btee (?:{_OPTION}a|--append)", APPENDS),
    (r"\bnohup\b|(?<![&>|<])& ?(?:$|#|disown)", "leaves a process behind that nothing restarts; use Unit"),
    (rf"\bsed (?={_FAR}-i){_FAR}[ai]\\", "inserts again at a second run; use File, or look first (grep -q)"),
    (r"\bcrontab -(?!\w{0,20}[lr])|\| ?crontab\b", "may add the entry again at a second run; use a Unit with a timer"),
    (r"(?i)\bcreate (?:database|user|role|table) (?!if not exists)", "fails when it is there; ask first"),
    (rf"(?:curl|wget)\b{_FAR}\| ?(?:sudo )?(?:ba|da|z)?sh\b", "runs what it finds there on that day; use Download"),
)
"""What is looked for anywhere in a line."""

SECRETS = _table(
    (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----", "a private key"),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", "an AWS access key"),
    (r"\b(?:gh[pousr]_[A-Za-z0-9]{20}|github_pat_\w{20}|glpat-[\w-]{20})", "a Git token"),
    (r"\bxox[abprs]-[\w-]{10}", "a Slack token"),
    (r"\bAIza[\w-]{30}", "a Google API key"),
    (r"\beyJ[\w-]{10,400}\.eyJ[\w-]{10}", "a signed token"),
    (r"\$(?:1|2[aby]|5|6|y)\$[./A-Za-z0-9$=,-]{16}", "the hash of a password"),
    (r"\w://[^\s/:@$]*:[^\s/:@${<]+@", "an address with a password"),
    (r"(?i)AccountKey=[A-Za-z0-9+/=]{20}", "an Azure account key"),
    (
        (
            r"(?i)(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private)[_-]?key)\w{0,40}['\"]? ?(?:=|: ) ?"
            r"['\"]?(?![$<{%\s'\"]|(?:true|false|yes|no|none|null)\b|\d\b|/)[^\s'\"]{3}"
        ),
        "a password or token",
    ),
    (r"(?i)--?(?:password|token|secret)[= ]['\"]?(?![$<{%-])[^\s'\"]{3}", "a password or token"),
)
"""What a secret looks like. No message shows any of it."""

PLACEHOLDERS = (("{{", "}}"), ("{%", "%}"), ("<%", "%>"), (" %{", "}"))
"""How placeholders of templates begin and end."""
_HEREDOC = re.compile(r"(?<!<)<<(-?)\s*(['\"\\]?)([A-Za-z_]\w*)")


def not_repeatable(script: str, bounds: Bounds) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each command that a second run would do again or fail at."""
    for number, line in _looked_at(commands(script), bounds):
        starts = [found.end() for found in COMMAND.finditer(line)]
        for pattern, message in COMMANDS:
            if any(pattern.match(line, start) for start in starts):
                yield number, message
        for pattern, message in LINES:
            if pattern.search(line):
                yield number, message


def secrets(text: str, bounds: Bounds) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each line that holds what looks like a secret."""
    for number, line in _looked_at(enumerate(text.split("\n"), 1), bounds):
        kind = next((kind for pattern, kind in SECRETS if pattern.search(line)), None)
        if kind is not None:
            yield number, f"holds what looks like {kind}, readable by whoever can see the VM; let the step fetch it on the VM"


def templates(text: str, bounds: Bounds) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each line that a template engine was to fill in."""
    for number, line in _looked_at(enumerate(text.split("\n"), 1), bounds):
        for begin, end in PLACEHOLDERS:
            _, found, rest = f" {line}".partition(begin)
            if found and end in rest:
                yield number, "has a placeholder of a template, which nothing fills in here; name a value in uses instead"
                break


def long_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each line of which only the beginning is looked at."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LINE:
            yield number, f"is {len(line):,} characters long: nobody looked at what stands behind the first {LINE:,}; break it"


def _looked_at(lines: Iterable[tuple[int, str]], bounds: Bounds) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        bounds.in_time()
        yield number, re.sub(r"\s+", " ", line[:LINE])


def commands(script: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) without comments and the texts of here-documents; continued lines come as one."""
    waiting: list[tuple[str, bool]] = []
    joined, first = "", 0
    for number, line in enumerate(script.split("\n"), 1):
        if waiting:
            end, tabs = waiting[0]
            if (line.lstrip("\t") if tabs else line) == end:
                waiting.pop(0)
            continue
        if not joined:
            first = number
            if line.lstrip().startswith("#"):
                continue
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        joined += line
        waiting = [(found[3], bool(found[1])) for found in _HEREDOC.finditer(joined)]
        yield first, joined
        joined = ""
    if joined:
        yield first, joined
