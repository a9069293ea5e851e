"""Write the reference parts of the documentation from the docstrings: `python docs/generate.py`.

`docs/steps.md` is written whole; in `docs/clouds.md` it is what stands between the two marks. tests/test_docs.py fails
when either differs from what this prints.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from startup.definition import STEP_TYPES, StartupScript  # noqa: E402  the line above finds it

BEGIN, END = "<!-- written by docs/generate.py: begin -->\n", "<!-- written by docs/generate.py: end -->\n"
COMMON = ("name", "timeout_seconds", "retries", "rerun_on")
# How a reader says what a field takes; the annotations' own names are private.
TYPES = {
    "_Name": "str",
    "_Texts": "list of str",
    "_StepNames": "list of steps or names",
    "_Steps": "list of steps",
}

INTRODUCTION = """\
# Steps

<!-- Written by docs/generate.py from the docstrings in startup/definition.py: change those. -->

A step is one named, re-runnable piece of work.
Each kind looks first and changes only what differs, so running it again does no harm; a `Shell` step is as careful as its text.

The first argument may be given by position, all others by name only.
The examples run with `from startup import *` and print what the line below them says.

Arguments that every step has:

{common}
In a definition:

{definition}
"""


def steps() -> str:
    """Return the text of docs/steps.md."""
    first = STEP_TYPES[0]
    shared = {**_attributes(first), "name": "What the journal, the log and the status call it; unique in the definition."}
    common = _table(STEP_TYPES[1], {name: shared[name] for name in COMMON})
    common = common.replace("| derived |", "| derived from the first argument; `Shell` has none to derive it from |")
    definition = _table(StartupScript, _attributes(StartupScript))
    parts = [INTRODUCTION.format(common=common, definition=definition)]
    for step in STEP_TYPES:
        left_out = COMMON[1:] if step is first else COMMON
        own = {name: text for name, text in _attributes(step).items() if name not in left_out}
        parts.append(f"## {step.__name__}\n\n{_summary(step)}\n\n{_table(step, own)}\n```pycon\n{_example(step)}\n```\n")
    return "\n".join(parts)


def arguments() -> str:
    """Return what docs/clouds.md has between its marks: every argument of the components."""
    from components import AwsVmArgs, AzureVmArgs, GcpVmArgs, Inbound, VmArgs

    common = _attributes(VmArgs)
    parts = ["### On all three clouds\n", _table(VmArgs, common)]
    for args, title in ((AwsVmArgs, "AWS"), (GcpVmArgs, "Google Cloud"), (AzureVmArgs, "Azure")):
        parts += [f"### `{args.__name__}`: on {title} also\n", _table(args, _attributes(args))]
    parts += ["### `Inbound`: one of `inbound`\n", _table(Inbound, _attributes(Inbound))]
    return "\n".join(parts)


def clouds() -> str:
    """Return the text of docs/clouds.md with fresh arguments."""
    text = (DOCS / "clouds.md").read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit("docs/clouds.md has lost its marks")
    return f"{head}{BEGIN}\n{arguments()}\n{END}{tail}"


def _sections(subject: Any) -> dict[str, str]:
    """Split a docstring at its headings; what stands before the first one is ""."""
    pieces = re.split(r"^(Attributes|Example):\n", inspect.getdoc(subject) or "", flags=re.MULTILINE)
    return {"": pieces[0], **{name: inspect.cleandoc(text) for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}}


def _summary(subject: Any) -> str:
    return "\n".join(_sentences(_sections(subject)[""]))


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.:]) (?=[A-Z])", " ".join(text.split()))


def _attributes(subject: Any) -> dict[str, str]:
    """Return what the docstring says of each field, in its order; fails when a field is missing or unknown."""
    found = re.findall(r"^(\w+): (.+(?:\n +.+)*)", _sections(subject)["Attributes"], re.MULTILINE)
    texts = {name: " ".join(text.split()) for name, text in found}
    own = {name for base in subject.__mro__[:1] for name in base.__annotations__} - {"kind", "_"}
    if set(texts) != own:
        raise SystemExit(f"{subject.__name__}: its docstring and its fields differ in {sorted(set(texts) ^ own)}")
    return texts


def _table(subject: Any, attributes: dict[str, str]) -> str:
    fields = {field.name: field for field in dataclasses.fields(subject)}
    rows = [f"| `{name}` | {_type(fields[name])} | {_default(fields[name])} | {text.replace('|', '&#124;')} |"
            for name, text in attributes.items()]  # fmt: skip
    return "\n".join(["| argument | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _type(field: dataclasses.Field[Any]) -> str:
    text = str(field.type).replace("pulumi.", "")
    return TYPES.get(text, f"`{text}`").replace("|", "or")


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "none"
    if field.default is dataclasses.MISSING:
        return "required"
    if field.name == "name" and field.default is None:
        return "derived"
    if field.name in ("mode",):
        return f"`{field.default:#o}`"
    return "none" if field.default in (None, ()) else f"`{field.default!r}`"


def _example(subject: Any) -> str:
    return _sections(subject)["Example"].strip()


if __name__ == "__main__":
    (DOCS / "steps.md").write_text(steps(), "utf-8")
    (DOCS / "clouds.md").write_text(clouds(), "utf-8")
