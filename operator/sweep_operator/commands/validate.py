"""``sweep validate`` and ``kubectl sweep validate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.commands.checks import problems_of, warnings_of
from sweep_operator.commands.failures import BAD_INPUT
from sweep_operator.commands.options import config_dir
from sweep_operator.commands.output import echo
from sweep_operator.config.compose import read_single
from sweep_operator.config.errors import ConfigError, clipped, shown
from sweep_operator.config.load import load_sweep
from sweep_operator.config.yaml_files import read_documents

_KINDS = ("Sweep", "SweepRun", "ConfigMap")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@config_dir
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def validate(files: tuple[Path, ...], config_dir: Path | None, strict: bool) -> None:
    """Validate FILES: Sweep and SweepRun manifests, sweep configurations, job configurations."""
    bad = 0
    for path in files:
        try:
            problems, warnings = _findings(path, config_dir)
        except ConfigError as error:
            problems, warnings = error.problems, []
        for line in problems:
            echo(clipped(line if line.startswith(str(path)) else f"{path}: {line}"), err=True)
        for line in warnings:
            echo(f"{path}: warning: {line}", err=True)
        failed = bool(problems) or (strict and bool(warnings))
        bad += failed
        if not failed:
            echo(f"{path}: OK")
    if bad:
        raise click.exceptions.Exit(BAD_INPUT)


def _findings(path: Path, config_dir: Path | None) -> tuple[list[str], list[str]]:
    """Problems and warnings. Raises ConfigError if the file cannot be parsed."""
    first = read_single(path)
    if isinstance(first, Mapping) and not {"kind", "apiVersion"} & first.keys():
        documents: list[Any] = [load_sweep([str(path), f"run={_run_name(path)}"], config_dir).manifest]
    else:
        documents = read_documents(path)
    problems, warnings = [], []
    for document in documents:
        if not isinstance(document, Mapping):
            raise ConfigError(f"{path}: expected a Sweep (key: value lines), got {shown(document)}")
        kind = document.get("kind")
        if kind not in _KINDS:
            reason = "is missing; add kind: Sweep" if kind is None else f"{kind!r} is not one of {', '.join(_KINDS)}"
            problems.append(f"kind: {reason}")
        elif kind != "ConfigMap":
            found = [str(p) for p in problems_of(document)]
            problems += found
            if kind == "Sweep" and not found:
                warnings += [str(w) for w in warnings_of(parse(Sweep, document))]
    return problems, warnings


def _run_name(path: Path) -> str:
    return "".join(c if c.isalnum() else "_" for c in path.stem) or "sweep"
