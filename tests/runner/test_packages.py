"""Packages steps on Debian, by the real apt and dpkg with an archive of their own."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from startup import Packages, Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.status import outcomes

from . import debian_archive

REASON = debian_archive.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

Offer = Callable[..., None]


@pytest.fixture
def offer(machine: Machine, tmp_path: Path) -> Offer:
    """Put a package into the archive of the machine."""
    debian_archive.set_up(machine)

    def put(name: str, version: str = "1.0", **scripts: str) -> None:
        debian_archive.offer(machine, tmp_path / "packages", name, version, **scripts)

    return put


def packages(*names: str) -> Packages:
    return Packages(list(names))


def every(*steps: Packages) -> StartupScript:
    return StartupScript("site", every_boot=steps)


def calls(machine: Machine, word: str) -> list[str]:
    return [line for line in machine.lines("/calls") if word in line.split()]


@contextmanager
def locked(machine: Machine, path: str, seconds: float) -> Iterator[None]:
    """Hold a lock of apt or dpkg, as another program would, for some seconds."""
    file = (machine.sees / path).open("a")
    fcntl.lockf(file, fcntl.LOCK_EX)
    timer = threading.Timer(seconds, file.close)
    timer.start()
    yield
    timer.join()


def test_installed_in_one_transaction(machine: Machine, offer: Offer) -> None:
    """All packages of a step are installed by one call, after one refresh of the lists."""
    offer("one")
    offer("two")
    status = machine.boot(every(packages("one", "two")))
    assert status["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert (machine.read("/opt/one"), machine.read("/opt/two")) == ("1.0\n", "1.0\n")
    assert (len(calls(machine, "update")), len(calls(machine, "install"))) == (1, 1)


def test_nothing_to_do(machine: Machine, offer: Offer) -> None:
    """When all are installed, also a held one, apt is not asked."""
    offer("one")
    offer("two")
    machine.boot(every(packages("one", "two=1.0")))
    machine.run("echo one hold | dpkg --set-selections; rm /calls").check_returncode()
    assert machine.boot()["result"] == "ok"
    assert [line for line in machine.lines("/calls") if line.startswith("apt-get")] == []


def test_lists_are_refreshed_once(machine: Machine, offer: Offer) -> None:
    """Several steps of an apply share one refresh; the next apply that installs has its own."""
    for name in ("one", "two", "three"):
        offer(name)
    first, second = packages("one"), packages("two")
    machine.boot(every(first, second))
    assert len(calls(machine, "update")) == 1
    machine.edit(every(first, second, packages("three")))
    assert machine.evenboot("apply").returncode == 0
    assert len(calls(machine, "update")) == 2


def test_version(machine: Machine, offer: Offer) -> None:
    """`name=version` installs that one, also when another is installed, and is satisfied with it."""
    offer("one", "1.0")
    offer("one", "2.0")
    for wanted, version in (
        ("one", "2.0"),
        ("one=1.0", "1.0"),
        ("one=2.*", "2.0"),
        ("one=1.*", "1.0"),
        ("one=2.0", "2.0"),
    ):
        status = machine.boot(every(packages(wanted)))
        assert (status["result"], machine.read("/opt/one")) == ("ok", version + "\n"), machine.read(
            "/var/log/evenboot.log"
        )
        machine.run("rm /calls")
        machine.boot()
        assert calls(machine, "install") == []


def test_unknown_package(machine: Machine, offer: Offer) -> None:
    """L4: a package that does not exist fails the step, and none of the others is installed."""
    offer("one")
    status = machine.boot(every(packages("one", "ghost")))
    assert (status["failed_step"], status["exit_code"]) == ("packages one", 100)
    assert any("ghost" in line for line in status["output"])
    assert machine.read("/opt/one") == ""


def test_archive_that_does_not_answer(machine: Machine, offer: Offer) -> None:
    """A refresh that failed fails the step, and counts as none: the next try has its own."""
    offer("one")
    machine.run("mv /archive /away")
    machine.boot(every(packages("one")))
    assert machine.status()["failed_step"] == "packages one"
    machine.run("mv /away /archive")
    assert machine.evenboot("apply").returncode == 0
    assert machine.read("/opt/one") == "1.0\n"


@pytest.mark.parametrize("lock", ["lib/apt/lists/lock", "cache/apt/archives/lock", "lib/dpkg/lock-frontend"])
def test_waits_for_locks(machine: Machine, offer: Offer, lock: str) -> None:
    """Another program that refreshes lists or installs is waited for."""
    offer("one")
    with locked(machine, f"var/{lock}", 4):
        status = machine.boot(every(packages("one")))
    assert status["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert status["steps"][0]["seconds"] >= 2
    assert machine.read("/opt/one") == "1.0\n"


def test_package_that_tells_of_a_lock(machine: Machine, offer: Offer) -> None:
    """What a package's own script says of locks is no reason to try again."""
    offer("one", postinst="#!/bin/sh\necho 'E: Could not get lock /x' >&2\nexit 1\n")
    machine.hurry()
    status = machine.boot(every(packages("one")))

    assert ("packages one", 100) == (status["failed_step"], status["exit_code"])
    assert 1 == len(calls(machine, "install"))


POWER_CUT = "#!/bin/sh\n[ ! -e /cut ] || exit 0\n: >/cut\nkill -9 -1\n"


def test_half_installed_package(machine: Machine, offer: Offer) -> None:
    """L5: an installation that was killed in its middle is completed by the next boot."""
    offer("one", postinst=POWER_CUT)
    offer("two")
    machine.edit(every(packages("one", "two")))
    machine.power_on()
    machine.agent()
    assert "ii ii" not in machine.run("dpkg-query -W -f '${db:Status-Abbrev}' one two").stdout
    assert machine.boot()["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert machine.run("dpkg-query -W -f '${db:Status-Abbrev}' one two").stdout == "ii ii "


def test_interrupted_dpkg(machine: Machine, offer: Offer) -> None:
    """A dpkg that a power cut caught while it wrote its records is mended."""
    offer("one")
    offer("two")
    machine.boot(every(packages("one")))
    machine.run(
        "cp /var/lib/dpkg/status /var/lib/dpkg/updates/0001; sed -i 's/ok installed/ok unpacked/' /var/lib/dpkg/updates/0001"
    )
    assert "dpkg was interrupted" in machine.run("apt-get -y install two").stderr
    assert machine.boot(every(packages("one", "two")))["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert machine.run("dpkg-query -W -f '${db:Status-Abbrev}' one two").stdout == "ii ii "


def test_asks_nothing(machine: Machine, offer: Offer) -> None:
    """A changed configuration file is kept without a question, and no program may ask one."""
    asks = '#!/bin/sh\necho "$DEBIAN_FRONTEND" >/frontend\nread -r answer && exit 1\nexit 0\n'
    offer("one", "1.0", conffiles="/opt/one\n")
    machine.boot(every(packages("one")))
    (machine.sees / "opt/one").write_text("mine\n")
    offer("one", "2.0", conffiles="/opt/one\n", postinst=asks)
    status = machine.boot(every(packages("one=2.0")))
    assert status["result"] == "ok", machine.read("/var/log/evenboot.log")
    assert (machine.read("/opt/one"), machine.read("/frontend")) == ("mine\n", "noninteractive\n")


def test_no_manager(machine: Machine) -> None:
    """A machine without any package manager says so."""
    (machine.sees / "usr/local/bin/apt-get").unlink()
    machine.run(
        "for name in apt-get dnf zypper; do [ ! -e /usr/bin/$name ] || mount --bind /dev/null /usr/bin/$name; done"
    )
    status = machine.boot(StartupScript("site", first_boot=[packages("one"), Shell("no", script="id")]))
    assert (status["exit_code"], outcomes(status)) == (69, ["failed packages one", "pending no"])


def test_pattern_that_a_file_matches(machine: Machine, offer: Offer) -> None:
    """A version that ends in a star is for apt, whatever files there are of such a name."""
    offer("one", "1.5")
    machine.write("/one=1.", "")
    machine.write("/one=1.9", "")
    status = machine.boot(every(packages("one=1.*")))

    assert ("ok", "1.5\n") == (status.result, machine.read("/opt/one"))


# As the real one goes on with the lists that it has of a signed archive which cannot be reached.
UNREACHABLE = """#!/bin/sh
echo "apt-get $*" >>/calls
case $* in
*APT::Update::Error-Mode=any*' update') exit 100 ;;
*' update') echo 'W: Some index files failed to download. They have been ignored, or old ones used instead.' && exit ;;
esac
exec /usr/bin/apt-get "$@"
"""


def test_lists_that_are_old(machine: Machine, offer: Offer) -> None:
    """L11: a package is not installed by lists that could not be refreshed: its step fails, though apt would go on with them."""
    offer("one")
    offer("two")
    machine.boot(every(packages("one"))).well("the boot with fresh lists")
    machine.write("/usr/local/bin/apt-get", UNREACHABLE, 0o755)
    status = machine.boot(every(packages("one"), packages("two")))

    assert ("failed", "packages two", 100) == (status.result, status.failed_step, status.exit_code)
    assert not calls(machine, "two")
