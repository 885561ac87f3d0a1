"""Sweeps stored in a local directory, read without blocking a ``sweep run`` that writes them.

The models are imported when needed: a shell loop of ``sweep status`` needs none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep_operator.commands.names import not_a_run
from sweep_operator.commands.objects import parsed
from sweep_operator.config.errors import ConfigError, suggestion
from sweep_operator.domain.conditions import condition_of, has_ended, run_reason
from sweep_operator.domain.ordering import display_order
from sweep_operator.kube.protocol import Kind
from sweep_operator.kube.state_file import StoreMissing, StoreUnreadable, is_locked, read_objects
from sweep_operator.machine.resume import RESUME, resume_command
from sweep_operator.views.tables import STAGES, run_name

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.domain.revisions import RunTemplate

STATE = "state.db"
LOCK = "state.lock"


class Unreadable(ConfigError):
    """The sweep exists, but its state file cannot be read."""


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

    def config_maps(self) -> Sequence[dict[str, Any]]:
        """The ConfigMaps of the directory: observations of a warm start."""
        return read_objects(self.directory / STATE, (Kind.CONFIG_MAP,))

    def templates(self) -> dict[str, RunTemplate]:
        """The templates that the runs used, by hash."""
        from sweep_operator.manifests.revision import read_revision

        prefix = f"{self.sweep['metadata']['name']}-"
        return {r["metadata"]["name"].removeprefix(prefix): read_revision(r) for r in self.revisions}


@dataclass(frozen=True)
class StoredSweeps:
    """The sweeps of a directory by name, without their runs."""

    sweeps: list[StoredSweep]
    unreadable: list[str]
    """An error for each sweep that cannot be read."""
    empty: dict[str, str]
    """A note for each directory in which a sweep is missing, by the directory's name."""


def stored_sweeps(runs_dir: Path) -> StoredSweeps:
    """What ``runs_dir`` contains. Raises ConfigError if it cannot be listed."""
    found = StoredSweeps([], [], {})
    for directory in directories(runs_dir):
        try:
            sweeps = _read(directory, (Kind.SWEEP,))
        except StoreMissing:
            sweeps = []
        except StoreUnreadable as error:
            found.unreadable.append(str(error))
            continue
        found.sweeps.extend(sweeps)
        if not sweeps and not is_locked(directory / STATE) and _is_abandoned(directory):
            found.empty[directory.name] = f"{directory} contains no sweep; delete it"
    return found


def stored_sweep(runs_dir: Path, name: str) -> StoredSweep:
    """The sweep with that display name or object name. Raises ConfigError, which names the known sweeps."""
    if name not in ("", ".", "..") and "/" not in name:
        with contextlib.suppress(StoreMissing):
            if found := _whole(runs_dir / name):
                return found[0]
    there = stored_sweeps(runs_dir)
    for stored in there.sweeps:
        if name in (stored.display_name, stored.sweep["metadata"]["name"]):
            return next(s for s in _whole(stored.directory) if s.display_name == stored.display_name)
    known = [stored.display_name for stored in there.sweeps]
    others = [*there.unreadable, *(note for directory, note in there.empty.items() if directory == name)]
    if known:
        raise ConfigError([f"no sweep {name!r} in {runs_dir}; {suggestion(name, known)}", *others])
    reason = f"no sweep {name!r}: {runs_dir} contains no sweeps; use --runs-dir to change the directory"
    raise ConfigError([reason, *others])


def stored_run(runs_dir: Path, name: str, only: Path | None = None) -> tuple[StoredSweep, dict[str, Any]]:
    """The run with that display name or object name, and its sweep. Raises ConfigError, which names known runs.

    ``only``: the directory to look in.
    """
    known, unreadable, mistaken = [], [], None
    for directory in _likely_first(runs_dir, name) if only is None else [only]:
        try:
            sweeps = _read(directory, (Kind.SWEEP, Kind.SWEEP_RUN))
        except StoreMissing:
            continue
        except StoreUnreadable as error:
            unreadable.append(str(error))
            continue
        for stored in sweeps:
            if name in (stored.display_name, stored.sweep["metadata"]["name"]):
                mistaken = not_a_run(name, [run_name(run, object_names=False) for run in stored.runs])
            for run in stored.runs:
                known.append(run_name(run, object_names=False))
                if name in (known[-1], run["metadata"]["name"]):
                    return stored, run
    if mistaken is not None:
        raise mistaken
    hint = suggestion(name, known) if known else "it contains no runs; use --runs-dir to change the directory"
    raise ConfigError([f"no run named {name!r} in {runs_dir}; {hint}", *unreadable])


def _likely_first(runs_dir: Path, name: str) -> list[Path]:
    """The directories of sweeps. The name of a run usually begins with the name of its sweep."""
    return sorted(directories(runs_dir), key=lambda d: (not name.startswith(f"{d.name}."), -len(d.name), d.name))


def _whole(directory: Path) -> list[StoredSweep]:
    try:
        return _read(directory, (Kind.SWEEP, Kind.SWEEP_RUN, Kind.REVISION))
    except StoreMissing:
        raise
    except StoreUnreadable as error:
        raise Unreadable(str(error)) from None


def directories(runs_dir: Path) -> list[Path]:
    """The directories in which sweeps may be. Raises ConfigError."""
    try:
        return sorted(path for path in runs_dir.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        reason = f"{runs_dir} cannot be listed: {error.strerror}"
        raise ConfigError(f"--runs-dir: {reason}; make it readable, or name another directory") from None


def _is_abandoned(directory: Path) -> bool:
    """Whether a sweep began here, or nothing is here. Other directories have nothing to do with sweeps."""
    try:
        names = {path.name for path in directory.iterdir()}
    except OSError:  # deleted meanwhile, or of another user
        return False
    return not names or bool(names & {STATE, LOCK, RESUME})


def _read(directory: Path, kinds: Sequence[Kind]) -> list[StoredSweep]:
    """The sweeps of a state file, with their runs if ``kinds`` contains them. Raises StoreUnreadable."""
    objects = read_objects(directory / STATE, kinds)
    runs = sorted((o for o in objects if o["kind"] == Kind.SWEEP_RUN), key=display_order)
    revisions = [o for o in objects if o["kind"] == Kind.REVISION]
    stored = [
        StoredSweep(directory, s, [r for r in runs if r["spec"].get("sweepName") == s["metadata"]["name"]], revisions)
        for s in objects
        if s["kind"] == Kind.SWEEP
    ]
    return [_without_process(s) if is_interrupted(directory, s.sweep) else s for s in stored]


def is_interrupted(directory: Path, sweep: dict[str, Any]) -> bool:
    """Whether the sweep has not ended and no process runs it."""
    return condition_of(sweep, "Succeeded").get("status") == "Unknown" and not is_locked(directory / STATE)


def _without_process(stored: StoredSweep) -> StoredSweep:
    sweep = interrupted_sweep(stored.directory, stored.sweep)
    return replace(stored, sweep=sweep, runs=[interrupted_run(r) for r in stored.runs])


def interrupted_sweep(directory: Path, sweep: dict[str, Any]) -> dict[str, Any]:
    """The Sweep with the condition Interrupted, which is not stored."""
    return _interrupted(sweep, f"no process runs this sweep; to resume it, run: {resume_command(directory)}")


def interrupted_run(run: dict[str, Any]) -> dict[str, Any]:
    """The run of an interrupted sweep: one that has started and not ended has the condition Interrupted, too."""
    started = run_reason(run) in STAGES or ((run.get("status") or {}).get("train") or {}).get("attempt")
    return _interrupted(run, "no process runs this sweep") if started and not has_ended(run) else run


def _interrupted(obj: dict[str, Any], message: str) -> dict[str, Any]:
    since = condition_of(obj, "Succeeded").get("lastTransitionTime")
    condition = {"type": "Interrupted", "status": "True", "reason": "NoProcess", "message": message}
    conditions = [*obj["status"]["conditions"], {**condition, "lastTransitionTime": since}]
    return {**obj, "status": {**obj["status"], "conditions": conditions}}
