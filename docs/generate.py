"""Write the reference from the docstrings and the commands' own help: `python docs/generate.py`.

Each page is written by hand around two marks, and by this between them. tests/test_docs.py fails when one differs from
what this would write.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

from startup.definition import STEP_TYPES, BaseStep, StartupScript, SubjectStep  # noqa: E402  the line above finds it

BEGIN, END = "<!-- written by docs/generate.py: begin -->\n", "<!-- written by docs/generate.py: end -->\n"
# How a reader says what a field takes.
TYPES = {
    "Sequence[str]": "list of str",
    "Sequence[Step | str]": "list of steps or names",
    "Sequence[Step]": "list of steps",
}


def steps() -> str:
    """Return every step with its arguments."""
    shared = _attributes(BaseStep)
    common = _table(SubjectStep, shared)
    common = common.replace("| derived |", "| derived from what the step is about; `Shell` and `Reboot` need one |")
    parts = ["Arguments that every step has:\n", common, "In a definition:\n"]
    parts.append(_table(StartupScript, _attributes(StartupScript)))
    for step in STEP_TYPES:
        own = {name: text for name, text in _attributes(step).items() if name in step.__annotations__}
        parts.append(f"## {step.__name__}\n\n{_summary(step)}\n\n{_table(step, own)}\n```pycon\n{_example(step)}\n```\n")
    return "\n".join(parts)


def components() -> str:
    """Return every argument and every output of the components."""
    from components import AwsVm, AwsVmArgs, AzureVm, AzureVmArgs, GcpVm, GcpVmArgs, Inbound, VmArgs
    from components.component import Vm

    parts = ["## Arguments on all three clouds\n", _table(VmArgs, _attributes(VmArgs))]
    for args, title in ((AwsVmArgs, "AWS"), (GcpVmArgs, "Google Cloud"), (AzureVmArgs, "Azure")):
        parts += [f"### `{args.__name__}`: on {title} also\n", _table(args, _attributes(args))]
    parts += ["### `Inbound`: one of `inbound`\n", _table(Inbound, _attributes(Inbound)), "## Outputs\n"]
    parts.append(_outputs(Vm, AwsVm, GcpVm, AzureVm))
    return "\n".join(parts)


def commands() -> str:
    """Return every call of the commands on the author's machine, as their parsers know them."""
    from components.__main__ import parser as of_components
    from lab.__main__ import parser as of_lab
    from startup.__main__ import parser as of_startup

    return "\n".join(_command(parser()) for parser in (of_startup, of_components, of_lab))


def on_the_vm() -> str:
    """Return every call of the command on the VM, in the words of the comments above its functions."""
    text = (ROOT / "startup" / "runner" / "command.sh").read_text("utf-8")
    [usage] = re.findall(r"'usage: evenboot (.+)' >&2", text)
    rows: list[tuple[str, str]] = []
    for call in usage.split(" | "):
        name = call.split()[0]
        [comment] = re.findall(rf"^((?:#.*\n)+){name}\(\) ", text, re.MULTILINE)
        words, _, does = " ".join(comment.replace("#", "").split()).partition(": ")
        if words != call:
            raise SystemExit(f"command.sh: the comment above {name}() is about {words}, the usage says {call}")
        rows.append((f"`evenboot {call}`", re.sub(r"--\w+", r"`\g<0>`", does)))
    return _rows(("call", "does"), rows)


def proven() -> str:
    """Return the tables of promises and of the tests whose docstrings begin with their names."""
    from proofs import PROMISES, SUBJECTS, made, rows

    from components import VmArgs

    if nameless := set(_said(VmArgs)) - set(SUBJECTS):
        raise SystemExit(f"docs/proofs.py has no promise for {', '.join(sorted(nameless))}")
    head, found = ("", "promise", "proven by"), made()
    parts = ["## On the VM, and in rendering\n", _rows(head, rows(PROMISES, found))]
    parts += ["## Components, packages and commands\n", _rows(head, rows(SUBJECTS, found))]
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "steps.md": steps,
    "components.md": components,
    "commands.md": commands,
    "on-the-machine.md": on_the_vm,
    "proofs.md": proven,
}


def page(name: str) -> str:
    """Return the text of a page, with what is generated written anew."""
    text = (DOCS / name).read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"docs/{name} has lost its marks")
    return f"{head}{BEGIN}\n{PAGES[name]()}\n{END}{tail}"


def _command(parser: argparse.ArgumentParser) -> str:
    """Return a command's calls, and the options of each."""
    [subs] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    helps = {action.dest: action.help or "" for action in subs._choices_actions}
    calls: list[tuple[str, str]] = []
    options: list[tuple[str, str, str]] = []
    for name, sub in subs.choices.items():
        chosen = {_option(action): action for action in sub._get_optional_actions() if action.dest != "help"}
        words = [str(action.metavar or action.dest.upper()) for action in sub._get_positional_actions()]
        words += [option for option, action in chosen.items() if action.required]
        calls.append((f"`{' '.join([sub.prog, *words])}`", f"{helps[name]}. {sub.epilog or ''}".strip()))
        options += [(f"`{name}`", f"`{option}`", action.help or "") for option, action in chosen.items()]
    head = f"## `{parser.prog}`\n\n{parser.description}\n"
    return "\n".join([head, _rows(("call", "does"), calls), _rows(("call", "option", "is"), options)])


def _option(action: argparse.Action) -> str:
    """Return an option as one writes it, with its value."""
    value = action.metavar or "|".join(action.choices or [action.dest.upper()])
    return action.option_strings[-1] if action.nargs == 0 else f"{action.option_strings[-1]} {value}"


def _sections(subject: Any) -> dict[str, str]:
    """Split a docstring at its headings; what stands before the first one is ""."""
    pieces = re.split(r"^(Attributes|Example):\n", inspect.getdoc(subject) or "", flags=re.MULTILINE)
    return {"": pieces[0], **{name: inspect.cleandoc(text) for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}}


def _summary(subject: Any) -> str:
    return "\n".join(_sentences(_sections(subject)[""]))


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.:]) (?=[A-Z])", " ".join(text.split()))


def _said(subject: Any) -> dict[str, str]:
    """Return what the docstring says of each attribute, in its order."""
    found = re.findall(r"^(\w+): (.+(?:\n +.+)*)", _sections(subject)["Attributes"], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _attributes(subject: Any) -> dict[str, str]:
    """Return what the docstring says of each field, in its order; fails when one of its own is missing, or one unknown."""
    texts = _said(subject)
    own = set(subject.__annotations__) - {"kind", "_"}
    known = {field.name for field in dataclasses.fields(subject)}
    if wrong := (own - set(texts)) | (set(texts) - known):
        raise SystemExit(f"{subject.__name__}: its docstring and its fields differ in {sorted(wrong)}")
    return texts


def _table(subject: Any, attributes: dict[str, str]) -> str:
    fields = {field.name: field for field in dataclasses.fields(subject)}
    names = vars(sys.modules[subject.__module__])
    rows = [(f"`{name}`", _type(fields[name], names), _default(fields[name]), text) for name, text in attributes.items()]
    return _rows(("argument", "type", "default", "meaning"), rows)


def _outputs(common: type, *components: type) -> str:
    """Return what each output is on all clouds, and in which words on one."""
    on_all, *own = (_said(kind) for kind in (common, *components))
    names = dict.fromkeys(name for texts in (on_all, *own) for name in texts)
    rows: list[tuple[str, ...]] = []
    for name in names:
        words = on_all.get(name, "")
        rows.append((f"`{name}`", words, *(text if (text := texts.get(name, "")) != words else "" for texts in own)))
    return _rows(("output", "is", *(f"on `{kind.__name__}`" for kind in components)), rows)


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _type(field: dataclasses.Field[Any], names: dict[str, Any]) -> str:
    text = str(field.type).replace("pulumi.", "")
    if choices := _choices(text, names):
        return " or ".join(f'`"{choice}"`' for choice in choices)
    return TYPES.get(text, f"`{text}`").replace("|", "or")


def _choices(text: str, names: dict[str, Any]) -> Sequence[str]:
    """Return the texts among which a field's type lets choose, if it does so."""
    if get_origin(names.get(text)) is Literal:
        return get_args(names[text])
    return ast.literal_eval(f"({text.removeprefix('Literal')[1:-1]},)") if text.startswith("Literal[") else ()


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "none"
    if field.default is dataclasses.MISSING:
        return "required"
    if field.name == "name" and field.default is None:
        return "derived"
    if field.name in ("mode",):
        return f"`{field.default:#o}`"
    if isinstance(field.default, str):
        return f'`"{field.default}"`'
    return "none" if field.default in (None, ()) else f"`{field.default!r}`"


def _example(subject: Any) -> str:
    return _sections(subject)["Example"].strip()


if __name__ == "__main__":
    for name in PAGES:
        (DOCS / name).write_text(page(name), "utf-8")
