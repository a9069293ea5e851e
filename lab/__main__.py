"""The command for the local cloud: `python -m lab`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import LabError, LabUsageError

if TYPE_CHECKING:
    from .laboratory import Lab

# What a machine may need to shut down, boot and obey; a result that takes longer is seen with `status` later.
RESULT_SECONDS = 300


def say(text: str) -> None:
    """Tell the user what is going on, apart from a command's own output."""
    print(text, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m lab",
        description="The local cloud: boots the program's VMs on this computer, as their clouds would.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, job: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(job=job)
        return sub

    up_parser = add("up", up, "deploy the program here: make, change or replace its VMs, and show what each did")
    up_parser.add_argument("--stack", default="local", help="the stack of the program (default: local)")
    up_parser.add_argument(
        "--project", type=Path, default=Path.cwd(), help="folder of Pulumi.yaml (default: the current folder)"
    )
    add("status", status, "show the machines, and what is left of killed commands")
    named = (
        ("reboot", reboot, "let a machine shut down in order and boot again; shows what it did"),
        ("stop", stop, "press a machine's power button, and wait until it is off"),
        ("start", start, "switch a machine on; shows what it did"),
        ("console", console, "print a machine's serial console, of all its boots"),
    )
    for name, job, text in named:
        add(name, job, text).add_argument("name", metavar="NAME", help="the machine's name, as `status` shows it")
    inside = add(
        "exec", execute, "run a command in a machine as root, and end with its exit code; without one, a shell"
    )
    inside.add_argument("name", metavar="NAME", help="the machine's name")
    inside.add_argument("argv", metavar="-- CMD", nargs=argparse.REMAINDER, help="the command and its arguments")
    around = add("run", run, "run a command of this computer with the local cloud in the place of the real ones")
    around.add_argument("argv", metavar="-- CMD", nargs=argparse.REMAINDER, help="the command and its arguments")
    remove = add("down", down, "remove all machines and networks; images and packages stay")
    remove.add_argument("--images", action="store_true", help="remove images and packages too")
    add("check", check, "say what this computer lacks to boot machines; ends with 1 if there is something")
    add("install", install, "install the system packages that are missing (Debian and Ubuntu, as root)")
    return top


def _lab() -> Lab:
    """Return the user's lab, closed to other users of this computer."""
    from .laboratory import Lab

    lab = Lab()
    lab.close()
    return lab


def up(options: argparse.Namespace) -> int:
    """Deploy the program."""
    from . import engine

    lab = _lab()
    lab.check()
    return engine.up(lab, options.project.resolve(), stack=options.stack)


def status(options: argparse.Namespace) -> int:
    """Show the machines."""
    from .overview import print_status

    print_status(_lab())
    return 0


def _boot(name: str, act: Callable[[Any], None], doing: str, what: str) -> int:
    """Let a machine boot, wait for its result and show it."""
    from . import report
    from .errors import LabTimeout

    lab = _lab()
    machine = lab.machine(name)
    with lab.commanding(f"{what} {name}", waiting=say):
        before, payload = len(machine.results()), machine.payload
        say(f"{name}: {doing}")
        act(machine)
        if not payload:
            say(f"{name}: it has no startup script; booted after {machine.wait_ready():.1f} s")
            return 0
        say(f"{name}: boot {machine.boots}, waiting for the result of its startup script")
        try:
            results = {name: machine.wait_result(before, RESULT_SECONDS)}
        except LabTimeout:
            say(f"{name}: no result after {RESULT_SECONDS} s; it goes on: python -m lab console {name}")
            return 1
    report.table(results)
    return int(report.failed(results))


def reboot(options: argparse.Namespace) -> int:
    """Reboot a machine."""
    return _boot(options.name, lambda machine: machine.reboot(), "shutting down in order", "reboot")


def start(options: argparse.Namespace) -> int:
    """Switch a machine on."""
    if _lab().machine(options.name).state == "running":
        say(f"{options.name}: it runs already")
        return 0
    return _boot(options.name, lambda machine: machine.start(), "switching on", "start")


def stop(options: argparse.Namespace) -> int:
    """Switch a machine off."""
    lab = _lab()
    machine = lab.machine(options.name)
    with lab.commanding(f"stop {options.name}", waiting=say):
        say(f"{options.name}: shutting down in order")
        machine.stop()
    say(f"{options.name}: off")
    return 0


def console(options: argparse.Namespace) -> int:
    """Print a machine's serial console."""
    sys.stdout.write(_lab().machine(options.name).console())
    return 0


def execute(options: argparse.Namespace) -> int:
    """Run a command in a machine."""
    return _lab().machine(options.name).exec_interactive(_argv(options) or ["/bin/bash", "-l"])


def run(options: argparse.Namespace) -> int:
    """Run a command to which the local cloud is the cloud."""
    from . import engine

    argv = _argv(options)
    if not argv:
        raise LabUsageError("name the command to run: python -m lab run -- python -m components status --stack local")
    return engine.run(_lab(), argv)


def _argv(options: argparse.Namespace) -> list[str]:
    return options.argv[1:] if options.argv[:1] == ["--"] else options.argv


def down(options: argparse.Namespace) -> int:
    """Remove everything."""
    from . import engine

    lab = _lab()
    with lab.commanding("down", waiting=say, healing=False):
        names = [machine.name for machine in lab.machines()]
        lab.down(progress=say)
        engine.forget(lab)
    if options.images:
        from . import image

        image.remove_all()
        say("removed the images and packages")
    say(f"removed {', '.join(names)}" if names else "there were no machines")
    return 0


def check(options: argparse.Namespace) -> int:
    """Say whether machines can boot here."""
    from .laboratory import Lab

    Lab().check()
    say("machines can boot here")
    return 0


def install(options: argparse.Namespace) -> int:
    """Install missing system packages."""
    from .host import install_missing

    installed = install_missing(say)
    say(f"installed {', '.join(installed)}" if installed else "nothing is missing")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 1 for what went wrong, 2 for wrong use."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.job(options)
        sys.stdout.flush()
        return code
    except LabError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted; python -m lab status shows what there is")
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: what is half made goes
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
