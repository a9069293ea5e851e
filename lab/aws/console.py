"""The Query API of EC2: GetConsoleOutput, DescribeInstances, RebootInstances."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from ..consoles.service import Answer, CloudConsole, Request, same, serial
from ..providers.machines import Machine

VM = "aws:ec2/instance:Instance"

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
CONSOLE_LIMIT = 65_536
"""Bytes of the console that EC2 keeps."""

_STATES = {"running": (16, "running"), "stopped": (80, "stopped")}


class Ec2Console(CloudConsole):
    """Answer as EC2 does."""

    foreign = (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_ENDPOINT_URL",
    )

    def variables(self) -> Mapping[str, str]:
        """Return where the AWS SDK finds this service, and the token."""
        return {
            "AWS_ENDPOINT_URL_EC2": self.machinery.address,
            "AWS_ACCESS_KEY_ID": self.machinery.token,
            "AWS_SECRET_ACCESS_KEY": self.machinery.token,
        }

    def answer(self, request: Request) -> Answer | None:
        """Answer a request with an `Action`."""
        fields = dict(parse_qsl(request.body.decode()))
        if request.method != "POST" or request.path != "/" or "Action" not in fields:
            return None
        signed = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/", request.headers.get("Authorization") or "")
        if not signed or not same(signed[1], self.machinery.token):
            return _error(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        id = fields.get("InstanceId") or fields.get("InstanceId.1") or ""
        machine = self.machinery.machine(VM, id)
        if machine is None:
            return _error(400, "InvalidInstanceID.NotFound", f"The instance ID '{id}' does not exist")
        action = fields["Action"]
        if action == "GetConsoleOutput":
            return _console_output(id, machine)
        if action == "DescribeInstances":
            return _instances(id, machine)
        if action == "RebootInstances":
            return self._reboot(id, machine)
        return _error(400, "InvalidAction", f"The action {action} is not valid for this web service.")

    def _reboot(self, id: str, machine: Machine) -> Answer:
        if machine.state != "running":
            return _error(400, "IncorrectInstanceState", f"This instance '{id}' is not in the 'running' state")
        self.machinery.begin("reboot", id, machine.reboot)
        return _response("RebootInstances", "<return>true</return>")


def _console_output(id: str, machine: Machine) -> Answer:
    output = base64.b64encode(serial(machine)[-CONSOLE_LIMIT:]).decode()
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    fields = f"<instanceId>{escape(id)}</instanceId><timestamp>{now}</timestamp><output>{output}</output>"
    return _response("GetConsoleOutput", fields)


def _instances(id: str, machine: Machine) -> Answer:
    code, state = _STATES[machine.state]
    instance = (
        f"<instanceId>{escape(id)}</instanceId>"
        f"<instanceState><code>{code}</code><name>{state}</name></instanceState>"
        f"<privateIpAddress>{machine.address}</privateIpAddress>"
    )
    items = f"<instancesSet><item>{instance}</item></instancesSet>"
    return _response("DescribeInstances", f"<reservationSet><item>{items}</item></reservationSet>")


def _response(action: str, fields: str) -> Answer:
    head = f'<{action}Response xmlns="{NAMESPACE}"><requestId>{secrets.token_hex(16)}</requestId>'
    return _xml(200, f"{head}{fields}</{action}Response>")


def _error(status: int, code: str, message: str) -> Answer:
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return _xml(status, f"<Response><Errors>{error}</Errors><RequestID>{secrets.token_hex(16)}</RequestID></Response>")


def _xml(status: int, text: str) -> Answer:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Answer(status=status, body=f"{head}{text}".encode(), kind="text/xml;charset=UTF-8")
