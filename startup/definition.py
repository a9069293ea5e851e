"""The definition: a startup script and its steps as plain, frozen values.

Types only. Nothing here judges what it is given: `startup.validate` reports everything wrong at once.
A missing or misspelt argument is a `TypeError`, as with any Python call.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import KW_ONLY, Field, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias, cast

if sys.version_info >= (3, 11):
    from typing import assert_never as assert_never
else:
    from typing import NoReturn

    def assert_never(step: NoReturn) -> NoReturn:
        raise AssertionError(f"no case for {step!r}")


ListName: TypeAlias = Literal["first_boot", "every_boot", "shutdown"]
LIST_NAMES: tuple[ListName, ...] = ("first_boot", "every_boot", "shutdown")


class DerivedName(str):
    """The name of a step that was given none; a copy with other fields derives its own."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseStep:
    """The fields that every kind of step has.

    Attributes:
        name: What the journal, the log and the status call the step, 1 to 100 printable characters; unique in the definition.
        timeout_seconds: After so many seconds the step is ended and has failed, 1 to 86,400.
        retries: How often a failed step is tried again in the same apply, 0 to 100.
        rerun_on: Steps, or their names, that stand earlier; when one of them changes, this one is due too.
    """

    name: str
    timeout_seconds: int = 1800
    retries: int = 0
    rerun_on: Sequence[Step | str] = ()

    def __post_init__(self) -> None:
        """Turn sequences into tuples, and steps in them into names; what is of a wrong type stays for `validate` to report."""
        for field, of_steps in _sequences(type(self)):
            entries = _tuple(getattr(self, field))
            object.__setattr__(self, field, _names(entries) if of_steps else entries)


_DERIVED: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectStep(BaseStep):
    """A step about one thing, from which its name is derived when none is given."""

    name: str = _DERIVED

    def __post_init__(self) -> None:
        BaseStep.__post_init__(self)  # super() would look for the class as it was before it got its slots
        name = cast(object, self.name)
        if name is None or isinstance(name, DerivedName):
            object.__setattr__(self, "name", DerivedName(self._derived_name()))

    def _derived_name(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Shell(BaseStep):
    """Run a shell text.

    Attributes:
        name: The step's name, 1 to 100 printable characters, unique in the definition.
        script: The text, of any length. It may begin with a shebang of its own; without one it runs
            as `bash -euo pipefail`, so a command that fails in its middle fails the step.
        uses: Names of the values that `script` and `unless` see as environment variables.
        unless: A shell text; when it exits 0 the step is satisfied and `script` does not run.
        user: The login under which both run; root when not given.
        cwd: The absolute path of the folder in which both run; `/` when not given.

    Example:
        >>> Shell("swap file", script="fallocate -l 1G /swap && mkswap /swap", unless="test -e /swap").name
        'swap file'
    """

    kind: ClassVar[Literal["shell"]] = "shell"
    name: str
    _: KW_ONLY
    script: str
    uses: Sequence[str] = ()
    unless: str | None = None
    user: str | None = None
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class File(SubjectStep):
    """Keep a file with this content, owner and mode.

    It is replaced atomically, and touched only when it differs.

    Attributes:
        path: The file's absolute path on the VM. Folders above it that are missing are made.
        content: The file's text. `${NAME}` of the names in `uses` is replaced on the VM; any other `$` stays.
        uses: Names of the values that `content` holds as `${NAME}`.
        mode: Permission bits, as in `0o644`.
        owner: The login that owns the file.
        group: The group of the file.
        name: The step's name; `file PATH` when not given.

    Example:
        >>> File("/etc/motd", content="Served by ${REGION}\\n", uses=["REGION"]).name
        'file /etc/motd'
    """

    kind: ClassVar[Literal["file"]] = "file"
    path: str
    _: KW_ONLY
    content: str
    uses: Sequence[str] = ()
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"

    def _derived_name(self) -> str:
        return f"file {_text(self.path)}"


@dataclass(frozen=True, slots=True)
class Directory(SubjectStep):
    """Keep a directory with this owner and mode.

    Attributes:
        path: The directory's absolute path on the VM. Folders above it that are missing are made.
        mode: Permission bits, as in `0o755`.
        owner: The login that owns the directory.
        group: The group of the directory.
        name: The step's name; `directory PATH` when not given.

    Example:
        >>> Directory("/srv/models", mode=0o750).name
        'directory /srv/models'
    """

    kind: ClassVar[Literal["directory"]] = "directory"
    path: str
    _: KW_ONLY
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"

    def _derived_name(self) -> str:
        return f"directory {_text(self.path)}"


@dataclass(frozen=True, slots=True)
class Packages(SubjectStep):
    """Install packages of the distribution, in one transaction.

    The step waits for the package manager's lock; package lists are refreshed at most once per apply.

    Attributes:
        names: The packages, at least one, as the package manager spells them (`nginx`, `nginx=1.22.1-9`).
        name: The step's name; `packages FIRST` with the first package when not given.

    Example:
        >>> Packages(["nginx", "curl"]).name
        'packages nginx'
    """

    kind: ClassVar[Literal["packages"]] = "packages"
    names: Sequence[str]
    _: KW_ONLY

    def _derived_name(self) -> str:
        return f"packages {_first(self.names)}"


@dataclass(frozen=True, slots=True)
class User(SubjectStep):
    """Keep an account.

    Attributes:
        login: The account's login.
        groups: Further groups of the account; one that is missing is made.
        shell: The absolute path of the login shell.
        system: Whether it is a system account: an id of the system's range, and no home folder unless it has keys.
        ssh_keys: Public keys that may log in, one line each.
        name: The step's name; `user LOGIN` when not given.

    Example:
        >>> User("app", groups=["www-data"], shell="/usr/sbin/nologin", system=True).name
        'user app'
    """

    kind: ClassVar[Literal["user"]] = "user"
    login: str
    _: KW_ONLY
    groups: Sequence[str] = ()
    shell: str = "/bin/bash"
    system: bool = False
    ssh_keys: Sequence[str] = ()

    def _derived_name(self) -> str:
        return f"user {_text(self.login)}"


@dataclass(frozen=True, slots=True)
class Unit(SubjectStep):
    """Keep a systemd unit file of your own; reload systemd, enable and start it.

    Attributes:
        unit: The unit's name with its suffix, as in `app.service`.
        content: The unit file's text.
        enable: Whether systemd is told to start it at each boot; `False` leaves that as it is.
        start: Whether it runs when the step is done; a running one is restarted when its text changed.
        name: The step's name; `unit UNIT` when not given.

    Example:
        >>> text = "[Service]\\nExecStart=/opt/app\\n[Install]\\nWantedBy=multi-user.target\\n"
        >>> Unit("app.service", content=text).name
        'unit app.service'
    """

    kind: ClassVar[Literal["unit"]] = "unit"
    unit: str
    _: KW_ONLY
    content: str
    enable: bool = True
    start: bool = True

    def _derived_name(self) -> str:
        return f"unit {_text(self.unit)}"


@dataclass(frozen=True, slots=True)
class Service(SubjectStep):
    """Keep a service that exists enabled and running.

    Attributes:
        service: The service's name, as in `nginx` or `nginx.service`.
        enable: Whether systemd is told to start it at each boot; `False` leaves that as it is.
        start: Whether it runs when the step is done.
        restart_on: Steps, or their names, that stand earlier; when one of them has done something, the
            service is restarted.
        name: The step's name; `service SERVICE` when not given.

    Example:
        >>> page = File("/etc/nginx/conf.d/page.conf", content="server { listen 8080; }\\n")
        >>> Service("nginx", restart_on=[page]).restart_on
        ('file /etc/nginx/conf.d/page.conf',)
    """

    kind: ClassVar[Literal["service"]] = "service"
    service: str
    _: KW_ONLY
    enable: bool = True
    start: bool = True
    restart_on: Sequence[Step | str] = ()

    def _derived_name(self) -> str:
        return f"service {_text(self.service)}"


@dataclass(frozen=True, slots=True)
class Download(SubjectStep):
    """Keep a file with this checksum, fetched when it is not there.

    Attributes:
        url: Where it is, http or https.
        path: The file's absolute path on the VM. Folders above it that are missing are made.
        sha256: The SHA-256 of the file, 64 hexadecimal digits; anything else that arrives is refused.
        mode: Permission bits, as in `0o755`.
        owner: The login that owns the file.
        group: The group of the file.
        name: The step's name; `download PATH` when not given.

    Example:
        >>> Download("https://example.org/app", path="/opt/app", sha256="ab" * 32, mode=0o755).name
        'download /opt/app'
    """

    kind: ClassVar[Literal["download"]] = "download"
    url: str
    _: KW_ONLY
    path: str
    sha256: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"

    def __post_init__(self) -> None:
        if isinstance(self.sha256, str):  # pyright: ignore[reportUnnecessaryIsInstance]  types are judged later
            object.__setattr__(self, "sha256", self.sha256.lower())
        SubjectStep.__post_init__(self)

    def _derived_name(self) -> str:
        return f"download {_text(self.path)}"


@dataclass(frozen=True, slots=True)
class Reboot(BaseStep):
    """Reboot the machine once, at this place among the first-boot steps.

    The request is recorded with the id of the boot, and the step is done when the boot is another one. The steps after it
    run then.

    Attributes:
        name: The step's name.
        unless: Shell text; when it exits 0 no reboot is needed and the step is done. Its working directory is `/`.
        timeout_seconds: After so many seconds without a reboot the step has failed, 1 to 86,400.

    Example:
        >>> Reboot("into the new kernel", unless="test ! -e /run/reboot-required").name
        'into the new kernel'
    """

    kind: ClassVar[Literal["reboot"]] = "reboot"
    name: str
    _: KW_ONLY
    unless: str | None = None


Step: TypeAlias = Shell | File | Directory | Packages | User | Unit | Service | Download | Reboot
STEP_TYPES = (Shell, File, Directory, Packages, User, Unit, Service, Download, Reboot)


@dataclass(frozen=True)  # without slots: it remembers what came out of its checks
class StartupScript:
    """Describe what a VM does at its first boot, at every boot, and when it stops.

    Attributes:
        name: What the VM's status calls it, 1 to 100 printable characters.
        first_boot: Steps that are done once in an instance's life, in order.
        every_boot: Steps that run at each boot, in order, after those of the first boot.
        shutdown: Steps that run at each orderly stop, in order, within 60 seconds for all together.

    Example:
        >>> site = StartupScript("site", first_boot=[Packages(["nginx"])], every_boot=[Service("nginx")])
        >>> [(list_name, index, step.name) for list_name, index, step in site.steps()]
        [('first_boot', 0, 'packages nginx'), ('every_boot', 0, 'service nginx')]
    """

    name: str
    _: KW_ONLY
    first_boot: Sequence[Step] = ()
    every_boot: Sequence[Step] = ()
    shutdown: Sequence[Step] = ()

    def __post_init__(self) -> None:
        for list_name in LIST_NAMES:
            object.__setattr__(self, list_name, _tuple(getattr(self, list_name)))

    def steps(self) -> Iterator[tuple[ListName, int, Step]]:
        """Yield list name, index in the list, and step, in the order of running."""
        for list_name in LIST_NAMES:
            entries: object = getattr(self, list_name)
            for index, step in enumerate(self.listed(list_name) if isinstance(entries, tuple) else ()):
                yield list_name, index, step

    def listed(self, list_name: ListName) -> Sequence[Step]:
        """Return the steps of one list."""
        match list_name:
            case "first_boot":
                return self.first_boot
            case "every_boot":
                return self.every_boot
            case "shutdown":
                return self.shutdown


def fields_of(kind: type[BaseStep]) -> list[Field[Any]]:
    """Return the fields of a kind of step in a reader's order: the first argument, the kind's own, then those of all kinds."""
    of_all = {field.name for field in fields(BaseStep)}
    return sorted(fields(kind), key=lambda field: (field.kw_only, field.name in of_all))


def names_of(named: Sequence[Step | str]) -> tuple[str, ...]:
    """Return the names in a field that takes steps or their names."""
    return tuple(entry if isinstance(entry, str) else entry.name for entry in named)


@cache
def _sequences(kind: type[BaseStep]) -> tuple[tuple[str, bool], ...]:
    """List the fields of a kind that take a sequence, each with whether steps may stand in it."""
    types = [(field.name, str(field.type)) for field in fields(kind)]
    return tuple((name, "Step" in type_) for name, type_ in types if type_.startswith("Sequence["))


def _tuple(value: object) -> object:
    # A bare text would become its letters, a set an order of its own, a mapping its keys: none was meant.
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, bytearray, Mapping, AbstractSet)):
        return cast(object, value)
    try:
        return tuple(cast("Iterable[object]", value))
    except TypeError:  # a Pulumi Output has __iter__ only to say that it cannot be iterated over
        return cast(object, value)


def _names(entries: object) -> object:
    if not isinstance(entries, tuple):
        return entries
    named = cast("tuple[object, ...]", entries)
    return tuple(entry.name if isinstance(entry, BaseStep) else entry for entry in named)


def _first(names: object) -> str:
    if not isinstance(names, tuple):
        return _text(names)
    return _text(cast("tuple[object, ...]", names)[0]) if names else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else type(value).__name__
