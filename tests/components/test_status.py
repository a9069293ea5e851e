"""`python -m components status`: which VMs a stack has, what their consoles say, and how it is told."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from components import __main__ as command
from components.console import ConsoleBusy
from components.consoles import console_at
from components.stacks import StackError, vms_in
from tests import results

FINGERPRINT = "ab" * 32
URN = "urn:pulumi:dev::shop::"
ARN = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"
GCP_ID = "projects/shop/zones/europe-west3-a/instances/api"
AZURE_ID = "/subscriptions/5b6f/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/web"


def resources(component: str, name: str, token: str, id: str, **outputs: str) -> list[dict[str, Any]]:
    """A component and its VM as the state has them."""
    parent = f"{URN}evenboot:index:{component}::{name}"
    return [
        {"urn": parent, "type": f"evenboot:index:{component}", "outputs": {"fingerprint": FINGERPRINT}},
        {
            "urn": f"{URN}evenboot:index:{component}${token}::{name}-vm",
            "type": token,
            "id": id,
            "parent": parent,
            "outputs": outputs,
        },
    ]


AWS = resources("AwsVm", "web", "aws:ec2/instance:Instance", ARN.rpartition("/")[2], arn=ARN)
GCP = resources("GcpVm", "api", "gcp:compute/instance:Instance", GCP_ID)
AZURE = resources("AzureVm", "web-2", "azure-native:compute:VirtualMachine", AZURE_ID)


def exported(*parts: list[dict[str, Any]]) -> str:
    """What `pulumi stack export` prints."""
    return json.dumps({"version": 3, "deployment": {"resources": [one for part in parts for one in part]}})


def line(**fields: Any) -> str:
    """A result on a console."""
    told = {"definition": "site", "fingerprint": FINGERPRINT, "boot_id": "7e3a5e2c-0d26", **fields}
    return f"[    0.000000] Linux version 6.1\r\n{results.line(**told)}"


class Consoles(dict[str, Any]):
    """Consoles by the VM's name: a text, several one after another, or an exception."""

    def __call__(self, name: str, address: str) -> Any:
        assert console_at(name, address), "the address is one that a reader takes"
        shown = self[name]

        class Console:
            def read(self) -> str:
                text = shown.pop(0) if isinstance(shown, list) else shown
                if isinstance(text, BaseException):
                    raise text
                return text

        return Console()


@pytest.fixture
def consoles(monkeypatch: pytest.MonkeyPatch) -> Consoles:
    """The consoles that the command reads; its standard input is a stack with three VMs."""
    consoles = Consoles()
    monkeypatch.setattr(command, "console_at", consoles)
    monkeypatch.setattr(command, "WATCH_SECONDS", 0)
    monkeypatch.delenv(command.EXPORT, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(exported(AWS, GCP, AZURE)))
    return consoles


def test_the_table_has_all_vms(consoles: Consoles, capsys: pytest.CaptureFixture[str]) -> None:
    """`status`: Definition, boot, result, failing step and time stand in a line for each VM; how it failed stands below."""
    consoles |= {
        "web": line(),
        "api": line(result="failed", failed_step="fetch", exit_code=22, boot="first", output=["curl: (22) 404"]),
        "web-2": "login: ",
    }

    assert command.main(["status", "--export", "-"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "VM     cloud  definition  boot            result    failing step  when",
        "api    gcp    site        first 7e3a5e2c  failed    fetch         2026-11-23T01:00:02Z",
        "web    aws    site        later 7e3a5e2c  ok                      2026-11-23T01:00:02Z",
        "web-2  azure                              none yet",
        "",
        "api: step 'fetch' failed with exit code 22",
        "  | curl: (22) 404",
    ]


def test_all_ok_is_exit_code_0(consoles: Consoles) -> None:
    """`status`: A script can ask whether all VMs are well."""
    consoles |= {name: line() for name in ("web", "api", "web-2")}

    assert command.main(["status", "--export", "-"]) == 0


def test_an_ok_of_another_definition_is_outdated(consoles: Consoles, capsys: pytest.CaptureFixture[str]) -> None:
    """`status`: A VM that is well, but has not obeyed the deployed definition yet, has a word and an exit code of its own."""
    consoles |= {"web": line(), "api": line(), "web-2": line(fingerprint="cd" * 32)}

    assert command.main(["status", "--export", "-"]) == 3
    assert ["ok", "ok", "outdated"] == [row.split()[-2] for row in capsys.readouterr().out.splitlines()[1:]]


def test_an_outdated_vm_hides_none_that_failed(consoles: Consoles) -> None:
    """`status`: Where one VM is outdated and another is not well, the exit code is that of the other."""
    consoles |= {"web": line(result="failed"), "api": line(), "web-2": line(fingerprint="cd" * 32)}

    assert command.main(["status", "--export", "-"]) == 1


def test_what_is_not_a_plain_ok_is_told(consoles: Consoles, capsys: pytest.CaptureFixture[str]) -> None:
    """`status`: Another definition than the deployed one, a copy used in an outage, a run at work, and a run cut short."""
    consoles |= {
        "web": line(fingerprint="cd" * 32, message="the metadata service does not answer: the last definition is used"),
        "api": line() + "evenboot: step 'warm' ok (1.00 s)\r\n",
        "web-2": line(result="failed", message="interrupted: the system is going down"),
    }

    command.main(["status", "--export", "-"])
    api, web, web_2, _, *remarks = capsys.readouterr().out.splitlines()[1:]
    assert "ok, at work again" in api
    assert "site (not the deployed one)" in web
    assert "outdated" in web
    assert "interrupted" in web_2
    assert "web: the metadata service does not answer: the last definition is used" in remarks


def test_a_console_that_cannot_be_read_hides_no_other(consoles: Consoles, capsys: pytest.CaptureFixture[str]) -> None:
    """`status`: Each VM is told on its own, and the reason in the reader's words."""
    consoles |= {"web": ConsoleBusy("web: EC2 says slow down"), "api": line(), "web-2": line()}

    assert command.main(["status", "--export", "-"]) == 1
    out = capsys.readouterr().out
    assert "unreadable" in out
    assert out.endswith("\nweb: EC2 says slow down\n")
    assert out.count(" ok") == 2


def test_json_has_all_that_the_consoles_tell(consoles: Consoles, capsys: pytest.CaptureFixture[str]) -> None:
    """`status`: One object a VM, on a line of its own, with the whole result."""
    consoles |= {"web": line(failed_step=None), "api": "", "web-2": ConsoleBusy("web-2: not now")}

    assert command.main(["status", "--export", "-", "--json"]) == 1
    api, web, web_2 = map(json.loads, capsys.readouterr().out.splitlines())
    assert (web["name"], web["cloud"], web["address"]) == ("web", "aws", ARN)
    assert web["deployed_fingerprint"] == web["result"]["fingerprint"] == FINGERPRINT
    assert (api["result"], api["error"]) == (None, None)
    assert web_2["error"] == "web-2: not now"


def test_watching_tells_each_change_until_it_is_interrupted(
    consoles: Consoles, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal only what has changed is printed; a reboot that no deployment caused is such a change."""
    rebooted = line() + line(boot_id="ffffffff-0d26")
    consoles |= {"web": [line(), line(), rebooted, KeyboardInterrupt()], "api": line(), "web-2": line()}

    assert command.main(["status", "--export", "-", "--watch"]) == 130
    out = capsys.readouterr().out.splitlines()
    assert [text.split()[0] for text in out] == ["VM", "api", "web", "web-2", "VM", "web"]
    assert "ffffffff" in out[-1]


def test_pulumi_is_asked_for_the_stack(
    consoles: Consoles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command runs in the program's folder, for the named stack; what it complains about is handed on."""
    consoles |= {"web": line()}
    pulumi, program = tmp_path / "pulumi", tmp_path / "program"
    program.mkdir()
    (program / "state.json").write_text(exported(AWS))
    pulumi.write_text(
        '#!/bin/sh\necho "$*" >asked\n[ "$5" = dev ] && exec cat state.json\necho "error: no stack" >&2\nexit 255\n'
    )
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert command.main(["status", "--stack", "dev", "--cwd", str(program)]) == 0
    assert (program / "asked").read_text() == "stack export --non-interactive --stack dev\n"
    assert command.main(["status", "--cwd", str(program)]) == 2
    assert (program / "asked").read_text() == "stack export --non-interactive\n"
    assert "error: pulumi cannot tell of the stack: no stack; choose one with --stack" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is no command `pulumi` on PATH"),
        (["--cwd", "/no/such/folder"], "/no/such/folder is no folder"),
        (["--export", "/no/such/file"], "--export /no/such/file: No such file"),
        (["--export", "-", "--stack", "dev"], "give one of them"),
    ],
)
def test_what_cannot_be_known_is_told_in_a_line(
    arguments: list[str],
    words: str,
    consoles: Consoles,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without pulumi, folder or file there is one clear line and exit code 2."""
    monkeypatch.setenv("PATH", "/nowhere")

    assert command.main(["status", *arguments]) == 2
    [error] = capsys.readouterr().err.splitlines()
    assert words in error


def test_a_stack_without_vms_is_told(
    consoles: Consoles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty table would say nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO('{"version": 3, "deployment": {}}'))

    assert command.main(["status", "--export", "-"]) == 2
    assert "the stack has no VM of AwsVm, GcpVm or AzureVm" in capsys.readouterr().err


def test_only_vms_of_the_components_are_taken() -> None:
    """A VM that the program makes otherwise writes no result; one that is still to be deleted is no longer the stack's."""
    plain = {"urn": f"{URN}aws:ec2/instance:Instance::bastion", "type": "aws:ec2/instance:Instance", "id": "i-1"}
    network = {
        "urn": f"{URN}evenboot:index:AwsVm$aws:ec2/securityGroup:SecurityGroup::web",
        "type": "aws:ec2/securityGroup:SecurityGroup",
    }
    replaced = [{**AWS[1], "id": "i-0", "delete": True}]
    versioned = resources("AzureVm", "old", "azure-native:compute/v20240701:VirtualMachine", AZURE_ID)

    found = vms_in(exported([plain, network], replaced, AWS, GCP, versioned))
    assert [(vm.name, vm.cloud, vm.address, vm.fingerprint) for vm in found] == [
        ("api", "gcp", GCP_ID, FINGERPRINT),
        ("old", "azure", AZURE_ID, FINGERPRINT),
        ("web", "aws", ARN, FINGERPRINT),
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"deployment": 1}', '{"deployment": {"resources": [1]}}', "error: no"]
)
def test_what_is_no_export_is_told(text: str) -> None:
    """A file that is something else is told as that."""
    with pytest.raises(StackError, match="not what `pulumi stack export` prints"):
        vms_in(text)
