"""What a boot costs in the runner, against a script written by hand.

Measured as root in a mount namespace of its own, on this computer's disk, with this computer's shell and sync. Stand-ins
are `curl`, which answers at once from a file, and `systemctl` and `loginctl`, which say that the system is up. What the
stand-in of `curl` takes is measured too, and taken off: requests to the metadata service do not count.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from startup import Shell, StartupScript, render

from .figures import Figure, figure, medians

NOTE = (__doc__ or "").partition("\n\n")[2] + (
    "\nA later boot begins with an empty /run. By hand is `bench/by_hand.sh`: a lock, a flag file for each step, a sync after"
    " each body, one synced status file."
)
ROUNDS = 21
BODY = "echo hello >/dev/null\n"
STATE = Path("/var/lib/evenboot")
RUN = Path("/run/evenboot")
STAND_INS = {
    "curl": """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    -o) file=$2 && shift ;;
    */id) answer=/run/evenboot-bench/id ;;
    */startup-script) answer=/run/evenboot-bench/payload ;;
    esac
    shift
done
cat "$answer" >"$file"
printf 200
""",
    "systemctl": "#!/bin/sh\necho running\n",
    "loginctl": "#!/bin/sh\necho PreparingForShutdown=no\n",
}
REQUESTS = "for what in id startup-script; do answer=$(curl -s -o /run/evenboot-bench/answer http://host/$what); done"


def measure() -> list[Figure]:
    """Measure in a namespace that goes away with the process that holds it."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise RuntimeError("it needs root and unshare (util-linux), for a mount namespace of its own")
    # A folder to mount upon must be there outside, too.
    made = not STATE.exists()
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="evenboot-bench-", dir="/var/tmp") as folder:
            command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "bench.runner", folder]
            result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    finally:
        if made:
            STATE.rmdir()
    if result.returncode:
        raise RuntimeError(result.stderr.strip())
    values = dict(line.split("=") for line in result.stdout.split())
    return list(_figures({name: float(value) for name, value in values.items()}))


def _figures(ms: dict[str, float]) -> list[Figure]:
    later, by_hand = ms["later20"] - ms["requests"], ms["later20_by_hand"]
    later200 = ms["later200"] - ms["requests"]
    return [
        figure("a later boot with 20 done first-boot steps", later, "ms", 15),
        figure("the same by hand", by_hand, "ms"),
        figure("ratio", later / by_hand, "times", 4),
        figure("the two requests of that boot, answered by a stand-in (taken off above)", ms["requests"], "ms"),
        figure("a later boot with 200 done first-boot steps", later200, "ms"),
        figure("ratio of 200 to 20", later200 / later, "times", 2),
        figure("a first boot of 20 trivial shell steps, from the agent's call of the payload on", ms["first20"], "ms"),
        figure("the same 20 bodies by hand", ms["first20_by_hand"], "ms"),
        figure("ratio", (ms["first20"] - ms["requests"]) / ms["first20_by_hand"], "times", 2),
    ]


def timed(*argv: str | Path) -> float:
    """Run a program to its end; milliseconds."""
    begin = time.perf_counter()
    result = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    took = (time.perf_counter() - begin) * 1000
    if result.returncode:
        raise RuntimeError(f"{argv} ended with {result.returncode}: {result.stdout}{result.stderr}")
    return took


class Place:
    """The paths that the runner uses, each a folder of the bench in this namespace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in (STATE, Path("/usr/local/sbin"), Path("/usr/local/bin"), Path("/etc/systemd/system"), Path("/var/log")):
            source = folder / path.name
            source.mkdir()
            self.mount("--bind", source, path)
        self.mount("-t", "tmpfs", "tmpfs", "/run")
        (folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        self.mount("--bind", folder / "boot_id", "/proc/sys/kernel/random/boot_id")
        (folder / "console").touch()
        self.mount("--bind", folder / "console", "/dev/console")
        for name, text in STAND_INS.items():
            stand_in = Path("/usr/local/bin", name)
            stand_in.write_text(text)
            stand_in.chmod(0o755)
        os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")

    @staticmethod
    def mount(*argv: str | Path) -> None:
        subprocess.run(["mount", *argv], check=True)

    def define(self, steps: int) -> None:
        """Put a definition of so many trivial steps into the slot, and their bodies where the script by hand finds them."""
        bodies = [f"{BODY}: {number}\n" for number in range(steps)]
        script = StartupScript("bench", first_boot=[Shell(f"step {n}", script=body) for n, body in enumerate(bodies)])
        self.payload = render(script, {}, "gcp").content
        (self.folder / "payload").write_bytes(self.payload)
        self.bodies = self.folder / f"bodies{steps}"
        self.bodies.mkdir(exist_ok=True)
        for number, body in enumerate(bodies):
            (self.bodies / f"{number:03}").write_text(body)

    def power_on(self) -> None:
        """Begin a boot: /run is empty."""
        for path in Path("/run").iterdir():
            shutil.rmtree(path)
        metadata = Path("/run/evenboot-bench")
        metadata.mkdir()
        (metadata / "id").write_text("1234567890\n")
        (metadata / "payload").write_bytes(self.payload)
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")

    def forget(self) -> None:
        """Make it a machine that has never booted."""
        for path in [*STATE.iterdir(), *Path("/etc/systemd/system").iterdir(), *Path("/usr/local/sbin").iterdir()]:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.rmtree(self.folder / "by_hand", ignore_errors=True)
        os.sync()

    def first_boot(self) -> float:
        """The agent runs the payload, which stores itself and starts the unit; the unit runs the steps."""
        self.forget()
        self.power_on()
        return timed("/bin/sh", self.folder / "payload") + self.obey()

    def later_boot(self) -> float:
        """The unit starts by itself."""
        self.power_on()
        return self.obey()

    def obey(self) -> float:
        """What the unit starts."""
        took = timed("/bin/sh", "/usr/local/sbin/evenboot", "obey")
        status = (RUN / "status").read_text()
        assert '"result":"ok"' in status, status
        return took

    def first_by_hand(self) -> float:
        self.forget()
        return self.by_hand()

    def by_hand(self) -> float:
        return timed(Path(__file__).with_name("by_hand.sh"), self.folder / "by_hand", self.bodies)


def inside(folder: Path) -> dict[str, float]:
    """Measure in this namespace; milliseconds of each job."""
    place = Place(folder)
    found: dict[str, float] = {}

    def take(steps: int, prepare: Callable[[], object], **jobs: Callable[[], float]) -> None:
        place.define(steps)
        prepare()
        found.update(zip(jobs, medians(jobs.values(), ROUNDS), strict=True))

    take(20, place.forget, first20=place.first_boot, first20_by_hand=place.first_by_hand)
    take(20, place.first_boot, later20=place.later_boot, later20_by_hand=place.by_hand, requests=requests)
    take(200, place.first_boot, later200=place.later_boot)
    return found


def requests() -> float:
    """What the stand-in of `curl` takes for the two requests of a boot."""
    return timed("sh", "-c", REQUESTS) - timed("sh", "-c", ":")


if __name__ == "__main__":
    for name, value in inside(Path(sys.argv[1])).items():
        print(f"{name}={value}")
