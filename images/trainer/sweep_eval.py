"""Evaluate a trained run and report its score: `python images/trainer/sweep_eval.py run=one sim.episodes=100`.

Takes the configuration of train.py. Loads policy.zip of the same run directory, plays sim.episodes episodes on
seeds that training never uses, and reports the mean reward, its spread, and the cost: seconds of training, all
attempts together, and of evaluation. Writes sweep_eval_results.yaml into the run directory and the result to
$SWEEP_RESULTS_FILE.

Under several processes rank 0 evaluates and reports; the others wait for it.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ppo_trainer.composition import load_config
from ppo_trainer.coordination import rank_0_only
from ppo_trainer.exits import BadParameters, run_program
from ppo_trainer.progress import load_state
from ppo_trainer.results import report, write_eval_results
from ppo_trainer.seeds import evaluation_seeds

STARTED = time.monotonic()
POLICY = "policy.zip"


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Evaluate, or wait for the process that does."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    config = load_config(arguments, environ)
    if not isinstance(config.sim.episodes, int) or config.sim.episodes < 1:
        raise BadParameters(f"sim.episodes: {config.sim.episodes!r} must be an integer above 0")
    with rank_0_only(config, "eval", environ):
        evaluate(config, Path(config.run_dir), environ)


def evaluate(config: DictConfig, run_dir: Path, environ: Mapping[str, str]) -> None:
    """Play, then write the results; BadParameters when the mean reward is not finite."""
    # torch is imported after all checks that do not need it.
    import torch

    from ppo_trainer.evaluation import load_policy, play

    torch.set_num_threads(config.hardware.torch_threads)
    policy = load_policy(run_dir / POLICY)
    seeds = evaluation_seeds(config.sim.seed, config.sim.episodes)
    began = time.monotonic()
    episodes = play(policy.network, config.sim.env, seeds, deterministic=config.sim.deterministic)
    step_seconds = (time.monotonic() - began) / sum(episodes.lengths)
    if not math.isfinite(episodes.mean):
        raise BadParameters(f"the mean reward is {episodes.mean}: the policy or the environment has diverged")
    trained = load_state(run_dir)
    train_seconds = trained.seconds if trained else 0.0
    eval_seconds = time.monotonic() - STARTED
    metrics: dict[str, float] = {
        "reward": episodes.mean,
        "reward_std": episodes.std,
        "reward_stderr": episodes.stderr,
        "reward_min": min(episodes.rewards),
        "episodes": len(episodes.rewards),
        "step_ms": round(1000 * step_seconds, 4),
        "train_seconds": round(train_seconds, 3),
        "eval_seconds": round(eval_seconds, 3),
        "steps": policy.timesteps,
    }
    result: dict[str, Any] = {
        "score": episodes.mean,
        "cost": round(train_seconds + eval_seconds, 3),
        "metrics": metrics,
        "checkpoint": str(run_dir / POLICY),
    }
    detail = {"seeds": seeds, "rewards": episodes.rewards, "lengths": episodes.lengths}
    write_eval_results(run_dir, {"run": config.run, "env": config.sim.env, **result, "episodes": detail})
    report(environ, result)
    print(
        f"reward {episodes.mean:.4g} +- {episodes.stderr:.2g} (standard error of {len(seeds)} episodes, spread "
        f"{episodes.std:.3g}), cost {result['cost']:.1f} s: {train_seconds:.1f} s of training + {eval_seconds:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(run_program("sweep_eval.py", lambda: main(sys.argv[1:], os.environ), os.environ))
