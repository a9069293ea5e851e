"""Results are found in a console's text, whatever stands around and between them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.results import MARK, Result, newest_result, newest_step, results_in
from tests.checkout import ROOT
from tests.results import NO_DEFINITION, WHOLE, line

FULL: dict[str, Any] = {
    **WHOLE,
    "result": "failed",
    "failed_step": "fetch",
    "exit_code": 22,
    "message": "step 'fetch' failed with exit code 22",
    "output": ["curl: (22) The requested URL returned error: 404"],
    "steps": [{"name": "fetch", "list": "first_boot", "outcome": "failed", "seconds": 0.21}],
}
LINE = MARK + json.dumps(FULL)
BOOT = "[    0.000000] Linux version 6.1\r\n"
WAITS = "\r\x1b[K[\x1b[0;31m*\x1b[0;1;31m*\x1b[0m    ] (1 of 2) A stop job is running for x (of y) (1min 2s / no limit)"


def test_a_result_has_all_that_the_line_has() -> None:
    """L12: the line on the console carries what `evenboot status --json` prints, and none of it is lost."""
    [result] = results_in(f"{BOOT}{LINE}\n")

    assert result.as_json() == FULL


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"{LINE}\r\n",
        f"{LINE}\r\r\n",
        f"[    3.141592] random: crng init done\r\n{LINE}\r\n[   14.000000] audit: backlog limit\r\nlogin: ",
        f"web login: {LINE}\r\n",
        f"web login: [   14.000000] audit: backlog limit\r\n{LINE}\r\n",
        f"{WAITS}{LINE}\r\n",
        f"{WAITS}\r\x1b[K[ ***  ] (2 of 2) Job evenboot.service/start running (9s / no limit){LINE}\r\n",
        f"\x1b[0m\x00{LINE}\x1b[0m\n",
        f"\x1b]3008;start=7e3a;user=root\x1b\\{LINE}\x1b]0;web\x07\n",
        f'ed_step": null, "result": "ok"}}\r\n{LINE}\r\n',
        f"{MARK}{{torn apart\r\n{LINE}\r\n",
        f"{MARK}{{torn apart[   14.000000] audit: backlog limit\r\n{LINE}\r\n",
        f"{LINE}[   14.000000] audit: backlog limit\r\n\r\n",
        f"\ufffd\ufffd\r\n{LINE}\r\n",
    ],
    ids=[
        "alone",
        "crlf",
        "crcrlf",
        "kernel",
        "prompt",
        "kernel at the prompt",
        "systemd waits",
        "systemd waits for two",
        "controls",
        "sequences",
        "cut begin",
        "torn",
        "torn by the kernel",
        "kernel at the end",
        "no utf-8",
    ],
)
def test_what_stands_around_a_result_does_not_matter(text: str) -> None:
    """The console is everybody's: line ends, other people's lines, and what a prompt or systemd leaves at a line's beginning
    change nothing."""
    assert [result.as_json() for result in results_in(BOOT + text)] == [FULL]


@pytest.mark.parametrize(
    "noise",
    [
        "[   12.345678] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready\r\n",
        "[12345.678901] oom: {not json\r\n",
        "[\x1b[0;32m  OK  \x1b[0m] Reached target Multi-User System.\r\n",
    ],
)
@given(data=st.data())
def test_a_kernel_line_in_the_middle_of_a_result_is_taken_out(noise: str, data: st.DataObject) -> None:
    """The kernel writes when it has something to say, also into the line of the result."""
    at = data.draw(st.integers(0, len(LINE) - 1))

    assert [result.as_json() for result in results_in(f"boot\r\n{LINE[:at]}{noise}{LINE[at:]}\r\n")] == [FULL]


@given(data=st.data())
def test_several_lines_of_the_kernel_in_one_result_are_taken_out(data: st.DataObject) -> None:
    """One after another, or at several places."""
    noise = "[   12.345678] usb 1-1: new device\r\n"
    first, second = sorted(data.draw(st.lists(st.integers(0, len(LINE) - 1), min_size=2, max_size=2)))
    text = f"{LINE[:first]}{noise}{noise}{LINE[first:second]}{noise}{LINE[second:]}\r\n"

    assert [result.as_json() for result in results_in(BOOT + text)] == [FULL]


def test_output_that_quotes_the_kernel_is_kept() -> None:
    """A step may print what looks like a line of the kernel; it is no noise."""
    quoted = ["[   12.345678] oom-killer: gfp_mask=0x0", "[  OK  ] Started."]

    first, _ = results_in(f"{BOOT}{line(output=quoted)}{LINE}\r\n")

    assert first.output == tuple(quoted)


@given(cut=st.integers(0, len(LINE) - 1))
def test_a_line_that_is_not_whole_yet_is_no_result(cut: int) -> None:
    """A partial last line is left for the next look, and the result before it stays the newest."""
    text = f"{BOOT}{line(boot_id='before')}{LINE[:cut]}"

    assert [result.boot_id for result in results_in(text)] == ["before"]


@given(st.text(alphabet=st.sampled_from('evenboot: result {}[]"\\,\r\n\x1b0.é')))
def test_no_text_is_an_error(text: str) -> None:
    """Whatever a console shows, it is read."""
    assert all(isinstance(result, Result) for result in results_in(f"{BOOT}{text}\n{MARK}{text}"))


@pytest.mark.parametrize("status", [[], 1, None, {}, {"result": "ok"}, {**FULL, "result": "fine"}, {**FULL, "output": None}])
def test_what_no_runner_writes_is_no_result(status: Any) -> None:
    """JSON behind the mark that has not all fields, each of its kind, is left out."""
    assert results_in(f"{BOOT}{MARK}{json.dumps(status)}") == ()


def test_what_a_later_version_writes_is_a_result() -> None:
    """Readers ignore fields that they do not know."""
    [step] = FULL["steps"]
    told = {**FULL, "attempts": {"fetch": 3}, "steps": [{**step, "begin": 7.1, "progress": {"bytes": 1, "of": 2}}]}

    assert [result.as_json() for result in results_in(f"{BOOT}{MARK}{json.dumps(told)}")] == [FULL]


def test_the_last_line_is_the_newest_result() -> None:
    """Order on the console decides, not the clock of the VM."""
    text = line(boot_id="a", finished_at="2030-01-01T00:00:00Z") + line(boot_id="b", finished_at="1970-01-01T00:00:00Z")

    newest = newest_result(BOOT + text)
    assert newest is not None
    assert newest.boot_id == "b"
    assert newest_result("login: ") is None


def test_a_step_is_news_only_after_the_last_result() -> None:
    """What steps of an earlier run said is over with that run's result."""
    assert newest_step(f"{BOOT}evenboot: step 'a' ok (1.00 s)\r\n{line()}") is None
    assert newest_step(f"{BOOT}{line()}web login: evenboot: step 'b' ok (0.10 s)\r\nlogin:") == "step 'b' ok (0.10 s)"


@pytest.mark.parametrize("junk", [f"{MARK}{{}}", f"mallory: {MARK}", f"mallory: {line()}", "mallory: evenboot: step 'b' ok"])
def test_a_step_is_news_whatever_others_write(junk: str) -> None:
    """What is neither a result nor a step of the runner's own takes no news away."""
    assert newest_step(f"{BOOT}evenboot: step 'a' ok (1.00 s)\r\n{junk}\r\n") == "step 'a' ok (1.00 s)"


def test_an_interrupted_run_is_told_from_a_failed_one() -> None:
    """A run that ended because the VM went down goes on at the next boot, as one that somebody ended does not; the runner
    says it in these words."""
    words = "the system is going down"
    [down] = results_in(BOOT + line(result="failed", message=f"step 'a' was interrupted: {words}"))
    [ended] = results_in(BOOT + line(result="failed", message="step 'a' was interrupted by a TERM signal"))
    [failed] = results_in(BOOT + line(result="failed", message="step 'a' failed with exit code 1"))

    assert (True, False, False) == (down.interrupted, ended.interrupted, failed.interrupted)
    runner = "".join(path.read_text() for path in sorted((ROOT / "startup/runner").glob("*.sh")))
    assert f"interrupted: {words}'" in runner, "the runner says it in other words now"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "ok"),
        ({"message": "no answer: the last definition is used"}, "ok: no answer: the last definition is used"),
        ({**FULL}, "step 'fetch' failed with exit code 22\n  | curl: (22) The requested URL returned error: 404"),
        ({"result": "failed", "failed_step": "a", "exit_code": 3}, "step 'a' failed with exit code 3"),
        ({"result": "failed", "failed_step": "a", "message": "odd"}, "step 'a' failed: odd"),
        ({"result": "failed", "message": "the payload is damaged"}, "the payload is damaged"),
        ({"result": "failed"}, "failed"),
    ],
)
def test_a_result_is_told_in_words(fields: dict[str, Any], words: str) -> None:
    """Step, exit code, message and last lines are all in the text, once."""
    [result] = results_in(BOOT + line(**fields))

    assert result.describe() == words


@pytest.mark.parametrize("program", ["bootstrap.sh", "status.sh"])
def test_what_a_result_must_have_is_what_the_runner_writes(program: str) -> None:
    """L12: The fields of each program on the VM that writes results, in its own text; a boot without a definition among them."""
    text = (ROOT / "startup/runner" / program).read_text().replace('\\"', '"')
    written = text[text.rindex('{"definition"') :]

    assert list(WHOLE) == re.findall(r'[{,]"([a-z_]+)":', written[: written.index('"steps"') + 9])
    assert results_in(BOOT + line(**NO_DEFINITION, instance_id=None, boot="first", message="no such object"))
