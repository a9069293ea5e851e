"""Render: a definition and its values go in, the payload of one cloud comes out.

The text has three regions: a header, the runner as its source files stand (without full-line comments), and data.
Step bodies and values are data: lines that the shell never reads as code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256

from . import problems
from .checked import Checked, check
from .definition import (
    Directory,
    Download,
    File,
    Packages,
    Reboot,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
    assert_never,
    names_of,
)
from .delivery import CLOUDS, Cloud, Payload, deliver
from .problems import Problem, StartupScriptError
from .rules import unit_of

CORE = ("environment", "paths", "log", "slot", "slot_{cloud}", "store", "journal", "status", "step")
KIND_PARTS: dict[str, tuple[str, ...]] = {
    "shell": ("shell",),
    "file": ("place", "file"),
    "directory": ("place", "directory"),
    "packages": ("packages",),
    "user": ("place", "user"),
    "unit": ("place", "systemd", "unit"),
    "service": ("systemd", "service"),
    "download": ("place", "download"),
    "reboot": ("reboot",),
}
LAST = ("obey", "command")

SERVICES = "services.conf"

HEADER = """\
#!/bin/sh
# Startup script "{name}", rendered by evenboot for {cloud}: the runner, then steps and values as data.
# sum={zeros}
"""


def render(definition: StartupScript, values: Mapping[str, str] | None = None, cloud: Cloud = "aws") -> Payload:
    """Render a definition for one cloud's slot.

    The same arguments give the same bytes, on every machine and supported Python.

    Args:
        definition: What the VM is to obey.
        values: The text of each name that a step has in `uses`.
        cloud: `aws`, `gcp` or `azure`.

    Raises:
        StartupScriptError: The definition or the values have problems (all are reported), or the payload does not
            fit its slot.

    Example:
        >>> from startup import Shell, StartupScript, render
        >>> hello = StartupScript("hello", first_boot=[Shell("say hello", script="echo hello")])
        >>> render(hello, cloud="gcp").text.splitlines()[0]
        '#!/bin/sh'
    """
    return rendered(check(definition, dict(values or {})), cloud)


def rendered(checked: Checked, cloud: Cloud) -> Payload:
    """Render what was checked, as `render` does."""
    return deliver(cloud, *written(checked, cloud))


def written(checked: Checked, cloud: Cloud) -> tuple[bytes, list[tuple[str, int]]]:
    """Return the script, whatever its size, and what makes it large, with bytes, the largest first.

    Raises:
        StartupScriptError: The cloud is unknown, or the definition or the values have problems; all are reported.
    """
    if cloud not in CLOUDS:
        raise StartupScriptError([Problem("cloud", problems.unknown_cloud(cloud, CLOUDS)), *checked.problems])
    definition = checked.demand().definition
    header = HEADER.format(name=title(definition.name), cloud=cloud, zeros="0" * 64)
    records = list(_records(checked, cloud))
    script = header + runner(definition, cloud) + "".join(text for _, text in records)
    return script.encode(), _contributors(definition, records)


def title(name: str) -> str:
    """Return a definition's name as a comment has it.

    cloud-init cannot write a part that is not ASCII; what stands behind the runner it does not read.
    """
    return name.encode("ascii", "backslashreplace").decode()


def runner(definition: StartupScript, cloud: Cloud) -> str:
    """Join the runner's parts that the definition needs, in order."""
    kinds = {step.kind for _, _, step in definition.steps()}
    names = dict.fromkeys(part for kind, parts in KIND_PARTS.items() if kind in kinds for part in parts)
    wanted = {
        "shebang": any(step.script.startswith("#!") for _, _, step in definition.steps() if isinstance(step, Shell)),
        "become": any(getattr(step, "user", None) for _, _, step in definition.steps() if step.kind == "shell"),
        "uses": any(getattr(step, "uses", ()) for _, _, step in definition.steps()),
        "retry": any(step.retries for _, _, step in definition.steps()),
        "shutdown": bool(definition.shutdown),
    }
    extra = [name for name, want in wanted.items() if want]
    return "".join(part(f"{name.format(cloud=cloud)}.sh") for name in (*CORE, *names, *extra, *LAST))


@cache
def part(name: str) -> str:
    """Read one of the runner's files, without its full-line comments."""
    from importlib.resources import files  # costly to import, and only rendering needs it

    source = (files(__name__.rpartition(".")[0]) / "runner" / name).read_text("utf-8")
    return "".join(line for line in source.splitlines(keepends=True) if line.strip() and not _is_comment(line))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#") and not line.startswith("#!")


def key(name: str) -> str:
    """Name the files of a step on the VM: the step's name may hold any character, a file's may not."""
    return sha256(name.encode()).hexdigest()[:12]


def _record(name: str, text: str) -> str:
    """Write a text as "@ NAME LINES", then its lines; "open" says that the last one has no line end."""
    closed = not text or text.endswith("\n")
    lines = text.count("\n") + (not closed)
    return f"@ {name} {lines}{'' if closed else ' open'}\n{text}{'' if closed else chr(10)}"


def _records(checked: Checked, cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Yield (step name or "", record) for all that the VM keeps of the definition."""
    definition, values, fingerprints = checked.definition, checked.values or {}, checked.step_fingerprints
    rows = dict.fromkeys(("first_boot", "every_boot", "shutdown"), "")
    for list_name, _, step in definition.steps():
        fields = (list_name, key(step.name), fingerprints[step.name], step.kind, step.timeout_seconds, step.retries)
        rows[list_name] += "|".join(map(str, (*fields, _quoted(step.name)))) + "\n"
    yield "", _record("head", f'{_quoted(definition.name)[1:-1]}\n"{checked.fingerprint}"\n')
    yield "", _record("fresh", "")
    yield "", _record("steps", rows["first_boot"] + rows["every_boot"])
    for _, _, step in definition.steps():
        for field, text in _fields(step):
            yield step.name, _record(f"{key(step.name)}.{field}", text)
    for name in checked.uses:
        yield f"the value {name}", _record(f"value.{name}", values[name])
    if definition.shutdown:
        yield "", _record("shutdown", rows["shutdown"])
    installed = _installed(definition, cloud)
    for name in dict.fromkeys(name for _, name, _ in installed):
        yield "", _record(name, _services(definition) if name == SERVICES else part(name))
    yield "", _record("files", "".join(f"{mode} {name} {path}\n" for mode, name, path in installed))


def _installed(definition: StartupScript, cloud: Cloud) -> list[tuple[int, str, str]]:
    """List (mode, record, path) of what is put in place on the VM beside the state folder."""
    units = "/etc/systemd/system"
    installed = [
        (755, "command", "/usr/local/sbin/evenboot"),
        (644, "evenboot.service", f"{units}/evenboot.service"),
        (644, "wants.conf", f"{units}/multi-user.target.d/evenboot.conf"),
        *((644, "agent.conf", f"{units}/{unit}.service.d/evenboot.conf") for unit in CLOUDS[cloud].AGENT_UNITS),
    ]
    if definition.shutdown:
        installed.append((644, "evenboot-shutdown.service", f"{units}/evenboot-shutdown.service"))
        if _services(definition):
            installed.append((644, SERVICES, f"{units}/evenboot-shutdown.service.d/evenboot.conf"))
    return installed


def _services(definition: StartupScript) -> str:
    """Return what keeps the definition's services up while its shutdown steps run; "" if it has none.

    Those that belong to multi-user.target are up then anyhow, but who knows what an [Install] section says.
    """
    steps = [*definition.first_boot, *definition.every_boot]
    names = [step.unit if isinstance(step, Unit) else step.service for step in steps if isinstance(step, (Unit, Service))]
    units = map(unit_of, names)
    after = " ".join(dict.fromkeys(unit for unit in units if "@." not in unit))
    return f"[Unit]\nAfter={after}\n" if after else ""


def _fields(step: Step) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of what the runner's part for this kind of step reads: short fields a line each, then texts."""
    match step:
        case Shell():
            yield "fields", _lines(step.user or "", step.cwd or "/")
            yield "script", step.script
            if step.unless is not None:
                yield "unless", step.unless
        case File():
            yield "fields", _lines(step.path, _mode(step.mode), step.owner, step.group)
            yield "content", step.content
        case Directory():
            yield "fields", _lines(step.path, _mode(step.mode), step.owner, step.group)
        case Packages():
            yield "fields", _lines(" ".join(step.names))
        case User():
            yield "fields", _lines(step.login, " ".join(step.groups), step.shell, "yes" if step.system else "")
            if step.ssh_keys:
                yield "ssh_keys", _lines(*step.ssh_keys)
        case Unit():
            yield "fields", _lines(f"/etc/systemd/system/{step.unit}", _yes(step.enable), _yes(step.start))
            yield "content", step.content
        case Service():
            yield "fields", _lines(step.service, _yes(step.enable), _yes(step.start))
            if step.restart_on:
                yield "restart_on", _lines(*map(key, names_of(step.restart_on)))
        case Download():
            mode = _mode(step.mode)
            yield "fields", _lines(step.url, step.path, step.sha256, mode, step.owner, step.group)
        case Reboot():
            if step.unless is not None:
                yield "unless", step.unless
        case _:
            assert_never(step)
    if isinstance(step, (Shell, File)) and step.uses:
        yield "uses", _lines(*step.uses)


def _quoted(text: str) -> str:
    """Write a text as JSON, in which the runner writes the status; the mark of a result line stands in no such text."""
    return json.dumps(text, ensure_ascii=False).replace("evenboot: result", "\\u0065venboot: result")


def _lines(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


def _mode(mode: int) -> str:
    return format(mode, "o")


def _yes(wanted: bool) -> str:
    return "yes" if wanted else "no"


def _contributors(definition: StartupScript, records: list[tuple[str, str]]) -> list[tuple[str, int]]:
    sizes: dict[str, int] = {}
    steps = {step.name for _, _, step in definition.steps()}
    for name, text in records:
        if name:
            label = f"step '{name}'" if name in steps else name
            sizes[label] = sizes.get(label, 0) + len(text.encode())
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
