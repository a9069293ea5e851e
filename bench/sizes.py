"""How large a minimal definition is in the slot of aws."""

from __future__ import annotations

import zopfli.gzip

from startup import Shell, StartupScript, render

from .figures import Figure, figure

NOTE = "One shell step, without values: the document as a person reads it, and what is in the slot if that does not fit plain."
MINIMAL = StartupScript("hello", first_boot=[Shell("say hello", script="echo hello\n")])


def measure() -> list[Figure]:
    """Render the definition; what a larger one adds is its own text and the parts of the runner for its kinds of steps."""
    plain = render(MINIMAL, {}, "aws").text.encode()
    return [
        figure("minimal definition for aws, plain", len(plain), "bytes", 10_240),
        figure("the same, compressed with zopfli", len(zopfli.gzip.compress(plain)), "bytes", 4_096),
    ]
