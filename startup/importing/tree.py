"""The tree: a folder goes in, its files come out in the order of their names, those that are not to be read named.

Whoever may write into the folder does not thereby say what else of this computer is read: no link is followed out of it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ..loading import LoadingError
from .bounds import FILES, TEXT, TooLong
from .warnings import Warnings, visible


@dataclass(frozen=True, slots=True)
class Found:
    """Hold one file of the folder.

    Attributes:
        place: Where it lies in the folder, as warnings name it.
        path: The file itself, without a link in its path; None when it is not to be read.
    """

    place: str
    path: Path | None


def files(root: Path, warnings: Warnings) -> list[Found]:
    """Return the file that is given, or the files of the folder.

    Raises:
        LoadingError: There is no such path, or it is something else.
    """
    try:
        kind = root.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise LoadingError(f"{visible(str(root))}: no such file or folder") from None
    except OSError as error:
        raise LoadingError(f"{visible(str(root))}: {error.strerror}") from None
    top = Path(os.path.realpath(root))
    if stat.S_ISREG(kind):
        return [Found(root.name, top)]
    if not stat.S_ISDIR(kind):
        raise LoadingError(f"{visible(str(root))}: is neither a file nor a folder")
    return _below(top, warnings)


def _below(top: Path, warnings: Warnings) -> list[Found]:
    found: list[Found] = []
    waiting = _entries(top, "", FILES, warnings)[::-1]
    seen = len(waiting)
    while waiting:
        warnings.bounds.in_time()
        path = waiting.pop()
        place = str(path.relative_to(top))
        if path.name.startswith("."):
            warnings.lose(place, "it is hidden")
            found.append(Found(place, None))
        elif path.is_dir() and not path.is_symlink():
            inner = _entries(path, place, FILES - seen, warnings)
            seen += len(inner)
            waiting += inner[::-1]
        else:
            real = Path(os.path.realpath(path))
            refusal = _refusal(real, top)
            if refusal is not None:
                warnings.lose(place, refusal)
            found.append(Found(place, None if refusal else real))
    return found


def _entries(folder: Path, place: str, room: int, warnings: Warnings) -> list[Path]:
    found: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) == room:
                    raise TooLong(f"holds more than {FILES:,} files and folders; import a part of it")
                found.append(folder / entry.name)
    except OSError as error:
        warnings.lose(place or ".", f"it cannot be read: {error.strerror}")
    return sorted(found)


def _refusal(real: Path, top: Path) -> str | None:
    """Say why something is not read, by where it really lies and what it is."""
    if not real.is_relative_to(top):
        return "it is a link that leads out of the folder; put the file itself there"
    try:
        kind = real.stat().st_mode
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if stat.S_ISDIR(kind):
        return "it is a link to a folder; what lies there is imported from where it lies"
    return None if stat.S_ISREG(kind) else "it is no file but a device, a socket or a FIFO"


def content(path: Path) -> bytes:
    """Read a file.

    Raises:
        ValueError: It cannot be read, is too large, or was replaced by something else in the meantime.
    """
    try:
        # What became a FIFO or a link since somebody looked is neither waited for nor followed.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ValueError("it is no file any more")
            if about.st_size > TEXT:
                raise ValueError(f"it is {about.st_size:,} bytes, more than {TEXT:,}; let a Download fetch it")
            return file.read(TEXT)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from None
