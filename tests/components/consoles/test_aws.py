"""The console of an EC2 instance, read by boto3 from a local moto server; and what moto does not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.ec2.responses import general
from moto.server import ThreadedMotoServer

from components.console import Console, ConsoleBusy, ConsoleError
from components.consoles import console_at
from components.results import newest_result
from tests.components.stand_in import Asked, Said
from tests.results import line

from .conftest import APIS, TOKEN, Answer, Api, Opened

AWS = next(api for api in APIS if api.cloud == "aws")
REGION = "eu-central-1"
Open = Callable[[Api, Answer], Opened]


@pytest.fixture(scope="module")
def moto_address() -> Iterator[str]:
    """Serve moto on a free port of the loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def ec2(moto_address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return boto3's client for moto, which the readers find by the same variables."""
    for name, text in AWS.variables(moto_address).items():
        monkeypatch.setenv(name, text)
    return boto3.client("ec2", region_name=REGION)


@pytest.fixture
def instance(ec2: Any) -> str:
    """Return the id of an instance that runs."""
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    return made["Instances"][0]["InstanceId"]


def console_of(instance: str) -> Console:
    """The console of moto's instance."""
    return console_at("web", f"arn:aws:ec2:{REGION}:123456789012:instance/{instance}")


def state_of(ec2: Any, instance: str) -> str:
    """What moto says of the instance."""
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]


def test_moto_answers_with_its_text(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait`: What the instance wrote arrives through the Query API, signed request and base64 included."""
    monkeypatch.setattr(general, "SAMPLE_CONSOLE_OUTPUT", f"boot\r\n{line(boot_id='b1')}")

    result = newest_result(console_of(instance).read())
    assert result is not None
    assert result.boot_id == "b1"


def test_moto_reboots_what_runs(ec2: Any, instance: str) -> None:
    """`on_change`: A restart leaves the instance running."""
    assert console_of(instance).restart() is True
    assert state_of(ec2, instance) == "running"


def test_a_stopped_instance_stays_stopped(ec2: Any, instance: str) -> None:
    """Who has switched an instance off does not find it running because a definition changed."""
    ec2.stop_instances(InstanceIds=[instance])

    assert console_of(instance).restart() is False
    assert state_of(ec2, instance) == "stopped"


def test_moto_knows_no_other_instance(ec2: Any) -> None:
    """An instance that EC2 does not show may be one that it does not show yet."""
    with pytest.raises(ConsoleBusy, match=r"InvalidInstanceID\.NotFound"):
        console_of("i-0000000000000dead").read()


def test_the_newest_text_is_asked_for(opened: Open) -> None:
    """EC2 has two texts, and the one of now is asked for, of the instance and in the region that the ARN names."""
    console, server = opened(AWS, lambda asked: AWS.text("now"))

    console.read()
    [asked] = server.asked
    assert "Action=GetConsoleOutput" in asked.body
    assert "InstanceId=i-0123456789abcdef0" in asked.body
    assert "Latest=true" in asked.body
    assert f"{TOKEN}/" in asked.headers["Authorization"]
    assert f"/{REGION}/ec2/" in asked.headers["Authorization"]


def test_an_older_type_gives_its_last_text(opened: Open) -> None:
    """Types older than Nitro refuse the newest text, and the one of the last start or stop is read."""

    def answer(asked: Asked) -> Said:
        if "Latest" in asked.body:
            return AWS.error(400, "UnsupportedOperation", "This instance type does not support it.")
        return AWS.text("at the last stop")

    console, _ = opened(AWS, answer)
    assert console.read() == "at the last stop"


def test_another_refusal_is_told_as_it_is(opened: Open) -> None:
    """What EC2 says is not hidden."""
    console, _ = opened(AWS, lambda asked: AWS.error(400, "InvalidInstanceID.Malformed", "Invalid id"))

    with pytest.raises(ConsoleError, match=r"refuses: InvalidInstanceID\.Malformed: Invalid id"):
        console.read()


def test_a_restart_needs_its_own_rights(opened: Open) -> None:
    """The rights for a restart are named where a restart is refused."""
    console, _ = opened(AWS, lambda asked: AWS.error(403, "UnauthorizedOperation", "No."))

    with pytest.raises(ConsoleError, match="ec2:DescribeInstances and ec2:RebootInstances"):
        console.restart()


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong AWS_PROFILE is told by name."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    with pytest.raises(ConsoleError, match=r"cannot log in to AWS: .*no-such-profile"):
        console_at("web", AWS.vm).read()
