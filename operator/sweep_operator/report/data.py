"""The data of a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Literal

from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.times import time_text
from sweep_operator.views.page.details import run_details
from sweep_operator.views.page.messages import Report
from sweep_operator.views.page.models import Server
from sweep_operator.views.page.rows import curve_of
from sweep_operator.views.page.run_models import Curves
from sweep_operator.views.page.sweeps import sweep_page
from sweep_operator.views.training_command import Templates

Program = Literal["sweep", "kubectl sweep"]


def report_data(
    sweep: Sweep,
    runs: Sequence[SweepRun],
    templates: Templates,
    now: datetime,
    explanations: JsonObject,
    program: Program,
) -> Report:
    """Everything that the page shows of the sweep. ``explanations``: answers about the model by question."""
    page = sweep_page(sweep, runs, templates, now)
    best = next((run for run in runs if page.row.best is not None and run.name == page.row.best.run), None)
    return Report(
        written=time_text(now),
        server=Server(
            mode="report", write=False, version=version("sweep-operator"), command=program, models=bool(explanations)
        ),
        sweeps=[page.row],
        page=page,
        curves=Curves(items={run.name: curve for run in runs if (curve := curve_of(run)) is not None}),
        runs={run.name: run_details(sweep, run, best, [], templates) for run in runs},
        explanations=explanations,
    )
