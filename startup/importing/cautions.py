"""Caution: what in a script cannot simply be run a second time, and what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

COMMAND = r"(?:^|[;&|({]|\b(?:then|else|do|sudo|env|time|exec)\b)\s*"
"""What stands before a command's name."""

APPENDS = "appends, so that a second run appends again; use File, or look first (grep -q)"

NOT_REPEATABLE: tuple[tuple[str, str], ...] = (
    (r">>(?!\s*(?:/dev/|/var/log/|&|\S*\.log\b))", APPENDS),
    (r"\btee\s+(?:-\w*a|--append)", APPENDS),
    (COMMAND + r"(?:useradd|adduser|groupadd|addgroup)\b", "fails when the account is there; use User, or ask getent first"),
    (COMMAND + r"mkdir\s+(?!(?:.*\s)?(?:-\w*p|--parents))", "fails when the folder is there; use Directory, or mkdir -p"),
    (COMMAND + r"ln\s+(?=.*-\w*s)(?!.*(?:-\w*f|--force))", "fails when the link is there; use ln -sfn"),
    (COMMAND + r"git\s+clone\b", "fails when the folder is there; look first, and pull"),
    (COMMAND + r"mv\s", "finds its source gone at a second run; use cp, or look first"),
    (COMMAND + r"rm\s+(?!.*(?:-\w*f|--force))", "fails when the file is gone; use rm -f"),
    (r"\bnohup\b|(?<![&>|<])&\s*(?:$|#|disown)", "leaves a process behind that nothing restarts; use Unit"),
    (COMMAND + r"(?:mkfs\S*|mkswap|[pvl]vcreate|vgcreate|parted|sgdisk)\s", "formats anew at a second run; look first (blkid)"),
    (COMMAND + r"mount\s+\S", "fails when it is mounted; ask mountpoint -q first"),
    (COMMAND + r"(?:iptables|ip6tables)\s+.*-[AI]\b", "adds the rule again at a second run; ask iptables -C first"),
    (r"\bsed\s+(?=.*-i).*['\"]?\d*\$?[ai]\\", "inserts again at a second run; use File, or look first (grep -q)"),
    (r"\bcrontab\s+-(?!\w*[lr])|\|\s*crontab\b", "may add the entry again at a second run; use a Unit with a timer"),
    (r"(?i)\bcreate\s+(?:database|user|role|table)\s+(?!if\s+not\s+exists)", "fails when it is there; ask first"),
    (COMMAND + r"(?:createdb|createuser)\b", "fails when it is there; ask first"),
    (COMMAND + r"(?:docker|podman)\s+run\b(?=.*--name)", "fails when the container is there; remove it first (docker rm -f)"),
    (COMMAND + r"wget\s+(?!.*(?:-\w*[ON]|--output-doc|--timestamping))", "leaves a second copy (.1); use Download, or wget -O"),
    (r"(?:curl|wget)\b.*\|\s*(?:sudo\s+)?(?:ba|da|z)?sh\b", "runs what it finds there on that day; use Download"),
    (
        COMMAND + r"(?:apt|apt-get|yum|dnf)\s+(?=.*\b(?:install|upgrade|remove)\b)(?!(?:.*\s)?(?:-\w*y|--yes|--assume-yes))",
        "waits for a yes that nobody gives; use Packages, or -y",
    ),
    (COMMAND + r"(?:reboot|init\s+6|systemctl\s+reboot|shutdown\s+(?:-\w*r|.*\s-r))\b", "reboots at each run; use Reboot"),
    (COMMAND + r"read\s+(?:-p|-r\s+-p|-s)", "waits for input that nobody gives"),
)  # fmt: skip

SECRETS: tuple[tuple[str, str], ...] = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", "an AWS access key"),
    (r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,})", "a Git token"),
    (r"\bxox[abprs]-[\w-]{10,}", "a Slack token"),
    (r"\bAIza[\w-]{30,}", "a Google API key"),
    (r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.", "a signed token"),
    (r"\$(?:1|2[aby]|5|6|y)\$[./A-Za-z0-9$=,-]{16,}", "the hash of a password"),
    (r"\w+://[^\s/:@$]*:[^\s/:@${<]+@", "an address with a password"),
    (r"(?i)AccountKey=[A-Za-z0-9+/=]{20,}", "an Azure account key"),
    (
        (
            r"(?i)[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private)[_-]?key)\w*['\"]?\s*(?:=|:\s)\s*"
            r"['\"]?(?![$<{%\s'\"]|(?:true|false|yes|no|none|null)\b|\d\b|/)[^\s'\"]{3,}"
        ),
        "a password or token",
    ),
    (r"(?i)--?(?:password|token|secret)[= ]['\"]?(?![$<{%-])[^\s'\"]{3,}", "a password or token"),
)
"""What a secret looks like. No message shows any of it."""

TEMPLATES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|(?<!\S)%\{.*?\}")
_HEREDOC = re.compile(r"(?<!<)<<(-?)\s*(['\"\\]?)([A-Za-z_]\w*)")


def not_repeatable(script: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each command that a second run would do again or fail at."""
    for number, line in commands(script):
        for pattern, message in NOT_REPEATABLE:
            if re.search(pattern, line):
                yield number, message


def secrets(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each line that holds what looks like a secret."""
    for number, line in enumerate(text.split("\n"), 1):
        kinds = dict.fromkeys(kind for pattern, kind in SECRETS if re.search(pattern, line))
        for kind in list(kinds)[:1]:
            yield number, f"holds what looks like {kind}, readable by whoever can see the VM; let the step fetch it on the VM"


def templates(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, message) for each line that a template engine was to fill in."""
    for number, line in enumerate(text.split("\n"), 1):
        if TEMPLATES.search(line):
            yield number, "has a placeholder of a template, which nothing fills in here; name a value in uses instead"


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
