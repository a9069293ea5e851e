"""Results are found in a console's text, whatever stands around and between them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.results import MARK, Result, newest_result, newest_step, results_in
from tests.checkout import ROOT

FULL: dict[str, Any] = {
    "definition": "web-server",
    "fingerprint": "ab" * 32,
    "instance_id": "i-0123456789abcdef0",
    "boot_id": "7e3a5e2c-0d26-4c1b-9d3e-2b4a0b8c1d2e",
    "boot": "later",
    "result": "failed",
    "failed_step": "fetch",
    "exit_code": 22,
    "message": "step 'fetch' failed with exit code 22",
    "output": ["curl: (22) The requested URL returned error: 404"],
    "source": "cloud",
    "started_at": "2026-11-23T01:00:00Z",
    "finished_at": "2026-11-23T01:00:02Z",
    "steps": [{"name": "fetch", "list": "first_boot", "outcome": "failed", "seconds": 0.21}],
}
LINE = MARK + json.dumps(FULL)


def line(**fields: Any) -> str:
    """A result line; ok unless said otherwise."""
    return MARK + json.dumps({"result": "ok", **fields})


def test_a_result_has_all_that_the_line_has() -> None:
    """L12: the line on the console carries what `evenboot status --json` prints, and none of it is lost."""
    [result] = results_in(f"{LINE}\n")

    assert result.as_json() == FULL


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"{LINE}\r\n",
        f"{LINE}\r\r\n",
        f"[    3.141592] random: crng init done\r\n{LINE}\r\n[   14.000000] audit: backlog limit\r\nlogin: ",
        f"Nov 23 01:00:02 web google_metadata_script_runner[512]: startup-script: {LINE}\r\n",
        f"2026-11-23T01:00:02.123Z {LINE}\n",
        f"\x1b[0m\x00{LINE}\x1b[0m\n",
        f'ed_step": null, "result": "ok"}}\r\n{LINE}\r\n',
        f"{MARK}{{torn apart\r\n{LINE}\r\n",
        f"\ufffd\ufffd\r\n{LINE}\r\n",
    ],
    ids=["alone", "crlf", "crcrlf", "kernel", "prefix", "time", "controls", "cut begin", "torn", "no utf-8"],
)
def test_what_stands_around_a_result_does_not_matter(text: str) -> None:
    """The console is everybody's: line ends, prefixes and other people's lines change nothing."""
    assert [result.as_json() for result in results_in(text)] == [FULL]


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


def test_output_that_quotes_the_kernel_is_kept() -> None:
    """A step may print what looks like a line of the kernel; it is no noise."""
    quoted = ["[   12.345678] oom-killer: gfp_mask=0x0", "[  OK  ] Started."]

    first, _ = results_in(f"{line(output=quoted)}\r\n{LINE}\r\n")

    assert first.output == tuple(quoted)


@given(cut=st.integers(0, len(LINE) - 1))
def test_a_line_that_is_not_whole_yet_is_no_result(cut: int) -> None:
    """A partial last line is left for the next look, and the result before it stays the newest."""
    text = f"{line(boot_id='before')}\r\n{LINE[:cut]}"

    assert [result.boot_id for result in results_in(text)] == ["before"]


@given(st.text(alphabet=st.sampled_from('evenboot: result {}[]"\\,\r\n\x1b0.é')))
def test_no_text_is_an_error(text: str) -> None:
    """Whatever a console shows, it is read."""
    assert all(isinstance(result, Result) for result in results_in(text + MARK + text))


@pytest.mark.parametrize("status", [[], 1, None, {}, {"result": "fine"}, {"result": ["ok"]}, {"result": None}])
def test_what_has_no_known_result_is_none(status: Any) -> None:
    """JSON behind the mark that is no result is left out."""
    assert results_in(MARK + json.dumps(status)) == ()


def test_fields_of_a_wrong_kind_are_left_out() -> None:
    """A field that is not as the contract has it is as if it were not there; the others count."""
    wrong = {"definition": 7, "exit_code": "22", "output": "text", "steps": ["x"], "boot": None}

    assert results_in(line(**wrong, boot_id="b", new="later")) == (Result(result="ok", boot_id="b"),)


def test_the_last_line_is_the_newest_result() -> None:
    """Order on the console decides, not the clock of the VM."""
    text = f"{line(boot_id='a', finished_at='2030-01-01T00:00:00Z')}\n{line(boot_id='b', finished_at='1970-01-01T00:00:00Z')}\n"

    newest = newest_result(text)
    assert newest is not None
    assert newest.boot_id == "b"
    assert newest_result("login: ") is None


def test_a_step_is_news_only_after_the_last_result() -> None:
    """What steps of an earlier run said is over with that run's result."""
    assert newest_step(f"evenboot: step 'a' ok (1.00 s)\r\n{line()}\r\n") is None
    assert newest_step(f"{line()}\nx evenboot: step 'b' ok (0.10 s)\r\nlogin:") == "step 'b' ok (0.10 s)"


def test_an_interrupted_run_is_told_from_a_failed_one() -> None:
    """A run that ended because the VM went down goes on at the next boot, as one that somebody ended does not; the runner
    says it in these words."""
    words = "the system is going down"
    [down] = results_in(line(result="failed", message=f"step 'a' was interrupted: {words}"))
    [ended] = results_in(line(result="failed", message="step 'a' was interrupted by a TERM signal"))
    [failed] = results_in(line(result="failed", message="step 'a' failed with exit code 1"))

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
    [result] = results_in(line(**fields))

    assert result.describe() == words
