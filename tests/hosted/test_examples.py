"""The programs in examples/ use what the packages publish, and their VMs can be made.

What a program asks for is taken from the program itself, is compared with the schema, and is handed to the package. The
SDKs that Pulumi would generate are stand-ins here; with the real ones, and the real engine, it is done where `pulumi` is
installed.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from components.values import SECRET
from hosted.__main__ import packages
from hosted.spelling import camel
from hosted.steps import RECORDS, definition
from lab import pulumi_cli
from startup import File, Packages, Shell, StartupScript, fingerprint
from tests.checkout import ROOT
from tests.lab.test_providers_over_grpc import PLUGIN

from .hosting import COMPONENTS, package, token

EXAMPLES = ROOT / "examples"
NODE = shutil.which("node")
PULUMI = pulumi_cli.find()
WEB_SERVER = StartupScript(
    "web-server",
    first_boot=[
        Packages(["nginx"]),
        File("/var/www/html/index.html", content="Served by ${REGION}.\n", uses=["REGION"]),
    ],
    every_boot=[Shell("empty the cache", script="rm -rf /var/cache/nginx/*")],
)
# What stands for the modules that the TypeScript program imports: they note what the component is given.
STAND_INS = {
    "@pulumi/pulumi": "export class Config { get() {} }",
    "@evenboot/aws": "export class AwsVm { constructor(name, args) { console.log(JSON.stringify(args)); } }",
}


def of_yaml(folder: Path) -> dict[str, Any]:
    """What the YAML program gives to its VM."""
    vm = yaml.safe_load((EXAMPLES / "yaml" / "Pulumi.yaml").read_text())["resources"]["web"]
    assert "evenboot-gcp:GcpVm" == vm["type"]
    return from_yaml(vm["properties"])


def from_yaml(data: Any) -> Any:
    """What Pulumi makes of YAML: its numbers may be octal, and `$${` is how `${` is written."""
    return json.loads(json.dumps(data).replace("$${", "${").replace('"0o644"', str(0o644)))


def of_python(folder: Path) -> dict[str, Any]:
    """What the Python program gives to its VM, in the spelling of data, as the SDK would send it."""
    given: dict[str, Any] = {}

    class AzureVm:
        public_address = identity = None

        def __init__(self, name: str, **arguments: Any) -> None:
            given.update({camel(key): value for key, value in arguments.items()})

    sdk = ModuleType("evenboot_azure")
    sdk.__dict__["AzureVm"] = AzureVm
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "evenboot_azure", sdk)
        patch.setattr("pulumi.export", lambda name, value: None)
        runpy.run_path(str(EXAMPLES / "python" / "__main__.py"))
    return given


def of_typescript(folder: Path, text: str | None = None) -> dict[str, Any]:
    """What the TypeScript program gives to its VM; it has no types of its own, so that it runs as JavaScript."""
    if NODE is None:
        pytest.skip("no node command on PATH")
    for name, module_text in STAND_INS.items():
        module = folder / "node_modules" / name
        module.mkdir(parents=True)
        (module / "package.json").write_text('{"type": "module", "main": "index.js"}')
        (module / "index.js").write_text(module_text)
    (folder / "index.mjs").write_text(text or (EXAMPLES / "typescript" / "index.ts").read_text())
    run = subprocess.run([NODE, "index.mjs"], cwd=folder, capture_output=True, text=True)
    assert "" == run.stderr
    return json.loads(run.stdout)


PROGRAMS: dict[str, tuple[str, Callable[[Path], dict[str, Any]]]] = {
    "typescript": ("aws", of_typescript),
    "yaml": ("gcp", of_yaml),
    "python": ("azure", of_python),
}
each = pytest.mark.parametrize("language", PROGRAMS)


def test_each_example_is_tested() -> None:
    """There is no program that nobody looks at."""
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == set(PROGRAMS)


@each
def test_the_program_gives_what_the_schema_has(language: str, tmp_path: Path) -> None:
    """Every property is published, with this type; so the SDK made from the schema takes it."""
    cloud, given = PROGRAMS[language]
    schema = json.loads(next(one for one in packages() if one.cloud == cloud).schema())
    misfits = list(differences(given(tmp_path), {"properties": schema["resources"][token(cloud)]["inputProperties"]}, schema))

    assert [] == misfits


def differences(value: Any, spec: dict[str, Any], schema: dict[str, Any], place: str = "") -> Any:
    """Where a value is not what a schema says."""
    if "$ref" in spec:
        spec = schema["types"][spec["$ref"].removeprefix("#/types/")]
    if "enum" in spec:
        yield from [] if value in [member["value"] for member in spec["enum"]] else [place]
    elif "properties" in spec:
        for name, one in value.items():
            found = spec["properties"].get(name)
            yield from differences(one, found, schema, f"{place}.{name}") if found else [f"{place}.{name}"]
        yield from [f"{place}.{name}" for name in spec.get("required", []) if name not in value]
    elif spec["type"] == "array":
        for index, one in enumerate(value):
            yield from differences(one, spec["items"], schema, f"{place}[{index}]")
    elif spec["type"] == "object":
        for name, one in value.items():
            yield from differences(one, spec["additionalProperties"], schema, f"{place}.{name}")
    else:
        python = {"string": str, "integer": int, "number": (int, float), "boolean": bool}[spec["type"]]
        yield from [] if isinstance(value, python) else [place]


@each
def test_the_programs_vm_can_be_made(language: str, tmp_path: Path) -> None:
    """`package`: The package constructs it; it obeys the same definition in each language."""
    cloud, given = PROGRAMS[language]
    inputs = given(tmp_path)
    with package(cloud, tmp_path) as running:
        made = running.construct(inputs)

    assert fingerprint(WEB_SERVER, inputs["values"]) == made.state["fingerprint"]
    assert "publicAddress" in made.state


def test_the_program_in_the_readme_makes_a_vm(tmp_path: Path) -> None:
    """What stands there in TypeScript can be made as it stands there."""
    [text] = re.findall(r"^```typescript\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    with package("aws", tmp_path) as running:
        made = running.construct(of_typescript(tmp_path, text))

    assert fingerprint(StartupScript("web-server", first_boot=[Packages(["nginx"])]), {}) == made.state["fingerprint"]


def test_the_steps_that_are_shown_have_no_problems() -> None:
    """docs/sharing.md shows steps as data, in YAML, and names the fields that each kind has to have."""
    page = (ROOT / "docs" / "sharing.md").read_text()
    [text] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    steps = from_yaml(yaml.safe_load(text))

    assert [] == definition("model-server", steps, {"UPSTREAM": "a"})[1]
    rows = re.findall(r"^\| `(\w+)` \| \[`\w+`\]\(.+?\) \| (.+) \|$", page, re.MULTILINE)
    assert {kind: ", ".join(f"`{name}`" for name in RECORDS[kind].needed) for kind in RECORDS} == dict(rows)


@each
def test_the_project_names_the_package(language: str) -> None:
    """`packages` of the project leads to the package in this repository, so that `pulumi install` makes its SDK."""
    folder = EXAMPLES / language
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    [(name, path)] = project["packages"].items()

    assert f"evenboot-{PROGRAMS[language][0]}" == name
    assert (folder / path / "PulumiPlugin.yaml").is_file()


# With the real engine


class Engine:
    """The `pulumi` command on a copy of this repository, with a state and a home of its own.

    The packages and programs use the Python of the tests, and the clouds' providers are the local cloud's, with machines
    that are fakes, so that nothing is fetched.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("components", "hosted", "startup", "examples"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("venv", "sdks", "node_modules"))
        for file in [*folder.glob("hosted/*/PulumiPlugin.yaml"), folder / "examples" / "python" / "Pulumi.yaml"]:
            file.write_text(file.read_text().replace("virtualenv: venv", f"virtualenv: {sys.prefix}"))
        for name in ("aws", "gcp", "azure-native"):
            argv = [sys.executable, "-c", PLUGIN.replace('"aws"', f'"{name}"'), str(folder / "fake")]
            plugin = folder / "bin" / f"pulumi-resource-{name}"
            plugin.parent.mkdir(exist_ok=True)
            plugin.write_text(f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {shlex.join(argv)}\n")
            plugin.chmod(0o755)
        (folder / "state").mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PULUMI_IGNORE_AMBIENT_PLUGINS"},
            "PATH": os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(folder / "sdk" / "python"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def run(self, place: str, *arguments: str, fails: bool = False) -> str:
        """Run a command in one of the copied folders, and return what it prints."""
        command = [str(PULUMI), "--cwd", str(self.folder / place), "--non-interactive", "--color", "never", *arguments]
        result = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert fails == bool(result.returncode), result.stdout
        return result.stdout


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The real engine, where there is one."""
    if not PULUMI:
        pytest.skip("no pulumi command with its Python support on PATH")
    return Engine(tmp_path)


@pytest.mark.parametrize("cloud", COMPONENTS)
@pytest.mark.parametrize(("language", "index"), [("nodejs", "nodejs/awsVm.ts"), ("python", "python/evenboot_aws/aws_vm.py")])
def test_pulumi_makes_sdks_of_the_schema(engine: Engine, cloud: str, language: str, index: str) -> None:
    """The schema has all that Pulumi's own generators want, under the names that the examples import."""
    if shutil.which(f"pulumi-language-{language}") is None:
        pytest.skip(f"no pulumi-language-{language} on PATH")
    schema = str(engine.folder / "hosted" / cloud / "schema.json")
    engine.run(".", "package", "gen-sdk", schema, "--language", language, "--out", str(engine.folder / "sdk"))

    assert (engine.folder / "sdk" / index.replace("aws", cloud)).is_file()


def prepared(engine: Engine, language: str) -> str:
    """Make the stack of an example, and the SDK where the language wants one."""
    place = f"examples/{language}"
    if language == "yaml" and shutil.which("pulumi-language-yaml") is None:
        pytest.skip("no pulumi-language-yaml on PATH")
    if language == "python":
        schema = str(engine.folder / "hosted" / "azure" / "schema.json")
        engine.run(".", "package", "gen-sdk", schema, "--language", "python", "--out", str(engine.folder / "sdk"))
        # Not installed, but where Python finds it; its version is asked for.
        metadata = engine.folder / "sdk" / "python" / "evenboot_azure.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: evenboot_azure\nVersion: 0.1.0\n")
    engine.run(place, "stack", "init", "dev")
    return place


@pytest.mark.parametrize("language", ["python", "yaml"])
def test_the_real_engine_makes_the_programs_vm(engine: Engine, language: str) -> None:
    """`package`: `pulumi up` starts the package, which makes the VM with its children; a second one has nothing to do."""
    place = prepared(engine, language)
    engine.run(place, "up", "--yes", "--skip-preview")

    assert {"address", "identity"} == json.loads(engine.run(place, "stack", "output", "--json")).keys()
    resources = json.loads(engine.run(place, "stack", "export"))["deployment"]["resources"]
    [component] = [one for one in resources if one["type"] == token(PROGRAMS[language][0])]
    assert [component["urn"]] == [one["parent"] for one in resources if one["urn"].endswith("::web-vm")]
    assert "unchanged" in engine.run(place, "preview", "--expect-no-changes")


SECRETS = {"python": ('"westeurope"}', 'pulumi.Output.secret("a")}'), "yaml": ("REGION: europe-west3", "REGION: {fn::secret: a}")}


@pytest.mark.parametrize("language", ["python", "yaml"])
def test_the_real_engine_shows_a_refusal_as_one_message(engine: Engine, language: str) -> None:
    """`package`: What is wrong stands there with its path, and no stack trace around it.

    A Python program prints one of its own when the engine ends it, which is the SDK's doing.
    """
    place = prepared(engine, language)
    program = engine.folder / place / {"python": "__main__.py", "yaml": "Pulumi.yaml"}[language]
    program.write_text(program.read_text().replace("0o644", "644").replace(*SECRETS[language]))

    shown = engine.run(place, "preview", fails=True)

    vm = COMPONENTS[PROGRAMS[language][0]]
    assert (
        f"    error: {token(PROGRAMS[language][0])} resource 'web' has a problem: {vm} 'web' cannot be made as asked:\n"
        "      firstBoot[1].mode: is 644, which is 0o1204 in octal; write 0o644 if you mean the permissions 644\n"
        f"      values.REGION: {SECRET}\n"
    ) in shown
    assert language == "python" or "Traceback" not in shown
