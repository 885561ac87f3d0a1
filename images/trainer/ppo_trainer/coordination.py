"""Several processes, one training. stable-baselines3 has no data parallelism: rank 0 works, the others wait for it.

Rank 0 keeps ``dist_<id>.yaml`` in the sweep's directory: {run, wandb_run_id, status, exit_code, progress}. The others
exit with its exit code. The id belongs to this launch (run, stage, attempt, restart), so a file of an earlier launch is
ignored.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from ppo_trainer.atomic import write_atomically
from ppo_trainer.exits import Exit

STALE = 75
"""``EX_TEMPFAIL``: rank 0 shows no progress. Another attempt may succeed."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Rank of this process, and number of processes of the launch."""

    rank: int
    world: int

    @property
    def leads(self) -> bool:
        """Whether this process does the work."""
        return self.rank == 0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Ranks:
        """From torchrun's variables, or without torchrun from those of the nodes."""
        rank = next((environ[n] for n in ("RANK", "SWEEP_NODE_RANK", "PET_NODE_RANK") if environ.get(n)), "0")
        world = next((environ[n] for n in ("WORLD_SIZE", "SWEEP_NUM_NODES", "PET_NNODES") if environ.get(n)), "1")
        return cls(rank=int(rank), world=int(world.split(":")[-1]))


def coordination_file(run_dir: Path, run: str, stage: str, environ: Mapping[str, str]) -> Path:
    """The file of this launch: next to ``runs/`` of the sweep, or in ``run_dir`` without a sweep."""
    parts = [run, stage, environ.get("SWEEP_ATTEMPT", ""), environ.get("TORCHELASTIC_RUN_ID", "")]
    if not environ.get("SWEEP_ATTEMPT"):
        parts += [environ.get("MASTER_ADDR", ""), environ.get("MASTER_PORT", "")]
    parts.append(environ.get("TORCHELASTIC_RESTART_COUNT", ""))
    launch = re.sub(r"[^A-Za-z0-9_.-]", "_", "-".join(part for part in parts if part and part != "none"))
    directory = run_dir.parent.parent if run_dir.parent.name == "runs" else run_dir
    return directory / f"dist_{launch}.yaml"


class Leader:
    """Rank 0's side. It writes the file if there are other ranks."""

    def __init__(self, path: Path, ranks: Ranks, run: str, wandb_run_id: str | None) -> None:
        self._path = path if ranks.world > 1 else None
        self._facts = {"run": run, "wandb_run_id": wandb_run_id}

    def progress(self, timesteps: int) -> None:
        """Show that rank 0 is alive."""
        self._write(status="running", exit_code=None, progress=timesteps)

    def finish(self, exit_code: int) -> None:
        """Release the other ranks."""
        self._write(status="done" if exit_code == 0 else "failed", exit_code=exit_code, progress=None)

    def _write(self, **state: Any) -> None:
        if self._path is not None:
            write_atomically(self._path, yaml.safe_dump({**self._facts, **state}, sort_keys=False).encode())


@contextmanager
def rank_0_only(config: DictConfig, stage: str, environ: Mapping[str, str]) -> Iterator[Leader]:
    """Rank 0 executes the body. The other ranks wait until it has finished, and exit with its code."""
    ranks = Ranks.from_environ(environ)
    path = coordination_file(Path(config.run_dir), config.run, stage, environ)
    if not ranks.leads:
        raise SystemExit(follow(path, stale_seconds=config.distributed.stale_seconds))
    leader = Leader(path, ranks, config.run, environ.get("WANDB_RUN_ID"))
    leader.progress(0)
    code = 1
    try:
        yield leader
        code = 0
    except Exit as exit_:
        code = exit_.code
        raise
    finally:
        leader.finish(code)


def follow(
    path: Path,
    *,
    stale_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Wait until rank 0 has finished and return its exit code; Exit when it shows no progress for ``stale_seconds``."""
    seen, since = b"", clock()
    while True:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        if content != seen:
            seen, since = content, clock()
        state = yaml.safe_load(content) or {}
        if state.get("status") in ("done", "failed"):
            return int(state["exit_code"])
        if clock() - since >= stale_seconds:
            problem = f"{path} shows no progress" if seen else f"{path} did not appear"
            raise Exit(STALE, f"{problem} for {stale_seconds:g} s; is run_dir on a volume that all nodes share?")
        sleep(0.2)
