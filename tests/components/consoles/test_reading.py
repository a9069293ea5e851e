"""What the three readers do alike: read, and say in each trouble what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from components.console import ConsoleBusy, ConsoleError
from components.consoles import console_at
from tests.components.stand_in import Said, StandIn

from .conftest import APIS, AWS_VM, AZURE_VM, GCP_VM, Answer, Api, Opened

Open = Callable[[Api, Answer], Opened]
TEXT = 'boot\r\nevenboot: result {"result": "ok"}\r\nlogin: é '


def test_the_newest_text_is_read(api: Api, opened: Open) -> None:
    """`wait`: What the cloud has of the console comes as it is."""
    console, _ = opened(api, lambda asked: api.text(TEXT))

    assert console.name == "web"
    assert console.read() == TEXT
    assert console.read() == TEXT


def test_a_console_without_a_word_is_empty(api: Api, opened: Open) -> None:
    """A VM that has not written yet has an empty console, which is no error."""
    console, _ = opened(api, lambda asked: api.text(""))

    assert console.read() == ""


def test_bytes_that_are_no_text_are_no_error(api: Api, opened: Open) -> None:
    """A serial line shows anything."""
    console, _ = opened(api, lambda asked: api.text("\x00\x1b[2J\ufffd"))

    assert "\x1b[2J" in console.read()


@pytest.mark.parametrize("trouble", ["throttled", "missing", "server", "nonsense"])
def test_what_may_pass_is_told_from_what_will_not(trouble: str, api: Api, opened: Open) -> None:
    """Throttling, a VM not shown yet, a broken server: trying again may help, and the reader says so by its error."""
    said = {
        "throttled": api.error(*api.throttled, "Slow down."),
        "missing": api.error(*api.missing, "There is no web."),
        "server": Said(502, "<html>Bad gateway</html>"),
        "nonsense": Said(200, "<html>Log in to the hotel's network"),
    }[trouble]
    console, _ = opened(api, lambda asked: said)

    with pytest.raises(ConsoleBusy, match=r"^web: "):
        console.read()


def test_a_cloud_that_cannot_be_reached_may_be_later(api: Api, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the network may come back."""
    console, _ = opened(api, lambda asked: api.text(TEXT))
    with StandIn(lambda asked: Said(500)) as gone:
        monkeypatch.setenv(api.endpoint, gone.address)

    with pytest.raises(ConsoleBusy, match=r"^web: "):
        console.read()


def test_a_missing_right_is_named(api: Api, opened: Open) -> None:
    """Who may not read the console is told which right it takes, and what the cloud said."""
    console, _ = opened(api, lambda asked: api.error(*api.forbidden, "You are not authorized."))

    with pytest.raises(ConsoleError, match=r"^web: who deploys needs the right .*You are not authorized") as caught:
        console.read()
    assert api.right in str(caught.value)
    assert not isinstance(caught.value, ConsoleBusy)


def test_credentials_that_are_refused_are_told(api: Api, opened: Open) -> None:
    """A login that has ended is for its owner to renew."""
    console, _ = opened(api, lambda asked: api.error(*api.login, "Not valid any more."))

    with pytest.raises(ConsoleError, match=r"^web: (.* does not accept the credentials|cannot log in)") as caught:
        console.read()
    assert not isinstance(caught.value, ConsoleBusy)


def test_no_credentials_are_told(api: Api) -> None:
    """Who has no login at all is told how to get one."""
    with pytest.raises(ConsoleError, match=r"^web: cannot log in to") as caught:
        console_at("web", api.vm).read()
    assert not isinstance(caught.value, ConsoleBusy)
    assert any(way in str(caught.value) for way in ("AWS_PROFILE", "gcloud auth", "az login"))


def test_a_missing_sdk_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs are an extra: who lacks one is told its name and how to install it."""
    for name in [name for name in sys.modules if name.startswith(api.sdk)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, api.sdk, None)

    with pytest.raises(ConsoleError, match=rf"pip install 'evenboot\[{api.cloud}-console\]'"):
        console_at("web", api.vm).read()
    with pytest.raises(ConsoleError, match=r"-console\]'"):
        console_at("web", api.vm).restart()


@pytest.mark.parametrize(
    "address",
    ["", "web", "i-0123456789abcdef0", GCP_VM + "/", AWS_VM.replace("ec2", "s3"), AZURE_VM.rpartition("/")[0]],
)
def test_what_is_no_vm_has_no_console(address: str) -> None:
    """A wrong name is told with the forms that are right."""
    with pytest.raises(ConsoleError, match="is no VM's full name; give the ARN"):
        console_at("web", address)


def test_all_clouds_have_a_reader() -> None:
    """Each cloud's full name of a VM leads to its reader; on Azure in any letter case."""
    kinds = [type(console_at("web", api.vm)).__name__ for api in APIS]

    assert kinds == ["AwsConsole", "GcpConsole", "AzureConsole"]
    assert type(console_at("web", AZURE_VM.lower())).__name__ == "AzureConsole"
    assert type(console_at("web", AWS_VM.replace("arn:aws:", "arn:aws-us-gov:"))).__name__ == "AwsConsole"
