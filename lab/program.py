"""Run a Pulumi program, unmodified, in this process against a monitor of our own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.stack import Stack, register_stack_transformation, run_pulumi_func

from .errors import LabError

_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A Pulumi program: its folder, project name, stack name and configuration (`project:key` -> text).

    The texts of the keys in `secrets` are those in the stack's file, which only the pulumi command can decrypt.
    """

    folder: Path
    name: str
    stack: str
    config: Mapping[str, str]
    secrets: frozenset[str] = frozenset()


@dataclass(slots=True)
class Run:
    """What a run of a program left: the resources that it made, and the error that ended it."""

    resources: list[Any] = field(default_factory=list[Any])
    error: BaseException | None = None


class _NoMocks(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise NotImplementedError


def run(program: Program, monitor: mocks.MockMonitor, *, preview: bool) -> Run:
    """Run the program to its end; an exception that it raises is in the result, not raised."""
    result = Run()
    with _as_main(program), _quiet():
        try:
            contextvars.Context().run(asyncio.run, _run(program, monitor, preview, result))
        except KeyboardInterrupt:
            raise
        except (Exception, SystemExit) as error:
            result.error = error
    return result


def explain(error: BaseException, folder: Path) -> str:
    """Return an exception of the program as text for its author: no stack trace, but the place if it helps."""
    if isinstance(error, LabError | pulumi.RunError) or type(error).__module__.partition(".")[0] != "builtins":
        return str(error) or type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(folder)]
    own = Path(__file__).parent
    frames = [f for f in frames if "site-packages" not in f.filename and not Path(f.filename).is_relative_to(own)]
    place = f"{Path(frames[-1].filename).relative_to(folder)}:{frames[-1].lineno}: " if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}: "
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{place}{type(error).__name__}: {text}"


async def _run(program: Program, monitor: mocks.MockMonitor, preview: bool, result: Run) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)  # shown once, by the caller
    # Each resource under way holds a thread, also while it is waited for; Python's own few would make VMs wait in turn.
    loop.set_default_executor(ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="resource"))
    settings.reset_options(project=program.name, stack=program.stack, preview=preview)
    set_all_config(dict(program.config), sorted(program.secrets))
    logger = logging.getLogger("lab.program")
    mocks.set_mocks(_NoMocks(), program.name, program.stack, preview, logger, monitor)

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        result.resources.append(args.resource)

    register_stack_transformation(note)
    path = program.folder / "__main__.py"
    root = settings.get_root_resource()

    def main() -> None:
        runpy.run_path(str(path), run_name="__main__")
        if isinstance(root, Stack):  # set_mocks has registered the outputs already, before there were any
            root.register_outputs(dict(root.outputs))

    await run_pulumi_func(main)


@contextlib.contextmanager
def _as_main(program: Program) -> Iterator[None]:
    """Stand in the program's folder with its modules importable, and forget them afterwards.

    What a program's modules keep (one network for all VMs, say) belongs to one run, and a second run in this process
    must not see it; the clouds' SDKs stay, as their import takes seconds.
    """
    before, path, folder = set(sys.modules), list(sys.path), Path.cwd()
    sys.path.insert(0, str(program.folder))
    os.chdir(program.folder)
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        own = __name__.rpartition(".")[0]
        for name in set(sys.modules) - before:
            if _of_program(name, program.folder) and not f"{name}.".startswith(f"{own}."):
                del sys.modules[name]


def _of_program(name: str, folder: Path) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    ours = name.partition(".")[0] == __name__.partition(".")[0]
    inside = bool(file) and Path(str(file)).is_relative_to(folder) and "site-packages" not in str(file)
    return ours or inside


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the SDK's own reports of errors that the caller shows anyway off the terminal."""
    loggers = [logging.getLogger(name) for name in ("asyncio", "pulumi")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
