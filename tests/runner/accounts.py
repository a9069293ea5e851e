"""Accounts in a throw-away root, and the permission to act as them."""

from __future__ import annotations

from .throwaway import Machine


def let_root_act_as_others(machine: Machine) -> None:
    """Let `runuser` work, for which the root lacks /etc/pam.d, and let others call the stand-in of sync."""
    (machine.sees / "synced").write_text("")
    (machine.sees / "synced").chmod(0o666)
    folder = machine.sees / "etc/pam.d"
    folder.mkdir()
    rules = "auth sufficient pam_rootok.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
    (folder / "runuser").write_text(rules)


def add_account(machine: Machine, login: str, number: int = 1000) -> None:
    """Add a user with a group and a home of his own."""
    let_root_act_as_others(machine)
    home = machine.sees / f"home/{login}"
    home.mkdir(parents=True)
    (home / "own").write_text("")
    with (machine.sees / "etc/passwd").open("a") as file:
        file.write(f"{login}:x:{number}:{number}::/home/{login}:/bin/bash\n")
    with (machine.sees / "etc/group").open("a") as file:
        file.write(f"{login}:x:{number}:\n")
    machine.run(f"chown -R {login}:{login} /home/{login} && chmod 1777 /tmp").check_returncode()
