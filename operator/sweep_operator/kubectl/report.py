"""``kubectl sweep report``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options


@click.command()
@click.argument("sweep", type=SWEEP_NAME, shell_complete=complete_sweeps)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="[SWEEP-report.html]; -: stdout"
)
@click.option("--no-importance", is_flag=True, help="Leave out the parameters' importance, which needs the model.")
@cluster_options
def report(sweep: str, output: Path | None, no_importance: bool) -> None:
    """Write one self-contained HTML page about SWEEP: scores, Pareto front, parameters, failures."""
    from datetime import UTC, datetime

    from sweep_operator.kubectl.best_params import read_sweep
    from sweep_operator.report.page import report_page
    from sweep_operator.views.report_data import parameter_shares

    found, runs = read_sweep(sweep)
    shares, note = ({}, "Left out by --no-importance.") if no_importance else parameter_shares(found, runs)
    page = report_page(found, runs, shares, note, datetime.now(UTC))
    path = output or Path(f"{sweep}-report.html")
    if str(path) == "-":
        click.echo(page)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    click.echo(path)
