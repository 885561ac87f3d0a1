"""``report``: the part that does not depend on where the sweep is stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.output import echo, write_file
from sweep_operator.report.bundle import read_bundle
from sweep_operator.report.data import Program, report_data
from sweep_operator.report.page import report_page
from sweep_operator.suggest.explain import Explainer, NotExplainable
from sweep_operator.views.page.explanations import Ask, AskImportance, AskOutlook, AskSlices
from sweep_operator.views.training_command import Templates

_QUESTIONS: tuple[Ask, ...] = (AskImportance(), AskSlices(), AskOutlook())


def write_report(
    sweep: Sweep, runs: Sequence[SweepRun], templates: Templates, path: Path, program: Program, *, no_model: bool
) -> None:
    """Write the page and print its path; ``-`` writes it to standard output. Raises ConfigError."""
    bundle = read_bundle()
    explanations = {} if no_model else asyncio.run(_explanations(sweep, runs))
    page = report_page(report_data(sweep, runs, templates, datetime.now(UTC), explanations, program), bundle)
    if str(path) == "-":
        echo(page)
        return
    with contextlib.suppress(OSError):  # write_file reports it
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, page)
    echo(path)


async def _explanations(sweep: Sweep, runs: Sequence[SweepRun]) -> JsonObject:
    """What the model says, by question. Without an answer, the page says so."""
    explainer, found = Explainer(), JsonObject()
    try:
        for ask in _QUESTIONS:
            with contextlib.suppress(NotExplainable):
                answer = await explainer.explain(sweep, runs, ask)
                found[ask.what] = answer.model_dump(mode="json", by_alias=True)
    finally:
        await explainer.close()
    return found
