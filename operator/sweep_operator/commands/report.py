"""``report``: the part that does not depend on where the sweep is stored."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.output import echo, write_file
from sweep_operator.report.page import report_page
from sweep_operator.views.report_data import parameter_shares
from sweep_operator.views.training_command import Templates


def write_report(
    sweep: Sweep, runs: Sequence[SweepRun], templates: Templates, path: Path, *, no_importance: bool
) -> None:
    """Write the page and print its path; ``-`` writes it to standard output."""
    shares, note = ({}, "Omitted by --no-importance.") if no_importance else parameter_shares(sweep, runs)
    page = report_page(sweep, runs, shares, note, datetime.now(UTC), templates)
    if str(path) == "-":
        echo(page)
        return
    with contextlib.suppress(OSError):  # write_file reports it
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, page)
    echo(path)
