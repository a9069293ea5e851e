"""The command on the VM: `evenboot`, its exit codes and what it prints; L12."""

from __future__ import annotations

import json

from startup import Shell, StartupScript, fingerprint
from startup.testing.machine import Machine

from .scenarios import breaks, definition, note

SITE = definition("one", "two")


def test_status(machine: Machine) -> None:
    """L12: the status on the VM and the line on the console say the same, with the names of the contract."""
    machine.hurry()
    status = machine.boot(SITE)

    assert list(status) == [
        "definition", "fingerprint", "instance_id", "boot_id", "boot", "result", "failed_step", "exit_code", "message",
        "output", "source", "started_at", "finished_at", "steps",
    ]  # fmt: skip
    assert ("site", fingerprint(SITE, {}), "i-1") == (status["definition"], status["fingerprint"], status["instance_id"])
    assert machine.boot_id == status["boot_id"]
    assert {"name": "one", "list": "first_boot", "outcome": "ran", "seconds": 0.0} == status["steps"][0]
    assert [status] == machine.results()


def test_status_for_people(machine: Machine) -> None:
    """Without --json the status is a line and one for each step."""
    machine.hurry()
    machine.boot(SITE)
    machine.boot()
    shown = machine.evenboot("status")

    assert "site: ok, later boot\n  skipped  one\n  ran  two (0.0 s)\n" == shown.stdout


NAMES = ['say "hi"', "C:\\new\\\\", 'it\'s \\"', "\\u0065\\n"]


def test_names_for_people(machine: Machine) -> None:
    """The status for people and the lines on the console show names as they are; the status as JSON stays valid JSON."""
    machine.hurry()
    steps = [*(Shell(name, script="true") for name in NAMES), Shell('fails "\\"', script="exit 3", retries=1)]
    shutdown = [Shell('bye "\\"', script="exit 4")]
    status = machine.boot(StartupScript('the "one" \\ site', first_boot=steps, shutdown=shutdown))
    machine.evenboot("do_shutdown")
    *lines, result, bye = machine.console()

    assert machine.evenboot("status").stdout.splitlines() == [
        'the "one" \\ site: failed, first boot: step \'fails "\\"\' failed with exit code 3',
        *(f"  ran  {name} (0.0 s)" for name in NAMES),
        '  failed  fails "\\" (1.0 s)',
    ]
    assert lines == [
        *(f"evenboot: step '{name}' ok (0.0 s)" for name in NAMES),
        "evenboot: step 'fails \"\\\"' failed, exit code 3; again in 1 s",
        "evenboot: step 'fails \"\\\"' failed with exit code 3 (1.0 s)",
    ]
    assert bye == "evenboot: shutdown step 'bye \"\\\"' ended with exit code 4"
    assert json.loads(result.removeprefix("evenboot: result ")) == dict(status)
    assert ('the "one" \\ site', 'fails "\\"') == (status["definition"], status.failed_step)
    assert NAMES == [step["name"] for step in status.steps[:-1]]


def test_status_before_any_apply(machine: Machine) -> None:
    """Before the first apply of a boot there is no status: exit code 2."""
    machine.boot(SITE)
    machine.power_on()

    assert 2 == machine.evenboot("status", "--json").returncode


def test_status_waits(machine: Machine) -> None:
    """With --wait the status waits for an apply to end, not longer than it is told."""
    machine.boot(definition("one"))
    machine.edit(definition(first_boot=[Shell("slow", script="until [ -e /go ]; do sleep 0.02; done")]))
    shown = machine.run("""
        evenboot apply >/dev/null &
        until evenboot status --json 2>/dev/null | grep running; do sleep 0.02; done
        evenboot status --json --wait 1 >/dev/null; echo $?
        touch /go; evenboot status --json --wait 30; echo $?
    """)
    running, two, ended, zero = shown.stdout.splitlines()

    assert ("running", "2") == (json.loads(running)["result"], two)
    assert ("ok", "0") == (json.loads(ended)["result"], zero)


def test_wrong_use(machine: Machine) -> None:
    """Wrong use is 64, with one line that says how it goes."""
    machine.boot(SITE)
    for words in [[], ["nonsense"], ["status", "--wait", "soon"], ["status", "--json/x"], ["rerun"], ["apply", "now"]]:
        refused = machine.evenboot(*words)

        assert 64 == refused.returncode
        assert refused.stderr.startswith("usage: evenboot status")


def test_rerun_of_what_is_no_step(machine: Machine) -> None:
    """A name that is not exactly a step's is 64, and no record is dropped."""
    machine.boot(SITE)
    for name in ["tw", "t\nw", "on", ".ne", '"one"']:
        refused = machine.evenboot("rerun", name)

        assert (64, ["one", "two"]) == (refused.returncode, machine.lines())
        assert f"evenboot: there is no step '{name}'; evenboot status names them\n" == refused.stderr


def test_log(machine: Machine) -> None:
    """The log holds what the steps printed; of one step, what it printed last."""
    machine.boot(StartupScript("site", every_boot=[Shell("say", script="echo boot $(cat /n); date"), note("two")]))
    machine.run("echo 2 >/n")
    machine.boot()

    assert machine.evenboot("log", "say").stdout.startswith("boot 2\n")
    assert 1 == machine.evenboot("log").stdout.count("boot 2\n")
    assert 0o600 == (machine.sees / "var/log/evenboot.log").stat().st_mode & 0o777


def test_log_of_what_is_no_step(machine: Machine) -> None:
    """Of a name that is not exactly a step's the log says so, and ends with 64; a step that has not run has printed nothing."""
    script = StartupScript("site", first_boot=[note("one"), breaks("two"), note('thr"ee')], shutdown=[note("drain")])
    machine.boot(script)
    for name in ["tw", "t\nw", ".ne", '"one"', ""]:
        refused = machine.evenboot("log", name)

        assert (64, "") == (refused.returncode, refused.stdout)
        assert f"evenboot: there is no step '{name}'; evenboot status names them\n" == refused.stderr
    for name, printed in [("two", "about to fail\n"), ("one", ""), ('thr"ee', ""), ("drain", "")]:
        shown = machine.evenboot("log", name)

        assert (0, printed, "") == (shown.returncode, shown.stdout, shown.stderr)


def test_log_of_a_former_step(machine: Machine) -> None:
    """What a step has printed that the definition has no longer is shown as long as the log has it."""
    machine.boot(StartupScript("site", first_boot=[Shell("say", script="echo said")]))
    machine.boot(SITE)

    assert (0, "said\n") == ((shown := machine.evenboot("log", "say")).returncode, shown.stdout)


def test_clean(machine: Machine) -> None:
    """`evenboot clean` leaves nothing of the runner on the disk, and the image starts afresh."""
    before = machine.run("find /etc /usr/local /var | sort").stdout
    machine.boot(definition("one", shutdown=[note("bye")]))
    # as a power cut leaves it while a runner is put in place
    machine.run("touch /etc/systemd/system/evenboot.service.new /usr/local/sbin/evenboot.new")

    assert 0 == machine.evenboot("clean").returncode
    left = set(machine.run("find /etc /usr/local /var | sort").stdout.split()) - set(before.split())
    assert {"/var/lib/cloud"} >= left

    machine.boot()
    assert ["one", "one"] == machine.lines()


def test_clean_without_a_definition(machine: Machine) -> None:
    """`evenboot clean` removes the runner also when the slot was emptied."""
    machine.boot(SITE)
    machine.edit(None)
    machine.evenboot("apply")

    assert 0 == machine.evenboot("clean").returncode
    assert [] == machine.run("find / -xdev -path /proc -prune -o -name '*evenboot*' -print").stdout.split()


def test_console_line_fits(machine: Machine) -> None:
    """L12: to fit 4 KB the result line leaves out skipped steps, then output; it stays valid JSON."""
    names = " ".join(f"step-number-{number:03}-with-a-long-name-that-fills-the-line" for number in range(60))
    many = definition(names)
    machine.boot(many)
    machine.boot(StartupScript("site", first_boot=[*many.first_boot, breaks("fails")]))
    status, result = machine.status(), machine.results()[-1]

    assert 61 == len(status["steps"])
    assert ["fails"] == [step["name"] for step in result["steps"]]
    assert ["about to fail"] == result["output"]
    assert all(len(line.encode()) <= 4096 for line in machine.console())


def test_apply_that_systemd_does_not_start(machine: Machine) -> None:
    """L11: an apply that never began is no success, whatever the one before it was."""
    machine.boot(SITE)
    stub = machine.sees / "usr/local/bin/systemctl"
    stub.write_text("#!/bin/sh\nexit 1\n")
    asked = machine.evenboot("apply")

    assert 2 == asked.returncode
    assert "the apply could not be started" in asked.stderr


def test_step_that_prints_as_the_runner_does(machine: Machine) -> None:
    """L16: a line of a step's own that begins as the runner's do is part of its output."""
    machine.boot(StartupScript("site", first_boot=[Shell("say", script="echo one; echo 'evenboot: mine'; echo two")]))

    assert "one\nevenboot: mine\ntwo\n" == machine.evenboot("log", "say").stdout


def test_clean_takes_the_older_log(machine: Machine) -> None:
    """`evenboot clean` leaves no log of any age for the image."""
    machine.boot(SITE)
    machine.write("/var/log/evenboot.log.1", "older\n", 0o600)

    assert 0 == machine.evenboot("clean").returncode
    assert [] == list((machine.sees / "var/log").glob("evenboot*"))


def test_status_is_whole_for_who_reads_it(machine: Machine) -> None:
    """L12: a status is replaced in one go: who has opened the one before reads that to its end."""
    machine.boot(StartupScript("site", first_boot=[Shell("keep", script="ln /run/evenboot/status /run/kept"), note("two")]))

    assert "running" == json.loads(machine.lines("/run/kept")[0])["result"]
    assert "ok" == machine.status().result


def test_console_line_at_its_longest(machine: Machine) -> None:
    """L12: a line that would be a little longer than 4 KB leaves something out."""
    names = [f"step {number:02} {'x' * 33}" for number in range(30)]
    machine.boot(definition(first_boot=[Shell(name, script="true") for name in names]))
    missing = 4120 - len(machine.lines("/run/evenboot/status")[0])
    longer = [name.replace("x", "y") + "z" * min(55, max(0, missing - 55 * number)) for number, name in enumerate(names)]
    machine.boot(definition(first_boot=[Shell(name, script="true") for name in longer]))

    assert 4090 < len(machine.lines("/run/evenboot/status")[0]) < 4150
    assert all(len(line.encode()) <= 4096 for line in machine.console())
    assert ("ok", []) == (machine.results()[-1]["result"], machine.results()[-1]["steps"])


SLOW = Shell("slow", script="echo slow >>/done; touch /begun; until [ -e /go ]; do sleep 0.05; done")


def test_rerun_of_the_step_that_runs(machine: Machine) -> None:
    """L10: a rerun of the step that an apply is at waits for its end: the step runs once more, and is not recorded meanwhile."""
    machine.run("touch /go")
    machine.boot(StartupScript("site", first_boot=[SLOW]))
    machine.run("""
        rm /go /begun
        evenboot rerun slow &
        until [ -e /begun ]; do sleep 0.02; done
        evenboot rerun slow &
        sleep 0.7
        touch /go
        wait
    """)

    assert ["slow"] * 3 == machine.lines()
    assert "ok" == machine.status().result


def test_rerun_is_on_disk(machine: Machine) -> None:
    """L3: that a step's record was dropped is on disk before the step runs: a power cut does not bring it back."""
    machine.run("touch /mended")
    machine.boot(StartupScript("site", first_boot=[note("one"), breaks("two")]))
    machine.run("rm /mended /synced")

    assert 1 == machine.evenboot("rerun", "two").returncode
    assert {"sync /var/lib/evenboot/journal", "sync /var/lib/evenboot/journal/", "sync "} & set(machine.lines("/synced"))


def test_status_of_an_apply_that_has_just_begun(machine: Machine) -> None:
    """L12: while an apply asks for its definition there is no result: that of the apply before it is not taken for its own."""
    machine.boot(SITE)
    machine.run("mv /usr/local/bin/curl /usr/local/bin/curl.real")
    machine.write("/usr/local/bin/curl", """#!/bin/sh
        touch /asked
        until [ -e /go ]; do /usr/bin/sleep 0.02; done
        exec /usr/local/bin/curl.real "$@"
    """, 0o755)  # fmt: skip
    shown = machine.run("""
        evenboot apply >/dev/null &
        until [ -e /asked ]; do /usr/bin/sleep 0.02; done
        evenboot status; echo $?
        touch /go
        wait
        evenboot status >/dev/null; echo $?
    """)

    assert ["2", "0"] == shown.stdout.splitlines()


def test_apply_beside_somebody_elses(machine: Machine) -> None:
    """L10: an operator's apply ends with a result, also when somebody else's began just after his own."""
    machine.boot(SITE)
    machine.run("cd /usr/local/bin; mv curl curl.real; mv systemctl systemctl.real")
    slow = "#!/bin/sh\n[ ! -e /other ] || { touch /asked; /usr/bin/sleep 0.5; }\nexec /usr/local/bin/curl.real \"$@\"\n"
    machine.write("/usr/local/bin/curl", slow, 0o755)
    machine.write("/usr/local/bin/systemctl", """#!/bin/sh
        /usr/local/bin/systemctl.real "$@" || exit
        [ "$*" = 'start evenboot.service' ] && [ ! -e /other ] || exit 0
        touch /other
        /usr/local/bin/systemctl.real start evenboot.service >/dev/null 2>&1 &
        until [ -e /asked ]; do /usr/bin/sleep 0.02; done
    """, 0o755)  # fmt: skip

    assert 0 == machine.evenboot("apply").returncode
