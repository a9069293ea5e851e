"""Definitions whose steps show what reached the machine, and the comparison with what was given."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from startup import Directory, Download, File, Packages, Reboot, Service, Shell, StartupScript, Step, Unit, User
from startup.definition import LIST_NAMES
from startup.delivery import Cloud
from startup.problems import StartupScriptError
from startup.rendering import render
from startup.rules import unit_of
from startup.testing.machine import Machine

from ..generated import Given

ACCOUNTS = ("passwd", "group", "shadow")
APT = """#!/bin/sh
printf '%s\\n' "$*" >>/got/apt
"""


@dataclass
class Played:
    """A definition as it is played: with probes in its steps, the number of each probe before its step."""

    name: str
    steps: dict[str, list[tuple[int, Step]]] = field(default_factory=lambda: {name: [] for name in LIST_NAMES})
    values: dict[str, str] = field(default_factory=dict[str, str])
    names: set[str] = field(default_factory=set[str])

    def takes(self, given: Given) -> bool:
        """Whether another definition has no name and no value in common with this one."""
        return not self.names & step_names(given) and not self.values.keys() & given.values.keys()

    def and_(self, given: Given) -> Played:
        """This and the steps of another definition, in the same boot."""
        both = Played(self.name, {name: [*steps] for name, steps in self.steps.items()}, {**self.values}, {*self.names})
        for list_name, _, step in given.definition.steps():
            number = len(both.names)
            both.steps[list_name].append((number, probe(step, number)))
            both.names.add(step.name)
        both.values |= given.values
        return both

    def fits(self, cloud: Cloud) -> bool:
        """Whether the slot of a cloud holds it; a definition that validates is refused for no other reason."""
        try:
            render(self.definition(), self.values, cloud)
        except StartupScriptError as error:
            assert [problem.path for problem in error.problems] == [f"payload for {cloud}"], error
            return False
        return True

    def definition(self) -> StartupScript:
        """The definition for the machine."""
        return StartupScript(self.name, **{name: [step for _, step in steps] for name, steps in self.steps.items()})

    def numbered(self) -> list[tuple[int, Step]]:
        """All steps with their numbers, in the order of running."""
        return [entry for steps in self.steps.values() for entry in steps]


def step_names(given: Given) -> set[str]:
    """The names of a definition's steps."""
    return {step.name for _, _, step in given.definition.steps()}


def together(many: Sequence[Given], cloud: Cloud) -> list[Played]:
    """Put definitions that do not get into each other's way into as few as possible; one that no slot holds is left out."""
    played: list[Played] = []
    for given in many:
        for number, one in enumerate(played):
            if one.takes(given) and (both := one.and_(given)).fits(cloud):
                played[number] = both
                break
        else:
            alone = Played(given.definition.name).and_(given)
            played += [alone] if alone.fits(cloud) else []
    return played


def probe(step: Step, number: int) -> Step:
    """Let a step leave its traces in folders of its own; its name stays, since others name it."""
    match step:
        case Shell():
            script = (
                f'cp -f "$0" /proc/$$/environ /got/{number}; pwd >/got/{number}/pwd; echo said {number}; exit\n{step.script}'
            )
            unless = None if step.unless is None else f'cp -f "$0" /got/{number}/unless; exit 1\n{step.unless}'
            return replace(step, script=script, unless=unless, cwd=step.cwd and f"/f/{number}{step.cwd}")
        case File() | Directory():
            return replace(step, path=f"/f/{number}{step.path}", name=str(step.name))
        case Download():
            checksum = hashlib.sha256(step.name.encode()).hexdigest()
            return replace(step, url=f"{step.url}/{number}", path=f"/f/{number}{step.path}", sha256=checksum, name=str(step.name))
        case User():
            return replace(step, login=f"u{number}{step.login}", name=str(step.name))
        case Unit():
            return replace(step, unit=f"u{number}{step.unit}", name=str(step.name))
        case Service():
            return replace(step, service=f"s{number}{step.service}", name=str(step.name))
        case Packages() | Reboot():
            return step


def prepare(machine: Machine) -> None:
    """Give the machine what the steps of all kinds need."""
    for name, text in (("apt-get", APT), ("dpkg-query", "#!/bin/sh\nexit 1\n")):
        (machine.sees / "usr/local/bin" / name).write_text(text)
        (machine.sees / "usr/local/bin" / name).chmod(0o755)
    for name in ACCOUNTS:
        shutil.copy(machine.sees / "etc" / name, machine.sees / "etc" / f"{name}.first")


def clear(machine: Machine, played: Played) -> None:
    """Take away what the last definition left, and put in place what the next one finds."""
    for name in ("f", "got", "stand-ins/served", "home", "etc/known", "etc/enabled"):
        shutil.rmtree(machine.sees / name, ignore_errors=True)
        (machine.sees / name).mkdir()
    for name in ("metadata/requests", "dev/console", "var/log/evenboot.log"):
        (machine.sees / name).unlink(missing_ok=True)
    for name in ACCOUNTS:
        shutil.copy(machine.sees / "etc" / f"{name}.first", machine.sees / "etc" / name)
    for unit in (machine.sees / "etc/systemd/system").glob("u[0-9]*"):
        unit.unlink()
    for number, step in played.numbered():
        match step:
            case Shell():
                for folder in (f"got/{number}", f"got/{number}/unless"):
                    (machine.sees / folder).mkdir()
                    (machine.sees / folder).chmod(0o777)  # for a step of somebody else
                (machine.sees / (step.cwd or "/").lstrip("/")).mkdir(parents=True, exist_ok=True)
            case Download():
                machine.serve(step.url, step.name.encode())
            case Service():
                (machine.sees / "etc/known" / unit_of(step.service)).write_text("")
            case _:
                pass


def play(machine: Machine, played: Played, chosen: int) -> Iterator[str]:
    """Boot with a definition, and yield what is not as it was given; one of the steps is also run again by its name."""
    clear(machine, played)
    machine.clone()
    status = machine.boot(played.definition(), played.values)
    if played.steps["shutdown"]:
        machine.evenboot("do_shutdown")
    given = [(step.name, name) for name in LIST_NAMES[:2] for _, step in played.steps[name]]
    yield from differ("result", ("ok", None), (status["result"], status["message"]))
    yield from differ("definition", played.name, status["definition"])
    yield from differ("steps", given, [(step["name"], step["list"]) for step in status["steps"]])
    for number, step in played.numbered():
        for what, expected, found in traces(machine, number, step, played.values):
            yield from differ(f"{what} of {step!r}", expected, found)
    if (machine.sees / "pwned").exists():
        yield "/pwned is there: some text was run"
    yield from called(machine, played, chosen)


def differ(what: str, expected: object, found: object) -> Iterator[str]:
    """Yield a line if there is a difference."""
    if expected != found:
        yield f"{what}: expected {expected!r}, found {found!r}"


def called(machine: Machine, played: Played, chosen: int) -> Iterator[str]:
    """Call the command with the name of one step."""
    spoken = [(number, step) for name in LIST_NAMES for number, step in played.steps[name] if isinstance(step, Shell)]
    if spoken:
        number, step = spoken[chosen % len(spoken)]
        yield from differ(f"log of {step.name!r}", f"said {number}\n", machine.evenboot("log", step.name).stdout)
    once = [step for _, step in played.steps["first_boot"]]
    if once and chosen % 4 == 0:
        again = once[chosen % len(once)].name
        answer = machine.run(f"evenboot rerun {shlex.quote(again)}; evenboot status --json").stdout.splitlines()[-1]
        ran = [step["name"] for step in json.loads(answer)["steps"] if step["outcome"] != "skipped"]
        yield from differ(f"rerun of {again!r}", [again], ran)


Trace = tuple[str, object, object]


def traces(machine: Machine, number: int, step: Step, values: Mapping[str, str]) -> Iterator[Trace]:
    """Yield (what, as given, as found) for all that a step leaves behind."""
    match step:
        case Shell():
            yield from traces_of_shell(machine.sees / f"got/{number}", step, values)
        case File():
            yield from placed(machine, step, content_of(step, values).encode())
        case Directory():
            yield from placed(machine, step, None)
        case Download():
            yield from placed(machine, step, step.name.encode())
            yield (
                "request",
                True,
                f"GET {step.url}" in (machine.sees / "metadata/requests").read_bytes().decode().split("\n"),
            )
        case Unit():
            unit = machine.sees / "etc/systemd/system" / step.unit
            yield "content", step.content.encode(), read(unit)
            yield from running(machine, step, step.unit)
        case Service():
            yield from running(machine, step, unit_of(step.service))
        case Packages():
            calls = machine.read("/got/apt").splitlines()
            yield "install", True, any(call.endswith(f" install {' '.join(step.names)}") for call in calls)
        case User():
            yield from traces_of_user(machine, step)
        case Reboot():
            pass


def traces_of_shell(got: Path, step: Shell, values: Mapping[str, str]) -> Iterator[Trace]:
    texts = [read(path) for path in got.iterdir() if path.name not in ("environ", "pwd", "unless")]
    yield "script", [step.script.encode()], texts
    yield (
        "unless",
        [] if step.unless is None else [step.unless.encode()],
        [read(path) for path in (got / "unless").iterdir()],
    )
    yield "user", step.user or "root", got.joinpath("pwd").owner()
    yield "cwd", f"{step.cwd or '/'}\n".encode(), read(got / "pwd")
    entries = [entry.partition(b"=") for entry in (read(got / "environ") or b"").split(b"\0")]
    seen = {name: value for name, _, value in entries}
    used = {name: values[name].encode() for name in step.uses}
    yield "values", used, {name: seen[name.encode()] for name in values if name.encode() in seen}


def traces_of_user(machine: Machine, step: User) -> Iterator[Trace]:
    accounts = {line.split(":")[0]: line for line in machine.read("/etc/passwd").split("\n")}
    yield "shell", f"/home/{step.login}:{step.shell}", ":".join(accounts.get(step.login, "").split(":")[5:])
    groups = machine.run(f"id -nG {step.login}").stdout.split()
    yield "groups", {step.login, *step.groups}, set(groups)
    block = ["# evenboot: begin", *step.ssh_keys, "# evenboot: end", ""]
    keys = machine.sees / f"home/{step.login}/.ssh/authorized_keys"
    yield "keys", "\n".join(block).encode() if step.ssh_keys else None, read(keys)


def content_of(step: File, values: Mapping[str, str]) -> str:
    """What the file holds: each used value in its place, never looked into."""
    return re.sub(r"\$\{([A-Z0-9_]+)\}", lambda found: values[found[1]] if found[1] in step.uses else found[0], step.content)


def placed(machine: Machine, step: File | Directory | Download, content: bytes | None) -> Iterator[Trace]:
    path = machine.sees / step.path.lstrip("/")
    yield "content", content, read(path)
    yield "mode", step.mode, path.stat().st_mode & 0o7777 if path.exists() else None
    yield "owner", (step.owner, step.group), (path.owner(), path.group()) if path.exists() else None
    yield "neighbours", [path.name], [neighbour.name for neighbour in path.parent.iterdir()] if path.exists() else None


def running(machine: Machine, step: Unit | Service, unit: str) -> Iterator[Trace]:
    yield "enable", step.enable, (machine.sees / "etc/enabled" / unit).exists()
    yield "start", step.start, (machine.sees / "run/systemctl" / f"{unit}.active").exists()


def read(path: Path) -> bytes | None:
    """The bytes of a file, None if there is none."""
    return path.read_bytes() if path.is_file() else None
