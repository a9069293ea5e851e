"""What the lab writes on this computer."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.host import write_atomically


def test_many_write_one_file(tmp_path: Path) -> None:
    """However many write a file at once, none is in another's way, and the file is one of theirs, as a whole."""
    path = tmp_path / "plugin"
    texts = [bytes([65 + number]) * 4096 for number in range(8)]

    def write(text: bytes) -> Iterable[bytes]:
        for _ in range(50):
            write_atomically(path, text, 0o755)
            yield path.read_bytes()

    with ThreadPoolExecutor(len(texts)) as threads:
        read = set(threads.map(lambda text: frozenset(write(text)), texts))
    assert frozenset().union(*read) <= set(texts)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & stat.S_IXUSR
