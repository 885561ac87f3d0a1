"""``sweep render`` and ``kubectl sweep render``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.commands.checks import checked_for_any_cluster
from sweep_operator.commands.options import OVERRIDES_FOLLOW, config_and_overrides, config_dir
from sweep_operator.commands.output import echo
from sweep_operator.config.load import load_sweep
from sweep_operator.config.yaml_files import to_yaml


@click.command(context_settings=OVERRIDES_FOLLOW)
@config_and_overrides
@config_dir
def render(arguments: tuple[str, ...], config_dir: Path | None) -> None:
    """Print the Sweep manifest of CONFIG with its overrides. `sweep render ... | kubectl apply -f -`"""
    loaded = load_sweep(arguments, config_dir)
    checked_for_any_cluster(loaded.manifest)
    for note in loaded.notes:
        echo(f"note: {note}", err=True)
    echo("\n---\n".join(to_yaml(document) for document in (loaded.manifest, *loaded.extras)))
