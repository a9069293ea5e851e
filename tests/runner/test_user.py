"""User steps, by the real useradd and usermod."""

from __future__ import annotations

import pytest

from startup import Service, Shell, StartupScript, User
from startup.testing.machine import Machine

KEYS = ["ssh-ed25519 AAAA one@example.org", "ssh-rsa BBBB $HOME `id` \\n"]
KEY_FILE = "/home/app/.ssh/authorized_keys"
BLOCK = "# evenboot: begin\n" + "".join(key + "\n" for key in KEYS) + "# evenboot: end\n"


@pytest.fixture(autouse=True)
def _accounts(machine: Machine) -> None:
    (machine.sees / "etc/known").mkdir()
    (machine.sees / "etc/known/web.service").write_text("")


def apply(machine: Machine, user: User) -> bool:
    """Boot with the step and say whether it did something: whether a running service was restarted for it."""
    machine.edit(StartupScript("site", every_boot=[user, Service("web", restart_on=[user])]))
    machine.power_on()
    machine.run("systemctl start web; : >/stand-ins/calls/systemctl")
    machine.agent()
    assert machine.status()["result"] == "ok", machine.read("/var/log/evenboot.log")
    return "restart web" in machine.lines("/stand-ins/calls/systemctl")


def account(machine: Machine, login: str = "app") -> list[str]:
    return machine.run(f"getent passwd {login}").stdout.strip().split(":")


def test_made(machine: Machine) -> None:
    """The account has a home of its own, the shell, and its groups; at the next boot there is nothing to do."""
    user = User("app", groups=["docker", "www"], shell="/bin/sh")
    assert apply(machine, user)
    assert account(machine)[5:] == ["/home/app", "/bin/sh"]
    assert int(account(machine)[2]) >= 1000
    assert machine.run("stat -c %U:%G /home/app; id -nG app").stdout == "app:app\napp docker www\n"
    before = machine.read("/etc/passwd"), machine.read("/etc/group"), machine.read("/etc/shadow")
    assert not apply(machine, user)
    assert (machine.read("/etc/passwd"), machine.read("/etc/group"), machine.read("/etc/shadow")) == before


def test_system_account(machine: Machine) -> None:
    """A system account has an id of the system's range and no home."""
    apply(machine, User("app", system=True, shell="/usr/sbin/nologin"))
    assert int(account(machine)[2]) < 1000
    assert account(machine)[6] == "/usr/sbin/nologin"
    assert not (machine.sees / "home/app").exists()


def test_system_account_with_keys(machine: Machine) -> None:
    """A system account that keys are to open has a home for them."""
    user = User("app", system=True, ssh_keys=KEYS)
    apply(machine, user)
    assert machine.read(KEY_FILE) == BLOCK
    assert not apply(machine, user)


@pytest.mark.parametrize("groups", [[], ["app"]])
def test_group_of_its_name(machine: Machine, groups: list[str]) -> None:
    """A group that has the account's name already becomes its own."""
    machine.run("groupadd --gid 4711 app").check_returncode()
    apply(machine, User("app", groups=groups))
    assert account(machine)[3] == "4711"


def test_changed(machine: Machine) -> None:
    """Shell and groups of an existing account are changed; other groups and its home stay."""
    apply(machine, User("app", groups=["old"]))
    (machine.sees / "home/app/file").write_text("mine")
    number = account(machine)[2]
    assert apply(machine, User("app", groups=["new"], shell="/bin/sh"))
    assert (account(machine)[2], account(machine)[6]) == (number, "/bin/sh")
    assert machine.run("id -nG app").stdout == "app old new\n"
    assert machine.read("/home/app/file") == "mine"


def test_keys(machine: Machine) -> None:
    """The keys stand in authorized_keys, for the user alone; at the next boot the file is not touched."""
    user = User("app", ssh_keys=KEYS)
    assert apply(machine, user)
    assert machine.read(KEY_FILE) == BLOCK
    assert machine.run(f"stat -c '%a %U %G' /home/app/.ssh {KEY_FILE}").stdout == "700 app app\n600 app app\n"
    before = (machine.sees / KEY_FILE[1:]).stat()
    assert not apply(machine, user)
    after = (machine.sees / KEY_FILE[1:]).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in (machine.sees / "home/app/.ssh").iterdir()] == ["authorized_keys"]


@pytest.mark.parametrize("end", ["\n", ""])
def test_keys_of_others_stay(machine: Machine, end: str) -> None:
    """What others have put there stays, also a last line without an end; removed keys go, the last one as well."""
    apply(machine, User("app"))
    theirs = "# theirs\nssh-ed25519 CCCC other"
    machine.run(f"install -d -o app /home/app/.ssh; printf '{theirs}{end}' >{KEY_FILE}; chown app {KEY_FILE}")
    for keys, block in ((KEYS, BLOCK), (KEYS[:1], BLOCK.replace(KEYS[1] + "\n", "")), ([], "")):
        assert apply(machine, User("app", ssh_keys=keys))
        assert machine.read(KEY_FILE) == theirs + "\n" + block
    assert not apply(machine, User("app"))


def test_keys_below_ours_stay(machine: Machine) -> None:
    """What others have put below the runner's keys stays too, and a folder that others may read is closed."""
    apply(machine, User("app", ssh_keys=KEYS))
    machine.run(f"echo theirs >>{KEY_FILE}; chmod 755 /home/app/.ssh")
    apply(machine, User("app", ssh_keys=KEYS))
    assert machine.read(KEY_FILE) == "theirs\n" + BLOCK
    assert machine.run("stat -c %a /home/app/.ssh").stdout == "700\n"


def test_no_keys_no_file(machine: Machine) -> None:
    """Without keys the home is the user's alone."""
    apply(machine, User("app"))
    assert not (machine.sees / "home/app/.ssh").exists()


@pytest.mark.parametrize(
    ("trap", "result"),
    [
        ("ln -s /etc /home/app/.ssh", "failed"),
        ("mkdir /home/app/.ssh; ln -s /etc/shadow /home/app/.ssh/.evenboot", "ok"),
        ("mkdir /home/app/.ssh; ln -s /etc/shadow /home/app/.ssh/authorized_keys", "failed"),
    ],
)
def test_links_in_the_home(machine: Machine, trap: str, result: str) -> None:
    """Links that a user lays in his home lead the runner nowhere that he could not go himself."""
    apply(machine, User("app"))
    machine.run(f"chmod 600 /etc/shadow; {trap}; chown -h app:app /home/app/.ssh /home/app/.ssh/.e* /home/app/.ssh/a*")
    seen = "stat -c '%a %U %Y' /etc; cat /etc/shadow; ls -a /etc"
    before = machine.run(seen).stdout
    status = machine.boot(StartupScript("site", every_boot=[User("app", ssh_keys=KEYS)]))
    assert status["result"] == result
    assert machine.run(seen).stdout == before
    assert "root:" not in machine.read(KEY_FILE) or (machine.sees / KEY_FILE[1:]).is_symlink()


def test_keys_behind_his_own_link(machine: Machine) -> None:
    """A user may keep his keys elsewhere: what stood there stays, in a file of their own."""
    apply(machine, User("app"))
    machine.run("cd /home/app && mkdir .ssh dots && echo theirs >dots/keys && ln -s ../dots/keys .ssh/authorized_keys")
    machine.run("chown -hR app:app /home/app")
    assert apply(machine, User("app", ssh_keys=KEYS))
    assert (machine.read(KEY_FILE), machine.read("/home/app/dots/keys")) == ("theirs\n" + BLOCK, "theirs\n")


HALF = """#!/bin/sh
[ "$1" != -D ] || exec /usr/sbin/useradd "$@"
cp /synced /synced.then
/usr/sbin/useradd "$@"
touch /half
sleep 60
"""


def cut_power_in_useradd(machine: Machine) -> None:
    """Leave an account that is half made."""
    machine.write("/usr/local/sbin/useradd", HALF, 0o755)
    machine.edit(StartupScript("site", first_boot=[User("app")]))
    machine.cut_power(lambda: machine.run("[ -e /half ]").returncode == 0)
    machine.run("rm /usr/local/sbin/useradd")


def test_half_an_account_is_made_anew(machine: Machine) -> None:
    """L5: an account that a power cut left half made is taken away and made anew."""
    cut_power_in_useradd(machine)
    machine.run("touch /home/app/half; usermod --shell /bin/false app")
    machine.boot().well("the boot after the power cut")

    assert account(machine)[5:] == ["/home/app", "/bin/bash"]
    assert not (machine.sees / "home/app/half").exists()


def test_account_that_is_somebodys_by_now(machine: Machine) -> None:
    """L6: what a definition left half made is nothing to a later one: an account of this name may be somebody's by now."""
    cut_power_in_useradd(machine)
    own = Shell("own", script="userdel -r app; useradd -m app; echo his >/home/app/file")
    machine.boot(StartupScript("site", first_boot=[own])).well("the boot with another definition")
    number = account(machine)[2]
    machine.boot(StartupScript("site", first_boot=[User("app")])).well("the last boot")

    assert (number, "his\n") == (account(machine)[2], machine.read("/home/app/file"))


def test_note_of_an_account_is_on_disk_first(machine: Machine) -> None:
    """L5: that an account is being made is on disk before it is begun, as it would stay half made after a power cut."""
    cut_power_in_useradd(machine)

    assert [line for line in machine.lines("/synced.then") if line.startswith("sync /var/lib/evenboot/account")]
