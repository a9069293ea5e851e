"""Import what people have: scripts, cloud-config and MIME user data go in, a definition and warnings come out.

Nothing is dropped silently: every line and key of the input is in the definition or named in a warning.
"""

from __future__ import annotations

from .reading import Imported, import_from
from .warnings import Warning
from .writing import write

__all__ = ["Imported", "Warning", "import_from", "write"]
