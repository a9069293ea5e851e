"""Names that would change what the runner or its tools are: refused, with the way out."""

from __future__ import annotations

import pytest

from startup import Directory, Download, File, Service, Shell, StartupScript, Step, Unit, rules, validate

SHA = "ab" * 32

REFUSED = """
    PATH IFS ENV BASH_ENV SHELLOPTS PS4 CDPATH TMOUT GLOBIGNORE EXECIGNORE INPUTRC PROMPT_COMMAND ZDOTDIR
    LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GLIBC_TUNABLES GCONV_PATH LOCPATH NLSPATH HOSTALIASES RES_OPTIONS LOCALDOMAIN
    MALLOC_TRACE MALLOC_CHECK_ MALLOC_PERTURB_ LIBRARY_PATH GCC_EXEC_PREFIX
    APT_CONFIG DEBCONF_DB_OVERRIDE DEBIAN_FRONTEND DEBIAN_PRIORITY DPKG_ROOT DPKG_FORCE RPM_CONFIGDIR ZYPP_LOCK_TIMEOUT
    NEEDRESTART_MODE UCF_FORCE_CONFFNEW
    CURL_HOME CURL_CA_BUNDLE CURL_SSL_BACKEND SSLKEYLOGFILE XDG_CONFIG_HOME WGETRC SYSTEM_WGETRC NETRC
    SSL_CERT_FILE SSL_CERT_DIR OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES REQUESTS_CA_BUNDLE GNUTLS_SYSTEM_PRIORITY_FILE
    GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS GIT_EDITOR
    GIT_PAGER GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_CONFIG GIT_CONFIG_GLOBAL GIT_CONFIG_COUNT GIT_CONFIG_KEY_0
    GIT_CONFIG_VALUE_0 GIT_CONFIG_PARAMETERS GIT_SSL_NO_VERIFY GIT_SSL_CAINFO GIT_TRACE GIT_TRACE_CURL GIT_ALLOW_PROTOCOL
    GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE GIT_SEQUENCE_EDITOR
    PERL5LIB PERL5OPT PERL5DB PERLLIB PERLIO PERL_UNICODE
    PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT PYTHONWARNINGS PYTHONUSERBASE PYTHON_GIL PYTHON_JIT
    PIP_CONFIG_FILE PIP_TARGET PIP_PREFIX PIP_TRUSTED_HOST VIRTUAL_ENV
    NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED NPM_CONFIG_PREFIX
    RUBYOPT RUBYLIB GEM_HOME GEM_PATH BUNDLE_GEMFILE JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS CLASSPATH LUA_INIT LUA_PATH PHPRC
    TAR_OPTIONS GZIP XZ_OPT XZ_DEFAULTS BZIP2 ZSTD_CLEVEL GREP_OPTIONS AWKPATH AWKLIBPATH LESS LESSOPEN LESSCLOSE PAGER
    EDITOR VISUAL MAKEFLAGS MAKEFILES GNUPGHOME SSH_ASKPASS SSH_AUTH_SOCK SSH_SK_PROVIDER RSYNC_RSH RSYNC_CONNECT_PROG
    SUDO_ASKPASS NOTIFY_SOCKET LISTEN_FDS DBUS_SYSTEM_BUS_ADDRESS SYSTEMD_UNIT_PATH EVENBOOT_ENV EVENBOOT_STEP
"""
"""By which a shell, the linker, apt, git, curl, perl, python and programs like them are controlled: from their manuals."""

TAKEN = """
    A PORT REGION DOMAIN DB_HOST DB_PASSWORD API_TOKEN LICENCE ROLE ENVIRONMENT STAGE VERSION
    HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY
    PYTHON_VERSION PYTHON3 PIP_PACKAGES PIP_INDEX_URL GIT_REVISION GIT_SHA GIT_URL GIT_TAG GIT_BRANCH GIT_TOKEN GIT_SSH_KEY
    GIT_CONFIG_URL GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL PERL_VERSION NODE_ENV NODE_VERSION NPM_TOKEN RUBY_VERSION JAVA_HOME
    JAVA_OPTS CURL_OPTIONS CURL_VERSION APT_PACKAGES APT_MIRROR SSL_CERT SSL_KEY SSH_KEY SSH_PORT SSH_PUBLIC_KEY OPENSSL_VERSION
    LOCALE LOCATION PATHS HOME_PAGE USERS USERNAME USER_NAME SHELLS TERMS LESSONS GZIPPED EDITORS MALLOC GCONV XDG
    PAGERDUTY_KEY RSYNC_PASSWORD AWS_REGION DOCKER_HOST KUBECONFIG TAR_URL TIMEOUT SYSTEM SYSTEM_USER XZ
"""


def found(*steps: Step) -> list[str]:
    """What is wrong with a definition of these steps."""
    return [str(problem) for problem in validate(StartupScript("site", first_boot=steps))]


@pytest.mark.parametrize("name", REFUSED.split())
def test_value_that_controls_a_program(name: str) -> None:
    """A value cannot have a name by which a shell, a linker, apt, git, curl, perl or python is controlled."""
    [problem] = found(Shell("a", script="true", uses=[name]))

    assert problem == (
        f"first_boot[0].uses[0]: is {name}, a name by which the runner or programs that steps call are controlled; "
        f"choose another, as in APP_{name}"
    )
    assert rules.value_name(f"APP_{name}") is None


@pytest.mark.parametrize("name", TAKEN.split())
def test_value_with_an_honest_name(name: str) -> None:
    """A name that no program looks at is a value's, also if it begins as a program's own does; a proxy's is, too."""
    assert found(Shell("a", script="true", uses=[name])) == []


@pytest.mark.parametrize(
    "unit",
    [
        "evenboot.service",
        "evenboot-shutdown.service",
        "evenboot-mine.service",
        "evenboot@.service",
        "evenboot@a.service",
    ],
)
def test_unit_of_the_runner(unit: str) -> None:
    """A step cannot write, enable or start the runner's own units."""
    theirs = f"is '{unit}', a unit of the runner's own, as all are that begin with 'evenboot'; choose another name"

    writes = Unit(unit, content="[Service]\nExecStart=true\n", enable=False, start=False)
    assert found(writes) == [f"first_boot[0].unit: {theirs}"]
    if "@." not in unit:
        assert found(Service(unit)) == [f"first_boot[0].service: {theirs}"]
        short = unit.removesuffix(".service")
        assert found(Service(short)) == [f"first_boot[0].service: {theirs.replace(unit, short)}"]


@pytest.mark.parametrize(
    "unit", ["even.service", "Evenboot.service", "my-evenboot.service", "evenboot.timer", "evenboot.path"]
)
def test_unit_of_somebody_else(unit: str) -> None:
    """Any other unit is a step's: one that starts the runner's at a certain time, too."""
    assert found(Unit(unit, content="[Timer]\nOnCalendar=daily\n"), Service(unit, name="b")) == []


OWN = [
    "/var/lib/evenboot",
    "/var/lib/evenboot/current/steps",
    "//var/lib/./evenboot/journal",
    "/run/evenboot/status",
    "/var/run/evenboot/lock",
    "/var/./run//evenboot",
    "/var/log/evenboot.log",
    "/var/log/evenboot.log.1",
    "/usr/local/sbin/evenboot",
    "/usr/local/sbin/evenboot.new",
    "/etc/systemd/system/evenboot.service",
    "/etc/systemd/system/evenboot-shutdown.service.d/mine.conf",
    "/etc/systemd/system/evenboot.service.d",
    "/run/systemd/system/evenboot.service",
    "/lib/systemd/system/evenboot.service.d/mine.conf",
    "/usr/lib/systemd/system/evenboot-shutdown.service",
    "/etc/systemd/system/multi-user.target.d/evenboot.conf",
    "/etc/systemd/system/cloud-init.service.d/evenboot.conf",
    "/etc/systemd/system/multi-user.target.wants/evenboot.service",
]


@pytest.mark.parametrize("path", OWN)
def test_path_of_the_runner(path: str) -> None:
    """A step cannot write to what belongs to the runner, by whatever way its path is written."""
    theirs = [f"first_boot[0].path: is '{path}', which belongs to the runner itself; choose another path"]

    assert found(File(path, content="")) == theirs
    assert found(Directory(path)) == theirs
    assert found(Download("https://a.example/b", path=path, sha256=SHA)) == theirs


@pytest.mark.parametrize(
    "path",
    [
        "/var/lib/evenboots",
        "/srv/var/lib/evenboot",
        "/var/log/evenboot",
        "/usr/local/sbin/evenboot-report",
        "/usr/local/bin/evenboot",
        "/etc/systemd/system/evenboot.timer",
        "/etc/systemd/system/app.service.d/limits.conf",
        "/etc/evenboot.conf",
    ],
)
def test_path_of_somebody_else(path: str) -> None:
    """What only looks like it is a step's."""
    for step in (File(path, content=""), Directory(path), Download("https://a.example/b", path=path, sha256=SHA)):
        assert found(step) == []


TRUSTED = """
    / /bin /boot /dev /etc /home /lib /lib64 /proc /root /root/.ssh /run /sbin /sys /usr /usr/bin /usr/lib /usr/lib64 /usr/local
    /usr/local/bin /usr/local/sbin /usr/local/lib /usr/sbin /usr/share /var /var/lib /var/log /var/spool /var/cache /var/lib/dpkg
    /etc/systemd /etc/systemd/system /etc/ssh /etc/apt /etc/pam.d /etc/sudoers.d /etc/cron.d /etc/cron.daily /etc/profile.d
    /etc/ld.so.conf.d /lib/systemd/system /var/run //var//lib /var/spool/cron/crontabs /run/systemd /var/lib/cloud
"""


@pytest.mark.parametrize("path", TRUSTED.split())
def test_folder_that_root_trusts(path: str) -> None:
    """A folder whose owner is as good as root stays root's, and only root writes there."""
    for fields in ({"owner": "app"}, {"mode": 0o777}, {"mode": 0o775, "group": "app"}):
        [problem] = found(Directory(path, **fields))  # pyright: ignore[reportArgumentType]
        field = "owner" if "owner" in fields else "mode"

        assert problem.startswith(f"first_boot[0].{field}: is ")
        assert f"{path} is trusted by what runs as root; " in problem
    for mode in (0o755, 0o1777, 0o775):
        assert found(Directory(path, mode=mode)) == []
    assert found(Directory(path, group="app", mode=0o750)) == []


APPS = """
    /srv /srv/app /opt/app /home/app /var/lib/app /var/log/app /var/cache/app /run/app /etc/app /usr/local/app /usr/share/app
    /tmp /var/tmp /etc/nginx /var/www /data /mnt/data /var/spool/app
"""


@pytest.mark.parametrize("path", APPS.split())
def test_folder_of_an_app(path: str) -> None:
    """Any other folder is whose the definition says."""
    assert found(Directory(path, owner="app", group="app", mode=0o777)) == []
