"""The document around a script: MIME for cloud-init, its checksum, and its compression."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

from .. import problems
from ..problems import Problem, StartupScriptError

_MARK = b"# sum="
_UNSEALED = _MARK + b"0" * 64 + b"\n"
_PROGRAM_END = b'\nmain "$@"; exit\n'


def mime(script: bytes) -> bytes:
    """Wrap a script in a MIME document whose one part cloud-init executes at every boot.

    The part is the program, up to and with the line that ends it; the data after that line stand behind the part,
    where cloud-init does not look and the runner, which reads the whole document, does. cloud-init would decode
    them as Latin-1 and fail at the first accented letter, so that nothing of the script would run.

    Program and data stand there byte for byte. The delimiter does not occur in them.
    """
    boundary = "evenboot"
    while f"--{boundary}".encode() in script:
        boundary += "-"
    head = (
        f'Content-Type: multipart/mixed; boundary="{boundary}"\n'
        "MIME-Version: 1.0\n"
        "\n"
        f"--{boundary}\n"
        "Content-Type: text/cloud-boothook\n"
        'Content-Disposition: attachment; filename="startup-script"\n'
        "\n"
    )
    program, end, data = script.partition(_PROGRAM_END)
    return head.encode() + program + end + f"\n--{boundary}--\n".encode() + data


def seal(document: bytes) -> bytes:
    """Write the checksum of a document into it.

    The first line that begins with `# sum=` holds 64 zeros, which become the SHA-256 of every byte after that line.

    Raises:
        ValueError: No such line, or one that holds something else.

    Example:
        >>> seal(b"# sum=" + b"0" * 64 + b"\\nrest\\n")[:14]
        b'# sum=d105d8c6'
    """
    start = 0 if document.startswith(_MARK) else document.find(b"\n" + _MARK) + 1
    end = start + len(_UNSEALED)
    if document[start:end] != _UNSEALED:
        raise ValueError("the first line that begins with '# sum=' must hold 64 zeros and nothing else")
    return document[:start] + _MARK + hashlib.sha256(document[end:]).hexdigest().encode() + document[end - 1 :]


@lru_cache(maxsize=32)
def fitted(document: bytes, limit: int) -> bytes:
    """Return a document as it is when it fits, else compressed; the result may still be larger than the limit.

    libdeflate and not zlib, because zlib's output differs between its builds, and where the slot's bytes differ the
    cloud restarts the VM.

    Raises:
        StartupScriptError: The document has to be compressed and the package deflate is not installed.
    """
    if len(document) <= limit:
        return document
    try:
        compress: Callable[..., bytearray] = import_module("deflate").gzip_compress
    except ImportError:
        raise StartupScriptError([Problem("payload", problems.no_compressor())]) from None
    return bytes(compress(document, compresslevel=12))
