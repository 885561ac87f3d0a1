"""``report``: the part that does not depend on where the sweep is stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.commands.output import echo, write_file
from sweep_operator.commands.recorded import Recorded
from sweep_operator.report.bundle import read_bundle
from sweep_operator.report.data import Program, RunRecords, report_data
from sweep_operator.report.page import report_page
from sweep_operator.suggest.explain import Explainer, NotExplainable, prepared
from sweep_operator.views.page.explanations import (
    Ask,
    AskContour,
    AskForecast,
    AskImportance,
    AskOutlook,
    AskSlices,
    AskWhy,
)
from sweep_operator.views.training_command import Templates

_CONTOURED = 4
"""Of so many parameters, the most important ones, each pair has a contour."""
_EXPLAINED = 12
"""So many of the Pareto-optimal runs are explained, the best ones: each takes a fit of the model."""
_QUESTIONS: tuple[Ask, ...] = (AskImportance(), AskSlices(), AskOutlook(), AskForecast())


def write_report(
    recorded: Recorded, templates: Templates, path: Path, program: Program, records: RunRecords, *, no_model: bool
) -> None:
    """Write the page and print its path; ``-`` writes it to standard output. Raises ConfigError."""
    bundle = read_bundle()
    sweep, runs = recorded.sweep, recorded.runs
    explanations = {} if no_model else asyncio.run(_explanations(recorded))
    data = report_data(sweep, runs, templates, datetime.now(UTC), explanations, program, records)
    page = report_page(data, bundle)
    if str(path) == "-":
        echo(page)
        return
    with contextlib.suppress(OSError):  # write_file reports it
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, page)
    echo(path)


async def _explanations(recorded: Recorded) -> JsonObject:
    """What the model says, by question. The page says what is missing, such as without enough results."""
    explainer, found, earlier = Explainer(), JsonObject(), recorded.earlier_if_readable()
    about = prepared(recorded.sweep, recorded.runs, earlier)

    async def answer(ask: Ask) -> JsonObject:
        return (await explainer.answer(about, ask)).model_dump(mode="json", by_alias=True)

    try:
        for ask in _QUESTIONS:
            with contextlib.suppress(NotExplainable):
                found[ask.what] = await answer(ask)
        known = found.get("importance") or {"shares": {}}
        pairs = combinations(list(known["shares"])[:_CONTOURED], 2)
        with contextlib.suppress(NotExplainable):
            found["contour"] = [await answer(AskContour(x=x, y=y)) for x, y in pairs]
        found["why"] = {}
        for name in _explained(recorded.sweep):
            with contextlib.suppress(NotExplainable):
                why = await explainer.explain(recorded.sweep, recorded.runs, AskWhy(run=name), earlier)
                found["why"][name] = why.model_dump(mode="json", by_alias=True)
    finally:
        await explainer.close()
    return found


def _explained(sweep: Sweep) -> Sequence[str]:
    """The names of the runs of which the report says why they were suggested."""
    return [point.run for point in sweep.status.pareto][-_EXPLAINED:]
