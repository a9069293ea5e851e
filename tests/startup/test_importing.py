"""Importing: scripts, cloud-config and MIME become a definition, and what is not in it is named."""

from __future__ import annotations

import ast
import gzip
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from startup import Directory, File, Packages, Reboot, Shell, StartupScript, User, validate
from startup import __main__ as command
from startup.importing import Imported, import_from, write
from startup.importing.writing import literal
from startup.loading import LoadingError, load

from ..generated import Given, definitions

STRICT = "#!/bin/sh\nset -e\n"


def imported(folder: Path, **files: str | bytes) -> Imported:
    """Import a folder with these files."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_from(folder, "site")


def config(folder: Path, text: str) -> Imported:
    """Import a cloud-config."""
    return imported(folder, **{"user-data": f"#cloud-config\n{text}"})


def told(found: Imported) -> list[str]:
    return [str(warning) for warning in found.warnings]


# Scripts


@pytest.mark.parametrize(
    ("name", "list_name"),
    [
        ("user-data", "first_boot"),
        ("user-data.sh", "first_boot"),
        ("first-boot.sh", "first_boot"),
        ("firstboot/setup.sh", "first_boot"),
        ("01_install_nginx.sh", "first_boot"),
        ("bootstrap", "first_boot"),
        ("scripts/per-instance/10-disk", "first_boot"),
        ("scripts/per-boot/10-warm.sh", "every_boot"),
        ("every-boot.sh", "every_boot"),
        ("everyboot/setup.sh", "first_boot"),
        ("reboot.sh", "every_boot"),
        ("on_reboot.sh", "every_boot"),
        ("rc.local", "every_boot"),
        ("startup-script", "every_boot"),
        ("startup.sh", "every_boot"),
        ("shutdown-script.sh", "shutdown"),
        ("shutdown.d/10-drain", "shutdown"),
    ],
)
def test_time_by_name(tmp_path: Path, name: str, list_name: str) -> None:
    """`import`: A script's name, else its folder's, says when it runs; its text is the step's, to the letter."""
    found = imported(tmp_path, **{name: f"{STRICT}echo 'é' \\\n"})

    assert [list_name] == [where for where, _, _ in found.definition.steps()]
    assert (Shell(name, script=f"{STRICT}echo 'é' \\\n"),) == getattr(found.definition, list_name)
    assert () == found.warnings


def test_name_says_nothing(tmp_path: Path) -> None:
    """A script whose name says nothing is of the first boot, and a warning says so."""
    found = imported(tmp_path, **{"nginx.sh": STRICT})

    assert ["nginx.sh: is taken for a script of the first boot, as its name does not say when it runs"] == told(found)


def test_order(tmp_path: Path) -> None:
    """Scripts run in the order of their names, as run-parts has it, and after what cloud-config asks for."""
    found = imported(tmp_path, **{"setup/20": STRICT, "setup/10": STRICT, "zz.yaml": "#cloud-config\npackages: [curl]\n"})

    assert ["packages curl", "setup/10", "setup/20"] == [step.name for step in found.definition.first_boot]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo a\n", "setup.sh: has no shebang: it runs as bash -euo pipefail"),
        ("#!/bin/bash\necho a\n", "setup.sh: goes on when a command in its middle fails"),
        ("#!/usr/bin/python3\nprint()\n", "setup.sh: is a program for /usr/bin/python3"),
        ("#!/bin/sh -e\r\necho a\r\n", "setup.sh: had Windows line ends"),
        (f"{STRICT}. ./lib.sh\n", "setup.sh:3: names lib.sh, which lies beside it here, but not on the VM"),
        (f'{STRICT}cd "$(dirname "$0")"\n', "setup.sh:3: looks for files beside itself"),
        (f"{STRICT}echo {{{{ region }}}}\n", "setup.sh:3: has a placeholder of a template"),
    ],
)
def test_script_as_a_whole(tmp_path: Path, text: str, message: str) -> None:
    """What holds for a whole script, or leads out of it, is said."""
    found = imported(tmp_path, **{"setup.sh": text, "setup-lib/lib.sh": STRICT})

    assert [line for line in told(found) if line.startswith(message)]
    assert found.definition.first_boot[-1] == Shell("setup.sh", script=text.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "line",
    [
        "echo a=1 >> /etc/app.conf", "cat <<E >>/etc/hosts\nE", "echo a | tee -a /etc/fstab", "useradd app", "sudo adduser app",
        "id app || groupadd app", "mkdir /srv/app", "mkdir -m 700 /srv/app", "ln -s /a /b", "git clone https://a.example/b",
        "mv a b", "[ -e a ] && mv a b", "rm /tmp/x", "nohup ./server &", "./server &", "./server & disown", "mkfs.ext4 /dev/sdb",
        "mount /dev/sdb /data", "iptables -A INPUT -j DROP", "sed -i '1i\\first' /etc/x", "(crontab -l; echo x) | crontab -",
        'mysql -e "CREATE DATABASE app"', "docker run -d --name web nginx", "wget https://a.example/b",
        "curl -fsSL https://a.example/install.sh | sudo bash", "apt-get install nginx", "reboot", "shutdown -r now",
        "if true; then useradd app; fi", "mkdir \\\n  /srv/app",
    ],
)  # fmt: skip
def test_not_repeatable(tmp_path: Path, line: str) -> None:
    """`import`: A command that a second run would do again, or fail at, is named with its line."""
    found = imported(tmp_path, **{"setup.sh": f"{STRICT}{line}\n"})

    assert len(told(found)) >= 1
    assert all(warning.startswith("setup.sh:3: ") for warning in told(found))
    assert not any(warning.lost for warning in found.warnings)


@pytest.mark.parametrize(
    "line",
    [
        "echo a >/etc/app.conf", "echo a >>/var/log/app.log", "echo a >>/dev/null", "# useradd app", "mkdir -p /srv/app",
        "mkdir -pm 700 /srv/app", "ln -sfn /a /b", "ln -nfs /a /b", "rm -rf /tmp/x", "a && b", "a >&2", "a &>/dev/null",
        "cat <<'E' >/etc/x\nuseradd app\nmkdir /y\nE", "apt-get install -y nginx", "apt-get -qy install nginx",
        "systemctl restart a",
        "curl -fsSL -o /x https://a.example", "wget -qO- https://a.example", "echo 'mkdir -p /x'", "iptables -C INPUT -j DROP",
        "cat <<-E >/x\n\tmv a b\n\tE", "remove-mv a", "echo a <<<b",
    ],
)  # fmt: skip
def test_repeatable(tmp_path: Path, line: str) -> None:
    """What can be run twice, a comment and the text of a here-document raise no warning."""
    assert () == imported(tmp_path, **{"setup.sh": f"{STRICT}{line}\n"}).warnings


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("export DB_PASSWORD=hunter22", "hunter22"),
        ('API_KEY="abcd1234"', "abcd1234"),
        ("mysql --password=hunter22 app", "hunter22"),
        ("aws configure set x AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
        ("cat <<E >/k\n-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nE", "MIIabc"),
        ("git pull https://me:hunter22@a.example/b", "hunter22"),
        ("curl -H 'Authorization: token ghp_abcdefghijklmnopqrst12'", "ghp_abcdefghijklmnopqrst12"),
    ],
)
def test_secret(tmp_path: Path, line: str, secret: str) -> None:
    """`import`: What looks like a secret is named with its line, and no message shows it."""
    found = imported(tmp_path, **{"setup.sh": f"{STRICT}{line}\n"})

    assert [warning for warning in told(found) if "holds what looks like" in warning]
    assert not [warning for warning in told(found) if secret in warning]


@pytest.mark.parametrize(
    "line", ["DB_PASSWORD=$(fetch password)", 'TOKEN="$TOKEN"', "PASSWORD=", "use_secrets=true", "read password"]
)
def test_no_secret(tmp_path: Path, line: str) -> None:
    """A secret that is fetched on the VM is none in the text."""
    assert () == imported(tmp_path, **{"setup.sh": f"{STRICT}{line}\n"}).warnings


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", "read me"),
        ("empty.sh", " \n"),
        ("logo.png", b"\x89PNG\xff"),
        (".env", "A=1"),
        (".git/config", "x"),
        ("list", "#include\nhttps://a.example/more\n"),
        ("part", "#part-handler\n"),
        ("broken.gz", b"\x1f\x8bbroken"),
        ("nul.sh", "#!/bin/sh\nset -e\n\0\n"),
        ("bad.yaml", "#cloud-config\na: [\n"),
        ("text.yaml", "#cloud-config\nhello\n"),
    ],
)
def test_what_is_no_script(tmp_path: Path, name: str, content: str | bytes) -> None:
    """`import`: What cannot become a step is named and said to be lost; the rest is imported."""
    found = imported(tmp_path, **{"setup.sh": STRICT, name: content})

    assert [Shell("setup.sh", script=STRICT)] == [step for _, _, step in found.definition.steps()]
    assert [warning for warning in found.warnings if warning.lost and warning.place.startswith(name.split("/")[0])]


# Cloud-config


def test_cloud_config(tmp_path: Path) -> None:
    """`import`: The usual keys become steps, in the order in which cloud-init obeys them."""
    found = config(
        tmp_path,
        """
package_update: true
packages: [nginx, [curl, 7.88.1-10], nginx]
users:
  - default
  - name: deploy
    groups: docker, www-data
    shell: /bin/sh
    sudo: ALL=(ALL) NOPASSWD:ALL
    lock_passwd: true
    ssh-authorized-keys: [ssh-ed25519 AAAA me]
groups: [docker]
write_files:
  - {path: /etc/late, defer: true, content: "late\\n"}
  - {path: /etc/a, content: "a ${B}\\n", permissions: '0640', owner: 'root:www-data'}
  - {path: /etc/b, content: !!binary "YgA=", encoding: b64}
  - {path: /etc/c, content: Yw==, encoding: b64, permissions: 0600}
runcmd:
  - systemctl restart nginx
  - [sh, -c, "echo $(date) 'x'"]
bootcmd: [[echo, hi there]]
timezone: Europe/Berlin
package_upgrade: false
package_reboot_if_required: true
power_state: {mode: reboot, condition: true}
""".replace('!!binary "YgA=", encoding: b64', "Yg==, encoding: base64"),
    )

    assert [
        Shell("timezone", script="timedatectl set-timezone Europe/Berlin\n"),
        Shell("group docker", script="getent group docker >/dev/null || groupadd docker\n"),
        User("deploy", groups=["docker", "www-data"], shell="/bin/sh", ssh_keys=["ssh-ed25519 AAAA me"]),
        File("/etc/sudoers.d/90-deploy", content="deploy ALL=(ALL) NOPASSWD:ALL\n", mode=0o440),
        File("/etc/a", content="a ${B}\n", mode=0o640, group="www-data"),
        File("/etc/b", content="b"),
        File("/etc/c", content="c", mode=0o600),
        Packages(["nginx", "curl=7.88.1-10"]),
        File("/etc/late", content="late\n"),
        Reboot("reboot if required", unless="! test -e /run/reboot-required"),
        Shell("runcmd", script="#!/bin/sh\nsystemctl restart nginx\nsh -c 'echo $(date) '\"'\"'x'\"'\"''\n"),
        Reboot("power state"),
    ] == list(found.definition.first_boot)
    assert [Shell("bootcmd", script="#!/bin/sh\necho 'hi there'\n")] == list(found.definition.every_boot)
    assert not [warning for warning in found.warnings if warning.lost]


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("ntp: {enabled: true}", "user-data: ntp"),
        ("users: [{name: a, passwd: $6$abc$def}]", "user-data: users[0].passwd"),
        ("users: [{name: a, uid: 1001}]", "user-data: users[0].uid"),
        ("users: [{name: 'Two Words'}]", "user-data: users[0]"),
        ("users: [{gecos: x}]", "user-data: users[0]"),
        ("packages: [{snap: [lxd]}]", "user-data: packages[0]"),
        ("packages: ['a b']", "user-data: packages[0]"),
        ("write_files: [{content: x}]", "user-data: write_files[0]"),
        ("write_files: [{path: /a, content: '%', encoding: b64}]", "user-data: write_files[0]"),
        ("write_files: [{path: /a, content: x, encoding: rot13}]", "user-data: write_files[0]"),
        ("write_files: [{path: /a, source: {uri: 'https://a.example'}}]", "user-data: write_files[0].source"),
        ("write_files: [{path: a, content: x}]", "user-data: write_files[0]"),
        ("write_files: [{path: /a, content: x, permissions: rw}]", "user-data: write_files[0].permissions"),
        ("runcmd: [3]", "user-data: runcmd[0]"),
        ("runcmd: echo", "user-data: runcmd"),
        ("power_state: {mode: poweroff}", "user-data: power_state"),
        ("hostname: [a]", "user-data: hostname"),
        ("packages: [a]\npackages: [b]", "user-data:4"),
        ("# a remark", "user-data"),
    ],
)
def test_lost(tmp_path: Path, entry: str, place: str) -> None:
    """What a key asks for and no step can do is named by its path."""
    found = config(tmp_path, f"bootcmd: ['true']\n{entry}\n")

    assert place in [warning.place for warning in found.warnings if warning.lost]
    assert "$6$" not in "".join(told(found))


def test_the_same_twice(tmp_path: Path) -> None:
    """`import`: What two entries write or make is carried over once, and the second one is named."""
    twice = "write_files: [{path: /etc/x, content: a}, {path: /etc//x, content: b}]\nusers: [{name: app}, {name: app}]\n"
    found = config(tmp_path, twice)

    again = "a second time; write in the first step what is meant"
    assert ["user app", "file /etc/x"] == [step.name for step in found.definition.first_boot if isinstance(step, (File, User))]
    assert [f"user app {again}", f"/etc/x {again}"] == [
        line.partition("not carried over: ")[2] for line in told(found) if "not carried over" in line
    ]


def test_appended_and_binary(tmp_path: Path) -> None:
    """A file that is appended to, or is no text, is written by a shell step, and a warning says so."""
    found = config(tmp_path, "write_files: [{path: /a, content: x, append: true}, {path: /b/c, content: gP8=, encoding: b64}]")
    append, binary = found.definition.first_boot

    assert isinstance(append, Shell) and "base64 -d <<'END' >>/a\neA==\nEND\n" in append.script
    assert isinstance(binary, Shell) and "base64 -d <<'END' >/b/c\ngP8=\nEND\n" in binary.script
    assert ["user-data: write_files[0]", "user-data: write_files[1]"] == [warning.place for warning in found.warnings]


FIELDS = st.sampled_from(["name", "path", "content", "encoding", "mode", "apt", "sudo", "groups", "ssh_authorized_keys", "owner"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aZ/-:#$ \n0é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["packages", "users", "user", "groups", "write_files", "runcmd", "bootcmd", "power_state", "timezone", "other"]
)


def asks(value: Any) -> bool:
    """Whether there is anything in a value."""
    if isinstance(value, dict):
        return any(map(asks, value.values()))
    if isinstance(value, list):
        return any(map(asks, value))
    return bool(value.strip(", \n") if isinstance(value, str) else value)


@given(key=KEYS, value=VALUES)
@settings(deadline=None, max_examples=150, derandomize=True, database=None)
def test_any_cloud_config(tmp_path_factory: pytest.TempPathFactory, key: str, value: Any) -> None:
    """`import`: Whatever a key holds, it becomes steps without problems or is named; nothing else happens."""
    file = tmp_path_factory.mktemp("any") / "user-data"
    file.write_text(f"#cloud-config\n{yaml.safe_dump({key: value})}")
    try:
        found = import_from(file, "site")
    except LoadingError as error:
        assert not asks(value) or f"\nuser-data: {key}" in str(error)
    else:
        assert () == validate(found.definition)


# MIME


MIME = """\
Content-Type: multipart/mixed; boundary="B"
MIME-Version: 1.0

--B
Content-Type: text/x-shellscript; charset="us-ascii"
Content-Disposition: attachment; filename="setup.sh"

#!/bin/sh
set -e
echo setup
--B
Content-Type: text/cloud-config

packages: [nginx]
{more}
--B
Content-Type: text/cloud-boothook

#!/bin/sh
set -e
echo each
--B
Content-Type: text/x-include-url

#include
https://a.example/more
--B--
"""


def test_mime(tmp_path: Path) -> None:
    """`import`: Each part of a MIME document becomes what its type says: a script once, a boothook at every boot."""
    found = imported(tmp_path, data=MIME.replace("{more}", ""))

    assert ["packages nginx", "data: setup.sh"] == [step.name for step in found.definition.first_boot]
    assert [Shell("data: part 3", script="#!/bin/sh\nset -e\necho each")] == list(found.definition.every_boot)
    assert ["data: part 4"] == [warning.place for warning in found.warnings if warning.lost]


def test_scripts_at_each_boot(tmp_path: Path) -> None:
    """The usual trick of AWS, user scripts "always", makes scripts every_boot steps."""
    found = imported(tmp_path, data=MIME.replace("{more}", "cloud_final_modules: [[scripts-user, always]]"))

    assert ["data: setup.sh", "data: part 3"] == [step.name for step in found.definition.every_boot]
    assert "data: part 2: lets user scripts run at each boot: they are every_boot steps here" in told(found)


def test_compressed(tmp_path: Path) -> None:
    """User data that was compressed to fit is unpacked."""
    found = imported(tmp_path, **{"user-data": gzip.compress(MIME.replace("{more}", "").encode(), mtime=0)})

    assert "packages nginx" == found.definition.first_boot[0].name


# The text that is written


@given(text=st.text("\\\"'\nnx{$é \t\r\0", max_size=12))
@settings(deadline=None, max_examples=500, derandomize=True, database=None)
def test_literal_is_exact(text: str) -> None:
    """Quotes, backslashes and line ends of any sort come out of a Python literal as they went in."""
    assert text == ast.literal_eval(literal(text))


@given(example=definitions((Shell, File, Directory, Packages, User, Reboot)))
@settings(deadline=None, max_examples=60, derandomize=True, database=None)
def test_text_is_exact(example: Given) -> None:
    """The Python text gives the very definition, whatever characters are in it."""
    names: dict[str, Any] = {}
    exec(compile(write(example.definition, 'a "folder"\\'), "written.py", "exec"), names)

    assert [example.definition] == [value for value in names.values() if isinstance(value, StartupScript)]


# The command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command.main(arguments)
    written = capsys.readouterr()
    return code, written.out, written.err


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text goes to standard output or to a file, which holds the definition; warnings go to standard error."""
    folder = tmp_path / "my server"
    imported(folder, **{"first-boot.sh": f"{STRICT}useradd app\n"})
    code, text, warnings = run(capsys, "import", str(folder))

    assert "first-boot.sh:3: fails when the account is there; use User, or ask getent first" == warnings.splitlines()[0]
    assert (0, "my server: 1 step, 1 warning, 0 not carried over") == (code, warnings.splitlines()[-1])
    assert 0 == run(capsys, "import", str(folder / "first-boot.sh"), "--output", str(tmp_path / "a.py"), "--name", "my server")[0]
    assert load(str(tmp_path / "a.py")) == import_from(folder).definition
    assert text.splitlines()[1:] == (tmp_path / "a.py").read_text().splitlines()[1:]


def test_command_that_loses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`import`: When something was not carried over the command ends with 1, so that no pipeline overlooks it."""
    imported(tmp_path, **{"setup.sh": STRICT, "notes.txt": "x"})

    assert 1 == run(capsys, "import", str(tmp_path))[0]


def test_command_with_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there, a folder with nothing in it and an output that is there end with 2 and one message."""
    (tmp_path / "a.py").write_text("")
    (tmp_path / "empty").mkdir()

    for name, message in (("none", "no such file or folder"), ("empty", "holds nothing that can be imported")):
        assert (2, "", f"{tmp_path / name}: {message}\n") == run(capsys, "import", str(tmp_path / name))
    code, _, message = run(capsys, "import", str(tmp_path), "--output", str(tmp_path / "a.py"))
    assert (2, f"{tmp_path / 'a.py'}: is there already; remove it, or give another --output\n") == (code, message)


def test_example_of_the_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The page about importing shows what the command prints for the script on it."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs/import.md").read_text("utf-8")
    script, shown, text = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)[0] for kind in ("bash", "console", "python"))
    imported(Path("server"), **{"first-boot.sh": script})

    assert (0, text, shown.partition("\n")[2]) == run(capsys, "import", "server/")


def test_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts need no package; for cloud-config a message names the one that is missing."""
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert () == imported(tmp_path, **{"setup.sh": STRICT}).warnings
    with pytest.raises(LoadingError, match="user-data: cloud-config is YAML, and PyYAML, which reads it, is not installed"):
        config(tmp_path, "packages: [a]\n")
