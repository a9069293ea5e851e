"""Table: a definition, and the path and message of everything wrong with it."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startup import (
    Directory,
    Download,
    File,
    Packages,
    Service,
    Shell,
    StartupScript,
    Step,
    Unit,
    User,
    definition,
    validate,
)

OK = Shell("ok", script="true")
SHA = "ab" * 32


def found(*steps: Any, values: Mapping[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in validate(StartupScript("site", first_boot=steps), values)]


class Output:
    """Stands for a Pulumi Output, which is recognised by its name."""

    def __iter__(self) -> Any:
        raise TypeError("an Output is not iterable")


@pytest.mark.parametrize(
    ("step", "path", "message"),
    [
        (Shell("a", script=" \n"), "script", "is empty; give the commands to run"),
        (User("a", shell="/bin/a:b"), "shell", "is '/bin/a:b', a path with a colon or a space"),
        (User("a", shell="/bin/a "), "shell", "is '/bin/a ', a path with a colon or a space"),
        (User("a", ssh_keys=["# evenboot: end"]), "ssh_keys[0]", "is '# evenboot: end', a comment and no key"),
        (Shell("a", script="x\0"), "script", "has a NUL character at position 1"),
        (Shell("a", script="\ud800"), "script", r"has the lone surrogate '\ud800' at position 0"),
        (Shell("a", script=cast(Any, 3)), "script", "is 3, not text"),
        (Shell("a", script="x", unless=""), "unless", "is empty"),
        (Shell("a", script="x", unless="\0"), "unless", "has a NUL character"),
        (Shell("a", script="x", user="two words"), "user", "is 'two words', no name of a user"),
        (Shell("a", script="x", user="root\n"), "user", r"is 'root\n', no name of a user"),
        (Shell("a", script="x", cwd="srv"), "cwd", "is 'srv', not an absolute path; begin it with /"),
        (Shell("", script="x"), "name", "is empty; give 1 to 100 printable characters"),
        (Shell("a" * 101, script="x"), "name", "has 101 characters, more than 100; shorten it"),
        (Shell("a\nb", script="x"), "name", r"has the unprintable character '\n' at position 1"),
        (Shell(cast(Any, 3), script="x"), "name", "is 3, not text"),
        (Shell(cast(Any, []), script="x"), "name", "is a list, not text"),
        (
            File("/" + "d/" * 50 + "x", content=""),
            "name",
            "has 107 characters, more than 100; give a shorter one with name=",
        ),
        (Shell("a", script="x", uses=["lower"]), "uses[0]", "is 'lower'; names of values are capital letters"),
        (Shell("a", script="x", uses=["A\n"]), "uses[0]", r"is 'A\n'; names of values are capital letters"),
        (Shell("a", script="x", uses=["A", "A"]), "uses[1]", "is 'A' a second time; take one out"),
        (
            Shell("a", script="x", uses="AB"),
            "uses",
            "is the single text 'AB', not a list of names of values; write ['AB']",
        ),
        (Shell("a", script="x", uses=cast(Any, {"A"})), "uses", "is a set, not a list of names of values"),
        (
            Shell("a", script="x", timeout_seconds=0),
            "timeout_seconds",
            "is 0; give a whole number of seconds from 1 to 86,400",
        ),
        (Shell("a", script="x", timeout_seconds=86_401), "timeout_seconds", "is 86401; give a whole number"),
        (Shell("a", script="x", timeout_seconds=cast(Any, 1.5)), "timeout_seconds", "is 1.5; give a whole number"),
        (Shell("a", script="x", timeout_seconds=True), "timeout_seconds", "is True; give a whole number"),
        (Shell("a", script="x", retries=True), "retries", "is True; give a whole number from 0 to 100"),
        (Shell("a", script="x", retries=-1), "retries", "is -1; give a whole number from 0 to 100"),
        (Shell("a", script="x", retries=101), "retries", "is 101; give a whole number from 0 to 100"),
        (File("x", content=""), "path", "is 'x', not an absolute path; begin it with /"),
        (File("/etc/../x", content=""), "path", "is '/etc/../x', a path with '..'; write where it leads"),
        (File("/etc/", content=""), "path", "is '/etc/', a path that ends in /; write '/etc'"),
        (File("/", content=""), "path", "is '/', the root folder; name something in it"),
        (File("/a\nb", content=""), "path", r"is '/a\nb', a path with a control character; take it out"),
        (
            File("/" + "x" * 256, content="", name="x"),
            "path",
            "longer than Linux allows (4,095 bytes, 255 for each part)",
        ),
        (
            File(cast(Any, pathlib.PurePosixPath("/x")), content=""),
            "path",
            "is a PurePosixPath, not text; write str(...)",
        ),
        (
            File("/x", content=cast(Any, Output())),
            "content",
            "is an Output, known only at deployment; give it in values",
        ),
        (File("/x", content="${B}", uses=["A"]), "uses[0]", "is A, but content has no ${A}; put it in"),
        (
            File("/x", content="${REGION}", uses=["REGOIN"]),
            "uses[0]",
            "content has no ${REGOIN}; did you mean 'REGION'?",
        ),
        (File("/x", content="", mode=0o10000), "mode", "is 4096, outside 0 to 0o7777; write permission bits in octal"),
        (File("/x", content="", mode=-1), "mode", "is -1, outside 0 to 0o7777"),
        (File("/x", content="", mode=10**5000), "mode", "is a huge number, outside 0 to 0o7777"),
        (File("/x", content="", mode=True), "mode", "is True; give a whole number in octal, as in 0o644"),
        (File("/x", content="", mode=cast(Any, "0644")), "mode", "is '0644'; give a whole number in octal"),
        (File("/x", content="", owner="Root"), "owner", "is 'Root', no name of a user"),
        (File("/x", content="", group="g" * 33), "group", "no name of a group"),
        (Directory("/srv/"), "path", "a path that ends in /"),
        (Packages([]), "names", "is empty; give package names, at least one"),
        (Packages("nginx"), "names", "is the single text 'nginx', not a list of package names; write ['nginx']"),
        (Packages(["nginx", "-y"]), "names[1]", "is '-y', no package name"),
        (Packages(["nginx curl"]), "names[0]", "is 'nginx curl', no package name"),
        (
            Packages(["nginx-"]),
            "names[0]",
            "is 'nginx-'; apt takes the - at the end as an order to remove; take it off",
        ),
        (User("0day"), "login", "is '0day', no name of a user"),
        (User("app", groups=["a,b"]), "groups[0]", "is 'a,b', no name of a group"),
        (User("app", groups="adm"), "groups", "is the single text 'adm', not a list of groups; write ['adm']"),
        (User("app", shell="bash"), "shell", "is 'bash', not an absolute path"),
        (User("app", system=cast(Any, 1)), "system", "is 1, neither True nor False"),
        (User("app", ssh_keys=["a\nb"]), "ssh_keys[0]", "has more than one line; give one key on each entry"),
        (User("app", ssh_keys=[""]), "ssh_keys[0]", "is empty; give a public key"),
        (User("app", ssh_keys=["-----BEGIN PRIVATE KEY-----"]), "ssh_keys[0]", "is a private key"),
        (Unit("app", content="x"), "unit", "is 'app', no name of a unit file: letters, digits"),
        (Unit("a/b.service", content="x"), "unit", "no name of a unit file"),
        (Unit("app.service", content=""), "content", "is empty; give the text of the unit file"),
        (Unit("app@.service", content="x"), "unit", "a template, which cannot be enabled or started itself"),
        (Unit("app.service", content="x", enable=cast(Any, "no")), "enable", "is 'no', neither True nor False"),
        (Service("ng inx"), "service", "is 'ng inx', no name of a service"),
        (Service("-x"), "service", "is '-x', no name of a service"),
        (Service("getty@"), "service", "is 'getty@', a template"),
        (Download("ftp://x/y", path="/x", sha256=SHA), "url", "is 'ftp://x/y', no address to download from"),
        (Download("https://x/ y", path="/x", sha256=SHA), "url", "no address to download from"),
        (Download("https:///y", path="/x", sha256=SHA), "url", "no address to download from"),
        (Download("https://x/y", path="/", sha256=SHA), "path", "the root folder"),
        (Download("https://x/y", path="/x", sha256="ab"), "sha256", "is 'ab', not 64 hexadecimal digits"),
        (Shell("a", script="x", rerun_on=["b"]), "rerun_on[0]", "is 'b', the name of no step; give a step that stands"),
        (Shell("a", script="x", rerun_on=["o k"]), "rerun_on[0]", "is 'o k', the name of no step; did you mean 'ok'?"),
        (Shell("a", script="x", rerun_on=["a"]), "rerun_on[0]", "is 'a', the step itself"),
        (
            Shell("a", script="x", rerun_on="ok"),
            "rerun_on",
            "is the single text 'ok', not a list of steps or their names",
        ),
        (Shell("a", script="x", rerun_on=cast(Any, OK)), "rerun_on", "is a single Shell, not a list of steps"),
        (Shell("a", script="x", rerun_on=cast(Any, [3])), "rerun_on[0]", "is 3, neither a step nor the name of one"),
        (Service("x", restart_on=["nope"]), "restart_on[0]", "is 'nope', the name of no step"),
        (3, "", "is 3, not a step; give Shell(...), File(...) and so on"),
        (Packages, "", "is the class Packages, not a step; write Packages(...)"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_a_wrong_field_is_one_problem_with_path_and_remedy(step: Any, path: str, message: str) -> None:
    """R6: A field that is wrong gives one problem, whose path leads to it and whose message says what to do."""
    problems = found(OK, step)

    assert 1 == len(problems), problems
    assert problems[0].startswith(f"first_boot[1]{'.' if path else ''}{path}: "), problems
    assert message in problems[0]


@pytest.mark.parametrize(
    "step",
    [
        Shell(
            "é ☃", script="#!/usr/bin/python3\nprint('\r\t\x01')", user="www-data", cwd="/", unless="true", uses=["A_1"]
        ),
        Shell("a" * 100, script="x", retries=100, timeout_seconds=86_400, rerun_on=["ok"]),
        File("/etc/nested/x y'z", content="", mode=0, owner="_apt", group="machine$"),
        File("/x", content="${A} $A ${B} $", uses=["A"], rerun_on=[OK]),
        Directory("/", mode=0o1777),
        Packages(["g++", "nginx=1.22.1-9+deb12u1", "libc6:amd64", "python3.11", "kernel-*", "nginx-1:1.20.1-1.el9"]),
        User("app", groups=["sudo"], ssh_keys=["ssh-ed25519 AAAA me@here"], shell="/usr/sbin/nologin", system=True),
        Unit("app@.service", content="[Service]", enable=False, start=False),
        Unit("var-lib-app.mount", content="[Mount]"),
        Service("postgresql@15-main"),
        Service("nginx.service", restart_on=[OK]),
        Download("HTTP://10.0.0.1:8080/a?b=%20&c#d", path="/opt/x", sha256=SHA.upper()),
    ],
    ids=lambda step: step.name[:20],
)
def test_what_is_right_has_no_problem(step: Any) -> None:
    """Unusual is not wrong."""
    assert [] == found(OK, step)


USUAL = [0, 0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o710, 0o711]
USUAL += [0o750, 0o751, 0o755, 0o770, 0o775, 0o777, 0o1777, 0o2755, 0o2770, 0o2775, 0o4755, 0o7777]


@pytest.mark.parametrize("mode", USUAL, ids=oct)
def test_modes_written_in_octal_are_fine(mode: int) -> None:
    """Every mode that people give to files is accepted, also where its decimal digits look octal (0o644 is 420)."""
    assert [] == found(File("/x", content="", mode=mode))


@pytest.mark.parametrize("mode", [int(f"{mode:o}") for mode in USUAL if mode > 0o77 and mode != 0o7777])
def test_modes_that_lack_the_0o_are_noticed(mode: int) -> None:
    """644 is not 0o644, and the message says what to write."""
    (problem,) = found(File("/x", content="", mode=mode))

    assert f"first_boot[0].mode: is {mode}, which is {mode:#o} in octal; write 0o{mode} if" in problem


NAMES = "PATH HOME IFS ENV BASH_ENV SHELL USER LOGNAME PWD OLDPWD LANG LC_ALL TERM UID EUID PPID PS1 PS4 SHLVL HOSTNAME"
NAMES += " RANDOM SECONDS OPTIND OPTARG LINENO LD_PRELOAD DEBIAN_FRONTEND BASH BASHOPTS BASH_VERSION EVENBOOT_ROOT"


@pytest.mark.parametrize("name", NAMES.split())
def test_the_shells_own_names_are_no_names_of_values(name: str) -> None:
    """A value cannot take the place of a variable that the shell or the runner uses."""
    (problem,) = found(Shell("a", script="x", uses=[name]))

    assert f"first_boot[0].uses[0]: is {name}, a name by which the runner or programs that steps call are controlled" in problem


def test_names_are_unique_over_all_lists() -> None:
    """The second step of a name is the problem, and it says where the first one is."""
    problems = validate(StartupScript("site", first_boot=[OK], every_boot=[OK], shutdown=[OK]))

    assert ["every_boot[0].name", "shutdown[0].name"] == [problem.path for problem in problems]
    assert (
        "is 'ok', which is also the name of first_boot[0]; give one of them another with name=" == problems[0].message
    )


UNIT = "[Service]\nExecStart=/opt/app\n[Install]\nWantedBy=multi-user.target\n"


@pytest.mark.parametrize(
    ("one", "other", "field"),
    [
        (File("/etc/x", content="1"), File("/etc/x", content="2"), "path"),
        (File("/etc/x", content="1", name="a"), File("/etc//./x", content="2", name="b"), "path"),
        (File("/run/x", content="1"), Directory("/var/run/x"), "path"),
        (Directory("/usr/bin/x"), Download("http://a/b", path="/bin/x", sha256=SHA), "path"),
        (File("/etc/systemd/system/app.service", content="1"), Unit("app.service", content=UNIT), "unit"),
        (Unit("app.service", content=UNIT), File("/etc/systemd/system//app.service", content="1"), "path"),
        (Unit("app.service", content=UNIT), Unit("app.service", content=UNIT, name="again"), "unit"),
        (User("app"), User("app", name="again", system=True), "login"),
    ],
)
@pytest.mark.parametrize("list_name", ["first_boot", "every_boot"])
def test_one_path_unit_and_account_belongs_to_one_step(one: Step, other: Step, field: str, list_name: str) -> None:
    """What two steps of any lists keep depends on which of them ran last: the second is the problem, and names the first."""
    lists = {"first_boot": [one], list_name: [*([one] if list_name == "first_boot" else []), other]}

    [problem] = validate(StartupScript("site", **lists))

    assert f"{list_name}[{len(lists[list_name]) - 1}].{field}" == problem.path
    assert f"is {getattr(other, field)!r}, which first_boot[0] keeps, too; leave it to one of the two" == problem.message


def test_two_services_of_one_list() -> None:
    """A list that names a service twice, whether or not with its suffix, is a problem."""
    assert ["first_boot[1].service: is 'nginx.service', which first_boot[0] keeps, too; leave it to one of the two"] == found(
        Service("nginx"), Service("nginx.service", restart_on=["service nginx"])
    )


def test_a_service_beside_its_unit_and_in_another_list() -> None:
    """A service may be restarted that a `Unit` has written, and be brought up in the first boot and seen to in each."""
    own = Unit("app.service", content=UNIT)
    conf = File("/etc/app.conf", content="")
    script = StartupScript(
        "site",
        first_boot=[own, conf, Service("app", restart_on=[conf])],
        every_boot=[Service("app", name="up")],
        shutdown=[Shell("drain", script="true")],
    )

    assert () == validate(script)


def test_paths_of_wrong_steps_belong_to_nobody() -> None:
    """A path that is wrong itself is told for that alone."""
    assert [
        "first_boot[0].path: is 'x', not an absolute path; begin it with /",
        "first_boot[1].path: is 'x', not an absolute path; begin it with /",
    ] == found(File("x", content=""), Directory("x"))


@pytest.mark.parametrize("step", [Service("nginx"), Unit("app.service", content=UNIT)])
def test_nothing_starts_while_the_system_goes_down(step: Service | Unit) -> None:
    """A shutdown step that would start something is a problem; one that does not is none."""
    [problem] = validate(StartupScript("site", shutdown=[step]))

    assert "shutdown[0].start" == problem.path
    assert problem.message == (
        "is True, but nothing can be started while the system goes down; write start=False, or move the step to first_boot "
        "or every_boot"
    )
    assert () == validate(StartupScript("site", shutdown=[replace(step, start=False)]))


def test_a_step_can_only_follow_one_that_runs_earlier() -> None:
    """Names of later steps and of shutdown steps are refused, and shutdown steps follow nobody."""
    script = StartupScript(
        "site",
        first_boot=[Shell("a", script="x", rerun_on=["b", "c", "d"]), Shell("b", script="x")],
        every_boot=[Shell("c", script="x", rerun_on=["a"])],
        shutdown=[Shell("d", script="x", rerun_on=["a"]), Service("nginx", start=False, restart_on=["a"])],
    )

    assert [
        "first_boot[0].rerun_on[0]: is 'b', which runs later (first_boot[1]); put that step before this one",
        "first_boot[0].rerun_on[1]: is 'c', which runs later (every_boot[0]); put that step before this one",
        "first_boot[0].rerun_on[2]: is 'd', a shutdown step (shutdown[0]), which runs at each stop; name a step of another list",
        "shutdown[0].rerun_on: is given, but a shutdown step runs at each stop whatever changed; take it out",
        "shutdown[1].restart_on: is given, but a shutdown step runs at each stop whatever changed; take it out",
    ] == [str(problem) for problem in validate(script)]


def test_a_path_instead_of_a_step_name_is_understood() -> None:
    """Whoever names a file step by its path is told its name."""
    (problem,) = found(File("/etc/x", content=""), Service("nginx", restart_on=["/etc/x"]))

    assert problem.endswith("is '/etc/x', the name of no step; did you mean 'file /etc/x'?")


VALUE_STEPS = (Shell("a", script="x", uses=["UPSTREAM", "ZONE"]), Shell("b", script="x", uses=["ZONE"]))


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        (None, []),
        ({"UPSTREAM": "", "ZONE": "a\nb"}, []),
        ({"UPSTREAM": "x"}, ["first_boot[0].uses[1]: is ZONE, a value that is not given; give ZONE in values"]),
        (
            {"UPSTRAEM": "x", "ZONE": "x"},
            [
                "first_boot[0].uses[0]: is UPSTREAM, a value that is not given; did you mean 'UPSTRAEM'?",
                "values.UPSTRAEM: is given, but no step has it in uses; did you mean 'UPSTREAM'?",
            ],
        ),
        (
            {"UPSTREAM": "x" * 65_536, "ZONE": "é" * 32_769},
            ["values.ZONE: has 65,538 bytes, more than 65,536; let a step fetch it instead"],
        ),
        (
            {"UPSTREAM": 3, "ZONE": "\0"},
            ["values.UPSTREAM: is of type int, not text", "values.ZONE: has a NUL character"],
        ),
        ({"UPSTREAM": "\udcff", "ZONE": ""}, [r"values.UPSTREAM: has the lone surrogate '\udcff' at position 0"]),
        (["UPSTREAM"], ["values: is a list, not a mapping of names to texts"]),
    ],
    ids=["unknown", "fine", "missing", "misspelt", "too-long", "no-text", "surrogate", "no-mapping"],
)
def test_values_fit_what_the_steps_use(values: Any, problems: list[str]) -> None:
    """Each used value is given, each given one is used, and each is text that an environment can hold."""
    reported = found(*VALUE_STEPS, values=values)

    assert len(problems) == len(reported), reported
    assert all(actual.startswith(expected) for actual, expected in zip(reported, problems, strict=True)), reported


def test_no_message_shows_the_text_of_a_value() -> None:
    """L14: A value may be a secret given by mistake; messages name it and never show it."""
    assert "hunter2" not in str(found(*VALUE_STEPS, values={"UPSTREAM": "hunter2\0", "ZONE": cast(Any, ["hunter2"])}))
    assert "hunter2" not in str(found(User("a", ssh_keys=["-----BEGIN OPENSSH PRIVATE KEY----- hunter2"])))


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (StartupScript("site"), "definition: has no steps; give at least one in first_boot, every_boot or shutdown"),
        (StartupScript("", first_boot=[OK]), "name: is empty; give 1 to 100 printable characters"),
        (StartupScript("a\u2028b", first_boot=[OK]), r"name: has the unprintable character '\u2028' at position 1"),
        (StartupScript(cast(Any, None), first_boot=[OK]), "name: is None, not text"),
        (
            StartupScript("site", first_boot=cast(Any, OK)),
            "first_boot: is a single Shell, not a list of steps; write it",
        ),
        (StartupScript("site", first_boot=cast(Any, "ok")), "first_boot: is 'ok', not a list of steps; write them"),
        (cast(Any, {"name": "site"}), "definition: is a dict, not a StartupScript"),
    ],
    ids=["no-steps", "no-name", "unprintable", "name-none", "single-step", "text", "no-definition"],
)
def test_the_definition_itself_is_judged(script: StartupScript, problem: str) -> None:
    """R6: What is wrong with the whole is a problem like any other."""
    (reported,) = validate(script)

    assert str(reported).startswith(problem)


def test_all_problems_are_reported_at_once_and_in_order() -> None:
    """R6: One run of `validate` finds everything, in the order of the definition and of a step's fields."""
    script = StartupScript(
        "",
        first_boot=[File("x", content="", mode=644, owner=""), Packages([])],
        every_boot=[Shell("warm", script="", retries=-1)],
    )

    assert [
        "name",
        "first_boot[0].path",
        "first_boot[0].mode",
        "first_boot[0].owner",
        "first_boot[1].names",
        "every_boot[0].script",
        "every_boot[0].retries",
    ] == [problem.path for problem in validate(script)]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from([OK, Shell, Output()]),
    lambda inner: st.lists(inner) | st.sets(st.text()) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(data=st.data(), step_type=st.sampled_from(definition.STEP_TYPES), values=JUNK)
def test_validation_never_raises(data: st.DataObject, step_type: Any, values: Any) -> None:
    """R6: Whatever stands in whatever field, the answer is a list of problems whose text can be printed."""
    junk: Any = JUNK
    names = [field.name for field in fields(step_type)]
    step = step_type(**{name: data.draw(junk, label=name) for name in names})
    script = StartupScript(data.draw(junk), first_boot=[step, data.draw(junk)], every_boot=data.draw(junk))

    for problem in validate(script, values):
        assert str(problem).encode()
        assert "\n" not in str(problem)
