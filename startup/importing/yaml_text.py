"""YAML: a text goes in, its nodes and values come out, within bounds.

YAML's own means make much of little: aliases of aliases, lists in lists, numbers of any length. PyYAML knows no bounds.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .bounds import DEPTH, DOCUMENT, ENTRIES, NUMBER, TEXT, Bounds, TooMuch


def read(text: str, bounds: Bounds) -> tuple[Any, Any]:
    """Return the topmost node of a YAML text, and its value.

    Raises:
        ImportError: PyYAML is not installed.
        ValueError: The text is no YAML or exceeds a bound; the message says where.
    """
    if len(text) > DOCUMENT:
        raise TooMuch(f"its {len(text):,} characters of YAML are more than {DOCUMENT:,}; import it in parts")
    yaml = import_module("yaml")
    loader: Any = None
    try:
        loader = _loader(yaml, bounds)(text)
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    except TooMuch:
        raise
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        # Values that do not fit their explicit tags end in errors of many kinds.
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _loader(yaml: Any, bounds: Bounds) -> Any:
    numbers = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp")}

    safe: Any = yaml.SafeLoader

    class Loader(safe):
        """Count entries and characters as often as aliases repeat them, while nodes are made and nothing is unfolded yet."""

        def __init__(self, text: str) -> None:
            safe.__init__(self, text)
            self.depth = self.entries = self.characters = 0
            self.sizes: dict[int, tuple[int, int]] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            bounds.in_time()
            is_alias, line = self.check_event(yaml.AliasEvent), self.peek_event().start_mark.line + 1
            before = self.entries, self.characters
            self.depth += 1
            if self.depth > DEPTH:
                raise TooMuch(f"line {line}: lists and mappings lie more than {DEPTH} deep in one another; write them flatter")
            node: Any = safe.compose_node(self, parent, index)
            self.depth -= 1
            if is_alias and id(node) not in self.sizes:
                raise TooMuch(f"line {line}: an alias names what it stands in itself; write out what is meant")
            self._count(node, line, is_alias)
            self.sizes[id(node)] = self.entries - before[0], self.characters - before[1]
            return node

        def _count(self, node: Any, line: int, is_alias: bool) -> None:
            length = len(node.value) if isinstance(node.value, str) else 0
            if node.tag in numbers and length > NUMBER:
                raise TooMuch(f"line {line}: a number of {length:,} characters is longer than {NUMBER}; put it between quotes")
            entries, characters = self.sizes[id(node)] if is_alias else (1, length)
            self.entries += entries
            self.characters += characters
            if self.entries > ENTRIES:
                raise TooMuch(f"line {line}: it has more than {ENTRIES:,} entries, with aliases unfolded; import it in parts")
            if self.characters > TEXT:
                raise TooMuch(f"line {line}: aliases unfold it to more than {TEXT:,} characters; write out what is meant")

    return Loader
