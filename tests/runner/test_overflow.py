"""A script that is an object in the cloud's store, and a slot with what fetches it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from startup import Shell, StartupScript
from startup.checked import check
from startup.overflow import both_forms
from startup.testing.machine import Machine, need_accounts

Make = Callable[[str], Machine]
URL = "https://objects.example/web/"
MODES = "stat -c '%a %n' /run/evenboot /run/evenboot/answer >>/modes 2>/dev/null"
CLOUDS = pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])


def definition(text: str = "one") -> StartupScript:
    """One step at the first boot, one at each boot; both note in /done that they ran."""
    return StartupScript(
        "large",
        first_boot=[Shell("once", script=f"echo once {text} >>/done")],
        every_boot=[Shell("always", script="echo always >>/done")],
    )


def put(machine: Machine, what: StartupScript) -> str:
    """Store a definition's script, fill the slot with its bootstrap, and return the object's name."""
    stored = both_forms(check(what, {}), machine.cloud)[1]
    objects = machine.sees / "objects"
    objects.mkdir(exist_ok=True)
    (objects / stored.sha256).write_text(stored.text)
    machine.edit(stored.bootstrap(URL + stored.sha256, "eu-central-1").content)
    return stored.sha256


def fetched(machine: Machine) -> list[str]:
    """Return the addresses of objects that were asked for so far."""
    return [line for line in machine.lines("/objects/requests") if line.startswith(URL)]


@CLOUDS
def test_first_boot_and_later_boots(machine_of: Make, cloud: str) -> None:
    """The object is fetched once, at the first boot; later boots need neither store nor network for it."""
    machine = machine_of(cloud)
    name = put(machine, definition())

    first = machine.boot()
    (machine.sees / "objects" / name).unlink()
    later = machine.boot()
    machine.service = "refuse"
    machine.publish()
    machine.hurry()
    offline = machine.boot()

    assert [URL + name] == fetched(machine)
    assert [("ok", "first", "cloud"), ("ok", "later", "cloud"), ("ok", "later", "cached")] == [
        (status["result"], status["boot"], status["source"]) for status in (first, later, offline)
    ]
    assert ["once one", "always", "always", "always"] == machine.lines()


@CLOUDS
def test_a_changed_object(machine_of: Make, cloud: str) -> None:
    """L6: another definition is another object, fetched by the runner in force; exactly the changed step is due."""
    machine = machine_of(cloud)
    put(machine, definition())
    machine.boot()

    put(machine, definition("two"))
    status = machine.boot()

    assert ("ok", "later", "cloud") == (status["result"], status["boot"], status["source"])
    assert ["once one", "always", "once two", "always"] == machine.lines()


def test_large_and_small_in_turn(machine: Machine) -> None:
    """A definition that fits the slot again stands there as ever, and back."""
    machine.boot(definition())
    put(machine, definition("two"))
    assert "ok" == machine.boot()["result"]
    machine.edit(definition("three"))
    assert "ok" == machine.boot()["result"]

    assert ["once one", "always", "once two", "always", "once three", "always"] == machine.lines()


def test_an_object_that_is_another(machine: Machine) -> None:
    """L11: an object with another content is refused: the last good definition goes on, and the result is failed."""
    put(machine, definition())
    machine.boot()
    name = put(machine, definition("two"))
    (machine.sees / "objects" / name).write_text("#!/bin/sh\necho taken over >>/done\n")

    status = machine.boot()

    assert ("failed", "cached") == (status["result"], status["source"])
    assert f"{URL}{name}: not the SHA-256 {name}; the last definition is used" == status["message"]
    assert ["once one", "always", "always"] == machine.lines()


def test_an_object_that_is_gone(machine: Machine) -> None:
    """L11: a changed slot whose object cannot be fetched is a failure that says why; the last good definition goes on."""
    put(machine, definition())
    machine.boot()
    name = put(machine, definition("two"))
    (machine.sees / "objects" / "refuses").write_text("403")
    machine.hurry()

    status = machine.boot()

    assert ("failed", "cached") == (status["result"], status["source"])
    why = f"{URL}{name}: curl: (22) The requested URL returned error: 403; the last definition is used"
    assert why == status["message"]
    assert ["once one", "always", "always"] == machine.lines()


def test_an_object_for_which_there_is_no_room(machine: Machine) -> None:
    """L11: a disk too full for the object leaves the last good definition in force."""
    machine.enter("mount -t tmpfs -o size=1m tmpfs /var; mkdir /var/log").check_returncode()
    put(machine, definition())
    machine.boot()
    put(machine, definition("two"))
    # There is room for the bootstrap and what lies beside it.
    machine.run("head -c 1M /dev/zero >/var/filler; truncate -s -24576 /var/filler")

    status = machine.boot()

    assert ("failed", "cached") == (status["result"], status["source"])
    assert "cannot write to /var/lib/evenboot; the last definition is used" == status["message"]
    assert ["once one", "always", "always"] == machine.lines()


def test_a_right_that_takes_its_time(machine: Machine) -> None:
    """The first boot tries again until the identity may read the object."""
    name = put(machine, definition())
    (machine.sees / "objects" / "refuses").write_text("403")
    machine.hurry()
    sleep = machine.sees / "usr/local/bin/sleep"
    sleep.write_text(sleep.read_text() + '[ "$(grep -c "^https" /objects/requests)" -lt 3 ] || rm -f /objects/refuses\n')

    assert "ok" == machine.boot()["result"]
    assert [URL + name] * 4 == fetched(machine)


@CLOUDS
def test_a_first_boot_without_the_object(machine_of: Make, cloud: str) -> None:
    """L12: without the object there is one result line on the console, which says what could not be fetched and why."""
    machine = machine_of(cloud)
    name = put(machine, definition())
    (machine.sees / "objects" / "refuses").write_text('403\t"\x01')  # what would not be JSON is left out
    machine.hurry()
    machine.power_on()
    machine.agent()

    [result] = machine.results()
    assert f"{URL}{name}: curl: (22) The requested URL returned error: 403" == result["message"]
    assert ("failed", "first", None, []) == (result["result"], result["boot"], result["fingerprint"], result["steps"])
    assert machine.boot_id == result["boot_id"]
    assert [] == machine.lines()


def test_the_lines_have_one_shape(machine: Machine) -> None:
    """The bootstrap's result has the very fields of the runner's, in their order."""
    put(machine, definition())
    (machine.sees / "objects" / "refuses").write_text("404")
    machine.hurry()
    machine.power_on()
    machine.agent()
    (machine.sees / "objects" / "refuses").unlink()
    machine.boot()

    bootstrap, runner = machine.results()
    assert list(runner) == list(bootstrap)


@CLOUDS
def test_no_secret_is_seen(machine_of: Make, cloud: str) -> None:
    """L14: keys and tokens are in no argument of a process, and in no file afterwards."""
    machine = machine_of(cloud)
    put(machine, definition())
    assert "ok" == machine.boot()["result"]

    assert "the-token" in machine.read("/objects/secrets")
    assert not {"the-token", "the/secret+key", "imds"} & set(machine.read("/objects/arguments").split())
    assert "" == machine.run("grep -rlsE 'the-token|the/secret.key' /run /var /tmp").stdout


@CLOUDS
def test_nobody_else_reads_the_answers(machine_of: Make, cloud: str) -> None:
    """L14: while a script is fetched, and after it, nobody but root can look at what the services answer."""
    machine = machine_of(cloud)
    store = machine.read("/usr/local/bin/object-store")
    machine.write("/usr/local/bin/object-store", store.replace("secret=$(cat)", f"secret=$(cat)\n{MODES}", 1), 0o755)
    for text in ("one", "two"):
        put(machine, definition(text))
        assert "ok" == machine.boot()["result"]
        machine.run(MODES)

    assert {"700 /run/evenboot", "600 /run/evenboot/answer"} == set(machine.lines("/modes"))


def test_step_of_another_user(machine: Machine) -> None:
    """A step with a `user` can be read by that user also where the script came out of a store."""
    step = Shell("once", script="id -un >/tmp/who", user="nobody")
    what = StartupScript("large", first_boot=[step])
    need_accounts(what)
    put(machine, what)

    assert "ok" == machine.boot()["result"]
    assert "nobody\n" == machine.read("/tmp/who")
    assert 0o755 == (machine.sees / "var/lib/evenboot").stat().st_mode & 0o777


def test_a_damaged_bootstrap(machine: Machine) -> None:
    """L11: a bootstrap that was damaged on its way is refused as any payload is."""
    put(machine, definition())
    machine.boot()
    put(machine, definition("two"))
    assert machine.payload is not None
    machine.edit(machine.payload.replace(b"objects.example", b"objects.exomple"))

    status = machine.boot()

    assert ("failed", "the payload in the slot is damaged; the last definition is used") == (
        status["result"],
        status["message"],
    )
