"""Progress of a training over all its attempts: ``<run_dir>/train_state.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ppo_trainer.atomic import write_atomically

STATE = "train_state.json"


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """``seconds`` is wall time of all attempts, imports included; ``attempts`` counts starts that trained;

    ``reward`` is the mean of the newest training episodes, None before the first has ended.
    """

    fingerprint: str
    timesteps: int = 0
    seconds: float = 0.0
    attempts: int = 0
    reward: float | None = None
    finished: bool = False

    def save(self, run_dir: Path) -> None:
        """Replace the state file."""
        write_atomically(run_dir / STATE, json.dumps(asdict(self)).encode())

    def advanced(self, *, timesteps: int, seconds: float, reward: float | None, finished: bool = False) -> TrainState:
        """This state after ``timesteps`` steps and ``seconds`` of the current attempt."""
        return replace(self, timesteps=timesteps, seconds=self.seconds + seconds, reward=reward, finished=finished)

    def another_attempt(self) -> TrainState:
        """This state at the start of the next attempt."""
        return replace(self, attempts=self.attempts + 1, finished=False)


def load_state(run_dir: Path) -> TrainState | None:
    """The state of earlier attempts, or None if it is missing or unreadable."""
    try:
        return TrainState(**json.loads((run_dir / STATE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


class Every:
    """True when first called, and then at most once in ``seconds``."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: float | None = None

    def __call__(self) -> bool:
        now = self._clock()
        if self._last is not None and now - self._last < self._seconds:
            return False
        self._last = now
        return True
