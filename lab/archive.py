"""The package archive: the machines have no way out, so the packages they install are fetched here and kept.

One flat Debian archive per image, served in every cloud's network; the image's apt knows no other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from . import image as images
from .clouds import CLOUDS
from .errors import LabError
from .host import WITH_US, abandoned, command, environment, make_closed, write_atomically

Progress = Callable[[str], None]


def archive_folder(image: str) -> Path:
    """Return the folder that is served to the machines of an image."""
    return images.cache_folder() / "archive" / images.image_folder(image).name


def ensure(image: str, names: Iterable[str], progress: Progress = lambda text: None) -> None:
    """Have the named packages, and all that they need on the image, in its archive.

    Only names that were never asked for before are looked up and fetched.

    Args:
        image: `debian-12` or `debian-13`, which must have been built.
        names: of packages, as `apt-get install` takes them.
        progress: called with a line of text at each stage.
    """
    folder = archive_folder(image)
    make_closed(images.cache_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = folder.parent / f".{folder.name}.names"
        there: set[str] = set(json.loads(manifest.read_text())) if manifest.exists() else set()
        missing = sorted(set(names) - there)
        if missing:
            _fetch(image, missing, folder, progress)
        if missing or not (folder / "Packages").exists():
            write_atomically(folder / "Packages", _index(folder).encode())
        write_atomically(manifest, json.dumps(sorted(there | set(missing))).encode())


def halves() -> Iterator[Path]:
    """Yield what killed commands have left half written, each while nobody can write there."""
    archives = images.cache_folder() / "archive"
    left = [(path, f".{path.parent.name}.lock") for path in archives.glob("*/.*.new")]
    left += [(path, f"{path.name.partition('.names.')[0]}.lock") for path in archives.glob(".*.names.*.new")]
    return abandoned((path, archives / lock) for path, lock in left)


def _fetch(image: str, names: list[str], folder: Path, progress: Progress) -> None:
    work = folder.parent / f".{folder.name}.apt"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True, exist_ok=True)
    (work / "status").write_text(_status_on_all_clouds(images.image_folder(image)))
    apt = ["apt-get", "--quiet", "--yes", *_options(work, images.image_folder(image))]
    progress(f"packages for {image}: looking up {', '.join(names)}")
    _run([*apt, "update"], f"packages for {image}: the package lists cannot be fetched")
    try:
        _download(apt, image, names, progress)
    except LabError:
        if len(names) == 1:
            raise
        for name in names:  # packages of different machines may exclude each other
            _download(apt, image, [name], progress)
    for path in (work / "cache/archives").glob("*.deb"):
        shutil.move(path, folder / path.name)


def _download(apt: list[str], image: str, names: list[str], progress: Progress) -> None:
    progress(f"packages for {image}: fetching {', '.join(names)} and what they need")
    _run([*apt, "install", "--download-only", *names], f"packages for {image}: {', '.join(names)} cannot be fetched")


def _run(argv: list[str], complaint: str) -> None:
    result = subprocess.run([*WITH_US, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment())
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("E: ")] or result.stderr.splitlines()[
            -3:
        ]
        raise LabError(f"{complaint}: {' '.join(lines)}")


def _options(work: Path, image: Path) -> list[str]:
    """Return the options that make this computer's apt work for the image, and leave its own state alone."""
    settings = {
        "Dir::Etc::SourceList": image / "sources/sources.list",
        "Dir::Etc::SourceParts": image / "sources/parts",
        "Dir::Etc::TrustedParts": image / "base/etc/apt/trusted.gpg.d",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::Status": work / "status",
        "Dir::Cache": work / "cache",
        "APT::Default-Release": "",
        "APT::Sandbox::User": "root",  # apt's own user may not write there
        "APT::Install-Recommends": "true",
        # The settings of a container image of this computer's may remove what was downloaded.
        "DPkg::Post-Invoke::": "",
        "APT::Update::Post-Invoke::": "",
    }
    return [f"--option={name}={value}" for name, value in settings.items()]


def _status_on_all_clouds(image: Path) -> str:
    """Return the image's list of installed packages, without those that it lacks on one of the clouds."""
    installed = [_stanzas(image / cloud / "var/lib/dpkg/status") for cloud in CLOUDS]
    common = set.intersection(*(set(stanzas) for stanzas in installed))
    return "\n\n".join(stanza for name, stanza in installed[0].items() if name in common) + "\n"


def _stanzas(status: Path) -> dict[str, str]:
    stanzas = [stanza.strip() for stanza in status.read_text().split("\n\n") if stanza.strip()]
    return {stanza.splitlines()[0]: stanza for stanza in stanzas}


def _index(folder: Path) -> str:
    stanzas: list[str] = []
    for path in sorted(folder.glob("*.deb")):
        control = command("dpkg-deb", "--field", path).strip()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        stanzas.append(f"{control}\nFilename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n")
    return "\n".join(stanzas)
