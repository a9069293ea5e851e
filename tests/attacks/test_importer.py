"""What mallory puts into scripts and user data that somebody else imports; each must come to nothing."""

from __future__ import annotations

import base64
import builtins
import gzip
import json
import os
import resource
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from startup import File, Shell, StartupScript, User, rules, validate
from startup import __main__ as command
from startup.importing import Imported, bounds, cautions, import_from, reading, write
from startup.importing.cloud_config import ALWAYS
from startup.importing.scripts import Neighbours, script_step
from startup.importing.sources import Source
from startup.importing.warnings import Warnings
from startup.importing.writing import literal
from startup.loading import LoadingError, load

from ..checkout import ROOT

STRICT = "#!/bin/sh\nset -e\n"
CANARY = "__import__('builtins').mallory = 1"
"""Code that is noticed when it runs; it needs no name that a written file has."""

FRAGMENTS = (
    '"', '""', '"""', '""""', "'", "'''", "\\", "\\\\", '\\"', "\\'", "\\N{", "\\x22", "\\u0022", "\\x", "{", "}", "{x}",
    "\n", "\n\n", "\r", "\r\n", "\0", "\t", "\x0b", "\x0c", "\x1b[2J", "\x1c", "\x85", "\xa0", "\u2028", "\u2029", "\u202e",
    "\ufeff", "\ud800", "\U0001f600", "e\u0301", "#", " ", "x", "\n# coding: utf-7\n", "+ACI-",
    "# -*- coding: unicode_escape -*-",
    CANARY, f"{{{CANARY}}}", f'"""\n{CANARY}\n"""', f'")\n{CANARY}\n(("', f"')\n{CANARY}\n(('", f'\\""", {CANARY}, """',
    f'"), {CANARY}, ("', f"\r{CANARY}\r", f"\u2028{CANARY}", f"\x0c\n{CANARY}", f"\0\n{CANARY}", "raise SystemExit(7)", "$(id)",
    "\nEND\n",
)  # fmt: skip
"""What a writer of Python texts may take for something else than text."""

texts = st.lists(st.sampled_from(FRAGMENTS), max_size=7).map("".join)
names = texts.map(lambda text: text.replace("\0", "").replace("/", "").encode("utf-8", "replace").decode()[:60])


def imported(folder: Path, **files: str | bytes) -> Imported:
    """Import a folder with these files."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_from(folder, "site")


def told(found: Imported) -> list[str]:
    return [str(warning) for warning in found.warnings]


def written(folder: Path, definition: StartupScript, source: str) -> StartupScript:
    """Write a definition into a file, load the file as the commands do, and see that nothing else of it ran."""
    file = folder / "written.py"
    file.write_text(write(definition, source), "utf-8")
    try:
        return load(str(file))
    finally:
        assert not hasattr(builtins, "mallory")


@pytest.fixture(autouse=True, scope="module")
def not_measured() -> Iterator[None]:
    """Leave out the measuring for each cloud, which compresses for half a second each time; tests/startup has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_measure", lambda *_: None)
        yield


# No code of an imported text runs


@given(texts=st.lists(texts, min_size=8, max_size=8), name=names)
@settings(deadline=None, max_examples=300, derandomize=True, database=None)
def test_no_imported_text_becomes_code(tmp_path_factory: pytest.TempPathFactory, texts: list[str], name: str) -> None:
    """`import`: Wherever a text stands in the input, the written file loads, holds exactly that text and runs none of it."""
    folder = tmp_path_factory.mktemp("any") / f"x{name}"
    folder.mkdir()
    script, content, path, line, key, word, login, part = texts
    config = {
        "runcmd": [line, [word, "x"]],
        "write_files": [
            {"path": f"/etc/{path}", "content": content},
            {"path": f"/etc/{path}", "content": content, "append": True},
            {"path": "/etc/x", "content": content, "owner": f"a:{login}"},
        ],
        "users": [{"name": "app", "ssh_authorized_keys": [f"ssh-ed25519 {key}"], "sudo": [content], "shell": f"/{path}"}, login],
        "packages": ["curl", word],
        "groups": [{login: [word]}],
        part: word,
    }
    (folder / "1").write_text(f"#cloud-config\n{yaml.safe_dump(config)}", "ascii")
    (folder / "2").write_bytes(f"{STRICT}{script}".encode("utf-8", "surrogatepass"))
    (folder / f"3{name}").write_bytes(f"{STRICT}true\n".encode())
    coded = "".join(f"%{byte:02x}" for byte in part.encode("utf-8", "replace"))
    (folder / "4").write_bytes(
        b'Content-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Type: text/x-shellscript\n'
        + f"Content-Disposition: attachment; filename*=utf-8''{coded}".encode()
        + b"\n\n#!/bin/sh\ntrue\n--B--\n"
    )  # fmt: skip
    found = import_from(folder)

    assert found.definition == written(folder.parent, found.definition, folder.name)
    steps = {step.name: step for _, _, step in found.definition.steps()}
    if "\0" not in script and "\ud800" not in script:
        wanted = Shell("2", script=f"{STRICT}{script}".replace("\r\n", "\n"))
        assert wanted == steps["2"]
    if not set(line) & {"\0", "\ud800"} and line.strip():
        shell = steps.get("runcmd")
        assert shell is None or (isinstance(shell, Shell) and shell.script.startswith(f"#!/bin/sh\n{line}"))
    assert "".join(told(found)).isprintable()


@given(text=texts)
@settings(deadline=None, max_examples=1000, derandomize=True, database=None)
def test_no_literal_ends_early(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """`import`: A text of quotes, backslashes, line ends and code is a single Python literal, which gives that text."""
    names: dict[str, object] = {}
    exec(compile(f"found = {literal(text)}", "written.py", "exec"), names)

    assert (text, False) == (names["found"], hasattr(builtins, "mallory"))


@pytest.mark.parametrize("end", ['"', '""', '"""', '""""', '\\"""', '\\\\"', "\\", '"""\\'])
@pytest.mark.parametrize("line", ['"""', f'""" + str({CANARY}) + """', 'x"""'])
def test_triple_quotes(tmp_path: Path, line: str, end: str) -> None:
    """`import`: A script that holds triple quotes, or ends with them, stays a text."""
    found = imported(tmp_path / "in", **{"setup.sh": f"{STRICT}{line}\n{end}"})

    assert Shell("setup.sh", script=f"{STRICT}{line}\n{end}") == found.definition.first_boot[0]
    assert found.definition == written(tmp_path, found.definition, "in")


def test_text_on_standard_output_is_utf_8(tmp_path: Path) -> None:
    """`import`: The text has the encoding in which Python reads it, whatever the terminal's is: in Shift-JIS a letter ends
    with a byte that is a backslash."""
    (tmp_path / "setup.sh").write_text(f"{STRICT}echo \u307e\u8868\n", "utf-8")
    code = [sys.executable, "-m", "startup", "import", str(tmp_path), "--name", "site"]
    shown = subprocess.run(
        code, cwd=ROOT, capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "shift_jis"}
    )

    assert "echo \u307e\u8868\n" in shown.stdout.decode("utf-8")


# Links and what is no file


def lay_links(folder: Path) -> None:
    """Lay links of each kind into a folder; its neighbour holds what is not to be imported."""
    outside = folder.parent / "outside"
    (outside / "more").mkdir(parents=True)
    (folder / "sub").mkdir(parents=True)
    for file in (outside / "shadow.sh", outside / "more" / "setup.sh"):
        file.write_text(f"{STRICT}echo root:secret\n")
    (folder / "setup.sh").write_text(f"{STRICT}echo mine\n")
    (folder / "sub" / "install.sh").write_text(f"{STRICT}echo mine\n")
    for name, target in {
        "absolute.sh": outside / "shadow.sh",
        "relative.sh": "../outside/shadow.sh",
        "sub/deep.sh": "../../outside/shadow.sh",
        "through.sh": "sub/../../outside/shadow.sh",
        "chain.sh": "relative.sh",
        "longer.sh": "sub/../chain.sh",
        "folder": outside / "more",
        "in-folder.sh": "folder/setup.sh",
        "gone.sh": "/nowhere/at/all",
        "itself.sh": "itself.sh",
        "proc.sh": "/proc/self/environ",
        "zero.sh": "/dev/zero",
    }.items():
        (folder / name).symlink_to(target)


def test_links_that_lead_out(tmp_path: Path) -> None:
    """`import`: A link that leads out of the folder, in one step or in several, is named and not followed."""
    lay_links(tmp_path / "in")
    found = import_from(tmp_path / "in", "site")

    assert {"setup.sh", "sub/install.sh"} == {step.name for _, _, step in found.definition.steps()}
    assert "secret" not in write(found.definition)
    out = {warning.place for warning in found.warnings if "leads out of the folder" in warning.message}
    assert out == {
        "absolute.sh", "relative.sh", "sub/deep.sh", "through.sh", "chain.sh", "longer.sh", "folder", "in-folder.sh", "gone.sh",
        "proc.sh", "zero.sh",
    }  # fmt: skip
    assert out | {"itself.sh"} == {warning.place for warning in found.warnings if warning.lost}


def test_links_within(tmp_path: Path) -> None:
    """A link to a file of the same folder is read as that file, and so is a folder that is itself given by a link."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "setup.sh").write_text(STRICT)
    (tmp_path / "in" / "sub" / "first.sh").symlink_to("../setup.sh")
    (tmp_path / "in" / "second-setup.sh").symlink_to(tmp_path / "in" / "setup.sh")
    (tmp_path / "link").symlink_to("in")

    for path in (tmp_path / "in", tmp_path / "link"):
        found = import_from(path, "site")
        assert ["second-setup.sh", "setup.sh", "sub/first.sh"] == [step.name for step in found.definition.first_boot]
        assert () == found.warnings


def test_what_is_no_file(tmp_path: Path) -> None:
    """`import`: A FIFO and a socket are named and passed over, and nothing waits for them."""
    os.mkfifo(tmp_path / "pipe.sh")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.sh"))
        (tmp_path / "link.sh").symlink_to("pipe.sh")
        found = imported(tmp_path, **{"setup.sh": STRICT})

    assert ["setup.sh"] == [step.name for _, _, step in found.definition.steps()]
    assert ["link.sh", "pipe.sh", "socket.sh"] == [warning.place for warning in found.warnings if warning.lost]


@pytest.mark.parametrize("name", ["pipe.sh", "/dev/zero"])
def test_no_file_given(tmp_path: Path, name: str) -> None:
    """A FIFO or a device that is itself given is refused at once."""
    os.mkfifo(tmp_path / "pipe.sh")
    with pytest.raises(LoadingError, match="neither a file nor a folder"):
        import_from(tmp_path / name, "site")


def test_output_through_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--output` makes a file: where a link lies already, it writes nothing, wherever the link leads."""
    (tmp_path / "setup.sh").write_text(STRICT)
    (tmp_path / "out.py").symlink_to("elsewhere")

    assert 2 == command.main(["import", str(tmp_path / "setup.sh"), "--output", str(tmp_path / "out.py")])
    assert "is there already" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


# Bounds


def nested_mime(depth: int, inner: str = "multipart/mixed") -> str:
    """Return a MIME document with its parts one in another."""
    head = "".join(f'Content-Type: {inner}; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"{head}Content-Type: text/x-shellscript\n\n#!/bin/sh\ntrue\n"


def mime(content: bytes, kind: str = "application/octet-stream") -> bytes:
    """Return a MIME document with one part in base64."""
    head = f'Content-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Type: {kind}\nContent-Transfer-Encoding: base64\n\n'
    return head.encode() + base64.encodebytes(content) + b"--B--\n"


def russian(depth: int) -> bytes:
    """Return a MIME document in a MIME document in a MIME document."""
    content = f"{STRICT}true\n".encode()
    for _ in range(depth):
        content = mime(gzip.compress(content, mtime=0))
    return content


def bomb(text: str) -> str:
    return f"#cloud-config\n{text}"


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 12))
GZIP_400_MB = gzip.compress(bytes(1_000_000), mtime=0) * 400
ONE_STREAM = zlib.compressobj(9, wbits=31)
ONE_STREAM_64_MB = b"".join([*(ONE_STREAM.compress(bytes(1_000_000)) for _ in range(64)), ONE_STREAM.flush()])
IN_BASE64 = base64.b64encode(ONE_STREAM_64_MB).decode()

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "alias bomb": (bomb(LAUGHS), "more than 10,000 entries"),
    "alias bomb in packages": (bomb(f"{LAUGHS}packages: *a9\n"), "more than 10,000 entries"),
    "merge bomb": (bomb(MERGES), "more than 10,000 entries"),
    "aliases of a long text": (bomb(f"a: &a {'x' * 500_000}\nrest: [{', '.join(['*a'] * 9000)}]\n"), "16,777,216 characters"),
    "alias of itself": (bomb("packages: &a [x, *a]\n"), "line 2"),
    "list in list": (bomb(f"packages: {'[' * 5000}{']' * 5000}\n"), "more than 50 deep"),
    "item in item": (bomb(f"packages:\n  {'- ' * 5000}x\n"), "more than 50 deep"),
    "many entries": (bomb(f"packages: [{'a, ' * 300_000}]\n"), "more than 10,000 entries"),
    "long cloud-config": (bomb("# x\n" * 300_000), "more than 1,048,576"),
    "long number": (bomb(f"packages: [{'9' * 200_000}]\n"), "a number of 200,000 characters"),
    "number as a key": (bomb(f"0x{'f' * 8000}: 1\n"), "a number of 8,002 characters"),
    "number to base 60": (bomb(f"packages: {'1' + ':1' * 200_000}\n"), "a number of 400,001 characters"),
    "gzip": (GZIP_400_MB, "left of 16,777,216 bytes"),
    "gzip in one stream": (ONE_STREAM_64_MB, "left of 16,777,216 bytes"),
    "gzip in cloud-config": (
        bomb(f"write_files: [{{path: /a, encoding: gz+b64, content: {IN_BASE64}}}]\n"), "left of 16,777,216 bytes",
    ),
    "gzip in MIME": (mime(ONE_STREAM_64_MB), "left of 16,777,216 bytes"),
    "gzip in gzip": (gzip.compress(GZIP_400_MB, mtime=0), "compressed twice"),
    "many members": (gzip.compress(b"", mtime=0) * 50_000, "it is empty"),
    "part in part": (nested_mime(2000), "more than 10 deep"),
    "message in message": ("MIME-Version: 1.0\n" + "Content-Type: message/rfc822\n\n" * 2000 + "x\n", "more than 10 deep"),
    "digest": (nested_mime(2000, "multipart/digest"), "more than 10 deep"),
    "many parts": ('Content-Type: multipart/mixed; boundary="B"\n\n--B' + "\n\nx\n--B" * 50_000, "more than 200 parts"),
    "document in document": (russian(14), "more than 10 deep"),
    "long MIME document": (f"{nested_mime(1)}{'x' * 2_000_000}", "more than 1,048,576"),
    "long header": (
        f'Content-Type: multipart/mixed; boundary="B"{";x" * 100_000}\n\n--B\n\nx\n--B--\n', "a header of more than 4,096",
    ),
    "quotes in a header": (
        'Content-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Disposition: a;' + '";' * 100_000 + "\n\nx\n--B--\n",
        "a header of more than 4,096",
    ),
    "template of template": ("## template: jinja\n" * 50_000, "nothing that can be imported"),
    "long file": (b"#!/bin/sh\n" + b"x" * 17_000_000, "it is 17,000,010 bytes"),
    "many texts": (b"#include\n" + b"https://a.example\n" * 100_000, "more warnings"),
}  # fmt: skip


def bounded(folder: Path, job: Callable[[], int], seconds: int = 10) -> tuple[int, str]:
    """Run a job in a child that ends when it takes more CPU time or memory than that; return its exit code and what it said."""
    said = folder.with_name(f"{folder.name} said")
    child = os.fork()
    if child == 0:
        code = 70
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
            with said.open("w") as sys.stderr, Path(os.devnull).open("w") as sys.stdout:
                code = job()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text()


def importing(path: Path, *more: str) -> Callable[[], int]:
    return lambda: command.main(["import", str(path), "--name", "site", *more])


@pytest.mark.parametrize("name", HOSTILE)
def test_bounds(tmp_path: Path, name: str) -> None:
    """`import`: What would take minutes, gigabytes or a stack trace ends soon, with the bound that it exceeds.

    Without bounds most of them take more than ten seconds or a gigabyte, or end with a stack trace.
    """
    content, message = HOSTILE[name]
    (tmp_path / "user-data").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, said = bounded(tmp_path, importing(tmp_path / "user-data"))

    assert (True, True) == (code in (1, 2), message in said), (code, said[:2000])
    assert len(said) < 400_000


def test_honest_input_is_within_bounds(tmp_path: Path) -> None:
    """A cloud-config with all that a slot holds, with anchors and merges, is far from every bound."""
    files = [{"path": f"/etc/app/{n}", "content": "x = 1\n" * 80, "permissions": "0644"} for n in range(400)]
    text = yaml.safe_dump({"packages": [f"p{n}" for n in range(1000)], "write_files": files})
    anchors = "base: &base {owner: app}\nusers: [{<<: *base, name: app}, {<<: *base, name: deploy}]\n"
    found = imported(tmp_path, **{"user-data": gzip.compress(f"#cloud-config\n{anchors}{text}".encode(), mtime=0)})

    assert 403 == len(list(found.definition.steps()))


def test_too_many_files(tmp_path: Path) -> None:
    """`import`: A folder with more files than anybody imports is refused, with the bound and the way out."""
    for number in range(bounds.FILES + 1):
        (tmp_path / f"{number}").touch()
    with pytest.raises(LoadingError, match=r"more than 2,000 files and folders.*import a part of it"):
        import_from(tmp_path, "site")


def test_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`import`: An import that takes too long ends with a message, and not as a cloud-config that is damaged."""
    monkeypatch.setattr(bounds, "SECONDS", -1)
    for name, text in (("setup.sh", STRICT), ("user-data", "#cloud-config\npackages: [a]\n"), ("mail", nested_mime(1))):
        (tmp_path / name).write_text(text)
        with pytest.raises(LoadingError, match=r"takes more than -1 seconds of computing; import fewer files at once"):
            import_from(tmp_path / name, "site")


def test_all_texts_together(tmp_path: Path) -> None:
    """`import`: All texts of an import share one bound; what exceeds it is named, and what is no text does not count."""
    half = (STRICT + f"true # {'x' * 1_000_000}\n" * 9).encode()
    found = imported(tmp_path, **{"1": b"\xff" * 16_000_000, "2": gzip.compress(half, 1), "3": half, "4": STRICT})

    assert ["2", "4"] == [step.name for _, _, step in found.definition.steps()]
    assert "3" in [warning.place for warning in found.warnings if "16,777,216" in warning.message]


# Patterns


FILLERS = (
    "0123456789abcdef", "a", " ", "\t", "$", "'", '"', "`", "<", "=", ">", ">>", "&", "|", ";", "(", "{", "{{", "{%", "<%",
    " %{", "-", ".", ":", "/", "\\", "#", "%", "\xa0", "<<a ", "<<", "$1$", "eyJ-", "eyJaaaaaaaaaa.", "password", "token_",
    "secret ", "x://", "x://a:", "a@b:", ";rm x", ";mkfs", ";mkdir a", "sudo ", "sudo mkdir ", ";ln -s a", "sed -i ",
    "crontab -", "tee -", "curl ", "wget ", ";wget a", "docker run ", ";docker run", ";apt install", ";iptables ",
    ";shutdown ", "create user ", "-----BEGIN ", "-----BEGIN A", "AKIA", "ghp_", "xoxb-", "AIza", "AccountKey=", "--token ",
    "nohup", "dirname ", "set -a ", "- ", "lib.sh", "scripts-user ", "[scripts-user ,",
)  # fmt: skip


def look(size: int) -> int:
    """Look for every pattern, and with all that looks at lines, in lines of one thing that end in several ways."""
    for filler in FILLERS:
        line = filler * (size // len(filler))
        for end in ("", ".log", " -f -p -y =@!"):
            for pattern, _ in (*cautions.COMMANDS, *cautions.LINES, *cautions.SECRETS, (cautions.COMMAND, "")):
                pattern.search(line + end)
        script = Source("x", "script", f"{STRICT}{line}\n", "first_boot")
        script_step(script, Neighbours(["lib.sh", "a b"]), Warnings())
        ALWAYS.search(line)
    return 0


def test_patterns_are_linear(tmp_path: Path) -> None:
    """`import`: A line of one thing, be it a blob in hex, costs each pattern milliseconds, whatever the thing and the line's end.

    A line of 20,000 digits took half a minute; now all lines here in all patterns together take less.
    """
    assert (0, "") == bounded(tmp_path, lambda: look(20_000), 30)


def test_long_lines(tmp_path: Path) -> None:
    """`import`: Lines of a megabyte are carried over in a moment; a warning says which part of them nobody looked at."""
    for number, filler in enumerate(("0123456789abcdef", "a", " ", "$", "'", '"', "<", "=")):
        (tmp_path / f"{number}-setup.sh").write_text(f"{STRICT}x='{filler * (1_000_000 // len(filler))}'\n")
    code, said = bounded(tmp_path, importing(tmp_path, "--output", str(tmp_path / "a.py")))

    assert 0 == code, said[:2000]
    assert "0-setup.sh:3: is 1,000,004 characters long: nobody looked at what stands behind the first 65,536" in said
    assert 8 == len(load(str(tmp_path / "a.py")).first_boot)


def test_many_neighbours(tmp_path: Path) -> None:
    """A long script beside many files is looked through once, not once for each of them."""
    for number in range(1500):
        (tmp_path / f"lib {number}.sh").touch()
    (tmp_path / "setup.sh").write_text(STRICT + "true here and there\n" * 20_000 + ". './lib 7.sh'\n. lib\n")
    _, said = bounded(tmp_path, importing(tmp_path))

    assert "setup.sh:20003: names lib 7.sh, which lies beside it here" in said
    assert 1 == said.count("which lies beside it here")


# Accounts


REFUSED = """#cloud-config
users:
  - {name: 'mallory ALL=(ALL) NOPASSWD:ALL #', sudo: 'ALL=(ALL) ALL', ssh_authorized_keys: [ssh-ed25519 AAAA], groups: [docker]}
  - {name: Bad, sudo: 'ALL=(ALL) ALL'}
  - {name: keyless, sudo: 'ALL=(ALL) ALL', ssh_authorized_keys: ["# none"]}
  - {name: app, sudo: 'ALL=(ALL) ALL'}
groups: [{docker: [Bad, app]}]
write_files:
  - {path: /srv/a, content: x, owner: 'Bad:Bad'}
  - {path: /srv/b, content: x, owner: 'keyless', append: true}
  - {path: /srv/c, content: x, owner: 'root:keyless'}
  - {path: /srv/d, content: x, owner: 'app:app'}
  - {path: 'srv/e', content: x, append: true}
  - {path: '/srv/f', content: x, append: true, owner: '-R'}
"""


def test_refused_user(tmp_path: Path) -> None:
    """`import`: A user who is refused takes his sudoers file, groups, keys and files along, and each is named."""
    found = imported(tmp_path, **{"user-data": REFUSED})
    steps = [step for _, _, step in found.definition.steps()]
    lost = {warning.place.removeprefix("user-data: "): warning.message for warning in found.warnings if warning.lost}

    assert ["app"] == [step.login for step in steps if isinstance(step, User)]
    assert ["/etc/sudoers.d/90-app", "/srv/d"] == [step.path for step in steps if isinstance(step, File)]
    assert ["group docker"] == [step.name for step in steps if isinstance(step, Shell)]
    assert not any(name in write(found.definition) for name in ("Bad", "keyless", "mallory"))
    assert {
        "users[0]", "users[1]", "users[2]", "groups[0]", "write_files[0]", "write_files[1]", "write_files[2]", "write_files[4]",
        "write_files[5]",
    } == set(lost)  # fmt: skip
    assert "its groups, ssh_authorized_keys, sudo go with it" in lost["users[0]"]
    assert "its sudo goes with it" in lost["users[1]"]
    assert "keyless" in lost["write_files[1]"] and "not carried over" in lost["write_files[2]"]


def test_refused_user_of_another_file(tmp_path: Path) -> None:
    """`import`: What hangs on a refused user goes with him wherever it is written, as cloud-init puts all of it together."""
    files = "#cloud-config\nwrite_files: [{path: /srv/a, content: x, owner: 'keyless:keyless'}]\npackages: [curl]\n"
    found = imported(tmp_path, **{"1": files, "2": REFUSED})

    assert "1: write_files[0]" in [warning.place for warning in found.warnings if warning.lost]
    assert "/srv/a" not in write(found.definition)


@pytest.mark.parametrize("key", ["passwd", "hashed_passwd", "plain_text_passwd", "plain-text-passwd"])
def test_passwords(tmp_path: Path, key: str) -> None:
    """`import`: A password in whatever form is lost with the reason and the way out, and is not shown."""
    found = imported(tmp_path, **{"user-data": f"#cloud-config\nusers: [{{name: app, {key}: hunter22}}]\n"})

    reason = "not carried over: a password does not belong into what everybody on the VM can read; use ssh_keys"
    assert [f"user-data: users[0].{key.replace('-', '_')}: {reason}"] == told(found)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_line_ends_in_a_key(end: str) -> None:
    """A public key is one line: whatever ends a line anywhere would put another one into authorized_keys."""
    assert rules.ssh_key(f"ssh-ed25519 AAAA{end}command=x ssh-ed25519 BBBB") is not None
    assert rules.ssh_key("ssh-ed25519 AAAA me@here") is None


# What is shown


CONTROL = "\x1b[2J\x1b]0;x\x07\r\n\x85\u202e\u2028evenboot"


def test_warnings_show_no_control_characters(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`import`: Keys, names, file names and texts of the input reach the terminal escaped, and each warning is one line."""
    folder = tmp_path / f"in{CONTROL}"
    folder.mkdir()
    config = {
        CONTROL: 1, "users": [{"name": CONTROL, CONTROL: 1}, {"name": "app", CONTROL: 1}], "packages": [CONTROL, {CONTROL: 1}],
        "write_files": [{"path": CONTROL}, {"path": "/a", CONTROL: 1}, {"path": "/a", "encoding": CONTROL}], "groups": [CONTROL],
    }  # fmt: skip
    (folder / f"user-data{CONTROL}").write_text(f"#cloud-config\n{yaml.safe_dump(config)}")
    (folder / f"include{CONTROL}").write_text(f"#include\nhttps://a.example/{CONTROL}\n", newline="")
    (folder / f"setup{CONTROL}.sh").write_text(f"#!/usr/bin/{CONTROL}\ntrue\n", newline="")
    (folder / f"broken{CONTROL}.yaml").write_text(f"#cloud-config\n'{CONTROL}: [\n", newline="")
    (folder / os.fsdecode(b"\xff\x1b.sh")).write_text(STRICT)
    (folder / "mail").write_bytes(nested_mime(1).replace("\n\n#", f"\nMerge-Type: {CONTROL}\n\n#").encode())

    assert 1 == command.main(["import", str(folder)])
    out, err = capfd.readouterr()
    assert len(err.splitlines()) > 10
    assert all(line.isprintable() for line in err.split("\n"))
    assert all(line.isprintable() for line in out.split("\n"))
    assert "\\x1b[2J" in err
    (folder / "empty").mkdir()
    assert 2 == command.main(["import", str(folder / "empty")])
    err = capfd.readouterr().err
    assert err.endswith("holds nothing that can be imported\n") and err.strip().isprintable()


@given(text=texts, key=texts)
@settings(deadline=None, max_examples=150, derandomize=True, database=None)
def test_any_user_data(tmp_path_factory: pytest.TempPathFactory, text: str, key: str) -> None:
    """`import`: Whatever user data holds, there is a definition or one message, and both can be shown."""
    head = 'Content-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Type: text/x-shellscript'
    for form in (
        f"#cloud-config\n{text}: {key}\n",
        f"#cloud-config\n{json.dumps({key: [text]})}\n",
        f"#cloud-config\nusers: [!!{key} '{text}']\n",
        f"{text}\n{key}",
        f"{head}\nContent-Disposition: a; filename*={key}''{text}\n\n#!/bin/sh\n{text}\n--B--{key}",
        f"{head}{text}\n\n#!/bin/sh\n{key}\n--B--\n",
    ):
        file = tmp_path_factory.mktemp("any") / "user-data"
        file.write_bytes(form.encode("utf-8", "surrogatepass"))
        try:
            found = import_from(file, "site")
        except LoadingError as error:
            shown = str(error)
        else:
            shown = "\n".join(told(found))
            assert () == validate(found.definition)
        assert shown.replace("\n", "").isprintable()


TAGS = ["int", "float", "bool", "timestamp", "binary", "set", "omap", "pairs", "python/object:os.system", "x"]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("value", ["''", "x", "[x]", "{x: y}", "2026-13-45", "1e999999", ".inf", "-"])
def test_any_tag(tmp_path: Path, tag: str, value: str) -> None:
    """`import`: A value that its tag does not fit is a message, not a stack trace of the YAML reader."""
    file = tmp_path / "user-data"
    file.write_text(f"#cloud-config\nbootcmd: ['true']\npackages: [!!{tag} {value}]\n!!{tag} {value}: 1\n")
    try:
        assert () == validate(import_from(file, "site").definition)
    except LoadingError as error:
        assert "not carried over" in str(error)


DAMAGED = gzip.compress(b"#!/bin/sh\nset -e\necho one two three\n", mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        DAMAGED[:14] + b"\xff\xff" + DAMAGED[16:], DAMAGED[:-9], DAMAGED[:-8] + b"\0" * 8, DAMAGED[:5], DAMAGED + b"rest",
        DAMAGED[:2] + b"\x09" + DAMAGED[3:],
    ],
    ids=["body", "cut off", "checksum", "head", "rest", "method"],
)  # fmt: skip
def test_damaged_gzip(tmp_path: Path, content: bytes) -> None:
    """`import`: Damage anywhere in what is compressed is said, in a file, a MIME part and a file of a cloud-config."""
    coded = base64.b64encode(content).decode()
    found = imported(
        tmp_path,
        **{
            "setup.sh": STRICT,
            "one.gz": content,
            "two": mime(content),
            "three": f"#cloud-config\nwrite_files: [{{path: /a, encoding: gz+b64, content: {coded}}}]\n",
        },
    )
    lost = {warning.place: warning.message for warning in found.warnings if warning.lost}

    assert {"one.gz", "two: part 1", "three: write_files[0]"} == set(lost)
    assert all("compressed and damaged" in message for message in lost.values())
