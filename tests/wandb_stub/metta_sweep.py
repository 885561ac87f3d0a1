"""A W&B sweep as Metta's sweep system writes it: a placeholder parameter, no metric, results in protein_observation."""

from __future__ import annotations

import time
from typing import Any

from tests.wandb_stub.server import WandbServer

CONFIG = """
name: {name}
method: random
parameters: {{dummy_param: {{values: [1]}}}}
"""


def suggestion(n: int) -> dict[str, Any]:
    return {"trainer": {"optimizer": {"learning_rate": 1e-5 * (n + 1) / 3}, "batch_size": 2 ** (4 + n % 4)}}


def objective(n: int) -> float:
    return n / 7


def cost(n: int) -> float:
    return 100.0 + n


def fails(n: int) -> bool:
    return n % 10 == 9


def add_metta_sweep(server: WandbServer, name: str = "old", count: int = 60, project: str = "acme/p") -> str:
    """``count`` finished runs, every tenth of them failed, then one that trains and one that died; returns the id."""
    sweep = server.add_sweep(project, CONFIG.format(name=name), name).name
    now = time.time()
    for n in range(count + 2):
        summary: dict[str, Any] = {"protein_suggestion": suggestion(n), "_runtime": 5, "_step": 3, "losses/policy": 0.5}
        if n < count:
            observation = {"suggestion": suggestion(n), "objective": objective(n), "cost": cost(n), "is_failure": False}
            if fails(n):
                observation |= {"objective": 0.0, "cost": 0.0, "is_failure": True}
            summary |= {"protein_observation": observation, "score": observation["objective"]}
        state = {count: "running", count + 1: "crashed"}.get(n, "finished")
        config = {"dummy_param": 1, "run": f"{name}.r.{n}", "trainer": {"total_timesteps": 20000}}
        server.add_run(
            f"{project}/{sweep}x{n:04}", state=state, created=now - 100 + n, sweep=sweep,
            display_name=f"{name}.r.{n}", summary=summary, config=config,
        )  # fmt: skip
    return sweep
