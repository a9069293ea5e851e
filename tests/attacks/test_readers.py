"""mallory writes to the console of a VM, and whoever deploys reads it."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Sequence
from typing import Any

import pulumi
import pytest

from components import __main__ as command
from components.deployed_vm import DeployedVm
from components.overview import look, table
from components.results import Result, newest_result, newest_step, results_in
from components.stacks import StackVm
from components.waiting import StartupFailed, boots_seen, wait_for_result
from lab import report
from startup import Shell, StartupScript
from startup.terminal import visible
from startup.testing.machine import Machine
from tests.results import NO_DEFINITION, WHOLE, line

WANTED = WHOLE["fingerprint"]
OTHER = "cd" * 32
BOOT = "[    0.000000] Linux version 6.1\r\n"
FORGED = line(boot_id="forged").rstrip()
WEB = StackVm(name="web", cloud="aws", address="arn:aws:ec2:eu-central-1:1:instance/i-0", fingerprint=WANTED)
UNSEEN = "\x1b[2J\x9b31m\x07\x00\x7f\x85\r\n\t\u202e\u2066\u2028\u2029\u200e\ufeff\ud800"
"""What a terminal obeys, or what hides or turns round what stands beside it."""


class Shown:
    """A console that shows one text, or fails as nobody foresaw."""

    def __init__(self, text: str | Exception, name: str = "web") -> None:
        self.text, self.name = text, name

    def read(self) -> str:
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def restart(self) -> bool:
        raise NotImplementedError


def wait(text: str, seen: Sequence[str] = ()) -> Result:
    """Look once at a console for the wanted definition."""
    return asyncio.run(wait_for_result(Shown(BOOT + text), WANTED, 0, lambda said: None, seen=seen))


def is_still_waited_for(text: str, seen: Sequence[str] = ()) -> bool:
    """Whether a console has neither the awaited ok nor its failure."""
    with pytest.raises(StartupFailed) as ended:
        wait(text, seen)
    return ended.value.result is None


# Who gets a text into somebody else's line.


@pytest.mark.parametrize(
    "around",
    [
        "Nov 23 01:00:02 web mallory: {}",
        "2026-11-23T01:00:02.123Z web mallory[512]: {}",
        "2026-11-23T01:00:02.123Z web login: {}",
        "[   12.345678] process '{}' started with executable stack",
        "[   12.345678] {}",
        "evenboot: step '{}' ok (0.10 s)",
        "evenboot: step 'a' ok (0.10 s) {}",
        "x{}",
        " {}",
    ],
)
@pytest.mark.parametrize("end", ["", "\r\n"])
def test_a_mark_in_the_middle_of_a_line_is_text(around: str, end: str) -> None:
    """`wait`: A logger that writes to the console, or the kernel that names a file, puts something before what a user chose."""
    text = f"{BOOT}{line(result='failed', failed_step='a')}{around.format(FORGED)}{end}"

    assert [result.result for result in results_in(text)] == ["failed"]


def test_the_first_line_is_no_line() -> None:
    """`wait`: A console's text is cut anywhere: also right behind what a logger put before mallory's words."""
    logged = f"Nov 23 01:00:02 web mallory: {FORGED}\r\n"

    assert results_in(logged.partition("mallory: ")[2] + "login: ") == ()


@pytest.mark.parametrize("behind", [" x", "' ok (0.10 s)", "}", FORGED, "[1]"])
def test_a_line_with_more_than_a_result_is_none(behind: str) -> None:
    """The runner ends its line where the object ends."""
    assert results_in(f"{BOOT}{FORGED}{behind}\r\n") == ()


@pytest.mark.parametrize(
    "told",
    [
        {"result": "failed", "output": [FORGED, "and more"]},
        {"result": "failed", "output": ["evenboot: result "]},
        {"result": "failed", "failed_step": FORGED},
        {"result": "failed", "message": f"step '{FORGED}' failed"},
        {"result": "failed", "definition": "evenboot: result {}"},
        {"result": "failed", "steps": [{"name": FORGED, "list": "every_boot", "outcome": "failed", "seconds": 1}]},
    ],
)
def test_a_mark_within_a_result_is_text(told: dict[str, Any]) -> None:
    """`status`: A failure whose output or step holds the mark is still the failure that it is: an older ok is older."""
    text = BOOT + line() + line(boot_id="b2", **told)

    newest = newest_result(text)
    assert newest is not None
    assert {name: newest.as_json()[name] for name in told} == told
    with pytest.raises(StartupFailed) as failed:
        wait(line() + line(boot_id="b2", **told))
    assert failed.value.result == newest


@pytest.mark.parametrize("at", ["evenboot: result {\\", "and", "boot: result"])
def test_a_kernel_line_before_a_mark_within_a_result_makes_no_result(at: str) -> None:
    """`wait`: What stands in a string has its quotes escaped, and never is an object when the kernel breaks the line there."""
    honest = line(result="failed", output=[f"{FORGED}", "and more"])
    broken = honest.replace(at, f"[   12.345678] random: crng init done\r\n{at}", 1)

    assert [result.result for result in results_in(BOOT + broken)] == ["failed"]


def test_a_step_that_prints_results_fails_as_what_it_is(machine: Machine) -> None:
    """`status`: The real runner's result, of a step that shows its own log and fails at the second boot."""
    look_at_log = Shell("look", script="! grep -n 'evenboot: result' /var/log/evenboot.log")
    machine.boot(StartupScript("site", every_boot=[look_at_log]))
    machine.boot()
    text = "\r\n".join([BOOT, *machine.console(), ""])

    assert [result.result for result in results_in(text)] == ["ok", "failed"]
    [web] = look([WEB], lambda name, address: Shown(text))
    assert not web.good
    assert web.result is not None
    assert any("evenboot: result" in printed for printed in web.result.output)


# What is no result.


def wrong_fields() -> list[Any]:
    """Each field with what it cannot be."""
    odd: list[Any] = [7, -1, 10**300, 1.5, True, {}, {"a": []}, [], [[]], [None], [7], [{"name": 1}], "\ud800", ""]
    right: dict[str, list[Any]] = {"exit_code": [7], "output": [[]], "steps": [[]], "boot": [], "result": [], "source": []}
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name in WHOLE
        for number, value in enumerate(odd)
        if not any(type(value) is type(good) and value == good for good in right.get(name, ["\ud800", ""]))
    ]


@pytest.mark.parametrize(("name", "value"), wrong_fields())
def test_a_field_of_a_wrong_kind_makes_it_no_result(name: str, value: Any) -> None:
    """No runner writes it: it hides nothing, and breaks nobody."""
    assert [result.boot_id for result in results_in(BOOT + line() + line(**{name: value, "junk": 1}))] == [WHOLE["boot_id"]]


@pytest.mark.parametrize("name", WHOLE)
def test_a_result_lacks_nothing(name: str) -> None:
    """A line without one of its fields is torn or made up."""
    left = {key: value for key, value in WHOLE.items() if key != name}

    assert results_in(f"{BOOT}evenboot: result {json.dumps(left)}\r\n") == ()


@pytest.mark.parametrize(
    "told",
    [
        {"fingerprint": None},
        {**NO_DEFINITION, "result": "ok"},
        {**NO_DEFINITION, "result": "running"},
        {**NO_DEFINITION, "definition": "site"},
        {**NO_DEFINITION, "failed_step": "a"},
        {**NO_DEFINITION, "steps": [{"name": "a", "list": "every_boot", "outcome": "ran", "seconds": 1}]},
        {"boot_id": ""},
    ],
)
def test_what_cannot_be_true_is_no_result(told: dict[str, Any]) -> None:
    """Where no definition arrived none was obeyed: no step of it ran, and nothing is ok."""
    assert results_in(BOOT + line(**told)) == ()


HOSTILE = {
    "brackets": '{"a":' + "[" * 5000,
    "balanced brackets": '{"a":' + "[" * 5000 + "]" * 5000 + "}",
    "balanced braces": '{"a":' * 2000 + "1" + "}" * 2000,
    "deep in a step": line(steps=[{"name": "a", "list": "b", "outcome": "ran", "seconds": 1, "x": "DEEP"}])
    .partition("result ")[2]
    .strip()
    .replace('"DEEP"', "[" * 900 + "]" * 900),
    "integer": line(exit_code=7).partition("result ")[2].strip().replace("7,", "9" * 5000 + ",", 1),
    "integer in a step": '{"steps": [{"seconds": ' + "9" * 4000 + "}]}",
    "nan": line(steps=[{"name": "a", "list": "b", "outcome": "ran", "seconds": float("nan")}]).partition("result ")[2].strip(),
    "infinite": line(steps=[{"name": "a", "list": "b", "outcome": "ran", "seconds": 7}])
    .partition("result ")[2]
    .strip()
    .replace("7}", "1e999}"),
    "list": "[]",
    "text": '"ok"',
    "number": "1",
    "nothing": "",
    "twice": '{"result": "ok", "result": "ok"}',
    "spaces": " " * 100_000,
    "a lone quote": '{"result": "',
    "a lone surrogate": '{"result": "\\ud800"}',
    "raw surrogate": '{"result": "\ud800"}',
    "controls": '{"result": "\x00\x1b[31m\x85"}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_a_console_holds_is_an_error(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status`: Whatever follows the mark, the result before it counts, in each reader and as JSON."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    text = f"{BOOT}{line()}evenboot: result {HOSTILE[kind]}\r\nevenboot: step 'a' ok\r\n"

    assert wait(text.removeprefix(BOOT)).result == "ok"
    assert asyncio.run(boots_seen(Shown(text))) >= {WHOLE["boot_id"]}
    [web] = look([WEB], lambda name, address: Shown(text))
    assert web.good
    assert table([web])
    assert json.loads(json.dumps(web.as_json(), allow_nan=False))


def test_a_console_that_breaks_the_reader_is_its_vms_alone() -> None:
    """`status`: An error that nobody foresaw is a row of that VM, and the others are told."""
    api = StackVm(name="api", cloud="gcp", address="projects/p/zones/z/instances/api", fingerprint=WANTED)
    shown = {"web": Shown(MemoryError("\x1b[2J")), "api": Shown(BOOT + line())}
    web, good = look([WEB, api], lambda name, address: shown[name])

    assert good.good
    assert not web.good
    assert web.error == r"web: its console cannot be read: MemoryError: \x1b[2J"
    assert "unreadable" in table([web, good])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "[ " * 500_000,
        "[" + " " * 1_000_000,
        "[" + "1" * 1_000_000,
        "\x1b[" * 500_000,
        "\x1b[" + "0" * 1_000_000,
        "\x1b]" * 500_000,
        "x login: " * 110_000,
        "\n" * 1_000_000,
        "evenboot: result " * 60_000,
        "evenboot: result \n" * 60_000,
        "evenboot: result {" + "}[    1.000000] \n" * 60_000,
        'evenboot: result {"' + "}[    1.000000] \n" * 60_000,
        "evenboot: result {" + "a" * 15_000 + "[    1.000000] \n" * 60_000,
        "[***   ] A start job is running for " + "(a / " * 200_000,
        "[***   ] A start job is running for (" + " / " * 300_000,
        ("[***   ] A start job is running for x (1s / 2s)" * 10 + "\n") * 2_000,
    ],
    ids=range(17),
)
def test_a_megabyte_is_read_in_a_moment(text: str) -> None:
    """A console is looked at every 2 seconds, and no text of mallory's makes that take longer."""
    begun = time.process_time()

    assert results_in(f"{BOOT}{text}\r\n{line()}")
    assert newest_step(f"{BOOT}{text}") is None
    assert time.process_time() - begun < 4


# What a wait believes.


@pytest.mark.parametrize(
    "junk",
    [
        "evenboot: result {}\r\n",
        "evenboot: result null\r\n",
        'evenboot: result {"result": "failed", "fingerprint": null}\r\n',
        'evenboot: result {"result": "failed", "fingerprint": null, "boot_id": "b9"}\r\n',
        line(boot_id="old", result="failed", failed_step="a"),
        line(boot_id="old", **NO_DEFINITION),
        line(**NO_DEFINITION),
        line(fingerprint=OTHER),
        line(fingerprint=OTHER, result="failed", failed_step="a"),
        line(fingerprint=OTHER, result="failed", source="cached"),
        line(fingerprint=OTHER, boot_id="forged"),
        line(fingerprint=OTHER, boot_id="forged", result="running"),
        line(fingerprint=OTHER, boot_id="forged", result="failed", failed_step="a"),
    ],
    ids=range(13),
)
def test_later_junk_hides_no_result(junk: str) -> None:
    """`wait`: After an update of the VM all results are looked at; what cannot be one, or is of another, is passed over."""
    assert wait(line() + junk, seen=["old"]).boot_id == WHOLE["boot_id"]
    assert is_still_waited_for(junk if WHOLE["boot_id"] not in junk else "", seen=["old"])


@pytest.mark.parametrize(
    "forged",
    [
        line(boot_id="old"),
        'evenboot: result {"result": "ok", "fingerprint": "' + WANTED + '"}\r\n',
        line(boot_id=None),
        line(boot_id=""),
        line(fingerprint=WANTED[:8]),
        line(fingerprint=WANTED.upper()),
    ],
)
def test_an_ok_needs_fingerprint_and_a_new_boot(forged: str) -> None:
    """`wait`: One of them is not enough."""
    assert is_still_waited_for(forged, seen=["old"])


@pytest.mark.parametrize("message", ["the payload is damaged", "https://store/x: not the SHA-256 ab"])
def test_a_boot_without_a_definition_is_believed(message: str) -> None:
    """`wait`: The line of a program that could not fetch the script names no definition and no instance; it has all else."""
    text = line(**NO_DEFINITION, boot_id="b2", boot="first", instance_id=None, message=message)

    with pytest.raises(StartupFailed, match=message) as failed:
        wait(text, seen=["old"])
    assert failed.value.result is not None
    assert wait(text + line(boot_id="b2"), seen=["old"]).boot_id == "b2"


def test_an_old_ok_never_beats_what_came_later() -> None:
    """`wait`: Without boots that are known to be old, a later boot that failed, or that obeyed another definition, counts."""
    with pytest.raises(StartupFailed) as failed:
        wait(line(boot_id="b1") + line(boot_id="b2", result="failed", failed_step="a") + line(fingerprint=OTHER, boot_id="b2"))
    assert failed.value.result is not None
    with pytest.raises(StartupFailed, match="damaged"):
        wait(line(boot_id="b1") + line(**NO_DEFINITION, boot_id="b2", message="the payload is damaged"))
    assert is_still_waited_for(line(boot_id="b1") + line(fingerprint=OTHER, boot_id="b2"))
    assert is_still_waited_for(line(boot_id="b1") + line(boot_id="b2", result="running"))
    down = "step 'a' was interrupted: the system is going down"
    assert is_still_waited_for(line(boot_id="b1") + line(boot_id="b2", result="failed", message=down))


# What reaches the terminal.


def is_plain(text: str) -> bool:
    """Whether a terminal shows a text as it is, line by line."""
    return all(part.isprintable() for part in text.split("\n"))


def test_what_a_terminal_obeys_is_made_visible() -> None:
    """`status`: Control characters, escape sequences, marks that turn the direction of text: shown, not sent."""
    assert visible("\x1b[2J\x9b31m") == r"\x1b[2J\x9b31m"
    assert visible("a\nb\rc\x7f") == r"a\nb\rc\x7f"
    assert visible("\u202egnp.exe") == r"\u202egnp.exe"
    assert visible("a\u2028b\u2029\ud800") == r"a\u2028b\u2029\ud800"
    assert visible("Ärger 日本語 \u3000\xa0😀 'x' \\n") == "Ärger 日本語 \u3000\xa0😀 'x' \\n"
    assert visible("a\tb") == "a       b"


def test_a_result_is_described_without_control_characters() -> None:
    """`wait`: The message of a failed deployment goes to a terminal and to logs."""
    fields = {"failed_step": UNSEEN, "message": UNSEEN, "output": [UNSEEN, "plain"]}
    for text in (line(result="failed", **fields), line(**NO_DEFINITION, message=UNSEEN), line(**fields)):
        [result] = results_in(BOOT + text)
        assert is_plain(result.describe())
        assert r"\x1b[2J" in result.describe()
    with pytest.raises(StartupFailed) as failed:
        wait(line(result="failed", **fields))
    assert str(failed.value).count("\n") == 2
    assert is_plain(str(failed.value))


def test_the_table_is_made_of_what_can_be_seen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`status`: No VM writes a row for another, moves the cursor, or makes the table wider than a screen; JSON stays JSON."""
    told = dict.fromkeys(("definition", "boot_id", "failed_step", "finished_at", "message"), f"{UNSEEN}web  aws  site")
    texts = [
        BOOT + line(result="failed", output=[UNSEEN], **told) + f"evenboot: step '{UNSEEN.replace(chr(10), '')}' ok\r\n",
        BOOT + line(result="failed", failed_step="x" * 10_000),
        f"{BOOT}evenboot: step '{'x' * 10_000}' ok\r\n",
        f"{BOOT}evenboot: step '\x9b2J\u202e' ok\r\n",
    ]
    for text in texts:
        reports = look([WEB], lambda name, address, text=text: Shown(text))
        assert is_plain(table(reports))
        assert max(map(len, table(reports).split("\n")[:2])) < 1000
        assert table(reports).split("\n")[1].startswith("web")

    state = {"deployment": {"resources": [
        {"urn": "urn:pulumi:d::p::evenboot:index:AwsVm$aws:ec2/instance:Instance::web-vm",
         "type": "aws:ec2/instance:Instance", "id": "i-0", "outputs": {"arn": WEB.address}}]}}  # fmt: skip
    monkeypatch.setattr(command, "console_at", lambda name, address: Shown(texts[0]))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    assert command.main(["status", "--export", "-", "--json"]) == 1
    [printed] = capsys.readouterr().out.splitlines()
    assert is_plain(printed)
    assert json.loads(printed)["result"]["message"] == told["message"]


def test_progress_is_told_without_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait`: The engine prints what a wait says, and takes no text with half a character."""
    step = "evenboot: step '\x1b]0;owned\x07\x9b2J\u202e\ud800' ok\r\n"
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", told.append)
    vm = DeployedVm(
        component=None,  # pyright: ignore[reportArgumentType]
        name="web", cloud="aws", slot=(), boots_for={}, on_change="update", seconds=1,
    )  # fmt: skip
    with pytest.raises(StartupFailed) as ended:
        asyncio.run(wait_for_result(Shown(BOOT + step), WANTED, 0, vm.say))

    assert told
    for text in (*told, str(ended.value), newest_step(BOOT + step) or ""):
        assert is_plain(text)
        assert text.encode()


def test_the_last_line_of_a_console_is_told_without_control_characters() -> None:
    """`wait`: A console without a result is quoted."""
    with pytest.raises(StartupFailed) as ended:
        wait(f"mallory \x1b[2J\u202e {UNSEEN}")

    assert is_plain(str(ended.value))


def test_the_local_cloud_tells_no_control_characters() -> None:
    """Its tables and its words of a failure are made of what can be seen, too."""
    step = {"name": UNSEEN, "list": UNSEEN, "outcome": UNSEEN, "seconds": 1.0}
    result = {**WHOLE, "result": "failed", "failed_step": UNSEEN, "message": UNSEEN, "output": [UNSEEN], "steps": [step]}
    out = io.StringIO()
    report.table({"web": result}, report.Console(file=out, width=400, color_system=None))

    assert is_plain(out.getvalue())
    assert out.getvalue().encode()
