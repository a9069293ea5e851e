"""What can be wrong: a problem, the error that carries all of them, and the text of every message.

A message goes on where its path stops: it says what is wrong with the value, the limit, and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Say where something is wrong, what is wrong, and the way out.

    Attributes:
        path: The place in the definition, as in `first_boot[2].mode`.
        message: What is wrong, with value, limit and remedy.

    Example:
        >>> print(Problem("first_boot[2].mode", "is 4096, outside 0 to 0o7777"))
        first_boot[2].mode: is 4096, outside 0 to 0o7777
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class StartupScriptError(ValueError):
    """Say that a definition cannot be rendered or delivered, with every problem on a line of its own.

    Attributes:
        problems: The findings, in the order of the definition.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[StartupScriptError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


# Types


def shown(value: object) -> str:
    """Return a value as a message names it: short, and on one line."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 80 else f"{value[:60]!r}... ({len(value):,} characters)"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value) if not isinstance(value, int) or value.bit_length() < 256 else "a huge number"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def not_text(value: object) -> str:
    if type(value).__name__ == "Output":
        return "is an Output, known only at deployment; give it in values and name it in uses"
    remedy = "; write str(...) around it" if type(value).__module__.partition(".")[0] == "pathlib" else ""
    return f"is {shown(value)}, not text{remedy}"


def not_a_list(value: object, of: str) -> str:
    if isinstance(value, str):
        return f"is the single text {shown(value)}, not a list of {of}; write [{shown(value)}]"
    return f"is {shown(value)}, not a list of {of}; write them between [ and ]"


def not_a_flag(value: object) -> str:
    return f"is {shown(value)}, neither True nor False"


def not_in_range(value: object, low: int, high: int, what: str) -> str:
    return f"is {shown(value)}; give a whole number{what} from {low:,} to {high:,}"


# Texts


def empty(what: str) -> str:
    return f"is empty; give {what}"


def holds_nul(position: int) -> str:
    return f"has a NUL character at position {position:,}, which no shell and no text file can hold; take it out"


def holds_surrogate(character: str, position: int) -> str:
    return (
        f"has the lone surrogate {character!r} at position {position:,}, which UTF-8 cannot encode; "
        "read the text with the encoding that it has"
    )


def name_too_long(length: int, limit: int, derived: bool) -> str:
    remedy = "give a shorter one with name=" if derived else "shorten it"
    return f"has {length:,} characters, more than {limit}; {remedy}"


def unprintable(character: str, position: int) -> str:
    return f"has the unprintable character {character!r} at position {position}; names are one line of printable text"


def not_one_line() -> str:
    return "has more than one line; give one key on each entry of the list"


def bad_key(value: str) -> str:
    return f"is {shown(value)}, a comment and no key; take it out"


def private_key() -> str:
    return "is a private key, which would be readable by whoever can see the VM; give the public one (the .pub file)"


# Names on the VM


def bad_path(value: str, what: str) -> str:
    return f"is {shown(value)}, {what}"


def own_path(value: str) -> str:
    return f"is {shown(value)}, which belongs to the runner itself; choose another path"


def owner_of_trusted(path: str, owner: str) -> str:
    return f"is {shown(owner)}, but {path} is trusted by what runs as root; leave it to root, and give away a folder in it"


def mode_of_trusted(path: str, mode: int, others: int) -> str:
    return (
        f"is {mode:#o}, with which others than root could write there, but {path} is trusted by what runs as root; "
        f"write {mode & ~others:#o}"
    )


def bad_mode(value: int) -> str:
    return f"is {shown(value)}, outside 0 to 0o7777; write permission bits in octal, as in 0o644"


def decimal_mode(value: int) -> str:
    return f"is {value}, which is {value:#o} in octal; write 0o{value} if you mean the permissions {value}"


def bad_account(value: str, what: str) -> str:
    return (
        f"is {shown(value)}, no name of a {what}: a small letter or _, then small letters, digits, _ and -, "
        "32 characters at most"
    )


def bad_package(value: str) -> str:
    return f"is {shown(value)}, no package name: letters, digits and + . _ : = ~ * -, beginning with a letter or digit"


def package_removed(value: str) -> str:
    return f"is {shown(value)}; apt takes the - at the end as an order to remove; take it off"


def bad_unit(value: str, suffixes: Sequence[str]) -> str:
    return (
        f"is {shown(value)}, no name of a unit file: letters, digits and : _ . - @ \\, ending in one of "
        f"{', '.join('.' + suffix for suffix in suffixes)}"
    )


def bad_service(value: str) -> str:
    return (
        f"is {shown(value)}, no name of a service: letters, digits and : _ . - @ \\, as in 'nginx' or 'nginx.service'"
    )


def own_unit(value: str) -> str:
    return f"is {shown(value)}, a unit of the runner's own, as all are that begin with 'evenboot'; choose another name"


def template(value: str, remedy: str) -> str:
    return f"is {shown(value)}, a template, which cannot be enabled or started itself; {remedy}"


def bad_url(value: str) -> str:
    return f"is {shown(value)}, no address to download from; give http://... or https://..., percent-encoded"


def bad_sha256(value: str) -> str:
    return f"is {shown(value)}, not 64 hexadecimal digits; take what `sha256sum` prints for the file"


# Values


def bad_value_name(value: str) -> str:
    return f"is {shown(value)}; names of values are capital letters, digits and _, beginning with a letter"


def reserved_value_name(value: str) -> str:
    return (
        f"is {value}, a name by which the runner or programs that steps call are controlled; "
        f"choose another, as in APP_{value}"
    )


def repeated(value: str) -> str:
    return f"is {shown(value)} a second time; take one out"


def not_in_content(value: str, guess: str | None) -> str:
    return f"is {value}, but content has no ${{{value}}}; {meant(guess) or 'put it in, or take the name out of uses'}"


def value_not_given(value: str, guess: str | None) -> str:
    return f"is {value}, a value that is not given; {meant(guess) or f'give {value} in values'}"


def value_not_used(guess: str | None) -> str:
    return f"is given, but no step has it in uses; {meant(guess) or 'name it in the uses of a step, or take it out'}"


def value_too_long(size: int, limit: int) -> str:
    return f"has {size:,} bytes, more than {limit:,}; let a step fetch it instead"


# Steps


def not_a_step(value: object) -> str:
    remedy = "write " + value.__name__ + "(...)" if isinstance(value, type) else "give Shell(...), File(...) and so on"
    return f"is {shown(value)}, not a step; {remedy}"


def not_steps(value: object) -> str:
    if hasattr(value, "rerun_on"):
        return f"is a single {type(value).__name__}, not a list of steps; write it between [ and ]"
    return f"is {shown(value)}, not a list of steps; write them between [ and ]"


def no_steps() -> str:
    return "has no steps; give at least one in first_boot, every_boot or shutdown"


def not_a_definition(value: object) -> str:
    return f"is {shown(value)}, not a StartupScript"


def duplicate_name(name: str, other: str) -> str:
    return f"is {shown(name)}, which is also the name of {other}; give one of them another with name="


def owned_twice(value: str, other: str) -> str:
    return f"is {shown(value)}, which {other} keeps, too; leave it to one of the two"


def not_a_reference(value: object) -> str:
    return f"is {shown(value)}, neither a step nor the name of one; give a step that stands earlier, or its name"


def unknown_step(name: str, guess: str | None) -> str:
    return f"is {shown(name)}, the name of no step; {meant(guess) or 'give a step that stands earlier, or its name'}"


def later_step(name: str, where: str) -> str:
    return f"is {shown(name)}, which runs later ({where}); put that step before this one"


def own_name(name: str) -> str:
    return f"is {shown(name)}, the step itself; name another one that stands earlier"


def shutdown_step(name: str, where: str) -> str:
    return f"is {shown(name)}, a shutdown step ({where}), which runs at each stop; name a step of another list"


def in_shutdown() -> str:
    return "is given, but a shutdown step runs at each stop whatever changed; take it out"


def start_in_shutdown() -> str:
    return (
        "is True, but nothing can be started while the system goes down; write start=False, or move the step to "
        "first_boot or every_boot"
    )


def reboot_elsewhere(list_name: str) -> str:
    return f"is a Reboot, and in {list_name} it would never end; move it to first_boot, where it reboots the machine once"


def meant(guess: str | None) -> str:
    return f"did you mean {guess!r}?" if guess is not None else ""


# Payloads


def unknown_cloud(cloud: object, known: Iterable[str]) -> str:
    return f"is {shown(cloud)}, no known cloud; choose one of {', '.join(known)}"


def too_large(size: int, limit: int, compressed: bool, contributors: Sequence[tuple[str, int]]) -> str:
    form = "compressed" if compressed else "uncompressed"
    largest = sorted(contributors, key=lambda contributor: (-contributor[1], contributor[0]))[:3]
    parts = ", ".join(f"{name} {part:,} bytes" for name, part in largest)
    return (
        f"has {size:,} bytes ({form}), {size - limit:,} more than the {limit:,} that the slot holds; "
        + (
            f"largest, before compression: {parts}; "
            if compressed and parts
            else f"largest: {parts}; "
            if parts
            else ""
        )
        + "fetch big content with Download, shorten it, or give the VM overflow=True, which keeps the script in the "
        "cloud's object store"
    )


def no_compressor() -> str:
    return "does not fit uncompressed, and the package deflate, which compresses it, is not installed; install deflate"
