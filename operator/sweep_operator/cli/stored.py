"""Sweeps stored in a local directory, read without blocking a ``sweep run`` that writes them.

The models are imported when needed: a shell loop of ``sweep status`` needs none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep_operator.cli.resume import resume_command
from sweep_operator.commands.objects import parsed
from sweep_operator.config.errors import ConfigError, suggestion
from sweep_operator.domain.conditions import condition_of, run_reason
from sweep_operator.domain.ordering import display_order
from sweep_operator.kube.embedded import is_locked, open_readonly
from sweep_operator.kube.protocol import Kind, KubeError
from sweep_operator.views.tables import STAGES

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.domain.revisions import RunTemplate

STATE = "state.db"


@dataclass(frozen=True)
class StoredSweep:
    """The Sweep and its SweepRuns as JSON; runs by index, manual runs last."""

    directory: Path
    sweep: dict[str, Any]
    runs: list[dict[str, Any]]
    revisions: Sequence[dict[str, Any]]
    """The ControllerRevisions of the templates that the runs used."""

    @property
    def display_name(self) -> str:
        """Name of the directory and prefix of the run names."""
        return str(self.sweep["spec"].get("displayName") or self.sweep["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Namespace of the objects."""
        return str(self.sweep["metadata"].get("namespace") or "default")

    def parsed(self) -> tuple[Sweep, list[SweepRun]]:
        """The objects as models. Raises InvalidObject."""
        return parsed(self.sweep, self.runs)

    def templates(self) -> dict[str, RunTemplate]:
        """The templates that the runs used, by hash."""
        from sweep_operator.manifests.revision import read_revision

        prefix = f"{self.sweep['metadata']['name']}-"
        return {r["metadata"]["name"].removeprefix(prefix): read_revision(r) for r in self.revisions}


def stored_sweeps(runs_dir: Path) -> Iterator[StoredSweep]:
    """All sweeps in ``runs_dir``, by name. Raises ConfigError if a state file cannot be read."""
    for path in sorted(runs_dir.glob(f"*/{STATE}")):
        yield from asyncio.run(_read(path))


def stored_sweep(runs_dir: Path, name: str) -> StoredSweep:
    """The sweep with that display name or object name. Raises ConfigError, which names the known sweeps."""
    direct = runs_dir / name / STATE
    if "/" not in name and direct.is_file():
        found = asyncio.run(_read(direct))
        if found:
            return found[0]
    known = []
    for stored in stored_sweeps(runs_dir):
        names = (stored.display_name, stored.sweep["metadata"]["name"])
        if name in names:
            return stored
        known.append(stored.display_name)
    if not known:
        raise ConfigError(f"no sweep {name!r}: {runs_dir} contains no sweeps; use --runs-dir to change the directory")
    raise ConfigError(f"no sweep {name!r} in {runs_dir}; {suggestion(name, known)}")


async def _read(path: Path) -> list[StoredSweep]:
    try:
        kube = open_readonly(path)
        sweeps = (await kube.list(Kind.SWEEP)).items
        runs = sorted((await kube.list(Kind.SWEEP_RUN)).items, key=display_order)
        revisions = (await kube.list(Kind.REVISION)).items
    except (KubeError, OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    stored = [
        StoredSweep(path.parent, s, [r for r in runs if r["spec"].get("sweepName") == s["metadata"]["name"]], revisions)
        for s in sweeps
    ]
    return stored if is_locked(path) else [_without_process(s) for s in stored]


def _without_process(stored: StoredSweep) -> StoredSweep:
    """A sweep that no process runs: what its status calls active has the condition Interrupted, which is not stored."""
    if condition_of(stored.sweep, "Succeeded").get("status") != "Unknown":
        return stored
    message = f"no process runs this sweep; to resume it, run: {resume_command(stored.directory)}"
    runs = [_interrupted(r, "no process runs this sweep") if run_reason(r) in STAGES else r for r in stored.runs]
    return replace(stored, sweep=_interrupted(stored.sweep, message), runs=runs)


def _interrupted(obj: dict[str, Any], message: str) -> dict[str, Any]:
    since = condition_of(obj, "Succeeded").get("lastTransitionTime")
    condition = {"type": "Interrupted", "status": "True", "reason": "NoProcess", "message": message}
    conditions = [*obj["status"]["conditions"], {**condition, "lastTransitionTime": since}]
    return {**obj, "status": {**obj["status"], "conditions": conditions}}
