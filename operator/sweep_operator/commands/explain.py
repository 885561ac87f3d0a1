"""What ``sweep explain`` and ``kubectl sweep explain`` print."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from sweep_operator.api.model import Scalar
from sweep_operator.commands.options import Decorator, grouped
from sweep_operator.commands.output import echo
from sweep_operator.commands.recorded import Recorded
from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.errors import ConfigError
from sweep_operator.suggest.explain import Explainer, check, prepared
from sweep_operator.views.explained import contour_table, outlook_lines, overview, slice_table, why_lines
from sweep_operator.views.page.explanations import (
    MAX_OUTLOOK_RUNS,
    Ask,
    AskContour,
    AskImportance,
    AskOutlook,
    AskSlices,
    AskWhy,
    Explanation,
)


@dataclass(frozen=True)
class ExplainOptions:
    """What to explain, and how to print it."""

    parameters: tuple[str, ...]
    contour: tuple[str, str] | None
    runs: int | None
    at: tuple[str, ...]
    output: str


explain_options: Decorator = grouped(
    "options",
    ExplainOptions,
    click.option("--parameter", "parameters", multiple=True, metavar="PATH",
                 help="Show score and cost along this parameter, the others staying as they are (repeatable)."),
    click.option("--contour", nargs=2, metavar="X Y", help="Show the score over two parameters."),
    click.option("--runs", type=click.IntRange(1, MAX_OUTLOOK_RUNS), metavar="N",
                 help="Show what the next N runs are expected to buy. [10]"),
    click.option("--at", multiple=True, metavar="PATH=VALUE",
                 help="Value of another parameter for --parameter and --contour (repeatable). [that of the best run]"),
    click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table",
                 help="Output format. [table]"),
)  # fmt: skip


def print_explanation(recorded: Recorded, run: str | None, options: ExplainOptions, *, object_names: bool) -> None:
    """Ask the model, and print its answers. Raises ConfigError, NotExplainable."""
    questions = _questions(run, options)
    answers = dict(zip((q.what for q in questions), asyncio.run(_answers(recorded, questions)), strict=True))
    if options.output != "table":
        documents = {what: answer.model_dump(mode="json", by_alias=True) for what, answer in answers.items()}
        echo(_text(documents, options.output))
        return
    labels = {r.name: r.name if object_names else r.status.run_name or r.name for r in recorded.runs}
    echo("\n\n".join(_blocks(answers, options, labels)))


def _questions(run: str | None, options: ExplainOptions) -> list[Ask]:
    """The questions of the options; without any, the overview."""
    if run is not None:
        if options.parameters or options.contour or options.runs or options.at:
            raise click.UsageError("--parameter, --contour, --runs and --at explain a sweep; remove them or RUN")
        return [AskWhy(run=run)]
    if options.at and not (options.parameters or options.contour):
        raise click.UsageError("--at needs --parameter or --contour")
    at = _at(options.at)
    questions: list[Ask] = []
    if options.parameters:
        questions.append(AskSlices(at=at, parameters=list(options.parameters)))
    if options.contour is not None:
        questions.append(AskContour(x=options.contour[0], y=options.contour[1], at=at))
    if options.runs is not None:
        questions.append(AskOutlook(runs=options.runs))
    return questions or [AskImportance(), AskSlices(), AskOutlook()]


def _at(given: Sequence[str]) -> dict[str, Scalar] | None:
    values: dict[str, Scalar] = {}
    for argument in map(parse_argument, given):
        if not isinstance(argument.value, bool | int | float | str):
            raise ConfigError(f"--at {argument.raw}: {argument.text!r} is not a parameter value; give one value")
        values[argument.key] = argument.value
    return values or None


async def _answers(recorded: Recorded, questions: Sequence[Ask]) -> list[Explanation]:
    try:
        earlier = recorded.earlier()
    except LookupError as error:
        raise ConfigError(f"the warm start cannot be read: {error.args[0]} does not exist") from None
    explainer = Explainer()
    try:
        if isinstance(questions[0], AskWhy):
            return [await explainer.explain(recorded.sweep, recorded.runs, questions[0], earlier)]
        for ask in questions:
            check(recorded.sweep, ask)
        about = prepared(recorded.sweep, recorded.runs, earlier)
        return [await explainer.answer(about, ask) for ask in questions]
    finally:
        await explainer.close()


def _text(documents: Mapping[Any, Any], output: str) -> str:
    if output == "json":
        return json.dumps(documents, indent=2)
    from sweep_operator.config.yaml_files import to_yaml

    return to_yaml(documents).rstrip()


def _blocks(answers: Mapping[Any, Any], options: ExplainOptions, labels: dict[str, str]) -> list[str]:
    """The answers as text."""

    def name(run: str) -> str:
        return labels.get(run, run)

    blocks: list[str] = []
    if "why" in answers:
        blocks.append("\n".join(why_lines(answers["why"], name, labels)))
    slices = answers.get("slices")
    if slices is not None and options.parameters and slices.parameters:
        blocks += [slice_table(part) for part in slices.parameters]
    elif slices is not None:
        blocks.append(overview(answers.get("importance"), slices, name))
    if "contour" in answers:
        blocks.append(contour_table(answers["contour"]))
    if "outlook" in answers:
        blocks.append("\n".join(outlook_lines(answers["outlook"])))
    return blocks
