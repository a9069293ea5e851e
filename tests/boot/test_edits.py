"""What an edited definition, a changed value or an operator's command makes run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from startup import Shell, StartupScript

from ..runner.scenarios import definition, note
from .clouds import Cloud, outcomes

CHANGED = Shell("two", script="echo two changed >>/done")
USES = Shell("site", script='printf "site %s\\n" "$SITE" >>/done', uses=["SITE"])
SLOW = Shell("slow", script="echo begin >>/done\nuntil [ -e /go-on ]; do sleep 0.1; done\necho end >>/done\n")


def test_edit(cloud: Cloud) -> None:
    """L6: at the next boot exactly the changed step and the one that names it in `rerun_on` run, once."""
    after_two = note("after two", rerun_on=["two"])
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), note("two"), after_two], every_boot=[note("four")]))
    vm.start()
    edited = StartupScript("site", first_boot=[note("one"), CHANGED, after_two], every_boot=[note("four")])
    vm.define(edited)
    status = vm.reboot()

    assert ["two changed", "after two", "four"] == vm.lines()[4:]
    assert ["skipped one", "ran two", "ran after two", "ran four"] == outcomes(status)

    vm.reboot()

    assert ["four"] == vm.lines()[7:]


def test_operator_obeys_an_edit_at_once(cloud: Cloud) -> None:
    """L6: an operator's apply asks the slot: an added step and one that uses a changed value run, and nothing else."""
    script = StartupScript("site", first_boot=[note("one"), USES], every_boot=[note("four")])
    vm = cloud.make(script, {"SITE": "a 'quoted' $value"})
    vm.start()

    assert ["one", "site a 'quoted' $value", "four"] == vm.lines()
    assert 0 == vm.evenboot("apply").returncode
    assert 3 == len(vm.lines()), "nothing was due"

    wider = StartupScript("site", first_boot=[note("one"), USES, note("two")], every_boot=[note("four")])
    vm.define(wider, {"SITE": "b"})

    assert 0 == vm.evenboot("apply").returncode
    assert ["site b", "two"] == vm.lines()[3:]
    assert ["skipped one", "ran site", "ran two", "skipped four"] == outcomes(vm.status())
    assert "first" == vm.status()["boot"]


def test_applies_overlap(cloud: Cloud) -> None:
    """L10, L12: two operators apply while the boot's apply is busy: nothing runs twice, and all report one result."""
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), SLOW], every_boot=[note("two")]))
    vm.machine.start()
    vm.wait_line("begin")

    running = vm.evenboot("status", "--json")
    assert (2, True) == (running.returncode, '"result":"running"' in running.stdout)

    with ThreadPoolExecutor() as operators:
        calls = [operators.submit(vm.evenboot, *call) for call in (["apply"], ["apply"], ["status", "--wait", "60"])]
        vm.run("sleep 1; touch /go-on")
        codes = [call.result().returncode for call in calls]

    assert [0, 0, 0] == codes
    assert ["one", "begin", "end", "two"] == vm.lines()
    assert "ok" == vm.status()["result"]


def test_operators_commands(cloud: Cloud) -> None:
    """`evenboot rerun` makes one step due; `log` shows what steps printed; wrong use is refused with 64."""
    loud = Shell("loud", script="echo 'a loud word'\n")
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), loud], every_boot=[note("two")]))
    vm.start()

    assert 0 == vm.evenboot("rerun", "one").returncode
    assert ["one", "two", "one"] == vm.lines()
    assert vm.evenboot("log", "loud").stdout.startswith("a loud word\n")
    assert "a loud word" in vm.evenboot("log").stdout
    assert 64 == vm.evenboot("rerun", "nothing such").returncode
    assert 64 == vm.evenboot("explode").returncode


def test_clean_leaves_nothing(cloud: Cloud) -> None:
    """`evenboot clean` leaves nothing of the runner on the disk: a VM made from the image is as new."""
    vm = cloud.make(StartupScript("site", first_boot=[note("one")], shutdown=[note("stopped")]))
    vm.start()
    vm.run("evenboot clean")

    left = vm.run("find / -xdev -name '*evenboot*' -not -path '/proc/*' -not -path '/run/host/*'").split()
    agents_own = ("/var/lib/cloud/", "/var/log/cloud-init", "/var/log/journal/")
    assert [] == [path for path in left if not path.startswith(agents_own)]

    clone = vm.image(definition("other"))
    status = clone.start()

    assert ["other"] == clone.lines()
    assert ("first", "ok") == (status["boot"], status["result"])
