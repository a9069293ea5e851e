"""Deploy with the real `pulumi` command: the lab's providers stand first on its PATH, its state lies in the lab's."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import consoles
from .clouds import PACKAGES, provider
from .errors import LabError
from .host import write_atomically
from .laboratory import Lab
from .program import Program
from .providers.records import write_json

_PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
LANGUAGE, PLUGIN = "pulumi-language-python", "pulumi-resource-"


def find() -> str | None:
    """Return the path of the pulumi command, None if this computer has none that runs Python programs."""
    found = shutil.which("pulumi")
    beside = found is not None and (Path(found).resolve().parent / LANGUAGE).exists()
    return found if found and (beside or shutil.which(LANGUAGE)) else None


def has_state(lab: Lab) -> bool:
    """Tell whether something was deployed with the command."""
    return any((_folder(lab) / "state").rglob("stacks/*/*.json"))


def up(pulumi: str, lab: Lab, subject: Program, out: Callable[[str], None] = print) -> bool:
    """Run `pulumi up` for the program, passing on what it prints. Return whether it succeeded."""
    recover(lab, subject)
    config = _select(pulumi, lab, subject)
    arguments = ["up", "--yes", "--skip-preview", "--stack", subject.stack, "--config-file", str(config)]
    return run(pulumi, lab, subject, arguments, out)


def _select(pulumi: str, lab: Lab, subject: Program) -> Path:
    """Select the stack, making it if need be; return the file with its configuration.

    The command notes the salt of its encryption in the stack's file. That file belongs to the program, which the lab
    leaves as it is: the noted line is kept beside the state, and a copy of the file with it is what is used.
    """
    own, copy = subject.folder / f"Pulumi.{subject.stack}.yaml", _folder(lab) / f"Pulumi.{subject.stack}.yaml"
    salt = copy.with_suffix(".salt")
    before = own.read_text(encoding="utf-8") if own.exists() else None
    said: list[str] = []
    try:
        if not run(pulumi, lab, subject, ["stack", "select", "--create", subject.stack], said.append):
            raise LabError("pulumi cannot select the stack: " + "\n".join(said))
    finally:
        after = own.read_text(encoding="utf-8") if own.exists() else ""
        if after != (before or ""):
            salt.write_text("".join(line for line in after.splitlines(keepends=True) if line.startswith("encryption")))
            own.unlink() if before is None else own.write_text(before, encoding="utf-8")
    noted = salt.read_text(encoding="utf-8") if salt.exists() else ""
    copy.write_text((before or "") + noted, encoding="utf-8")
    return copy


def run(pulumi: str, lab: Lab, subject: Program, arguments: Sequence[str], out: Callable[[str], None]) -> bool:
    """Run one pulumi command for the program; `out` gets each line without its end. Return whether it succeeded."""
    colour = "always" if sys.stdout.isatty() else "never"
    argv = [pulumi, "--cwd", str(subject.folder), "--non-interactive", "--color", colour, *arguments]
    held = () if lab.command_lock is None else (lab.command_lock,)
    with (
        consoles.serving(lab, lab.state) as variables,
        subprocess.Popen(
            argv,
            env=consoles.environment(prepare(lab) | _passphrase(subject), variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=held,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            # That the providers come from PATH is the lab's doing, and not worth six warnings.
            if f"using {PLUGIN}" not in line:
                out(line.rstrip("\n"))
    return process.returncode == 0


def recover(lab: Lab, subject: Program) -> None:
    """Clean up after a command that was killed: its lock, a state half written, and what the state does not know.

    Nobody else can be at work, as the lab lets one command deploy at a time.
    """
    state = _folder(lab) / "state" / ".pulumi"
    shutil.rmtree(state / "locks", ignore_errors=True)
    path = state / "stacks" / subject.name / f"{subject.stack}.json"
    content = _checkpoint(path)
    if content is None:
        content = _checkpoint(path.with_suffix(".json.bak"))  # the state before the last operation
    if content is None:
        return
    latest = content["checkpoint"].get("latest") or {}
    whole = _checkpoint(path) is not None
    if latest.pop("pending_operations", None) or not whole:
        known = {(resource["urn"], resource.get("id", "")) for resource in latest.get("resources") or []}
        for package in PACKAGES:
            provider(package, lab, lab.state).abandon_unknown(known)
        write_json(path, content)


def _checkpoint(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def prepare(lab: Lab) -> dict[str, str]:
    """Write the plugins and return the environment in which the command finds them, and only local state."""
    folder = _folder(lab)
    for package in PACKAGES:
        _write_plugin(folder / "bin" / f"{PLUGIN}{package}", package)
    (folder / "state").mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k != "PULUMI_IGNORE_AMBIENT_PLUGINS"}
    return environment | {
        "PATH": os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
        "EVENBOOT_LAB_STATE": str(lab.state),
        "EVENBOOT_LAB_PREFIX": lab.prefix,
    }


def _passphrase(subject: Program) -> dict[str, str]:
    """Return the user's passphrase for a stack that has secrets; what the lab itself keeps has none."""
    given = {name: os.environ[name] for name in _PASSPHRASES if name in os.environ}
    return given if subject.secrets else {}


def _folder(lab: Lab) -> Path:
    return lab.state / "engine" / "pulumi"


def _write_plugin(path: Path, package: str) -> None:
    """Write a program that becomes this Python with the provider of a package; old ones may be running, so replace."""
    root = Path(__file__).resolve().parents[len(__name__.split(".")) - 1]
    module = f"{__name__.rpartition('.')[0]}.providers"
    python = f'PYTHONPATH={shlex.quote(str(root))} exec {shlex.quote(sys.executable)} -m {module} {package} "$@"\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"#!/bin/sh\n{python}".encode(), mode=0o755)
