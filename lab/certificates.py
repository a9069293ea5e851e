"""The lab's own certificate authority: its machines trust it, so that stores of the lab answer under the clouds' names."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from .errors import LabError
from .host import command

AUTHORITY = "clouds/authority"
"""Where a lab keeps its authority, below its state folder."""

NAME = "local-cloud"
TRUSTED = "usr/local/share/ca-certificates"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_DAYS = "3650"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


def ensure_authority(folder: Path) -> Path:
    """Make the authority unless it is there; return its certificate's file."""
    root = folder / "root.pem"
    if not root.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new, key = folder / ".root.new", folder / "root.key"
        subject = f"/CN={NAME} {sha256(str(folder).encode()).hexdigest()[:8]}"
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl("req", "-x509", *_KEY, "-days", _DAYS, "-subj", subject, *usage, "-keyout", str(key), "-out", str(new))
        new.replace(root)
    return root


def certificate(folder: Path, host: str) -> Path:
    """Return a file with a host's key and certificate, which the authority in `folder` has signed.

    Raises:
        LabError: That is no name of a host.
    """
    if not _HOST.fullmatch(host):
        raise LabError(f"{host!r} is no name of a host")
    made = folder / f"{host}.pem"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=folder) as name:
            place = Path(name)
            (place / "extensions").write_text(f"subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n")
            # The name itself may be longer than the 64 characters that a common name has.
            request = ("req", "-new", *_KEY, "-subj", f"/O={NAME}")
            _openssl(*request, "-keyout", f"{place}/key", "-out", f"{place}/request")
            signer = ("-CA", str(folder / "root.pem"), "-CAkey", str(folder / "root.key"), "-CAcreateserial")
            asked = ("-in", f"{place}/request", "-days", _DAYS, "-extfile", f"{place}/extensions")
            _openssl("x509", "-req", *asked, *signer, "-CAserial", f"{place}/serial", "-out", f"{place}/cert")
            (place / "both").write_bytes((place / "key").read_bytes() + (place / "cert").read_bytes())
            shutil.move(place / "both", made)
    return made


def trust(root: Path, upper: Path, lower: Sequence[Path]) -> None:
    """Let a disk trust an authority, also after its list of authorities has been made anew.

    Args:
        root: The authority's certificate.
        upper: The disk's own layer.
        lower: The layers below, the top one first.
    """
    text = root.read_text()
    own = upper / TRUSTED / f"{NAME}.crt"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text)
    bundle = next((layer / BUNDLE for layer in (upper, *lower) if (layer / BUNDLE).exists()), None)
    others = bundle.read_text() if bundle else ""
    if text not in others:
        (upper / BUNDLE).parent.mkdir(parents=True, exist_ok=True)
        (upper / BUNDLE).write_text(others + text)


def _openssl(*arguments: str) -> None:
    command("openssl", *arguments)
