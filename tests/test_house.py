"""What holds for every file of the project."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .checkout import ROOT, committed

LARGEST = 300_000
APT_SOURCES = [Path("/etc/apt/sources.list"), *Path("/etc/apt").glob("sources.list.d/*"), *Path("/etc/apt").glob("mirrors/*")]
# Folders that many things share; a checkout's neighbours there say nothing.
SHARED = {Path(name) for name in ("/", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp")}


def texts() -> list[tuple[str, str]]:
    """Each file of the project, as (path, text); bytes that are no UTF-8 come as replacement characters."""
    return [(str(path.relative_to(ROOT)), path.read_text("utf-8", errors="replace")) for path in committed()]


def places(pattern: str) -> list[str]:
    """Where a pattern stands in the project, as "path:line: what"."""
    found = re.compile(pattern, re.IGNORECASE)
    return [
        f"{path}:{number}: {match[0]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        for match in [found.search(line)]
        if match
    ]


def output(*command: str) -> str:
    """What a command prints; nothing if this computer has no such command."""
    try:
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    except FileNotFoundError:
        return ""


def registry_hosts() -> set[str]:
    """The hosts from which this computer's package clients load, as the clients' own configuration names them."""
    pip = "from pip._internal.models.index import PyPI; print('//' + PyPI.netloc, '//' + PyPI.file_storage_domain)"
    configuration = [
        output(sys.executable, "-c", pip),
        output("npm", "config", "get", "registry"),
        output("go", "env", "GOPROXY"),
        *(path.read_text(errors="replace") for path in APT_SOURCES if path.is_file()),
    ]
    return set(re.findall(r"//([a-z0-9.-]+\.[a-z]+)", "\n".join(configuration), re.IGNORECASE))


def test_no_registry_is_named() -> None:
    """Where packages come from is the business of each computer's configuration, not of the project."""
    hosts = registry_hosts()

    assert hosts, "pip names no host, so nothing was checked"
    assert [] == places(rf"(?<![a-z0-9.-])({'|'.join(map(re.escape, hosts))})(?![a-z0-9-])")


def test_no_path_of_this_computer() -> None:
    """Nothing in the project says where somebody's checkout lies, or what lies beside it."""
    neighbours = [] if ROOT.parent in SHARED else [path for path in ROOT.parent.iterdir() if path.is_dir()]

    assert [] == places(rf"({'|'.join(re.escape(str(path)) for path in {ROOT, *neighbours})})(?![a-z0-9-])")


def test_files_are_small() -> None:
    """No file is larger than somebody would want to fetch with every clone."""
    assert [] == [f"{path}: {path.stat().st_size} bytes" for path in committed() if path.stat().st_size > LARGEST]


def test_files_are_clean_text() -> None:
    """Lines end as everywhere on Linux: a carriage return in the runner would break every boot. Nothing is left unmerged."""
    assert [] == [path for path in committed() if b"\r" in path.read_bytes()]
    assert [] == places(r"\ufffd|^(<{7}|>{7}) ")
    assert [] == [path for path, text in texts() if text and not text.endswith("\n")]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned(name: str) -> None:
    """Each requirement is pinned to one version with its hashes, and no address of a registry is written down."""
    blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE).strip())

    assert len(blocks) > 10
    for block in blocks:
        assert re.match(r"[a-z0-9-]+==[0-9a-z.]+( ; [^\\]+)? \\\n", block), block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
    assert "://" not in (ROOT / name).read_text()


def test_compressor_is_pinned_alike() -> None:
    """R1: the wheel requires the very compressor that the tests ran with: another one may make other bytes."""
    [wanted] = re.findall(r'dependencies = \["(deflate==[0-9.]+)"\]', (ROOT / "pyproject.toml").read_text())

    assert f"\n{wanted} \\\n" in (ROOT / "requirements.txt").read_text()


def test_the_needed_pulumi_is_said_alike() -> None:
    """One version of the command in all projects and in the README, and one of its Python SDK for all clouds."""
    projects = [path for path in committed() if path.name == "Pulumi.yaml"]
    asked = [re.findall(r'^requiredPulumiVersion: ">=(3\.\d+)\.0"$', path.read_text(), re.MULTILINE) for path in projects]
    readme = (ROOT / "README.md").read_text()
    [command], [python] = re.findall(r"Pulumi (3\.\d+) or later", readme), re.findall(r"SDK (3\.\d+) or later", readme)

    assert [[command]] * 7 == asked
    assert f'"@pulumi/pulumi": "^{command}.0"' in (ROOT / "examples" / "typescript" / "package.json").read_text()
    assert [python] * 3 == re.findall(r'"pulumi>=(3\.\d+)"', (ROOT / "pyproject.toml").read_text())


def test_changelog_says_what_running_vms_do() -> None:
    """Each entry of the changelog ends with what an upgrade does to VMs that run already."""
    introduction, *versions = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    effects = tuple(effect.lower() for effect in re.findall(r"^- _(.+?)_", introduction, re.MULTILINE))
    entries = [entry for version in versions for entry in re.findall(r"^- (.+(?:\n  .+)*)", version, re.MULTILINE)]

    assert entries
    assert effects
    assert [] == [entry for entry in entries if not re.sub(r"[_.\s]+$", "", entry).lower().endswith(effects)]
