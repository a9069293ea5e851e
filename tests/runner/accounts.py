"""Accounts in a throw-away root."""

from __future__ import annotations

from startup.testing.machine import Machine


def add_account(machine: Machine, login: str, number: int = 1000) -> None:
    """Add a user with a group and a home of his own."""
    home = machine.sees / f"home/{login}"
    home.mkdir(parents=True)
    (home / "own").write_text("")
    with (machine.sees / "etc/passwd").open("a") as file:
        file.write(f"{login}:x:{number}:{number}::/home/{login}:/bin/bash\n")
    with (machine.sees / "etc/group").open("a") as file:
        file.write(f"{login}:x:{number}:\n")
    machine.run(f"chown -R {login}:{login} /home/{login} && chmod 1777 /tmp").check_returncode()
