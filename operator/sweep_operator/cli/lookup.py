"""The options that select where a sweep is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from sweep_operator.commands.options import DEFAULT_RUNS_DIR, grouped, runs_dir

CLOUD = "https://api.wandb.ai"
DEFAULT_PROJECT = "sweeps"


@dataclass(frozen=True)
class Lookup:
    """Where to look for a sweep; None: no preference."""

    source: Literal["local", "wandb"] | None
    entity: str | None
    project: str | None
    base_url: str | None
    runs_dir: Path


lookup_options = grouped(
    "lookup",
    Lookup,
    click.option(
        "--from", "source", type=click.Choice(["local", "wandb"]),
        help="Where to look for the sweep. [this machine, then W&B if it is configured]",
    ),
    click.option("--entity", help="W&B user or team. [configuration, $WANDB_ENTITY, default of the API key]"),
    click.option("--project", help=f"W&B project. [configuration, $WANDB_PROJECT, {DEFAULT_PROJECT}]"),
    click.option("--base-url", help=f"W&B server. [configuration, $WANDB_BASE_URL, {CLOUD}]"),
    runs_dir(DEFAULT_RUNS_DIR),
)  # fmt: skip
