"""Who may read and write what the runner makes, at the end of an apply and at every moment of it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from startup import Directory, Download, File, Service, Shell, StartupScript, Unit, User
from startup.testing.cutting import watch
from startup.testing.machine import Machine
from startup.testing.tree import Tree, read_tree

from .scenarios import definition, note

HIDDEN = "the hidden text\n"
# What of the runner's and of the steps' own everybody may see, and nobody else may change.
OPEN = {
    "usr/local/sbin/evenboot": 0o755,
    "etc/systemd/system/evenboot.service": 0o644,
    "etc/systemd/system/evenboot-shutdown.service": 0o644,
    "etc/systemd/system/multi-user.target.d/evenboot.conf": 0o644,
    "etc/systemd/system/app.service": 0o644,
    "var/lib/evenboot": 0o755,
}
UNIT = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"


def of_every_kind(machine: Machine) -> StartupScript:
    """A definition with a step of each kind that writes; what is hidden is for its owner alone."""
    machine.serve("http://example.org/app", HIDDEN)
    checksum = sha256(HIDDEN.encode()).hexdigest()
    return StartupScript(
        "site",
        first_boot=[
            User("app", ssh_keys=["ssh-ed25519 AAAA one"]),
            Directory("/srv/own", mode=0o700, owner="app", group="app"),
            File("/srv/file", content=HIDDEN, mode=0o600),
            File("/srv/used", content=HIDDEN + "${NAME}", uses=["NAME"], mode=0o640),
            File("/srv/own/file", content=HIDDEN, mode=0o400, owner="app", group="app"),
            Download("http://example.org/app", path="/srv/app", sha256=checksum, mode=0o600),
            Unit("app.service", content=UNIT),
        ],
        every_boot=[Service("app"), Shell("say", script="echo something")],
        shutdown=[note("bye")],
    )


def closed(tree: Tree, path: str) -> bool:
    """Whether only its owner gets at a path: by its own mode, or by a folder's above it."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    return not stat.S_IMODE(tree[path].mode) & 0o007 or any(not tree[folder].mode & 0o001 for folder in above)


def wrong(tree: Tree) -> Iterator[str]:
    """Say what others may do with what the runner makes."""
    for path, entry in tree.items():
        mode = stat.S_IMODE(entry.mode)
        ours = path.startswith(("run/evenboot", "var/lib/evenboot", "var/log/evenboot", "etc/systemd")) or path in OPEN
        # What the tests' own systemctl notes, and a link's mode, say nothing.
        if ours and not stat.S_ISLNK(entry.mode) and mode & 0o022 and not closed(tree, path):
            yield f"{path} may be written by others: {mode:o}"
        if path.startswith(("run/evenboot", "var/log/evenboot")) and not closed(tree, path):
            yield f"{path} may be seen by others: {mode:o}"
        if path.startswith(("srv/", "home/app/.ssh")) and HIDDEN.encode() in entry.content and not closed(tree, path):
            yield f"{path} may be read by others: {mode:o}"


def test_at_every_moment(machine: Machine) -> None:
    """L14: at no moment of a boot may others read what a step hides, or read or change what is the runner's own."""
    machine.edit(of_every_kind(machine), {"NAME": "value"})
    machine.power_on()
    found: dict[str, None] = {}
    moments: list[int] = []

    def look(call: object) -> bool:
        moments.append(1)
        found.update(dict.fromkeys(wrong(read_tree(machine.sees))))
        return False

    watch(machine, look)

    assert "ok" == machine.status().result, machine.log()
    assert len(moments) > 100
    assert [] == list(found)


def test_at_the_end(machine: Machine) -> None:
    """L14: after an apply the runner's folders and files have exactly the modes that they are to have."""
    machine.boot(of_every_kind(machine), {"NAME": "value"}).well("the boot")
    tree = read_tree(machine.sees)

    assert OPEN == {path: stat.S_IMODE(tree[path].mode) for path in OPEN}
    assert {0} == {owner for path in (*OPEN, "run/evenboot") for owner in (tree[path].owner, tree[path].group)}
    assert 0o700 == stat.S_IMODE(tree["run/evenboot"].mode)
    assert 0o600 == stat.S_IMODE(tree["var/log/evenboot.log"].mode)
    assert [] == list(wrong(tree))


@pytest.mark.parametrize("word", ["cat", "flock -n", "ls", "touch"])
def test_nobody_else_gets_at_what_is_volatile(machine: Machine, word: str) -> None:
    """L10, L14: somebody else can neither hold the lock, and so keep applies from running, nor see what is in `/run/evenboot`."""
    machine.boot(definition("one"))
    after = " true" if word.startswith("flock") else ""
    tried = [
        machine.run(f"runuser -u nobody -- {word} /run/evenboot/{name}{after}").returncode
        for name in ("lock", "status", "slot", "token", "done")
    ]

    assert 0 not in tried
    assert 0 == machine.evenboot("apply").returncode


def test_rotated_log(machine: Machine) -> None:
    """The log and the older one are root's alone, also after the log has become too long."""
    flood = Shell("flood", script="head -c 10500000 /dev/zero | tr '\\0' x; echo end")
    machine.boot(StartupScript("site", first_boot=[flood]))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (machine.sees / "var/log").glob("evenboot*")}

    assert {"evenboot.log": 0o600, "evenboot.log.1": 0o600} == modes


def test_account_of_a_user_who_sees_nothing(machine: Machine) -> None:
    """L14: a step of another user finds the runner's volatile folder shut, whatever it is told by its environment."""
    look = "ls /run/evenboot || echo shut; cat /var/log/evenboot.log || echo shut; : </run/evenboot/lock || echo shut"
    machine.boot(StartupScript("site", first_boot=[Shell("look", script=f"{{ {look}; }} 2>/dev/null >/tmp/seen", user="nobody")]))

    assert ["shut"] * 3 == Path(machine.sees / "tmp/seen").read_text().splitlines()
