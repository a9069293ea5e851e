"""`mallory`, another user of the computer, tries what the local cloud keeps there and listens on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from lab import consoles, host, image
from lab.__main__ import main
from lab.control_group import ControlGroup
from lab.errors import LabError
from lab.laboratory import Lab
from lab.loopback import own_user
from lab.providers.machines import Machines
from tests.checkout import ROOT
from tests.lab.fake_machines import FakeLab
from tests.machines import lab_of_tests

MALLORY = 65534
BECOME = f"""
import os, sys
def become_mallory():
    os.setgroups([])
    os.setresgid(*[{MALLORY}] * 3)
    os.setresuid(*[{MALLORY}] * 3)
"""
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can be another user"
)


def mallory(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the computer as mallory."""
    # Not setpriv, which looks its program up with root's rights.
    argv = ("sh", "-c", 'exec "$@"', "sh", *argv)
    return subprocess.run(
        argv, cwd="/", user=MALLORY, group=MALLORY, extra_groups=[], capture_output=True, text=True, errors="replace"
    )


def python(code: str, *arguments: str) -> list[str]:
    """Return the command of Python code that has loaded what it needs when it calls `become_mallory`."""
    return [sys.executable, "-c", f"{BECOME}{code}", *arguments]


def said_by(argv: Sequence[str]) -> str:
    """Return what a command prints."""
    return subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout.strip()


def mode(path: Path) -> int:
    """Return a path's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """State, images and names of the test's own: no command meets the user's lab."""
    monkeypatch.setattr("lab.laboratory.LONGEST_STATE", 500)
    variables = {
        "EVENBOOT_LAB_STATE": str(tmp_path / "state"),
        "EVENBOOT_LAB_CACHE": str(tmp_path / "cache"),
        "EVENBOOT_LAB_PREFIX": "ebmal-",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


# What lies on the computer's disk.


@pytest.mark.boot
@pytest.mark.xdist_group("machines")
def test_no_program_of_a_machine_makes_another_user_root() -> None:
    """`lab`: Root in a machine leaves a set-user-id shell, an open disk and a readable note: mallory reaches none of them,
    nor the image's `sudo`, and in the machine set-user-id programs go on working."""
    with lab_of_tests() as lab:
        machine = lab.create("gcp", "web", payload=b"#!/bin/sh\necho payload\n")
        machine.start()
        machine.wait_ready()
        machine.exec("cp /bin/bash /opt/suid && chmod 4755 /opt/suid && mknod -m 666 /opt/disk c 1 5 && echo secret >/note")
        # A program of mallory's number runs in the machine, through which its disk can be seen in /proc.
        machine.exec(f"systemd-run -p Type=exec --uid={MALLORY} sleep 1000")
        [way] = _through_proc(machine.group)
        assert "0\n" == machine.exec(f"setpriv --reuid={MALLORY} /opt/suid -p -c 'id -u'").stdout
        layers = [Path(layer) for layer in machine.definition["layers"]]
        for closed in (machine.folder / "root", machine.folder / "upper", *layers):
            assert "ermission denied" in mallory(closed / "opt/suid", "-p", "-c", "id -u").stderr
            assert "ermission denied" in mallory(closed / "usr/bin/sudo", "-V").stderr
        assert f"{MALLORY}\n" == mallory(way / "opt/suid", "-p", "-c", "id -u").stdout
        places = [machine.folder / "root/opt/disk", machine.folder / "root/note", machine.folder / "payload"]
        places += [lab.state / "clouds/authority/root.key", lab.state / "lock", image.cache_folder() / "images"]
        for place in places:
            assert place.exists()
            assert "ermission denied" in mallory("dd", f"if={place}", "count=1").stderr
        notify = machine.folder / "notify"
        assert stat.S_ISSOCK(notify.stat().st_mode)
        assert "ermission denied" in mallory("stat", notify).stderr
        assert _mounts(lab)
        assert [] == [mount for mount in _mounts(lab) if mallory("ls", mount).returncode == 0]


def _through_proc(group: ControlGroup) -> Iterator[Path]:
    """Yield the root folders of a machine's programs that have mallory's number."""
    for pid in group.processes():
        if Path(f"/proc/{pid}").stat().st_uid == MALLORY:
            yield Path(f"/proc/{pid}/root")


def _mounts(lab: Lab) -> list[str]:
    """Return where something of a lab is mounted on this computer, but for networks, which only root can enter."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [line[1] for line in lines if line[2] != "nsfs" and (str(lab.state) in line[3] or lab.prefix in line[1])]


@pytest.mark.parametrize("command", [["status"], ["down"], ["console", "web"], ["run", "--", "true"]])
def test_what_an_older_version_left_open_is_closed(own: dict[str, str], command: list[str]) -> None:
    """`lab`: State and images that everybody could enter are root's alone after any command."""
    folders = [Path(own["EVENBOOT_LAB_STATE"]), Path(own["EVENBOOT_LAB_CACHE"])]
    for folder in folders:
        (folder / "images").mkdir(parents=True)
        folder.chmod(0o755)
    main(command)

    assert [0o700, 0o700] == [mode(folder) for folder in folders]


def test_folders_are_closed_from_the_beginning(own: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab`: State, and images before the first is made, are root's alone, also where everything else is everybody's."""
    lab, seen = Lab(), list[int]()
    monkeypatch.setattr(image, "_build", lambda name, folder, *rest: seen.append(mode(folder.parent.parent)))
    before = os.umask(0)
    try:
        image.ensure("debian-12", prefix=lab.prefix)
        with lab.changing():
            seen.append(mode(lab.state))
    finally:
        os.umask(before)

    assert [0o700, 0o700] == seen


def test_a_folder_of_mallorys_is_not_taken(own: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """`lab`: Who made the folder before root did could change all that lies in it."""
    state = Path(own["EVENBOOT_LAB_STATE"])
    state.mkdir()
    os.chown(state, MALLORY, MALLORY)

    assert 1 == main(["down"])
    assert capsys.readouterr().err.startswith(f"error: {state} belongs to another user")
    assert [] == list(state.iterdir())


# What listens on the loopback.


@pytest.fixture
def plugin(own: dict[str, str]) -> Iterator[str]:
    """The port of a provider's process, started as the engine starts it."""
    argv = [sys.executable, "-m", "lab.providers", "gcp"]
    environment = {**os.environ, **own, "EVENBOOT_LAB_STATE": "/nonexistent/eb"}
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


ASK = """
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc
if sys.argv[2] == "mallory":
    become_mallory()
with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
    try:
        print(provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty()).version)
    except grpc.RpcError as error:
        print(error.code().name)
"""


def test_a_plugin_answers_nobody_but_its_engine(plugin: str) -> None:
    """`lab`: Any user can reach the port; a call of another user's is refused, one of the engine's user is answered."""
    assert "PERMISSION_DENIED" == said_by(python(ASK, plugin, "mallory"))
    assert "10.2.0" == said_by(python(ASK, plugin, "root"))


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_whose_a_connection_is(family: str) -> None:
    """`lab`: His who opened it; one whose other end has gone, which the kernel gives to root, is nobody's."""
    code = f"""
import socket
if sys.argv[2] == "mallory":
    become_mallory()
near = socket.socket(socket.{family})
near.connect(("::ffff:127.0.0.1" if near.family == socket.AF_INET6 else "127.0.0.1", int(sys.argv[1])))
near.sendall(b"do it")
print(near.getsockname()[1], flush=True)
if sys.argv[3] == "stays":
    sys.stdin.read()
"""
    seen = dict[tuple[str, str], bool]()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for who, what in (("root", "stays"), ("mallory", "stays"), ("mallory", "goes"), ("root", "goes")):
            argv = python(code, str(port), who, what)
            with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                connection, _ = listener.accept()
                assert process.stdout is not None and process.stdin is not None
                client = int(process.stdout.readline())
                if what == "goes":
                    process.wait()
                    assert b"do it" == connection.recv(100)
                seen[who, what] = own_user(client, port)
                process.stdin.close()
            connection.close()

    assert {("root", "stays")} == {key for key, own in seen.items() if own}


def test_the_consoles_listen_to_nobody_else(tmp_path: Path) -> None:
    """`lab`: Not even who has learnt the token: the connection is closed before a word is read."""
    code = """
import encodings.idna, http.client
if sys.argv[2] == "mallory":
    become_mallory()
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
connection.request("GET", "/msi/token", headers={"X-IDENTITY-HEADER": sys.argv[3]})
try:
    print(connection.getresponse().status)
except OSError as error:
    print("closed")
"""
    with consoles.serving(cast(Machines, FakeLab(tmp_path)), tmp_path) as variables:
        port, token = variables["ARM_ENDPOINT"].rpartition(":")[2], variables["IDENTITY_HEADER"]
        asked = (("mallory", token), ("root", token), ("root", "guessed"))
        answers = [said_by(python(code, port, who, known)) for who, known in asked]

    assert ["closed", "200", "401"] == answers


# What is left of a command that was killed.

PROGRAM = {
    "Pulumi.yaml": "name: site\nruntime: python\n",
    "Pulumi.local.yaml": "config:\n  gcp:project: p\n  gcp:zone: europe-west3-a\n",
    "__main__.py": """
from components import GcpVm, GcpVmArgs
from startup import Shell, StartupScript

GcpVm("web", GcpVmArgs(startup=StartupScript("site", first_boot=[Shell("once", script="true")])))
""",
}
# Programs of this computer's that never end where the command is to be killed.
HANGS = {
    "probing": ("unshare", 'case "$*" in *overlay*) ;; *) exec /usr/bin/unshare "$@" ;; esac'),
    "image": ("mmdebstrap", 'for target; do :; done; mkdir -p "$target/usr"'),
}


@pytest.mark.boot
@pytest.mark.parametrize("stage", HANGS)
def test_a_killed_up_is_named_by_status_and_removed_by_down(tmp_path: Path, stage: str) -> None:
    """`lab`: SIGKILL while `up` probes the computer, and while it makes an image, which nobody else can see meanwhile."""
    try:
        Lab().check()
    except LabError as error:
        pytest.skip(f"machines cannot boot here: {error}")
    state, cache = Path(f"/var/lib/evenboot-killed-{os.getpid()}"), tmp_path / "cache"
    own = {"EVENBOOT_LAB_STATE": str(state), "EVENBOOT_LAB_CACHE": str(cache), "EVENBOOT_LAB_PREFIX": "ebmal-"}
    for name, text in PROGRAM.items():
        (tmp_path / name).write_text(text)
    program, before = HANGS[stage]
    stand_in = tmp_path / "bin" / program
    stand_in.parent.mkdir()
    note = f"echo $$ >{tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid"
    stand_in.write_text(f"#!/bin/sh\n{before}\n{note}\nexec sleep 1000\n")
    stand_in.chmod(0o755)

    def lab(*words: str, **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, **own, "PYTHONPATH": str(ROOT), **variables}
        return subprocess.Popen(
            [sys.executable, "-m", "lab", *words], cwd=tmp_path, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def said(*words: str) -> str:
        with lab(*words) as process:
            return process.communicate(timeout=60)[0]

    try:
        with lab("up", PATH=f"{stand_in.parent}:{os.environ['PATH']}") as up:
            end = time.monotonic() + 60
            while not (tmp_path / "pid").exists():
                assert up.poll() is None and time.monotonic() < end, up.stdout
                time.sleep(0.02)
            assert {0o700} == {mode(folder) for folder in (state, cache) if folder.exists()}
            up.send_signal(signal.SIGKILL)
        left = [*state.glob(".*"), *(cache / "images").glob(".*.partial")]
        assert 1 == len(left)
        status = said("status")
        assert "Left by a killed command (python -m lab down removes it):" in status
        assert str(left[0]) in status
        said("down")
        assert "Left by" not in said("status")
        assert {"lock", "command"} >= {path.name for path in state.iterdir()}
        assert {".lock", ".log"} >= {path.suffix for path in (cache / "images").glob("*")}
        assert not _runs(int((tmp_path / "pid").read_text()))
        assert [] == ControlGroup.all(own["EVENBOOT_LAB_PREFIX"])
    finally:
        said("down")
        shutil.rmtree(state)


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_what_is_half_written_is_named_and_removed(own: dict[str, str]) -> None:
    """`lab`: A kill in the middle of a write leaves a file beside the other; what a living command works with stays."""
    state, cache = Path(own["EVENBOOT_LAB_STATE"]), Path(own["EVENBOOT_LAB_CACHE"])
    archives = cache / "archive"
    left = [archives / ".debian-12-1.names.12.new", archives / "debian-12-1/.Packages.12.new"]
    left += [state / "..number-aws.12.new", cache / "images/.debian-12.group"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ebmal-debian-12.image")
    (state / f"{host.TEMPORARY}killed").mkdir()
    lab = Lab()
    with host.temporary_folder(state) as living:
        named = [path for paths in lab.strays().values() for path in paths]
        assert 0 == main(["down"])
        assert living.is_dir()

    assert sorted(map(str, [*left, state / f"{host.TEMPORARY}killed"])) == sorted(named)
    assert [] == [path for path in left if path.exists()] + list(state.glob(".*"))


def test_what_a_killed_run_has_written_goes_with_down(own: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    """`lab`: The file that `run` hands to its command holds a deployment: only root can look there, and it goes."""
    state = Path(own["EVENBOOT_LAB_STATE"])
    (state / "engine").mkdir(parents=True)
    entry = {"urn": "urn:pulumi:local::p::aws:iam/role:Role::r", "type": "aws:iam/role:Role", "id": "r"}
    (state / "engine/embedded.json").write_text(json.dumps({"resources": [entry], "creating": []}))

    assert 0 == main(["run", "--", "sh", "-c", 'echo "$EVENBOOT_STACK_EXPORT"; cat "$EVENBOOT_STACK_EXPORT"'])
    path, content = capfd.readouterr().out.split("\n", 1)
    assert Path(path).parent.parent == state
    assert "aws:iam/role:Role" in content
    assert not Path(path).parent.exists()

