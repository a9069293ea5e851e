"""The rules for single values: each takes a value of whatever type and returns what is wrong with it, or None."""

from __future__ import annotations

import re

from . import problems

SUFFIXES = ("service", "timer", "socket", "mount", "automount", "path", "target", "slice", "swap")
NAME_LIMIT = 100
VALUE_LIMIT = 65_536

# Not compiled here: that would double the time this module takes to import, and `re` remembers them.
_ACCOUNT = r"[a-z_][a-z0-9_-]*\$?"
_PACKAGE = r"[A-Za-z0-9][A-Za-z0-9+._:=~*-]*"
_UNIT = r"[A-Za-z0-9:_.\\@-]+"
_URL = r"[hH][tT][tT][pP][sS]?://[A-Za-z0-9\[][!-~]*"
_SHA256 = r"[0-9a-f]{64}"
_VALUE_NAME = r"[A-Z][A-Z0-9_]*"
# By which programs are controlled, from their manuals: a value of such a name would be no value of the step's alone. Whole
# families are here only where nobody would think of such a name: GIT_REVISION is as good a name as any. Where a proxy is may
# be said by a value.
_RESERVED = "|".join(
    (
        # shells
        "PATH|HOME|IFS|ENV|SHELL|USER|LOGNAME|MAIL|PWD|OLDPWD|CDPATH|FPATH|ZDOTDIR|TMPDIR|TERM|TZ|LANG|LANGUAGE|UID|EUID|GID",
        "PPID|PS[1-4]|SHLVL|SHELLOPTS|HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|S?RANDOM|SECONDS|EPOCHSECONDS|EPOCHREALTIME|OPTIND",
        "OPTARG|OPTERR|LINENO|FUNCNAME|DIRSTACK|PIPESTATUS|GROUPS|REPLY|POSIXLY_CORRECT|(BASH|LC_)[A-Z0-9_]*|TMOUT|GLOBIGNORE",
        "GLOBSORT|EXECIGNORE|INPUTRC|PROMPT_COMMAND|HISTFILE|TIMEFORMAT",
        # the C library, its loader and the compiler's linker
        "LD_[A-Z0-9_]*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|LOCPATH|NLSPATH|TZDIR|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS",
        "RESOLV_HOST_CONF|MALLOC_[A-Z0-9_]*|LIBRARY_PATH|COMPILER_PATH|CPATH|GCC_EXEC_PREFIX",
        # package managers
        "APT_CONFIG|DEBIAN_(FRONTEND|PRIORITY)|(DPKG|DEBCONF|ZYPP)_[A-Z0-9_]*|RPM_CONFIGDIR|NEEDRESTART_(MODE|SUSPEND|UI)",
        "UCF_FORCE_CONFF(NEW|OLD|MISS|DEF)",
        # curl, wget, TLS
        "CURL_(HOME|CA_BUNDLE|SSL_BACKEND)|SSLKEYLOGFILE|QLOGDIR|NETRC|(SYSTEM_)?WGETRC|XDG_[A-Z0-9_]*|SSL_CERT_(FILE|DIR)",
        "OPENSSL_(CONF|CONF_INCLUDE|ENGINES|MODULES)|REQUESTS_CA_BUNDLE|GNUTLS_[A-Z0-9_]*|KRB5_CONFIG|KRB5CCNAME",
        # git
        "GIT_(DIR|WORK_TREE|COMMON_DIR|NAMESPACE|INDEX_FILE|INDEX_VERSION|(ALTERNATE_)?OBJECT_DIRECTOR(Y|IES)|EXEC_PATH)",
        "GIT_TEMPLATE_DIR|GIT_CEILING_DIRECTORIES|GIT_DISCOVERY_ACROSS_FILESYSTEM|GIT_SSH|GIT_SSH_(COMMAND|VARIANT)",
        "GIT_(ASKPASS|TERMINAL_PROMPT|EDITOR|SEQUENCE_EDITOR|PAGER|EXTERNAL_DIFF|DIFF_OPTS|PROXY_COMMAND|ALLOW_PROTOCOL)",
        "GIT_(PROTOCOL|PROTOCOL_FROM_USER|OPTIONAL_LOCKS|ATTR_SOURCE|ATTR_NOSYSTEM|SHALLOW_FILE|GRAFT_FILE|REPLACE_REF_BASE)",
        "GIT_(NO_REPLACE_OBJECTS|NO_LAZY_FETCH|DEFAULT_HASH|DEFAULT_REF_FORMAT|QUARANTINE_PATH|CURL_VERBOSE|HTTP_USER_AGENT)",
        "GIT_CONFIG(_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|PARAMETERS|(KEY|VALUE)_[0-9]+))?|GIT_(SSL|PROXY_SSL|TRACE2?)_[A-Z0-9_]*",
        "GIT_TRACE2?",
        # languages
        "PERL5(LIB|OPT|DB|SHELL|DB_THREADED)|PERL(LIB|IO|IO_DEBUG)|PERL_(UNICODE|SIGNALS|HASH_SEED|RAND_SEED|PERTURB_KEYS)",
        "PERL_(ENCODING|DL_NONLAZY|DESTRUCT_LEVEL|USE_UNSAFE_INC|MM_OPT|MB_OPT|LOCAL_LIB_ROOT)",
        # Python's have no _, but for the newest.
        "PYTHON[A-Z][A-Z0-9]*|PYTHON_(BASIC_REPL|COLORS|CONTEXT_AWARE_WARNINGS|CPU_COUNT|FROZEN_MODULES|GIL|HISTORY|JIT)",
        "PYTHON_(PERF_JIT_SUPPORT|PRESITE|THREAD_INHERIT_CONTEXT|DISABLE_REMOTE_DEBUG)|VIRTUAL_ENV",
        "PIP_(CONFIG_FILE|PREFIX|PYTHON|ROOT|TARGET|TRUSTED_HOST)",
        "NODE_(OPTIONS|PATH|EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|V8_COVERAGE)|NPM_CONFIG_[A-Z0-9_]*",
        "RUBY(OPT|LIB|PATH|SHELL)|GEM_(HOME|PATH)|BUNDLE_(GEMFILE|PATH)|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH",
        "LUA_(C?PATH|INIT)|PHPRC|PHP_INI_SCAN_DIR|TCLLIBPATH",
        # other tools
        "TAR_OPTIONS|GZIP|BZIP2?|XZ_(OPT|DEFAULTS)|ZSTD_(CLEVEL|NBTHREADS)|GREP_OPTIONS|AWK(LIB)?PATH|LESS|LESS(OPEN|CLOSE|KEY)",
        "PAGER|MANPAGER|EDITOR|VISUAL|BROWSER|MAKE(FLAGS|FILES|OVERRIDES)|MFLAGS|GNUMAKEFLAGS|GNUPGHOME|GPG_AGENT_INFO",
        "SSH_(ASKPASS|ASKPASS_REQUIRE|AUTH_SOCK|AGENT_PID|SK_PROVIDER|SK_HELPER)|RSYNC_(RSH|CONNECT_PROG|PROXY)",
        "SUDO_(ASKPASS|EDITOR|PROMPT)",
        # systemd and the runner
        "SYSTEMD_[A-Z0-9_]*|NOTIFY_SOCKET|LISTEN_(FDS|PID|FDNAMES)|WATCHDOG_(USEC|PID)|DBUS_(SESSION|SYSTEM)_BUS_ADDRESS",
        "INVOCATION_ID|JOURNAL_STREAM|MAINPID|EVENBOOT[A-Z0-9_]*",
    )
)

# What is the runner's, as it stands in docs/on-the-machine.md, in all folders in which systemd looks for units.
_OWN_UNIT = r"evenboot[^/]*\.service"
_OWN_PATH = (
    r"/(var/lib|run)/evenboot(/.*)?|/var/log/evenboot\.log[^/]*|/usr/local/sbin/evenboot(\.new)?"
    rf"|/(etc|run|usr/lib|usr/local/lib)/systemd/system/(.*/)?{_OWN_UNIT}(\.d(/.*)?)?"
    r"|/etc/systemd/system/[^/]+\.d/evenboot\.conf[^/]*"
)
# Whoever can replace what lies there is as good as root: root's programs are started, configured or loaded from there, or
# it holds such a folder. The last group is also about what lies deeper.
_TRUSTED = (
    r"/|/(boot|dev|etc|home|proc|root|run|sys|usr|usr/local|var)|/usr/(local/)?(s?bin|lib[a-z0-9]*|share)|/lib(32|64|x32)"
    r"|/var/(cache|lib|log|spool)"
    r"|(/root/\.ssh|/etc/(apt|cron\.[a-z]+|ld\.so\.conf\.d|pam\.d|profile\.d|ssh|sudoers\.d|systemd)"
    r"|/(run|usr/lib|usr/local/lib)/systemd|/var/lib/(apt|cloud|dpkg|rpm)|/var/spool/cron)(/.*)?"
)
# What every system has as a link.
_LINKS = {"/var/run": "/run", "/var/lock": "/run/lock", "/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib"}


def text(value: object) -> str | None:
    """Judge a text of any length that ends up in a file or an environment variable."""
    if not isinstance(value, str):
        return problems.not_text(value)
    if "\0" in value:
        return problems.holds_nul(value.index("\0"))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return problems.holds_surrogate(value[error.start], error.start)
    return None


def shell_text(value: object) -> str | None:
    """Judge a text that a shell executes."""
    if isinstance(value, str) and not value.strip():
        return problems.empty("the commands to run")
    return text(value)


def unit_text(value: object) -> str | None:
    """Judge the text of a unit file."""
    if isinstance(value, str) and not value.strip():
        return problems.empty("the text of the unit file")
    return text(value)


def name(value: object, derived: bool = False) -> str | None:
    """Judge the name of a step or of a definition."""
    if not isinstance(value, str):
        return problems.not_text(value)
    if not value:
        return problems.empty(f"1 to {NAME_LIMIT} printable characters")
    if len(value) > NAME_LIMIT:
        return problems.name_too_long(len(value), NAME_LIMIT, derived)
    for position, character in enumerate(value):
        if not character.isprintable():
            return problems.unprintable(character, position)
    return None


def path(value: object, root: bool = False) -> str | None:
    """Judge an absolute path on the VM; `root` says whether `/` itself will do."""
    wrong = text(value)
    if wrong is not None or not isinstance(value, str):
        return wrong
    if not value.startswith("/"):
        return problems.bad_path(value, "not an absolute path; begin it with /")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return problems.bad_path(value, "a path with a control character; take it out")
    if ".." in value.split("/"):
        return problems.bad_path(value, "a path with '..'; write where it leads")
    if value.strip("/") == "" and not (root and value == "/"):
        return problems.bad_path(value, "the root folder; name something in it")
    if value.endswith("/") and value != "/":
        return problems.bad_path(value, f"a path that ends in /; write {value.rstrip('/')!r}")
    if len(value.encode()) > 4095 or any(len(part.encode()) > 255 for part in value.split("/")):
        return problems.bad_path(value, "longer than Linux allows (4,095 bytes, 255 for each part)")
    return None


def folder(value: object) -> str | None:
    """Judge an absolute path that may be `/`."""
    return path(value, root=True)


def written_path(value: object, root: bool = False) -> str | None:
    """Judge the path of what a step writes; `root` says whether `/` itself will do."""
    wrong = path(value, root)
    if wrong is None and isinstance(value, str) and re.fullmatch(_OWN_PATH, plain_path(value)):
        return problems.own_path(value)
    return wrong


def plain_path(path: str) -> str:
    """Return a path as it would be without what leads nowhere, and without the links that every system has."""
    plain = "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
    for link, target in _LINKS.items():
        if plain == link or plain.startswith(f"{link}/"):
            return target + plain.removeprefix(link)
    return plain


def owner_of_folder(path: object, owner: object) -> str | None:
    """Judge whether a folder may belong to its owner."""
    if owner == "root" or not isinstance(owner, str) or not _trusted(path):
        return None
    return problems.owner_of_trusted(str(path), owner)


def mode_of_folder(path: object, mode: object, group: object) -> str | None:
    """Judge whether a folder may have its mode: whether others than root could replace what lies there."""
    if not isinstance(mode, int) or mode & 0o1000 or not _trusted(path):
        return None
    others = 0o002 if group == "root" else 0o022
    return problems.mode_of_trusted(str(path), mode, others) if mode & others else None


def _trusted(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/") and re.fullmatch(_TRUSTED, plain_path(path)) is not None


def login_shell(value: object) -> str | None:
    """Judge the path of a login shell, which stands in a line of /etc/passwd."""
    wrong = path(value)
    if wrong is None and isinstance(value, str) and set(value) & set(": "):
        return problems.bad_path(value, "a path with a colon or a space, which no login shell can have; take it out")
    return wrong


def mode(value: object) -> str | None:
    """Judge permission bits, and notice octal digits written as a decimal number."""
    if not isinstance(value, int) or isinstance(value, bool):
        return problems.not_in_range(value, 0, 0o7777, " in octal, as in 0o644,").replace("4,095", "0o7777")
    if _looks_decimal(value):
        return problems.decimal_mode(value)
    return None if 0 <= value <= 0o7777 else problems.bad_mode(value)


def _looks_decimal(value: int) -> bool:
    # 644 is 0o1204, bits that nobody wants, and 0o644 is usual: so the 0o was forgotten. 420 is 0o644 and stays.
    if not 100 <= value <= 7777 or set(str(value)) & {"8", "9"} or not _usual(int(str(value), 8)):
        return False
    return value in (400, 500) or not _usual(value)


def _usual(bits: int) -> bool:
    owner, group, other = bits >> 6 & 7, bits >> 3 & 7, bits & 7
    return bits <= 0o7777 and owner & 4 == 4 and group & ~owner == 0 and other & ~group == 0


def login(value: object) -> str | None:
    """Judge the name of a user."""
    return _account(value, "user")


def group(value: object) -> str | None:
    """Judge the name of a group."""
    return _account(value, "group")


def _account(value: object, what: str) -> str | None:
    if not isinstance(value, str):
        return problems.not_text(value)
    fits = re.fullmatch(_ACCOUNT, value) is not None and len(value) <= 32
    return None if fits else problems.bad_account(value, what)


def package(value: object) -> str | None:
    """Judge a package's name as apt and dnf take it, version included."""
    if not isinstance(value, str):
        return problems.not_text(value)
    if not re.fullmatch(_PACKAGE, value):
        return problems.bad_package(value)
    return problems.package_removed(value) if value.endswith("-") else None


def ssh_key(value: object) -> str | None:
    """Judge one line of `authorized_keys`."""
    wrong = text(value)
    if wrong is not None or not isinstance(value, str):
        return wrong
    if not value.strip():
        return problems.empty("a public key, as in the .pub file")
    if "PRIVATE KEY" in value:
        return problems.private_key()
    if value.lstrip().startswith("#"):
        return problems.bad_key(value)
    return problems.not_one_line() if len(value.strip("\n").splitlines()) > 1 or "\n" in value else None


def unit(value: object, template_allowed: bool = False) -> str | None:
    """Judge the name of a unit file."""
    if not isinstance(value, str):
        return problems.not_text(value)
    stem, _, suffix = value.rpartition(".")
    if not stem or suffix not in SUFFIXES or not re.fullmatch(_UNIT, value) or len(value) > 255 or value[0] in ".-@":
        return problems.bad_unit(value, SUFFIXES)
    if re.fullmatch(_OWN_UNIT, value):
        return problems.own_unit(value)
    if stem.endswith("@") and not template_allowed:
        return problems.template(value, "give enable=False and start=False")
    return None


def unit_of(service: str) -> str:
    """Return the unit of a service as `systemctl` completes its name; a unit file's lines are not completed."""
    return service if service.endswith(tuple(f".{suffix}" for suffix in SUFFIXES)) else f"{service}.service"


def service(value: object) -> str | None:
    """Judge the name of a service, with or without its suffix."""
    if not isinstance(value, str):
        return problems.not_text(value)
    if not re.fullmatch(_UNIT, value) or len(value) > 255 or value[0] in ".-@":
        return problems.bad_service(value)
    if value.endswith(("@", "@.service")):
        return problems.template(value, f"name an instance of it, as in '{value.partition('@')[0]}@one'")
    return problems.own_unit(value) if re.fullmatch(_OWN_UNIT, unit_of(value)) else None


def url(value: object) -> str | None:
    """Judge the address of a download."""
    if not isinstance(value, str):
        return problems.not_text(value)
    return None if re.fullmatch(_URL, value) else problems.bad_url(value)


def sha256(value: object) -> str | None:
    """Judge a checksum."""
    if not isinstance(value, str):
        return problems.not_text(value)
    return None if re.fullmatch(_SHA256, value) else problems.bad_sha256(value)


def flag(value: object) -> str | None:
    """Judge what has to be True or False."""
    return None if isinstance(value, bool) else problems.not_a_flag(value)


def timeout_seconds(value: object) -> str | None:
    """Judge the longest time a step may take."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 86_400
    return None if fits else problems.not_in_range(value, 1, 86_400, " of seconds")


def retries(value: object) -> str | None:
    """Judge how often a failed step is tried again."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
    return None if fits else problems.not_in_range(value, 0, 100, "")


def value_name(value: object) -> str | None:
    """Judge the name of a value."""
    if not isinstance(value, str):
        return problems.not_text(value)
    if not re.fullmatch(_VALUE_NAME, value):
        return problems.bad_value_name(value)
    if re.fullmatch(_RESERVED, value):
        return problems.reserved_value_name(value)
    return None


def value_text(value: object) -> str | None:
    """Judge the text of a value; no message shows any of it."""
    if not isinstance(value, str):
        return (
            problems.not_text(value)
            if type(value).__name__ == "Output"
            else f"is of type {type(value).__name__}, not text"
        )
    wrong = text(value)
    if wrong is not None:
        return wrong
    size = len(value.encode())
    return None if size <= VALUE_LIMIT else problems.value_too_long(size, VALUE_LIMIT)
