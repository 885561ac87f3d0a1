"""Warm-start sources in local mode: sweeps in the runs directory, ConfigMaps in the sweep's state, files and W&B."""

from __future__ import annotations

from pathlib import Path

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.engine.ports import WarmStartRows, WarmStartUnreadable
from sweep_operator.engine.warm_start_rows import NewestRuns, read_bytes, read_config_map, read_runs, read_sources
from sweep_operator.exchange.learner import Learned, Learner
from sweep_operator.exchange.row import Row
from sweep_operator.kube.protocol import Kind, Kube
from sweep_operator.kube.state_file import StoreUnreadable, read_objects
from sweep_operator.sandbox.tasks import Evaluator
from sweep_operator.tracking.history.warm_start import WandbSources


class LocalWarmStart:
    """Reads warm-start sources in local mode."""

    def __init__(self, runs_dir: Path, kube: Kube, wandb: WandbSources, evaluator: Evaluator) -> None:
        self._runs_dir, self._kube, self._wandb, self._evaluator = runs_dir, kube, wandb, evaluator

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> WarmStartRows:
        """Read the observations of all sources, newest first. Raises WarmStartUnreadable."""

        async def read_one(source: WarmStartSource, learner: Learner) -> Learned:
            if source.sweep is not None:
                return await self._read_sweep(learner, source.sweep)
            if source.config_map is not None:
                return await read_config_map(self._kube, self._evaluator, learner, source)
            if source.file is not None:
                return learner.learn(read_file(Path(source.file))[::-1])
            return await self._wandb.read(learner, source)

        return await read_sources(sweep, warm_start, read_one, self._evaluator)

    async def _read_sweep(self, learner: Learner, name: str) -> Learned:
        unreadable = []
        for path in sorted(self._runs_dir.glob("*/state.db")):
            try:
                sweeps = read_objects(path, (Kind.SWEEP,))
                found = next((s for s in sweeps if name in (s["metadata"]["name"], s["spec"].get("displayName"))), None)
                runs = read_objects(path, (Kind.SWEEP_RUN,)) if found is not None else ()
            except StoreUnreadable as error:
                unreadable.append(str(error))
                continue
            if found is not None:
                newest = NewestRuns(found["metadata"]["name"])
                await newest.add(runs)
                return await read_runs(self._evaluator, learner, found, newest)
        missing = f"sweep {name!r} does not exist in {self._runs_dir}"
        raise WarmStartUnreadable("; ".join([missing, *unreadable]))


def read_file(path: Path) -> list[Row]:
    """Read the rows of a .csv or .jsonl file, oldest first. Raises WarmStartUnreadable."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise WarmStartUnreadable(f"{path}: file not found; relative paths start at {Path.cwd()}") from None
    except OSError as error:
        raise WarmStartUnreadable(f"{path}: cannot be read: {error.strerror or error}") from None
    return read_bytes(content, str(path), path.name)
