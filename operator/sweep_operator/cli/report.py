"""``sweep report``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cli.options import DEFAULT_RUNS_DIR, runs_dir


@click.command()
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="[<runs-dir>/<NAME>/report.html]")
@click.option("--no-importance", is_flag=True, help="Leave out the parameters' importance, which needs the model.")
@runs_dir(DEFAULT_RUNS_DIR)
def report(name: str, output: Path | None, no_importance: bool, runs_dir: Path) -> None:
    """Write one self-contained HTML page about a sweep: scores, Pareto front, parameters, failures."""
    from datetime import UTC, datetime

    from sweep_operator.cli.best_params import sweep_name
    from sweep_operator.cli.stored import stored_sweep
    from sweep_operator.report.page import report_page
    from sweep_operator.views.report_data import parameter_shares

    sweep, runs = stored_sweep(runs_dir, sweep_name(name)).parsed()
    shares, note = ({}, "Left out by --no-importance.") if no_importance else parameter_shares(sweep, runs)
    page = report_page(sweep, runs, shares, note, datetime.now(UTC))
    path = output or runs_dir / sweep.display_name / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    click.echo(path)
