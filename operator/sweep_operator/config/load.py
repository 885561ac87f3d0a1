"""Convert CONFIG and its overrides to one Sweep manifest, for each of the accepted forms of CONFIG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep_operator.config.arguments import Argument, split_arguments
from sweep_operator.config.compose import (
    JOB,
    Composed,
    compose_job,
    compose_sweep,
    find_config_dir,
    is_sweep_config,
    read_single,
)  # fmt: skip
from sweep_operator.config.errors import ConfigError, shown
from sweep_operator.config.manifest_overrides import override_manifest
from sweep_operator.config.to_sweep import sweep_manifest
from sweep_operator.config.yaml_files import read_documents

DEFAULT_RUNS_DIR = Path("train_dir/sweep")


@dataclass(frozen=True)
class Loaded:
    """The input of a command."""

    manifest: dict[str, Any]
    extras: tuple[dict[str, Any], ...]
    """Other objects of the same file: manual SweepRuns, ConfigMaps."""
    runs_dir: Path
    notes: tuple[str, ...]
    source: str


def load_sweep(arguments: Sequence[str], config_dir: Path | None = None, runs_dir: Path | None = None) -> Loaded:
    """Convert ``[CONFIG] key=value ...`` to a manifest that is not validated yet. Raises ConfigError."""
    config, given = split_arguments(arguments)
    overrides = [a for a in given if not _edits_manifest(a)]
    edits = [a for a in given if _edits_manifest(a)]
    if config is None:
        if config_dir is None and not overrides:
            raise ConfigError(
                "no configuration given; name a file or a sweep: sweep run sweep.yaml, sweep run run=NAME sweep=quick"
            )
        directory = find_config_dir(config_dir)
        return _from_job(compose_job(directory, JOB, overrides), edits, runs_dir, str(directory / f"{JOB}.yaml"))
    path = Path(config)
    if not path.exists():
        raise ConfigError(f"{config}: file not found; overrides have the form key=value")
    if path.is_dir():
        return load_sweep([a.raw for a in given], path, runs_dir)
    document = read_single(path)
    if not isinstance(document, Mapping):
        raise ConfigError(f"{path}: contains {shown(document)}, not a Sweep or a sweep configuration")
    if "kind" in document or "apiVersion" in document:
        return _from_manifests(path, given, runs_dir)
    if is_sweep_config(document):
        return _from_job(_compose_sweep_file(path, document, config_dir, overrides), edits, runs_dir, str(path))
    return _from_job(compose_job(path.resolve().parent, path.stem, overrides), edits, runs_dir, str(path))


def _edits_manifest(argument: Argument) -> bool:
    """``spec.limits.maxRuns=12`` changes the Sweep for every form of CONFIG."""
    return argument.key.startswith(("spec.", "metadata."))


def _compose_sweep_file(
    path: Path, document: Mapping[str, Any], config_dir: Path | None, overrides: Sequence[Argument]
) -> Composed:
    try:
        directory: Path | None = find_config_dir(config_dir, near=path)
    except ConfigError:
        if config_dir is not None or "train" not in document:
            raise
        directory = None
    return compose_sweep(directory, path, overrides)


def _from_job(composed: Composed, edits: Sequence[Argument], runs_dir: Path | None, source: str) -> Loaded:
    job = dict(composed.config)
    sweep = job.get("sweep")
    if isinstance(sweep, Mapping) and {"train", "eval"} & sweep.keys():
        # A standalone sweep configuration has its own train and eval stages.
        job |= {"train": sweep.get("train"), "eval": sweep.get("eval")}
        job["sweep"] = {k: v for k, v in sweep.items() if k not in ("train", "eval")}
    manifest, notes = sweep_manifest(job, composed.changed, composed.explicit)
    manifest, more = override_manifest(manifest, edits)
    found = job.get("runs_dir") or str(DEFAULT_RUNS_DIR)
    if not isinstance(found, str):
        raise ConfigError(f"runs_dir: {shown(found)} is not a path; write a string")
    return Loaded(manifest, (), runs_dir or Path(found), (*notes, *more), source)


def _from_manifests(path: Path, overrides: Sequence[Argument], runs_dir: Path | None) -> Loaded:
    sweeps, extras = [], []
    for document in read_documents(path):
        kind = document.get("kind") if isinstance(document, Mapping) else None
        if kind == "Sweep":
            sweeps.append(document)
        elif kind in ("SweepRun", "ConfigMap"):
            extras.append(dict(document))
        else:
            raise ConfigError(f"{path}: kind: {kind!r} is not supported; use Sweep, SweepRun or ConfigMap")
    if len(sweeps) != 1:
        raise ConfigError(f"{path}: contains {len(sweeps)} Sweeps; it must contain exactly one")
    manifest, notes = override_manifest(sweeps[0], overrides)
    given = next((Path(a.text) for a in overrides if a.key == "runs_dir"), DEFAULT_RUNS_DIR)
    return Loaded(manifest, tuple(extras), runs_dir or given, tuple(notes), str(path))
