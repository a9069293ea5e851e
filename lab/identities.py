"""Who the machines of a cloud are, and the tokens by which they show it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .providers.records import Records

LIFETIME_SECONDS = 3600
RENEWED_SECONDS = 300
"""Before its end a token is no longer handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What shows that one acts as an identity.

    Attributes:
        identity: The cloud's name of it: a role, a service account, a principal.
        audience: The service that takes it; "" for any.
        key: A name for them, which requests show.
        secret: What signs requests.
        token: What requests carry.
        expires: Seconds since 1970.
    """

    identity: str
    audience: str
    key: str
    secret: str
    token: str
    expires: float


class Identities:
    """The identities of a cloud's machines.

    Args:
        records: What the cloud has; read again for each question, as anything may change at any moment.
        find: Finds the identity of the VM behind a machine of this name; None if it has none.
    """

    def __init__(self, records: Records, find: Callable[[Records, str], str | None]) -> None:
        self.records, self._find = records, find
        self._issued: dict[tuple[str, str], Credentials] = {}
        self._valid: list[Credentials] = []
        self._lock = threading.Lock()

    def of(self, machine: str) -> str | None:
        """Return the identity of a machine."""
        return self._find(self.records, machine)

    def credentials(self, identity: str, audience: str = "") -> Credentials:
        """Return credentials of an identity, the same ones until they are about to expire."""
        with self._lock:
            found = self._issued.get((identity, audience))
            if found is None or found.expires - RENEWED_SECONDS < time.time():
                found = Credentials(
                    identity=identity,
                    audience=audience,
                    key=f"ASIA{secrets.token_hex(8).upper()}",
                    secret=secrets.token_urlsafe(30),
                    token=secrets.token_urlsafe(200),
                    expires=time.time() + LIFETIME_SECONDS,
                )
                self._issued[identity, audience] = found
                self._valid.append(found)
            return found

    def of_key(self, key: str) -> Credentials | None:
        """Return the valid credentials with this key."""
        return next((one for one in self._valid if one.key == key and one.expires > time.time()), None)

    def of_token(self, token: str) -> Credentials | None:
        """Return the valid credentials with this token."""
        return next((one for one in self._valid if secrets.compare_digest(one.token, token) and one.expires > time.time()), None)
