"""The learning curve in Weights & Biases. Off by default; a training never fails because W&B does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ppo_trainer.exits import UNAVAILABLE, Exit
from ppo_trainer.progress import TrainState


class Curve:
    """One W&B run for all attempts of a training. Its id comes from the sweep, or from the run's name."""

    def __init__(self, run: Any = None) -> None:
        """``run``: the W&B run. None: tracking is off."""
        self._run = run

    def log(self, state: TrainState) -> None:
        """Log metrics by environment steps."""
        if self._run is not None:
            reward = {} if state.reward is None else {"train_reward": state.reward}
            self._run.log({"train_seconds": state.seconds, **reward}, step=state.timesteps)

    def finish(self, state: TrainState) -> None:
        """Log the last point and wait until everything is uploaded."""
        self.log(state)
        if self._run is not None:
            self._run.finish()


def start_tracking(config: DictConfig, run_dir: Path, environ: Mapping[str, str]) -> Curve:
    """Start the W&B run that ``config.wandb`` describes. Raises Exit 69 if the package is not installed."""
    settings = config.wandb
    if settings.mode == "disabled":
        return Curve()
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
        print(f"training continues without W&B: {error}", flush=True)
        return Curve()
    return Curve(run)
