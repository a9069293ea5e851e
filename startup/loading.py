"""Find the definition in a file: `FILE.py[:NAME]` goes in, a StartupScript comes out."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from . import problems
from .definition import StartupScript

_OWN = __name__.rpartition(".")[0]


class LoadingError(Exception):
    """Say on one line why a file gives no definition."""


def load(source: str) -> StartupScript:
    """Import a file and return the startup script in it.

    Args:
        source: `FILE.py`, or `FILE.py:NAME` where the file holds several.

    Raises:
        LoadingError: There is no such file, it cannot be imported, or it does not hold the one that is meant.
    """
    path, name = _split(source)
    if path.suffix != ".py":
        raise LoadingError(f"{path}: not a Python file; give FILE.py or FILE.py:NAME")
    if not path.is_file():
        raise LoadingError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    return _chosen(_imported(path), path, name)


def _split(source: str) -> tuple[Path, str | None]:
    head, colon, name = source.rpartition(":")
    if not colon or Path(source).is_file() or not head or name.endswith(".py"):
        return Path(source), None
    return Path(head), name


def _imported(path: Path) -> ModuleType:
    loader = SourceFileLoader(f"definition_in_{path.stem}", str(path))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    with _surroundings(path, module):
        try:
            loader.exec_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise LoadingError(_located(error, path)) from error
    return module


@contextmanager
def _surroundings(path: Path, module: ModuleType) -> Generator[None, None, None]:
    """Let a file import its neighbours, and leave nothing of it behind.

    What it prints goes to standard error, as standard output belongs to the command. Its neighbours are forgotten,
    because the other file of a comparison may have neighbours of the same names.
    """
    folder = path.resolve().parent
    known, search, keeps_bytecode = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = search
        sys.dont_write_bytecode = keeps_bytecode
        for name in set(sys.modules) - known:
            if not f"{name}.".startswith(f"{_OWN}.") and _lies_in(folder, sys.modules[name]):
                del sys.modules[name]


def _lies_in(folder: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and folder in Path(file).resolve().parents and "site-packages" not in file


def _located(error: BaseException, path: Path) -> str:
    """Say what went wrong where, on one line: the deepest line of the file itself, or of whatever it called."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}:{error.lineno or 1}: {error.msg}"
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = frames[-1].lineno if frames else 1
    if isinstance(error, SystemExit):
        return f"{path}:{line}: ends Python (sys.exit) instead of defining a startup script"
    message = " ".join(str(error).split())
    return f"{path}:{line}: {type(error).__name__}{': ' if message else ''}{message}"


def _chosen(module: ModuleType, path: Path, name: str | None) -> StartupScript:
    found = {key: value for key, value in vars(module).items() if isinstance(value, StartupScript)}
    names = ", ".join(found)
    if name is not None:
        if name in found:
            return found[name]
        held = vars(module).get(name)
        wrong = f"{name} is {problems.shown(held)}, not a StartupScript" if name in vars(module) else f"has no {name}"
        raise LoadingError(f"{path}: {wrong}; {f'it has {names}' if found else 'it has no StartupScript at all'}")
    distinct = list({id(value): value for value in found.values()}.values())
    if len(distinct) == 1:
        return distinct[0]
    if distinct:
        raise LoadingError(
            f"{path}: has several startup scripts ({names}); choose one, as in {path}:{next(iter(found))}"
        )
    raise LoadingError(f"{path}: has no StartupScript{_foreign(module)}")


def _foreign(module: ModuleType) -> str:
    """Explain a StartupScript of the same library under its other import name."""
    for value in vars(module).values():
        package = type(value).__module__.rpartition(".")[0]
        if type(value).__name__ == "StartupScript" and package != _OWN:
            return f" of {_OWN}, but one of {package}; use python -m {package}"
    return "; write NAME = StartupScript(...) at its top level"
