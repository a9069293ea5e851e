"""L3, from a trace of the system calls: what is on disk when a record or a definition is put into place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from startup import Shell, StartupScript
from startup.testing.machine import Machine
from startup.testing.root import why_not
from startup.testing.tracing import Call, trace

from .durability import ALL, ONE, failed, folder_of, renamed_into, unsynced
from .kill_points import SCENARIOS, STATE, Trial, before_reboot, edited, first_boot, new_id, outcomes_of

# In memory, or nothing that is to last: the log, the console, what stand-ins note.
FLEETING = re.compile(r"/(run|dev|metadata)(/|$)|/var/log(/evenboot\.log)?$|/stand-ins(/|$)|/(unit\.log)?$")
# The root is one file system. The sync of all of them would wait for whatever else this computer writes.
SYNC = '#!/bin/sh\n[ $# -gt 0 ] || set -- -f /\nexec /usr/bin/sync "$@"\n'


@pytest.fixture(scope="module", params=[(scenario, shell) for scenario in SCENARIOS for shell in ("dash", "bash")], ids="-".join)
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A scenario, run once to its end with real syncs."""
    if reason := why_not():
        pytest.skip(reason)
    scenario, shell = request.param
    with Machine(tmp_path_factory.mktemp("machine"), shell) as machine:
        (machine.sees / "usr/local/bin/sync").write_text(SYNC)
        yield Trial(machine, SCENARIOS[scenario])


def lost(calls: list[Call], call: Call) -> set[str]:
    """What a power cut just before a call would lose of what is to be kept."""
    return {path for path in unsynced(calls, call) if not FLEETING.match(path)}


def next_sync(calls: list[Call], call: Call) -> Call | None:
    """Return the call that puts the folder of a rename on disk, if nothing that is to last is changed before."""
    for later in calls[call.until - 1 :]:
        if later.name in ALL or (later.name in ONE and later.paths == (folder_of(call.paths[1]),)):
            return later
        if not failed(later) and not all(FLEETING.match(path) for path in later.paths):
            return None
    return None


def late(calls: list[Call], renames: list[Call]) -> list[str]:
    """Return the renames after which something else is changed before their folder is on disk."""
    return [str(call) for call in renames if not next_sync(calls, call)]


def test_step_is_on_disk_before_its_record(trial: Trial) -> None:
    """L3: when a record is renamed into place, all that its step wrote is on disk, and the record's own text."""
    calls = trial.clean.calls
    records = renamed_into(calls, f"/{STATE}/journal/")

    ran = [name for name, outcome in outcomes_of(trial.wanted.status, "first_boot").items() if outcome == "ran"]
    assert len(ran) == len(records)
    # Its folder follows: see the next test.
    unsynced_at = {str(record): lost(calls, record) - {folder_of(record.paths[1])} for record in records}
    assert {} == {record: left for record, left in unsynced_at.items() if left}


def test_record_is_on_disk_before_the_next_step(trial: Trial) -> None:
    """L3: once a record is in place its folder is put on disk before anything else is changed."""
    calls = trial.clean.calls

    assert [] == late(calls, renamed_into(calls, f"/{STATE}/journal/"))


def test_definition_is_on_disk_before_it_is_in_force(trial: Trial) -> None:
    """L3, L9: a definition is put in force when all of it is on disk, and that it is in force before anything else is changed."""
    calls = trial.clean.calls
    renames = renamed_into(calls, f"/{STATE}/current")

    assert renames or trial.prepare not in (first_boot, edited)
    assert {} == {
        str(call): parts
        for call in renames
        if (parts := {path for path in lost(calls, call) if path.startswith(f"/{STATE}/")})
    }
    assert [] == late(calls, renames)


def test_units_are_on_disk_with_the_definition(trial: Trial) -> None:
    """L5: a definition that is in force after a power cut has the command and the units that obey it."""
    calls = trial.clean.calls
    for call in renamed_into(calls, f"/{STATE}/current"):
        sync = next_sync(calls, call)
        assert sync
        assert set() == lost(calls, calls[sync.until - 1])


def test_instance_is_on_disk_before_its_steps(trial: Trial) -> None:
    """L3, L7: whose the journal is, is on disk before anything is done for this instance."""
    calls = trial.clean.calls
    renames = renamed_into(calls, f"/{STATE}/machine")

    assert (trial.prepare in (first_boot, new_id, before_reboot)) == len(renames)
    assert [] == [str(call) for call in renames if call.paths[0] in lost(calls, call)]
    assert [] == late(calls, renames)


RECORD = "echo step >{0}/step\nsync {0}/step\necho text >{0}/new\nsync {0}/new\nmv {0}/new {0}/record\nsync {0}\ntouch {0}/next\n"


@pytest.mark.parametrize(
    ("left_out", "is_lost", "is_late"),
    [
        pytest.param("", [], False, id="nothing left out"),
        pytest.param("sync {0}/step\n", ["step"], False, id="the step"),
        pytest.param("sync {0}/new\n", ["new"], False, id="the text"),
        pytest.param("sync {0}\n", [], True, id="the folder"),
    ],
)
def test_what_is_seen(tmp_path: Path, left_out: str, is_lost: list[str], is_late: bool) -> None:
    """A sync that is left out is noticed: these tests can fail."""
    calls = trace(["sh", "-c", RECORD.replace(left_out, "").format(tmp_path)]).calls
    [rename] = renamed_into(calls, f"{tmp_path}/")

    assert is_lost == sorted(Path(path).name for path in unsynced(calls, rename) - {str(tmp_path)})
    assert is_late == bool(late(calls, [rename]))


def test_units_are_replaced_in_one_go(machine: Machine) -> None:
    """L5: who reads a unit or the command while it is replaced has the old text whole: a power cut leaves no half of one."""
    machine.boot(StartupScript("site", first_boot=[Shell("one", script="true")]))
    paths = [machine.sees / name for name in ("etc/systemd/system/evenboot.service", "usr/local/sbin/evenboot")]
    good = [path.read_text() for path in paths]
    for path in paths:
        path.write_text("old")
    with paths[0].open() as unit, paths[1].open() as command:
        machine.edit(StartupScript("site", first_boot=[Shell("two", script="true")]))
        machine.power_on()
        machine.run("/bin/sh /var/lib/evenboot/current/evenboot obey")
        kept = [unit.read(), command.read()]

    assert (["old", "old"], good) == (kept, [path.read_text() for path in paths])
    assert ["two"] == machine.ran


def test_emptied_slot_is_on_disk(machine: Machine) -> None:
    """L9: that the slot was emptied is on disk at once: after a power cut nothing of the old definition runs in an outage."""
    machine.boot(StartupScript("site", first_boot=[Shell("one", script="true")]))
    machine.edit(None)
    machine.power_on()
    machine.run("rm /synced")
    machine.unit()

    assert [line for line in machine.lines("/synced") if line == "sync " or line.startswith("sync /var/lib/evenboot/current")]
