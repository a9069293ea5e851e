"""How large a minimal definition is in the slot of aws."""

from __future__ import annotations

import deflate

from startup import Shell, StartupScript, render
from startup.checked import check
from startup.overflow import BOOTSTRAP_LIMIT, both_forms

from .figures import Figure, figure

NOTE = "One shell step, without values: the document as a person reads it, and what is in the slot if that does not fit plain."
MINIMAL = StartupScript("hello", first_boot=[Shell("say hello", script="echo hello\n")])


def measure() -> list[Figure]:
    """Render the definition; what a larger one adds is its own text and the parts of the runner for its kinds of steps."""
    plain = render(MINIMAL, {}, "aws").text.encode()
    url = f"https://evenboot-objects-0123456.s3.eu-central-1.amazonaws.com/hello-01234567/{'0' * 64}"
    bootstrap = both_forms(check(MINIMAL, {}), "aws")[1].bootstrap(url, "eu-central-1")
    return [
        figure("minimal definition for aws, plain", len(plain), "bytes", 10_240),
        figure("the same, compressed", len(deflate.gzip_compress(plain, compresslevel=12)), "bytes", 4_096),
        figure("bootstrap of a script in S3, plain", bootstrap.size, "bytes", BOOTSTRAP_LIMIT),
    ]
