"""The command on the author's machine: check, render, plan and import, without a cloud and without Pulumi.

Exit codes: 0 fine, 1 problems, 2 wrong use or a file that cannot be imported.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from . import problems, rules
from .checked import check
from .definition import StartupScript
from .delivery import CLOUDS
from .loading import LoadingError, load
from .planning import Action, Planned, plan
from .problems import Problem, StartupScriptError
from .terminal import run_to_the_end

_HEADINGS: dict[Action, str] = {
    "run once": "would run once, in this order:",
    "run at each boot": "runs at each boot, as always:",
    "run at each stop": "runs at each stop, as always:",
    "drop": "is dropped (what it did stays):",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: What follows `python -m startup`; None takes the process's own.
    """
    return run_to_the_end(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except LoadingError as error:
        print(error, file=sys.stderr)
        return 2
    except StartupScriptError as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    # The wheel installs this as a command.
    prog = "evenboot" if Path(sys.argv[0]).name == "evenboot" else f"python -m {__package__}"
    top = argparse.ArgumentParser(
        prog=prog, description="Check, render and compare startup scripts.", allow_abbrev=False
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="print every problem of a definition", allow_abbrev=False)
    check.set_defaults(run=_check)
    render = commands.add_parser("render", help="print what one cloud's slot holds, before base64", allow_abbrev=False)
    render.set_defaults(run=_render)
    compare = commands.add_parser(
        "plan", help="say what a VM that obeyed OLD would run for NEW, and why", allow_abbrev=False
    )
    compare.set_defaults(run=_plan)
    for command, sources in ((check, ["FILE"]), (render, ["FILE"]), (compare, ["OLD", "NEW"])):
        for source in sources:
            command.add_argument(source.lower(), metavar=f"{source}.py[:NAME]", help="where the StartupScript is")
        command.add_argument(
            "--set",
            metavar="NAME=VALUE",
            action=_Set,
            default=None,
            dest="values",
            help="the text of a value; once for each",
        )
    _add_import(commands)
    render.add_argument("--cloud", choices=list(CLOUDS), required=True, help="whose slot")
    return top


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    importing = commands.add_parser(
        "import",
        help="turn scripts, cloud-config or MIME user data into a definition",
        description="Turn a folder of scripts, a script, a cloud-config or MIME user data into a definition. Its Python text "
        "goes to standard output or to FILE.py, and what is to be known about it to standard error: what could not be "
        "carried over, lines that are not repeatable, and secrets. Cloud-config needs PyYAML.",
        epilog="Exit codes: 0 all was carried over, 1 some was not, 2 wrong use or nothing to import.",
        allow_abbrev=False,
    )
    importing.set_defaults(run=_import)
    importing.add_argument("source", metavar="FOLDER", type=Path, help="the folder, or a single file")
    importing.add_argument("--name", default="", help="what the definition is called; the folder's name when not given")
    importing.add_argument("--output", metavar="FILE.py", type=Path, help="where to write it, instead of standard output")


class _Set(argparse.Action):
    """Collect NAME=VALUE into one mapping."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        name, equals, text = str(values).partition("=")
        if not equals or not name:
            raise argparse.ArgumentError(self, "expected NAME=VALUE")
        given: dict[str, str] = dict(namespace.values or {})
        if name in given:
            raise argparse.ArgumentError(self, f"{name} is given twice")
        namespace.values = {**given, name: text}


def _check(options: argparse.Namespace) -> int:
    definition = load(options.file)
    values: Mapping[str, str] | None = options.values
    checked = check(definition, values)
    if checked.problems:
        print(*checked.problems, sep="\n")
        return 1
    unknown = checked.uses if values is None else ()
    known = f"fingerprint {checked.fingerprint}"
    print(
        f"{definition.name}: {_steps(len(list(definition.steps())))}, no problems, "
        + (f"values taken as given: {', '.join(unknown)}" if unknown else known)
    )
    return 0


def _render(options: argparse.Namespace) -> int:
    from .rendering import render

    definition = load(options.file)
    payload = render(definition, options.values or {}, options.cloud)
    sys.stdout.buffer.write(payload.content)
    sys.stdout.buffer.flush()
    return 0


def _plan(options: argparse.Namespace) -> int:
    old, new = load(options.old), load(options.new)
    values: Mapping[str, str] = options.values or {}
    found = [
        Problem(f"{source}: {problem.path}", problem.message)
        for source, definition in ((options.old, old), (options.new, new))
        for problem in check(definition).problems
    ]
    used = {*check(old).uses, *check(new).uses} if not found else {*values}
    for name, text in values.items():
        wrong = problems.value_not_used(None) if name not in used else rules.value_text(text)
        if wrong is not None:
            found.append(Problem(f"values.{name}", wrong))
    if found:
        raise StartupScriptError(found)
    print(*_report(new, plan(old, new, values, values)), sep="\n")
    return 0


def _import(options: argparse.Namespace) -> int:
    from .importing import import_from, write

    output: Path | None = options.output
    if output is not None and os.path.lexists(output):
        raise LoadingError(f"{output}: is there already; remove it, or give another --output")
    imported = import_from(options.source, options.name)
    text = write(imported.definition, options.source.name)
    for warning in imported.warnings:
        print(warning, file=sys.stderr)
    lost = sum(warning.lost for warning in imported.warnings)
    steps = _steps(len(list(imported.definition.steps())))
    told = f"{len(imported.warnings)} warning{'' if len(imported.warnings) == 1 else 's'}"
    print(f"{imported.definition.name}: {steps}, {told}, {lost} not carried over", file=sys.stderr)
    if output is None:
        # Python reads it as UTF-8, whatever the terminal's encoding is.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise LoadingError(f"{output}: {error.strerror}") from None
    return 1 if lost else 0


def _report(new: StartupScript, planned: Sequence[Planned]) -> Iterator[str]:
    if not any(step.action in ("run once", "drop") or step.reasons for step in planned):
        yield "nothing to do: no step is due again"
    elif not any(step.action == "run once" for step in planned):
        yield "no first-boot step is due again"
    width = max((len(step.name) for step in planned if step.reasons), default=0)
    for action, steps in groupby(planned, key=_action):
        yield _HEADINGS[action]
        for step in steps:
            reasons = "; ".join(step.reasons)
            yield f"  {step.name:<{width}}  {reasons}" if reasons else f"  {step.name}"
    staying = len(new.first_boot) - sum(step.action == "run once" for step in planned)
    if staying:
        yield f"stays done: {_steps(staying)} of the first boot"


def _action(step: Planned) -> Action:
    return step.action


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
