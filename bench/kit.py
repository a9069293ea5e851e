"""What the test kit takes: a first boot in a throw-away root, and the assertions about a definition of ten steps."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from startup import Directory, File, Packages, Service, Shell, StartupScript, Unit
from startup.testing import Machine, assert_idempotent
from startup.testing.kills import survey
from startup.testing.root import why_not

from .figures import Figure, figure, medians

NOTE = """
A definition of ten steps of seven kinds, two of them of every boot. "Any kill" is a kill before each system call that changes the
file system, the runner's own included, each with two ways of going on; points that leave the same files are tried once.
"""
ROUNDS = 3
UNIT = "[Service]\nExecStart=/srv/app/run\n[Install]\nWantedBy=multi-user.target\n"
CONF = File("/etc/nginx/conf.d/app.conf", content="server { listen ${PORT}; }\n", uses=["PORT"])
TEN = StartupScript(
    "ten",
    first_boot=[
        Packages(["nginx"]),
        Directory("/srv/app", mode=0o750),
        CONF,
        File("/srv/app/page", content="a page\n" * 40),
        Shell("data", script="mkdir -p /srv/data\necho one >/srv/data/x.new\nmv /srv/data/x.new /srv/data/x"),
        Unit("app.service", content=UNIT),
        Service("nginx", restart_on=[CONF]),
        Shell("link", script="ln -sfn /srv/data/x /srv/app/x"),
    ],
    every_boot=[Shell("warm", script="rm -rf /srv/app/cache"), File("/srv/greeting", content="hello\n")],
)
VALUES = {"PORT": "8080"}


def measure() -> list[Figure]:
    """Measure a boot and both assertions."""
    if reason := why_not():
        raise RuntimeError(reason)
    boot, idempotent = medians([boot_once, apply_again], ROUNDS)
    begin, busy = time.perf_counter(), processor_seconds()
    found = survey(TEN, VALUES, None, [], "gcp")
    took, busy = time.perf_counter() - begin, processor_seconds() - busy
    return [
        figure("a machine, and its first boot of ten steps", boot, "s"),
        figure("`assert_idempotent`", idempotent, "s"),
        figure(f"`assert_survives_any_kill`, on {os.cpu_count()} processors", took, "s", 20),
        figure("processor time of it, of all processors", busy, "s"),
        figure("kill points in it", found.points, "kills"),
        figure("of those with other files, by way of going on", found.went_on, "applies"),
        figure("violations", len(found.violations), "violations", 0),
    ]


def processor_seconds() -> float:
    """Return how long processors have worked for this process and for those that it waited for."""
    return sum(os.times()[:4])


def apply_again() -> float:
    """Assert that the definition can be applied again; seconds."""
    begin = time.perf_counter()
    assert_idempotent(TEN, values=VALUES)
    return time.perf_counter() - begin


def boot_once() -> float:
    """Make a machine and boot it for the first time; seconds."""
    with tempfile.TemporaryDirectory(prefix="evenboot-bench-") as folder:
        begin = time.perf_counter()
        with Machine(Path(folder)) as machine:
            machine.boot(TEN, VALUES)
        return time.perf_counter() - begin
