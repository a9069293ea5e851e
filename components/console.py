"""A VM's serial console, read through its cloud's API: how a result leaves a VM without login and open port.

Each cloud's own Python SDK is imported when its console is read for the first time; the extras `aws-console`,
`gcp-console` and `azure-console` install them.
"""

from __future__ import annotations

from typing import Protocol


class ConsoleError(Exception):
    """Say why a console cannot be read or a VM not be restarted, and what to do about it."""


class ConsoleBusy(ConsoleError):
    """Say what may pass by itself: throttling, a network that fails, a VM that the cloud does not show yet."""


class Console(Protocol):
    """The serial console of one VM; all methods block, and may be called from any thread.

    Attributes:
        name: What messages call the VM.
    """

    name: str

    def read(self) -> str:
        """Return the console's newest text: cut anywhere at its begin, and not always up to date.

        Raises:
            ConsoleBusy: It may work later.
            ConsoleError: It will not; the text says what to do.
        """
        ...

    def restart(self) -> bool:
        """Restart the VM in order, so that its shutdown steps run; return when the cloud has taken that in hand.

        Returns:
            False if the VM is off: it stays so, and obeys what has changed when somebody starts it.

        Raises:
            ConsoleBusy: It may work later.
            ConsoleError: It will not; the text says what to do.
        """
        ...


def missing_sdk(name: str, cloud: str, error: ImportError) -> ConsoleError:
    """Return the error of a cloud whose SDK is not installed."""
    return ConsoleError(
        f"{name}: its console is read with {cloud}'s SDK for Python, and there is no {error.name}: "
        f"pip install 'evenboot[{cloud}-console]'"
    )
