"""A provider answers as a plugin process, the way the real engine asks it; machines are fakes in that process."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

from lab.aws.provider import IMAGES
from lab.providers.wire import UNKNOWN, decode, encode

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = """
import sys
from pathlib import Path
from lab.clouds import provider
from lab.providers.service import serve
from tests.lab.fake_machines import FakeLab
lab = FakeLab(Path(sys.argv[1]))
serve(provider("aws", lab, lab.state))
"""
VM = "urn:pulumi:local::small::my:index:Vm$aws:ec2/instance:Instance::web"
INPUTS: dict[str, Any] = {"ami": next(iter(IMAGES)), "userDataBase64": base64.b64encode(b"one").decode()}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start the process, and yield a stub that asks it."""
    argv = [sys.executable, "-c", PLUGIN, str(tmp_path_factory.mktemp("plugin"))]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.kill()
        process.wait()


def test_the_plugin_says_its_version_and_can_be_attached(plugin: Any) -> None:
    """The version is that of the real provider, so that the engine takes it."""
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1"
    plugin.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))


def test_the_settings_are_checked_and_taken(plugin: Any) -> None:
    """An unknown setting is a failure with its name; Configure promises previews and asks for no secrets."""
    response = plugin.CheckConfig(pb.CheckRequest(news=encode({"region": "eu-west-1", "regoin": "x"})))
    assert [failure.property for failure in response.failures] == ["regoin"]
    configured = plugin.Configure(pb.ConfigureRequest(variables={"aws:config:region": "eu-west-1"}))
    assert configured.supportsPreview and not configured.acceptSecrets


def test_check_lists_every_failure(plugin: Any) -> None:
    """A child of a component is known by its own type, and each wrong property is listed with its reason."""
    response = plugin.Check(pb.CheckRequest(urn=VM, news=encode({**INPUTS, "colour": "blue", "instanceType": 3})))
    assert [failure.property for failure in response.failures] == ["colour", "instanceType"]


def test_check_fills_in_a_name_and_keeps_it(plugin: Any) -> None:
    """The name that was chosen first comes back at the next check."""
    urn, news = "urn:pulumi:local::small::aws:iam/role:Role::role", encode({"assumeRolePolicy": "{}"})
    first = plugin.Check(pb.CheckRequest(urn=urn, news=news)).inputs
    assert decode(plugin.Check(pb.CheckRequest(urn=urn, olds=first, news=news)).inputs) == decode(first)


def test_diff_tells_update_from_replacement(plugin: Any) -> None:
    """Each changed property is in the detailed difference, with its kind."""
    news = {**INPUTS, "ami": "ami-2", "userDataBase64": "dHdv"}
    response = plugin.Diff(pb.DiffRequest(urn=VM, id="i-1", old_inputs=encode(INPUTS), news=encode(news)))
    assert response.changes == pb.DiffResponse.DIFF_SOME and list(response.replaces) == ["ami"]
    kinds = {path: difference.kind for path, difference in response.detailedDiff.items()}
    assert kinds == {"ami": pb.PropertyDiff.UPDATE_REPLACE, "userDataBase64": pb.PropertyDiff.UPDATE}
    same = plugin.Diff(pb.DiffRequest(urn=VM, id="i-1", old_inputs=encode(INPUTS), news=encode(INPUTS)))
    assert same.changes == pb.DiffResponse.DIFF_NONE


def test_a_preview_of_a_creation_has_no_id_and_unknown_outputs(plugin: Any) -> None:
    """The engine takes an empty id for unknown."""
    response = plugin.Create(pb.CreateRequest(urn=VM, properties=encode(INPUTS), preview=True))
    assert response.id == "" and decode(response.properties)["privateIp"] is UNKNOWN


def test_a_life_from_creation_to_deletion(plugin: Any) -> None:
    """Create, read, update, delete, delete again; a resource that is gone reads as nothing."""
    created = plugin.Create(pb.CreateRequest(urn=VM, properties=encode(INPUTS)))
    assert created.id.startswith("i-") and decode(created.properties)["privateIp"]
    read = plugin.Read(pb.ReadRequest(urn=VM, id=created.id))
    assert read.id == created.id and decode(read.inputs) == INPUTS
    news = encode({**INPUTS, "userDataBase64": "dHdv"})
    updated = plugin.Update(pb.UpdateRequest(urn=VM, id=created.id, old_inputs=encode(INPUTS), news=news))
    assert decode(updated.properties)["userDataBase64"] == "dHdv"
    for _ in range(2):
        plugin.Delete(pb.DeleteRequest(urn=VM, id=created.id))
    assert plugin.Read(pb.ReadRequest(urn=VM, id=created.id)).id == ""


def test_a_look_up_answers_or_says_why_not(plugin: Any) -> None:
    """The message of a failed look-up is one text for people, without a stack trace."""
    token = "aws:ssm/getParameter:getParameter"
    name = "/aws/service/debian/release/12/latest/amd64"
    found = plugin.Invoke(pb.InvokeRequest(tok=token, args=encode({"name": name})))
    assert decode(getattr(found, "return"))["insecureValue"] in IMAGES
    with pytest.raises(grpc.RpcError) as caught:
        plugin.Invoke(pb.InvokeRequest(tok=token, args=encode({"name": "/other"})))
    assert isinstance(caught.value, grpc.Call)
    assert "no parameter '/other'" in str(caught.value.details()) and "Traceback" not in str(caught.value.details())


def test_the_module_serves_the_package_that_it_is_told() -> None:
    """`python -m lab.providers` prints the port that it listens on; another package is wrong use."""
    environment = {**os.environ, "EVENBOOT_LAB_STATE": "/nonexistent/eb"}
    argv = [sys.executable, "-m", "lab.providers"]
    wrong = subprocess.run([*argv, "azure"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "aws|gcp|azure-native" in wrong.stderr
    process = subprocess.Popen([*argv, "gcp"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            assert stub.GetPluginInfo(empty_pb2.Empty()).version == "10.2.0"
    finally:
        process.kill()
        process.wait()
