"""Check commands without running them, with the program's own parser if it has one.

Each check returns the problems that it found, as text.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import click

from dev.generate.chart_schema import at, values_schema
from dev.generate.crd import run_crd, sweep_crd
from sweep_operator.config.arguments import split_arguments
from sweep_operator.config.errors import ConfigError
from tests.cluster.tools import NoTool, tool
from tests.docs.blocks import ROOT
from tests.docs.command_lines import Line

CONDITIONS = ("Accepted", "Succeeded", "Finished", "Suspended", "OptimizerHealthy", "WarmStarted", "TrackingSynced")
KINDS = {"sweep", "sweeps", "sweeprun", "sweepruns"}
BUILT_IN = {"clusterrole", "configmap", "crd", "deployment", "events", "job", "namespace", "pod", "pods", "secret"}
BUILT_IN |= {"validatingadmissionpolicy", "validatingadmissionpolicybinding"}
OTHERS = ("debootstrap", "docker", "pip", "sed", "tar")
"""Programs of the system. Their arguments are not checked."""


def problems(line: Line) -> list[str]:
    """The problems of one command."""
    check = CHECKS.get(line.program)
    if check is None:
        return [] if line.program in OTHERS else [f"no check for the program {line.program}"]
    return list(check(line))


def _sweep(line: Line) -> Iterator[str]:
    from sweep_operator.cli.main import cli

    yield from _parsed("sweep", cli, line.arguments[1:], line)
    if line.arguments[1:2] in (("run",), ("rollout",), ("init",), ("render",)) and line.whole:
        yield from _configuration([a for a in line.arguments[2:] if not a.startswith("-")])


def _configuration(arguments: Sequence[str]) -> Iterator[str]:
    """The file exists and accepts the overrides. A file that a page shows is checked there."""
    from sweep_operator.commands.checks import problems_of
    from sweep_operator.config.load import load_sweep

    try:
        config, _ = split_arguments(arguments)
        if config == "sweep.yaml":
            return
        given = [str(ROOT / config), *arguments[1:]] if config is not None else [str(ROOT / "configs"), *arguments]
        loaded = load_sweep(given, ROOT / "configs")
    except ConfigError as error:
        yield from error.problems
        return
    yield from map(str, problems_of(loaded.manifest))


def _parsed(program: str, command: click.Command, arguments: Sequence[str], line: Line) -> Iterator[str]:
    """Parse with click. A command in running text may omit its arguments."""
    context = click.Context(command, info_name=program)
    if not arguments and not line.whole:
        return  # only the program's name
    try:
        if isinstance(command, click.Group) and not arguments[0].startswith("-"):
            found = command.get_command(context, arguments[0])
            if found is None:
                yield f"{program} has no command {arguments[0]}"
                return
            found.make_context(arguments[0], list(arguments[1:]), parent=context)
        else:
            command.make_context(program, list(arguments))
    except (click.MissingParameter, click.BadOptionUsage) as error:
        if line.whole or isinstance(error, click.NoSuchOption):
            yield error.format_message()
    except click.exceptions.Exit:
        return  # --help, --version
    except click.ClickException as error:
        yield error.format_message()


def _kubectl(line: Line) -> Iterator[str]:
    arguments = line.arguments[1:]
    if arguments[0] == "sweep":
        from sweep_operator.kubectl.main import cli

        yield from _parsed("kubectl sweep", cli, arguments[1:], line)
        return
    yield from _files(arguments)
    yield from _flags("kubectl", arguments)
    named = [a for a in arguments[1:] if not a.startswith("-")]
    if arguments[0] in ("get", "describe", "scale", "wait", "delete", "label") and named:
        for kind in named[0].split("/")[0].split(","):
            if kind not in KINDS | BUILT_IN:
                yield f"unknown resource type {kind}; known are {sorted(KINDS | BUILT_IN)}"
    for argument in arguments:
        condition = re.fullmatch(r"--for=condition=(\w+)", argument)
        if condition and condition[1] not in CONDITIONS:
            yield f"unknown condition {condition[1]}"
    if arguments[0] == "explain":
        yield from _explained(arguments[1])


def _explained(path: str) -> Iterator[str]:
    kind, *fields = path.split(".")
    crd = {"sweep": sweep_crd, "sweeprun": run_crd}[kind]()
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for field in fields:
        schema = schema.get("items", schema)
        if field not in schema.get("properties", {}):
            yield f"{path}: unknown field {field}"
            return
        schema = schema["properties"][field]


def _helm(line: Line) -> Iterator[str]:
    arguments = line.arguments[1:]
    yield from _files(arguments)
    yield from _flags("helm", arguments)
    for before, argument in pairwise(arguments):
        if before == "--show-only" and not (ROOT / "charts/sweep-operator" / argument).is_file():
            yield f"{argument} is not a template of the chart"
        if before.startswith(("--set", "--show-only", "--values")):
            continue  # its value
        if "/" in argument and not argument.startswith("-") and not (ROOT / argument / "Chart.yaml").is_file():
            yield f"{argument} is not a chart"
    for flag, value in pairwise(arguments):
        if flag in ("--set", "--set-string"):
            for pair in value.split(","):
                key = pair.split("=")[0]
                try:
                    at(values_schema({}), key)
                except KeyError:
                    yield f"{key} is not a value of the chart"


def _files(arguments: Sequence[str]) -> Iterator[str]:
    for flag, value in pairwise(arguments):
        if flag in ("-f", "--filename", "--values") and value != "-" and not (ROOT / value).exists():
            yield f"{value} is not in the repository"


def _flags(program: str, arguments: Sequence[str]) -> Iterator[str]:
    """Compare the options with the help of the real program, if it is installed."""
    deep = {"auth": 2, "create": 3 if "secret" in arguments else 2}.get(arguments[0], 1)
    known = help_of(program, *arguments[:deep]) if len(arguments) >= deep else None
    if known is None:
        return
    for argument in arguments[deep:]:
        flag = argument.split("=")[0]
        if flag.startswith("-") and flag != "-" and not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", known):
            yield f"{program} {arguments[0]} has no option {flag}"


@cache
def help_of(program: str, *verb: str) -> str | None:
    """Help of the verb, including global options; None if the program is not installed."""
    try:
        path = tool(program)
    except NoTool:
        return None
    texts = [[*verb, "--help"], ["options"] if program == "kubectl" else ["--help"]]
    shown = [subprocess.run([path, *a], capture_output=True, text=True, check=True).stdout for a in texts]
    return "\n".join(shown)


def _make(line: Line) -> Iterator[str]:
    text = "\n".join(p.read_text() for p in (ROOT / "Makefile", *sorted((ROOT / "make").glob("*.mk"))))
    scripts = "\n".join(p.read_text() for p in sorted((ROOT / "scripts").iterdir()) if p.is_file())
    for word in line.arguments[1:]:
        name, is_variable, _ = word.partition("=")
        if is_variable and not re.search(rf"\b{name}\b", text + scripts):
            yield f"the Makefile does not read {name}"
        if not is_variable and not re.search(rf"^{re.escape(word)}:", text, re.MULTILINE):
            yield f"unknown target {word}"


def _python(line: Line) -> Iterator[str]:
    script, *arguments = line.arguments[1:]
    if script.startswith("/"):
        return  # in a container
    if not (ROOT / script).is_file():
        yield f"{script} is not in the repository"
    try:
        split_arguments([a for a in arguments if not a.startswith("--") and a != "job"])
    except ConfigError as error:
        yield str(error)


def _operator(line: Line) -> Iterator[str]:
    from sweep_operator.runtime.main import main

    yield from _parsed("sweep-operator", main, line.arguments[1:], line)


def _uninstall(line: Line) -> Iterator[str]:
    from sweep_operator.runtime.uninstall import main

    yield from _parsed("sweep-operator-uninstall", main, line.arguments[1:], line)


def _ui(line: Line) -> Iterator[str]:
    from sweep_operator.ui.main import main

    yield from _parsed("sweep-ui", main, line.arguments[1:], line)


def _kind(line: Line) -> Iterator[str]:
    if line.arguments[1:3] not in (("create", "cluster"), ("load", "docker-image"), ("delete", "cluster")):
        yield f"kind {' '.join(line.arguments[1:3])} is not allowed in the documentation"


def _source(line: Line) -> Iterator[str]:
    if line.arguments[1:] != (".venv/bin/activate",) and not (ROOT / Path(line.arguments[1])).exists():
        yield f"{line.arguments[1]} does not exist"


CHECKS: dict[str, Callable[[Line], Iterator[str]]] = {
    "helm": _helm,
    "kind": _kind,
    "kubectl": _kubectl,
    "make": _make,
    "python": _python,
    "source": _source,
    "sweep": _sweep,
    "sweep-operator": _operator,
    "sweep-operator-uninstall": _uninstall,
    "sweep-ui": _ui,
}
