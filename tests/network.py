"""The system's own curl in a throw-away root, with servers for it to ask."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from startup.testing.machine import Machine
from startup.testing.root import NAMESPACES

SERVERS = Path(__file__).with_name("servers.py")


@contextmanager
def real_curl(machine: Machine) -> Iterator[None]:
    """Let a machine on Google Cloud ask a metadata service, a store and a proxy over its network, with the system's curl.

    They answer from the files from which the stand-ins answer.
    """
    (machine.sees / "usr/local/bin/curl").unlink()
    if machine.run("command -v curl").returncode:
        pytest.skip("no curl on this computer")
    user = ["--user", "--preserve-credentials"] if "--user" in NAMESPACES else []
    enter = ["nsenter", "-t", str(machine.inside), *user, "--net"]
    command = [*enter, sys.executable, "-I", "-S", str(SERVERS), str(machine.sees)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            assert server.stdout.readline() == b"ready\n"
            yield
        finally:
            server.kill()


def heard(machine: Machine, who: str) -> list[str]:
    """Return the paths for which `metadata`, `store` or `proxy` was asked."""
    return [path for name, path in (line.split(" ", 1) for line in machine.lines("/heard")) if name == who]


def short_limits(machine: Machine) -> None:
    """Let a minute that curl waits take a second: of its limits a sixtieth is left, and the machine's clock takes the minute.

    Without a limit it waits as long as it ever did. The time of `machine.hurry` is the machine's.
    """
    machine.hurry()
    machine.write("/usr/local/bin/curl", SHORT, 0o755)


SHORT = """#!/bin/bash
arguments=() limit=
while [ $# -gt 0 ]; do
    arguments+=("$1")
    case $1 in
    -m | --max-time) limit=$2 && arguments+=("$(awk -v limit="$2" 'BEGIN { print limit / 60 }')") && shift ;;
    esac
    shift
done
/usr/bin/curl "${arguments[@]}"
code=$?
if [ "$code" -eq 28 ]; then
    read -r now _ </uptime
    echo "$((${now%.*} + limit)).00 0.00" >/uptime
fi
exit "$code"
"""
