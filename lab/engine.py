"""`python -m lab up`: deploy the program to the local cloud, and show what its VMs did.

The real `pulumi` command drives the providers where there is one (`lab.pulumi_cli`), Pulumi's own mock monitor otherwise
(`embedded`). Both call the same methods of the same providers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import archive, consoles, image, program, project, pulumi_cli, report, waiting
from .clouds import PACKAGES, provider
from .deployment import Deployment
from .embedded import Monitor, Outcome
from .errors import LabError, LabUsageError
from .host import make_closed, temporary_folder
from .laboratory import Lab
from .program import Program
from .providers.provider import Provider
from .report import Progress
from .survey import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a preview found: every problem, the images of the VMs, and the packages that definitions name."""

    problems: list[str]
    images: set[str]
    packages: set[str]


def up(lab: Lab, folder: Path, *, stack: str = "local", progress: Progress | None = None) -> int:
    """Deploy the program in a folder, wait until its VMs have obeyed, and show what they did.

    Returns:
        The exit code: 0, or 1 if the program, the deployment or a step on a VM failed.
    """
    progress = progress or Progress()
    lab.check()
    pulumi = pulumi_cli.find()
    subject = project.read(folder, stack, decrypts=pulumi is not None)
    with lab.commanding("up", waiting=progress.say):
        return _up(lab, subject, pulumi, progress)


def _up(lab: Lab, subject: Program, pulumi: str | None, progress: Progress) -> int:
    with progress.stage("checking the program"):
        plan = preview(lab, subject, survey=pulumi is not None)
    if plan.problems:
        for problem in plan.problems:
            progress.say(problem)
        progress.say("Nothing was deployed.")
        return 1
    _prepare(lab, plan, progress)
    before = waiting.remember(lab)
    deployed = _deploy(lab, subject, pulumi, progress)
    with progress.stage("waiting for the machines") as stage:
        news = waiting.wait(lab, before, stage.news, waiting.LONGEST_SECONDS)
    return _show(lab, news, progress, deployed=deployed)


def preview(lab: Lab, subject: Program, *, survey: bool = False) -> Plan:
    """Run the program without deploying anything, and collect what is wrong and what it will need.

    Args:
        lab: The lab.
        subject: The program.
        survey: Whether the pulumi command deploys it: what only that one knows is no problem then.
    """
    providers, deployment = _providers(lab, subject), Deployment(_state(lab))
    if survey:
        monitor: Monitor = Survey(providers, deployment, sure=not subject.secrets)
    else:
        monitor = Monitor(providers, deployment, preview=True, progress=lambda what, name: None)
    run = program.run(subject, monitor, preview=True)
    problems = [f"{name}: {line}" for name, text in monitor.outcome.failures for line in text.splitlines()]
    if run.error is not None:
        problems += program.explain(run.error, subject.folder).splitlines()
    images: set[str] = set()
    if isinstance(monitor, Survey) and not monitor.sure:
        # They may come of what was passed over; the command says what is wrong.
        problems, images = [], {image.USUAL} if run.error else images
    for urn, inputs in monitor.registered.items():
        token = urn.split("::")[2].rpartition("$")[2]
        images |= {p.vm_image(inputs) for p in providers.values() if p.vm == token and inputs and not problems}
    definitions = [resource.startup for resource in run.resources if hasattr(resource, "startup")]
    return Plan(problems=problems, images=images, packages=set(_packages(definitions)))


def run(lab: Lab, argv: Sequence[str]) -> int:
    """Run a command of this computer with the local cloud in the place of the real ones; return its exit code.

    It finds the consoles of the lab's machines, and of a deployment either the pulumi command's state or, after an
    embedded run, a file such as `pulumi stack export` would print, named by EVENBOOT_STACK_EXPORT.
    """
    make_closed(lab.state)
    own = pulumi_cli.prepare(lab)
    with consoles.serving(lab, lab.state) as variables, temporary_folder(lab.state) as folder:
        environment = consoles.environment(own, variables)
        deployment = Deployment(_state(lab))
        if deployment.entries:
            path = folder / "stack.json"
            path.write_text(json.dumps(deployment.export()))
            environment["EVENBOOT_STACK_EXPORT"] = str(path)
        try:
            return subprocess.run(argv, env=environment).returncode
        except OSError as error:
            raise LabUsageError(f"cannot run {argv[0]}: {error.strerror}") from None


def forget(lab: Lab) -> None:
    """Forget what was deployed; `down` calls it after the machines are gone."""
    shutil.rmtree(lab.state / "engine", ignore_errors=True)


def _providers(lab: Lab, subject: Program) -> dict[str, Provider]:
    return {package: provider(package, lab, lab.state, project.settings_of(subject, package)) for package in PACKAGES}


def _state(lab: Lab) -> Path:
    return lab.state / "engine" / "embedded.json"


def _packages(definitions: Iterable[Any]) -> Iterable[str]:
    """Yield the names of the packages that startup definitions install."""
    for definition in definitions:
        for _, _, step in definition.steps():
            if step.kind == "packages":
                yield from step.names


def _prepare(lab: Lab, plan: Plan, progress: Progress) -> None:
    for name in sorted(plan.images):
        with progress.stage(f"image {name}") as stage:
            image.ensure(name, stage.news, lab.prefix)
        with progress.stage(f"packages for {name}") as stage:
            archive.ensure(name, sorted(plan.packages), stage.news)


def _deploy(lab: Lab, subject: Program, pulumi: str | None, progress: Progress) -> bool:
    """Deploy; return whether all went well."""
    if pulumi is not None:
        if Deployment(_state(lab)).entries:
            raise LabError("the local cloud was deployed without the pulumi command: python -m lab down first")
        progress.say(f"deploying with {pulumi}")
        return pulumi_cli.up(pulumi, lab, subject)
    if pulumi_cli.has_state(lab):
        raise LabError("the local cloud was deployed with the pulumi command, which is no longer found: put it on PATH")
    progress.say("no pulumi command found: deploying with the embedded run, a way to see the program work")
    with progress.stage("deploying") as stage:
        outcome, error = embedded_up(lab, subject, lambda what, name: stage.line(f"  {what} {name}"))
    for name, text in outcome.failures:
        progress.say(f"failed: {name}: {text}")
    if error:
        progress.say(error)
    _summary(outcome, progress)
    return not error and not outcome.failures


def embedded_up(lab: Lab, subject: Program, news: Any) -> tuple[Outcome, str | None]:
    """Deploy with the embedded run; return what was done and the error that ended the program, if one did."""
    monitor = Monitor(_providers(lab, subject), Deployment(_state(lab)), preview=False, progress=news)
    monitor.recover()
    with consoles.at_hand(lab, lab.state):
        run = program.run(subject, monitor, preview=False)
    monitor.finish(whole=run.error is None and not monitor.outcome.failures)
    return monitor.outcome, program.explain(run.error, subject.folder) if run.error else None


def _summary(outcome: Outcome, progress: Progress) -> None:
    same = sum(what == "same" for _, _, what in outcome.done)
    progress.say(f"{len(outcome.done) - same} changes, {same} unchanged")
    for name, value in sorted(outcome.outputs.items()):
        fields: dict[str, object] = value if isinstance(value, dict) else {"": value}
        progress.say(f"  {name}")
        for field, content in fields.items():
            progress.say(f"    {field} {content}")


def _show(lab: Lab, news: waiting.News, progress: Progress, *, deployed: bool) -> int:
    report.table(news.results, progress.out)
    for text in news.remarks:
        progress.say(text)
    report.next_commands([machine.name for machine in lab.machines()], progress.out)
    return 0 if deployed and not news.missing and not report.failed(news.results) else 1
