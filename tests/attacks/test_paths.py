"""Mallory has an account on the VM and folders of his own, in which the definition has root write: he gains nothing by it."""

from __future__ import annotations

import os
import time
from hashlib import sha256
from typing import Any

import pytest

from startup import Directory, Download, File, Shell, StartupScript, User
from startup.definition import Step
from startup.testing.machine import Machine
from startup.testing.status import Status

from ..runner.accounts import add_account

DATA = b"tool\n"
URL = "http://example.org/tool"
MINE: dict[str, Any] = {"owner": "mallory", "group": "mallory"}
# What a step is about to call when mallory strikes.
ALWAYS = ["stat", "mktemp", "chown", "chmod", "mv"]
PROGRAMS = {
    "file": [*ALWAYS, "cat", "sync", "rmdir", "dd", "cmp"],
    "download": [*ALWAYS, "sha256sum", "curl"],
    "directory": [*ALWAYS, "mkdir"],
}
# As mallory: what root has just made is taken away or aside, and is a link to what he wants; so is his own folder.
STRIKE = """\
cd /home/mallory
for path in . env; do
    for made in "$path"/.evenboot*; do
        [ -e "$made" ] || continue
        rm -rf "$made" || mv "$made" "$made.aside"
        ln -s "$1" "$made"
    done
done
if [ "$2" = folder ]; then mv env env.aside && ln -s /etc/profile.d env; fi
"""


@pytest.fixture
def machine(machine: Machine) -> Machine:
    """A machine on which mallory has an account, and root has what he would like to have."""
    add_account(machine, "mallory")
    machine.serve(URL, DATA)
    machine.run(
        "mkdir -p /etc/profile.d /srv /mnt/disk && echo secret >/etc/victim && chmod 600 /etc/victim /etc/shadow"
    ).check_returncode()
    return machine


def as_mallory(machine: Machine, script: str) -> None:
    """Let mallory do something."""
    done = machine.run(f"cd /home/mallory; runuser -u mallory -- bash -euc {script!r}")
    assert done.returncode == 0, done.stderr


def roots(machine: Machine) -> str:
    """What is root's, as far as mallory might want it, and whatever is mallory's outside of his home."""
    return machine.run(
        "stat -c '%n %a %U %G' / /etc /etc/* /etc/profile.d /root /srv /home; ls -A /etc /etc/profile.d /root; cat /etc/victim;"
        "find / -xdev ! -path '/proc/*' ! -path '/home/mallory*' ! -path '/tmp/*' ! -path '/srv/shared*' -user mallory"
    ).stdout


def obeyed(machine: Machine, *steps: Step) -> Status:
    """The status of a boot with these steps, which changed nothing of root's."""
    before = roots(machine)
    status = machine.boot(StartupScript("site", every_boot=steps))
    assert roots(machine) == before
    return status


def strike_before(machine: Machine, program: str, script: str, after: str = "true", given: str = "*") -> None:
    """Let mallory run something before each call of a program that concerns his folder, and after it.

    `given` is a pattern of the arguments of the calls that are meant.
    """
    (machine.sees / "strike").write_text(STRIKE)
    real = machine.run(f"command -v {program}").stdout.strip()
    wrapper = machine.sees / f"usr/local/bin/{program}"
    if wrapper.exists():
        wrapper.rename(machine.sees / f"usr/local/bin/{program}.real")
        real = f"/usr/local/bin/{program}.real"
    wrapper.write_text(
        "#!/bin/bash\n"
        f'concerned() {{ case "$*" in {given}) ;; *) return 1 ;; esac\n'
        f'case "$PWD $*" in */home/mallory* | */srv/shared* | "/tmp "*) [ "$UID" -eq 0 ];; *) false;; esac; }}\n'
        f'! concerned "$@" || runuser -u mallory -- {script} </dev/null &>/dev/null\n'
        f'{real} "$@"\ncode=$?\n'
        f'! concerned "$@" || runuser -u mallory -- {after} </dev/null &>/dev/null\n'
        "exit $code\n"
    )
    wrapper.chmod(0o755)


FILE = File("/home/mallory/env/app", content="x\n", **MINE)
DOWNLOAD = Download(URL, path="/home/mallory/env/app", sha256=sha256(DATA).hexdigest(), **MINE)
FOLDER = Directory("/home/mallory/env/app", **MINE)
KINDS = pytest.mark.parametrize("step", [FILE, DOWNLOAD, FOLDER], ids=["file", "download", "folder"])


def test_folder_that_became_a_link(machine: Machine) -> None:
    """A folder of his that he replaces by a link gives him nothing of root's: the step fails and names it."""
    folder = Directory("/srv/app/data", **MINE)
    machine.boot(StartupScript("site", every_boot=[Directory("/srv/app", **MINE), folder]))
    as_mallory(machine, "rmdir /srv/app/data; ln -s /etc /srv/app/data")
    status = obeyed(machine, Directory("/srv/app", **MINE), folder)

    assert (status.result, status.failed_step, status["exit_code"]) == ("failed", folder.name, 73)
    assert any("/etc" in line or "/srv/app/data" in line for line in status.output)


@KINDS
@pytest.mark.parametrize("target", ["/etc/profile.d", "../../etc/profile.d", "/etc/new", "/srv/../etc/profile.d"])
def test_link_above(machine: Machine, step: Step, target: str) -> None:
    """A link of his in the way leads root nowhere but to what is his anyway, and nothing is made there."""
    as_mallory(machine, f"ln -s {target} env")
    assert obeyed(machine, step)["exit_code"] == 73


@KINDS
def test_link_of_roots_to_a_place_of_his(machine: Machine, step: Step) -> None:
    """Where a link of root's leads, links of his are not followed either."""
    machine.run("ln -s /home/mallory/sub /srv/way")
    as_mallory(machine, "ln -s /etc sub")
    moved: dict[str, Any] = {"path": f"/srv/way/profile.d{step.name.rpartition('/')[2]}"}
    definitions = {"file": File(content="x", **moved, **MINE), "directory": Directory(**moved, **MINE)}
    assert obeyed(machine, definitions.get(step.kind, definitions["file"]))["exit_code"] == 73


@KINDS
def test_link_that_root_would_follow(machine: Machine, step: Step) -> None:
    """A link of his is not followed for somebody else, whatever it leads to."""
    as_mallory(machine, "mkdir real; ln -s real env")
    fields: dict[str, Any] = {"owner": "root", "group": "root"}
    others = {
        "file": File("/home/mallory/env/app", content="x", **fields),
        "download": Download(URL, path="/home/mallory/env/app", sha256=sha256(DATA).hexdigest(), **fields),
        "directory": Directory("/home/mallory/env/app", **fields),
    }
    status = obeyed(machine, others[step.kind])
    assert (status["exit_code"], status.output[-1].partition(":")[0]) == (73, "/home/mallory/env")


@pytest.mark.parametrize("way", ["made", "folder"])
@pytest.mark.parametrize(
    ("step", "program"),
    [
        pytest.param(step, program, id=f"{step.kind}-{program}")
        for step in (FILE, DOWNLOAD, FOLDER)
        for program in PROGRAMS[step.kind]
    ],
)
def test_strike_in_the_middle(machine: Machine, step: Step, way: str, program: str) -> None:
    """Whenever he strikes, before whichever program of the step: what root makes and changes is what it was to be."""
    as_mallory(
        machine, "mkdir env; echo old >env/app" if step.kind != "directory" else "mkdir -p env/app; chmod 700 env/app"
    )
    strike_before(machine, program, f"bash /strike /etc/victim {way}")
    obeyed(machine, step)


@pytest.mark.parametrize("program", ["mktemp", "cp", "mkdir", "chown", "chmod", "sync", "mv", "rmdir"])
@pytest.mark.parametrize("place", ["/home/mallory", "/srv/shared"])
def test_strike_while_a_folder_is_made(machine: Machine, place: str, program: str) -> None:
    """Whenever he swaps the folder above for a link, what is made and entered lies in no folder of root's."""
    machine.run("install -d -g mallory -m 775 /srv/shared")
    as_mallory(machine, f"mkdir {place}/env")
    strike_before(machine, program, f"sh -c 'cd {place} && mv env env.aside && ln -s /etc env'")
    obeyed(machine, Directory(f"{place}/env/profile.d", **MINE), Directory(f"{place}/env/new", **MINE))


@pytest.mark.parametrize(
    "step", [Directory("/tmp/app", **MINE), File("/tmp/app/a.sh", content="x", **MINE)], ids=["folder", "file"]
)
def test_link_that_is_there_and_not(machine: Machine, step: Step) -> None:
    """A link in a folder of everybody's that is gone whenever its owner is asked for is not taken for root's."""
    as_mallory(machine, "ln -s /etc/profile.d /tmp/app")
    machine.edit(StartupScript("site", every_boot=[step]))
    strike_before(machine, "stat", "rm /tmp/app", after="ln -s /etc/profile.d /tmp/app")
    before = roots(machine)
    machine.agent()

    assert machine.status()["exit_code"] == 73
    assert roots(machine) == before


def test_folder_that_becomes_a_link_when_its_owner_is_asked_for(machine: Machine) -> None:
    """A folder of his in /tmp that is a link a moment later is not entered."""
    as_mallory(machine, "mkdir /tmp/app")
    machine.edit(StartupScript("site", every_boot=[File("/tmp/app/a.sh", content="x", **MINE)]))
    swap = "sh -c 'mv /tmp/app /tmp/aside && ln -s /etc/profile.d /tmp/app'"
    strike_before(machine, "stat", "true", after=swap, given="*./app")
    before = roots(machine)
    machine.agent()

    assert machine.status()["exit_code"] == 73
    assert roots(machine) == before


@pytest.mark.parametrize(
    "links", ["ln -s /etc/profile.d /srv/open/env", "ln -s b /home/mallory/a; ln -s a /home/mallory/b"]
)
def test_links_that_lead_nowhere_good(machine: Machine, links: str) -> None:
    """A link where everybody can write is nobody's, and a loop of links ends."""
    machine.run("mkdir -m 757 /srv/open")
    as_mallory(machine, links)
    path = "/srv/open/env/app" if "open" in links else "/home/mallory/a/app"
    assert obeyed(machine, File(path, content="x", timeout_seconds=20, **MINE))["exit_code"] == 73


@pytest.mark.parametrize("trap", ["mkfifo", "ln -s /etc/victim"])
def test_file_that_is_something_else_when_it_is_read(machine: Machine, trap: str) -> None:
    """A FIFO that takes a file's place just before it is read is not waited for, and a link is not followed."""
    as_mallory(machine, "mkdir env; echo secret >env/app")
    strike_before(machine, "dd", f"sh -c 'cd /home/mallory/env && rm app && {trap} app'")
    began = time.monotonic()
    obeyed(machine, File(FILE.path, content="secret\n", timeout_seconds=30, **MINE))

    assert time.monotonic() - began < 20
    assert machine.run(f"stat -c %F {FILE.path}").stdout == "regular file\n"


@pytest.mark.parametrize("shebang", ["", "#!/bin/sh\n"])
def test_working_directory_behind_a_link(machine: Machine, shebang: str) -> None:
    """A step that runs as him begins nowhere that is closed to him; in a folder of his own, whatever its name, it does."""
    machine.run("chmod 700 /root; mkdir -p /root/project; echo secret >/root/project/key")
    as_mallory(machine, "ln -s /root/project work; mkdir 'a b'")
    there = "[ \"$PWD\" != '/home/mallory/a b' ]"
    own = Shell("own", script=f"{shebang}pwd", user="mallory", cwd="/home/mallory/a b", unless=there)
    his = Shell("his", script=f"{shebang}cat key", user="mallory", cwd="/home/mallory/work")
    status = machine.boot(StartupScript("site", every_boot=[own, his]))

    assert (status.result, status.failed_step) == ("failed", "his")
    assert "secret" not in machine.log()
    assert machine.log("own") == "/home/mallory/a b\n"


def test_folder_of_a_group(machine: Machine) -> None:
    """A folder of root's that a group's member moved into the place of another keeps its owner."""
    machine.run("install -d -g mallory -m 775 /srv/shared; mkdir -m 700 /srv/shared/private")
    as_mallory(machine, "mv /srv/shared/private /srv/shared/app")
    status = machine.boot(StartupScript("site", every_boot=[Directory("/srv/shared/app", **MINE)]))
    assert status["exit_code"] == 73
    assert machine.run("stat -c '%a %U' /srv/shared/app").stdout == "700 root\n"


# The owner all, mallory (user 1000) all, group and others nothing, as the kernel keeps it.
ACL = bytes.fromhex("02000000 01000700ffffffff 02000700e8030000 04000000ffffffff 10000700ffffffff 20000000ffffffff")


def test_rights_that_a_folder_hands_down(machine: Machine) -> None:
    """An access control list of his folder gives him nothing of what root makes in it."""
    as_mallory(machine, "mkdir env")
    try:
        os.setxattr(machine.sees / "home/mallory/env", "system.posix_acl_default", ACL)
    except OSError as error:
        pytest.skip(f"no access control lists here: {error}")
    steps = [
        File("/home/mallory/env/secret", content="x", mode=0o640),
        Directory("/home/mallory/env/closed", mode=0o770),
        File("/home/mallory/env/closed/in", content="x", mode=0o660),
        File("/home/mallory/env/above/deep", content="x", mode=0o660),
    ]
    assert machine.boot(StartupScript("site", first_boot=steps)).result == "ok"
    made = [
        machine.sees / "home/mallory/env" / name for name in ("secret", "closed", "closed/in", "above", "above/deep")
    ]
    assert [os.listxattr(path) for path in made] == [[]] * len(made)


def test_rights_of_a_folder_that_was_his(machine: Machine) -> None:
    """An access control list of a folder that was his gives him nothing once the folder is root's."""
    machine.run("install -d -o mallory /srv/app")
    try:
        os.setxattr(machine.sees / "srv/app", "system.posix_acl_access", ACL)
    except OSError as error:
        pytest.skip(f"no access control lists here: {error}")
    assert machine.boot(StartupScript("site", first_boot=[Directory("/srv/app", mode=0o750)])).result == "ok"
    assert os.listxattr(machine.sees / "srv/app") == []


@pytest.mark.parametrize("mode", [0o700, 0o755], ids=oct)
@pytest.mark.parametrize("program", ["mkdir", "cp", "chown", "chmod"])
def test_killed_while_a_folder_is_made(machine: Machine, program: str, mode: int) -> None:
    """Killed after any of its programs, the next try makes the folders in his home what they are to be."""
    step = Directory("/home/mallory/above/data", mode=mode, owner="nobody", group="nogroup")
    for calls in range(1, 4):
        machine.run("rm -rf /home/mallory/above")
        wrapper = machine.sees / f"usr/local/bin/{program}"
        wrapper.write_text(
            f'#!/bin/bash\necho >>/calls.$$; cat /calls.* >/calls; "/usr/bin/{program}" "$@"; code=$?\n'
            f'[ "$(wc -l </calls)" -ne {calls} ] || case $PWD in /home/*) kill -KILL $PPID; esac; exit $code\n'
        )
        wrapper.chmod(0o755)
        status = machine.boot(StartupScript("site", every_boot=[step]))
        wrapper.unlink()
        machine.run("rm -f /calls*")
        assert status.result == "ok" or status["exit_code"] == 137
        status = machine.boot(StartupScript("site", every_boot=[step]))
        assert status.result == "ok", status.output
        shown = machine.run("stat -c '%a %U' /home/mallory/above /home/mallory/above/data").stdout
        assert shown == f"755 root\n{mode:o} nobody\n"


def test_folder_of_an_odd_mode(machine: Machine) -> None:
    """A folder with something in it is none that was just made, whatever its mode."""
    machine.run("mkdir -m 1000 /srv/odd; touch /srv/odd/thing")
    assert machine.boot(StartupScript("site", first_boot=[File("/srv/odd/file", content="x")])).result == "ok"
    assert machine.run("stat -c %a /srv/odd").stdout == "1000\n"


def test_folder_is_never_copied(machine: Machine) -> None:
    """A folder gets its place without `mv`, which copies where a file system refuses a rename, and follows links then."""
    (machine.sees / "usr/local/bin/mv").write_text('#!/bin/sh\ncase $* in *env*) exit 1; esac; exec /usr/bin/mv "$@"\n')
    (machine.sees / "usr/local/bin/mv").chmod(0o755)
    assert obeyed(machine, FOLDER).result == "ok"


@pytest.mark.parametrize("step", [FILE, DOWNLOAD], ids=["file", "download"])
@pytest.mark.parametrize("content", ["new", "new key", ".evenboot.new key"])
def test_folder_named_like_a_staged_one(machine: Machine, step: Step, content: str) -> None:
    """A closed folder of root's that he names as a killed step's keeps what lies in it."""
    key = sha256(step.name.encode()).hexdigest()[:12]
    machine.run(
        f"mkdir -pm 700 /home/mallory/env/backup; cd /home/mallory/env/backup; touch {content}; chown mallory .."
    )
    as_mallory(machine, f"mv env/backup env/.evenboot.{key}.aside")
    assert obeyed(machine, step).result == "ok"
    assert machine.run(f"ls -A /home/mallory/env/.evenboot.{key}.aside | xargs").stdout.split() == sorted(
        content.split()
    )


def test_folder_put_where_one_is_staged(machine: Machine) -> None:
    """A closed folder of root's that he puts in place of the staged one keeps what lies in it."""
    machine.run(
        "mkdir -pm 700 /home/mallory/env/backup; touch /home/mallory/env/backup/new{,.evenboot}; chown mallory /home/mallory/env"
    )
    after = "sh -c 'cd /home/mallory/env && for made in .evenboot*; do mv $made aside && mv backup $made; done'"
    strike_before(machine, "mktemp", "true", after=after)
    assert obeyed(machine, FILE)["exit_code"] == 73
    assert machine.run("ls -A /home/mallory/env/.evenboot*").stdout.split() == ["new", "new.evenboot"]


@pytest.mark.parametrize("step", [FILE, DOWNLOAD], ids=["file", "download"])
def test_folder_that_appears_in_its_place(machine: Machine, step: Step) -> None:
    """A folder that appears in the place of a file just before the file gets it is no success."""
    as_mallory(machine, "mkdir env")
    strike_before(machine, "mv", "mkdir /home/mallory/env/app")
    assert obeyed(machine, step).result == "failed"


def test_his_folder_put_where_one_is_staged(machine: Machine) -> None:
    """An empty folder of his that he puts in place of the staged one is not used: he could swap what root makes in it."""
    as_mallory(machine, "mkdir env")
    after = "sh -c 'cd /home/mallory/env && for made in .evenboot*; do mv $made aside && mkdir -m 700 $made; done'"
    strike_before(machine, "mktemp", "true", after=after)
    assert obeyed(machine, FILE)["exit_code"] == 73


def test_download_that_grows_when_its_mode_is_mended(machine: Machine) -> None:
    """A file that he swaps for a huge one, once it was found to be the right one, is not copied."""
    as_mallory(machine, f"mkdir env; printf {DATA.decode()!r} >env/app; chmod 600 env/app")
    strike_before(machine, "sha256sum", "true", after="truncate -s 1T /home/mallory/env/app")
    step = Download(URL, path=DOWNLOAD.path, sha256=DOWNLOAD.sha256, timeout_seconds=20, **MINE)
    assert obeyed(machine, step).result == "ok"
    assert machine.read(DOWNLOAD.path) == DATA.decode()


def test_many_leftovers(machine: Machine) -> None:
    """Folders of his that are named as what a killed step leaves cost no time."""
    key = sha256(FILE.name.encode()).hexdigest()[:12]
    as_mallory(machine, f"mkdir env; cd env; mkdir .evenboot.{key}.{{1..8000}}")
    began = time.monotonic()
    assert obeyed(machine, FILE).result == "ok"
    assert time.monotonic() - began < 10


def test_keys_are_read_through_a_pipe(machine: Machine) -> None:
    """The process that reads his keys has no file of root's that he could keep open."""
    as_mallory(machine, "mkdir -m 700 .ssh; echo theirs >.ssh/authorized_keys")
    (machine.sees / "usr/local/bin/dd").write_text(
        '#!/bin/sh\nwhere=$(readlink /proc/$$/fd/1)\necho "$where" >>/tmp/dd\nexec /usr/bin/dd "$@"\n'
    )
    (machine.sees / "usr/local/bin/dd").chmod(0o755)
    machine.run("chmod 777 /tmp; rm -f /tmp/dd")
    user = User("mallory", ssh_keys=["ssh-ed25519 AAAA key"])
    assert machine.boot(StartupScript("site", every_boot=[user])).result == "ok"
    assert machine.read("/home/mallory/.ssh/authorized_keys").startswith("theirs\n# evenboot: begin\n")
    assert {line.partition(":")[0] for line in machine.lines("/tmp/dd")} == {"pipe"}


def test_loop_that_replaces_what_appears(machine: Machine) -> None:
    """A process of his that waits for what root makes, and replaces it, gets no file of root's."""
    step = File("/home/mallory/app.conf", content="x\n", **MINE)
    watch = (
        'while :; do for made in ~/.evenboot*; do rm -rf "$made" && ln -s /etc/victim "$made"; done; done 2>/dev/null'
    )
    machine.run(f"HOME=/home/mallory setsid runuser -u mallory -- bash -c {watch!r} >/dev/null 2>&1 &")
    before = roots(machine)
    for text in "abcdefgh":
        machine.boot(StartupScript("site", every_boot=[File(step.path, content=text, **MINE)]))
        assert roots(machine) == before
    machine.run("pkill -KILL -u mallory")


def test_roots_folder_moved_into_its_place(machine: Machine) -> None:
    """A folder of root's that lies in one of his, moved to where another is to be, keeps its owner and its mode."""
    private = Directory("/srv/app/private", mode=0o700)
    public = Directory("/srv/app/public", mode=0o755, **MINE)
    secret = File("/srv/app/private/key", content="key", mode=0o600)
    steps = [Directory("/srv/app", **MINE), private, secret, public]
    assert machine.boot(StartupScript("site", first_boot=steps)).result == "ok"
    as_mallory(machine, "rmdir /srv/app/public; mv /srv/app/private /srv/app/public")
    again = Directory("/srv/app/public", mode=0o755, name="again", **MINE)
    status = machine.boot(StartupScript("site", first_boot=steps[:-1], every_boot=[again]))

    assert (status.failed_step, status["exit_code"]) == ("again", 73)
    assert machine.run("stat -c '%a %U' /srv/app/public /srv/app/public/key").stdout == "700 root\n600 root\n"


def test_prepared_in_a_folder_of_everybodys(machine: Machine) -> None:
    """What mallory has prepared in /tmp is taken for nobody else's, and a link there is not followed."""
    for trap in ("mkdir /tmp/work", "ln -s /etc /tmp/work", "ln -s /home/mallory /tmp/work"):
        machine.run("rm -rf /tmp/work; rm -rf /run/evenboot")
        machine.edit(StartupScript("site", every_boot=[Directory("/tmp/work", owner="nobody", group="nogroup")]))
        as_mallory(machine, trap)
        before = roots(machine)
        machine.agent()
        assert machine.status()["exit_code"] == 73, trap
        assert roots(machine) == before


@pytest.mark.parametrize("thing", ["mkfifo", "mkdir", "mknod"])
@pytest.mark.parametrize("kind", ["file", "download", "user"])
def test_something_else_in_its_place(machine: Machine, kind: str, thing: str) -> None:
    """A FIFO, a folder or a device in the place of a file is a clear failure at once, and stays."""
    path = "/home/mallory/.ssh/authorized_keys" if kind == "user" else "/home/mallory/env/app"
    steps: dict[str, Step] = {
        "file": FILE,
        "download": DOWNLOAD,
        "user": User("mallory", ssh_keys=["ssh-ed25519 AAAA key"]),
    }
    made = f"{thing} {path} {'c 1 3' if thing == 'mknod' else ''}"
    machine.run(f"mkdir -p {path.rpartition('/')[0]}; {made}; chown -R mallory:mallory /home/mallory")
    machine.hurry()
    step = File(FILE.path, content="x", timeout_seconds=20, **MINE) if kind == "file" else steps[kind]
    status = obeyed(machine, step)

    assert (status["exit_code"], status.steps[0]["seconds"] < 15) == (73, True)
    assert status.output[-1] == f"{path}: is not a file"


def test_keys_that_cannot_be_read_in_time(machine: Machine) -> None:
    """A program of his that does not end is not waited for."""
    as_mallory(machine, "mkdir -m 700 .ssh; echo theirs >.ssh/authorized_keys")
    (machine.sees / "usr/local/bin/dd").write_text('#!/bin/sh\n[ "$(id -u)" -eq 0 ] || sleep 900\nexec /usr/bin/dd "$@"\n')
    (machine.sees / "usr/local/bin/dd").chmod(0o755)
    began = time.monotonic()
    status = obeyed(machine, User("mallory", ssh_keys=["ssh-ed25519 AAAA key"], timeout_seconds=60))
    assert (status["exit_code"], time.monotonic() - began < 50) == (73, True)


def test_waiting_for_his_own_keys(machine: Machine) -> None:
    """A key file of his that is a link to a device without an end fills no disk and is waited for by nobody."""
    as_mallory(machine, "mkdir -m 700 .ssh; ln -s /dev/zero .ssh/authorized_keys")
    status = obeyed(machine, User("mallory", ssh_keys=["ssh-ed25519 AAAA key"]))
    assert (status["exit_code"], status.output[-1]) == (73, "/home/mallory/.ssh/authorized_keys: is larger than 1 MiB")


HONEST = {
    "a file of root's in a home": (
        "",
        File("/home/mallory/app.conf", content="x"),
        "/home/mallory/app.conf 644 root root",
    ),
    "a folder of root's in a home": ("", Directory("/home/mallory/a/b"), "/home/mallory/a/b 755 root root"),
    "a home on another disk": (
        "mv /home/mallory /mnt/disk/ && ln -s /mnt/disk/mallory /home/mallory",
        File("/home/mallory/a/app.conf", content="x", mode=0o600, **MINE),
        "/mnt/disk/mallory/a/app.conf 600 mallory mallory",
    ),
    "through a link of root's": (
        "ln -s /run /var/run",
        Directory("/var/run/app", **MINE),
        "/run/app 755 mallory mallory",
    ),
    "a link of root's that is a folder's": (
        "mkdir /srv/e; ln -s e /srv/d",
        Directory("/srv/d", mode=0o750),
        "/srv/e 750 root root",
    ),
    "a link of his own to a folder of his own": (
        "runuser -u mallory -- sh -c 'cd ~mallory; mkdir -p rel/5; ln -s rel/5 current'",
        File("/home/mallory/current/app", content="x", **MINE),
        "/home/mallory/rel/5/app 644 mallory mallory",
    ),
    "a folder that is missing behind a link of his own": (
        "runuser -u mallory -- sh -c 'cd ~mallory; mkdir -p rel/5; ln -s /home/mallory/rel/5 current'",
        File("/home/mallory/current/conf/d/app", content="x", **MINE),
        "/home/mallory/rel/5/conf/d/app 644 mallory mallory",
    ),
    "his own folder for another": (
        "runuser -u mallory -- mkdir -m 700 /home/mallory/www",
        Directory("/home/mallory/www", owner="nobody", group="nogroup"),
        "/home/mallory/www 755 nobody nogroup",
    ),
    "his folder in /tmp": (
        "runuser -u mallory -- mkdir -m 700 /tmp/his",
        Directory("/tmp/his", **MINE),
        "/tmp/his 755 mallory mallory",
    ),
    "a folder that was another's": (
        "mkdir /srv/d; chown nobody /srv/d",
        Directory("/srv/d", **MINE),
        "/srv/d 755 mallory mallory",
    ),
    "a file where a link of his lies": (
        "runuser -u mallory -- ln -s /etc/victim /home/mallory/f",
        File("/home/mallory/f", content="x", **MINE),
        "/home/mallory/f 644 mallory mallory",
    ),
}


@pytest.mark.parametrize("case", HONEST)
def test_honest_definition(machine: Machine, case: str) -> None:
    """What an honest definition asks for is done, also below a home, on another disk, and through links that root made."""
    prepare, step, shown = HONEST[case]
    before = machine.read("/etc/victim")
    prepared = Shell("prepare", script=prepare or "true")
    status = machine.boot(StartupScript("site", first_boot=[prepared, step]))

    assert status.result == "ok", status.output
    path = shown.partition(" ")[0]
    assert machine.run(f"stat -c '%n %a %U %G' {path}").stdout.strip() == shown
    assert machine.read("/etc/victim") == before
    assert machine.run("find / -xdev -name '.evenboot*'").stdout == ""
