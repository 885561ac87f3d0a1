"""The learning curve in Weights & Biases. Off by default; a training never fails because W&B does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from omegaconf import DictConfig, OmegaConf

from ppo_trainer.exits import UNAVAILABLE, Exit
from ppo_trainer.progress import TrainState


class Curve(Protocol):
    """Where a training shows how it goes."""

    def log(self, state: TrainState) -> None:
        """One point of the curve."""

    def finish(self, state: TrainState) -> None:
        """The last point."""


class NoCurve:
    """Tracking is off."""

    def log(self, state: TrainState) -> None:
        """Nothing."""

    def finish(self, state: TrainState) -> None:
        """Nothing."""


class WandbCurve:
    """One W&B run for all attempts of a training: its id comes from the sweep, or from the run's name."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, state: TrainState) -> None:
        """Metrics over environment steps."""
        point = {"train_seconds": state.seconds}
        if state.reward is not None:
            point["train_reward"] = state.reward
        self._run.log(point, step=state.timesteps)

    def finish(self, state: TrainState) -> None:
        """Upload what is left."""
        self.log(state)
        self._run.finish()


def start_tracking(config: DictConfig, run_dir: Path, environ: Mapping[str, str]) -> Curve:
    """The curve that ``config.wandb`` asks for; Exit 69 when the package is not installed."""
    settings = config.wandb
    if settings.mode == "disabled":
        return NoCurve()
    try:
        import wandb
    except ImportError:
        raise Exit(
            UNAVAILABLE, f"wandb.mode: {settings.mode} needs the package wandb; install it, or choose wandb=off"
        ) from None
    try:
        run = wandb.init(
            dir=str(run_dir),
            mode=settings.mode,
            entity=settings.entity,
            project=settings.project,
            group=settings.group,
            name=settings.name,
            id=environ.get("WANDB_RUN_ID"),
            resume="allow",
            config={"trainer": OmegaConf.to_container(config.trainer), "seed": config.seed},
        )
    except wandb.Error as error:
        print(f"training goes on without W&B: {error}", flush=True)
        return NoCurve()
    return WandbCurve(run)
