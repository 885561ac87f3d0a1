"""``sweep init``."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.commands.checks import check_sources, checked
from sweep_operator.commands.options import OVERRIDES_FOLLOW, config_and_overrides, config_dir, runs_dir
from sweep_operator.commands.output import echo
from sweep_operator.config.load import load_sweep
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.local.admission import admit
from sweep_operator.local.config_file import write_config
from sweep_operator.local.objects import NAMESPACE
from sweep_operator.local.repeated import with_defaults
from sweep_operator.machine.stored import STATE, stored_sweep


@click.command(context_settings=OVERRIDES_FOLLOW)
@config_and_overrides
@config_dir
@runs_dir()
def init(arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None) -> None:
    """Create the sweep of CONFIG without running it, and print its directory. An existing sweep is not changed."""
    loaded = load_sweep(arguments, config_dir, runs_dir)
    sweep = checked(loaded.manifest)
    check_sources(sweep)
    for note in loaded.notes:
        echo(f"note: {note}", err=True)
    directory = loaded.runs_dir / sweep.display_name
    if (directory / STATE).is_file():
        stored_sweep(loaded.runs_dir, sweep.display_name)
        echo(f"{sweep.display_name} already exists; `sweep run` applies changes to it", err=True)
    else:
        asyncio.run(_create(directory, loaded.manifest))
    echo(directory)


async def _create(directory: Path, manifest: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    metadata = dict(manifest["metadata"])
    labels = {**(metadata.get("labels") or {}), MANAGED_BY_LABEL: MANAGED_BY}
    body = with_defaults({**manifest, "metadata": {**metadata, "namespace": NAMESPACE, "labels": labels}})
    with closing(EmbeddedKube(directory / STATE, clock=lambda: datetime.now(UTC), admission=admit)) as kube:
        write_config(directory, read(Sweep, await kube.create(Kind.SWEEP, body)))
