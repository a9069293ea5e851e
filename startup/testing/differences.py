"""What differs between two looks at a machine, as a person wants to read it."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from .tree import Entry, Tree

# The runner's own, and what stand-ins keep: no step writes there.
OWN = re.compile(
    r"(var/lib|run)/evenboot(/|$)|var/log/evenboot\.log(\.1)?$|dev/console$|metadata(/|$)|usr/local/sbin/evenboot$"
    r"|run/systemctl(/|$)|stand-ins/calls(/|$)|tmp/startup-script$|var/lib/cloud(/|$)"
    r"|(synced|unit\.log|boot_id|uptime|reboots)$"
)
# What is not meant to last, or to be the same after another boot.
FLEETING = re.compile(r"(run|tmp|var/tmp|var/log|dev)(/|$)")
# What useradd and its like leave beside the files of accounts: the last version, locks of the dead.
BESIDE = re.compile(r"etc/(passwd|shadow|group|gshadow|subuid|subgid)([-+]|\.lock|\.\d+)$")
LONGEST = 60


def left_by_steps(tree: Tree, ignore: Iterable[str] = ()) -> dict[str, Entry]:
    """Return what steps have made, without the paths that match one of the patterns, as in `/var/cache/*`."""
    patterns = list(ignore)
    return {
        path: entry
        for path, entry in tree.items()
        if not (OWN.match(path) or BESIDE.match(path) or any(fnmatchcase(f"/{path}", one) for one in patterns))
    }


def differences(wanted: Tree, found: Tree) -> Iterator[str]:
    """Say what is another in `found` than in `wanted`, a line for each path."""
    for path in sorted(wanted.keys() | found.keys()):
        was, now = wanted.get(path), found.get(path)
        if was is None and now is not None:
            yield f"/{path}: was not there, is {kind(now)}"
        elif was is not None and now is None:
            yield f"/{path}: was {kind(was)}, is not there"
        elif was is not None and now is not None and was != now:
            yield f"/{path}: was {', is '.join(_unlike(was, now))}"


def _unlike(was: Entry, now: Entry) -> tuple[str, str]:
    if stat.S_IFMT(was.mode) != stat.S_IFMT(now.mode) or stat.S_ISLNK(was.mode):
        return kind(was), kind(now)
    if was.content != now.content:
        return _texts(was.content, now.content)
    if was.mode != now.mode:
        return f"mode {stat.S_IMODE(was.mode):04o}", f"{stat.S_IMODE(now.mode):04o}"
    return f"owned by {was.owner}:{was.group}", f"by {now.owner}:{now.group}"


def _texts(was: bytes, now: bytes) -> tuple[str, str]:
    """Show two contents, or only the first line in which they differ when they are long."""
    if len(was) <= LONGEST and len(now) <= LONGEST:
        return _shown(was), _shown(now)
    old, new = was.splitlines(keepends=True), now.splitlines(keepends=True)
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    one, other = (_shown(lines[same][:LONGEST]) if same < len(lines) else "missing" for lines in (old, new))
    return f"in line {same + 1} {one}", other


def _shown(content: bytes) -> str:
    return repr(content.decode(errors="backslashreplace"))


def kind(entry: Entry) -> str:
    """Name what lies at a path."""
    if stat.S_ISDIR(entry.mode):
        return "a directory"
    if stat.S_ISLNK(entry.mode):
        return f"a link to {entry.content.decode(errors='backslashreplace')}"
    return f"a file with {_shown(entry.content[:LONGEST])}" if stat.S_ISREG(entry.mode) else "a special file"
