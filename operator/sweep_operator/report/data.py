"""The data of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Literal

from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.times import time_text
from sweep_operator.views.events import read_event
from sweep_operator.views.page.details import Object, run_details
from sweep_operator.views.page.messages import Report
from sweep_operator.views.page.models import Server
from sweep_operator.views.page.rows import curve_of
from sweep_operator.views.page.run_models import Curves, LogEnd
from sweep_operator.views.page.sweeps import sweep_page
from sweep_operator.views.training_command import Templates

_EVENTS = 20
"""Of each run, the newest ones."""
Program = Literal["sweep", "kubectl sweep"]


@dataclass(frozen=True)
class RunRecords:
    """What is known of the runs besides their objects, by name of the run."""

    events: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    logs: Mapping[str, LogEnd] = field(default_factory=dict)


def report_data(
    sweep: Sweep,
    runs: Sequence[SweepRun],
    templates: Templates,
    now: datetime,
    explanations: JsonObject,
    program: Program,
    records: RunRecords = RunRecords(),
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
        runs={run.name: run_details(sweep, run, best, _newest(records, run), templates) for run in runs},
        logs=dict(records.logs),
        explanations=explanations,
    )


def _newest(records: RunRecords, run: SweepRun) -> Sequence[Object]:
    return sorted(records.events.get(run.name, ()), key=lambda event: read_event(event).time)[-_EVENTS:]
