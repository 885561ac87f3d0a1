"""A sample sweep with results, as a Sweep and its SweepRuns."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.calibration import Quantity
from sweep_operator.decide.summary import totals
from tests.builders import sweep_body

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PARAMETERS: dict[str, Any] = {
    "trainer.optimizer.learning_rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4},
    "trainer.batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 1024, "mean": 128},
    "trainer.gamma": {"distribution": "logit_normal", "min": 0.9, "max": 0.999, "mean": 0.99},
    "trainer.n_epochs": {"distribution": "int_uniform", "min": 2, "max": 20, "mean": 10},
    "trainer.optimizer.name": {"distribution": "categorical", "values": ["adam", "sgd"]},
    "trainer.optimizer.momentum": {
        "distribution": "logit_normal", "min": 0.5, "max": 0.99,
        "when": {"parameter": "trainer.optimizer.name", "in": ["sgd"]},
    },
}  # fmt: skip


def sweep_json(name: str = "my_sweep", **spec: Any) -> dict[str, Any]:
    base = {
        "displayName": name,
        "parameters": PARAMETERS,
        "fixed": {"trainer.total_timesteps": 20000},
        "limits": {"maxRuns": 40, "maxParallelRuns": 2},
        "train": {"command": ["python", "images/trainer/train.py"], "args": ["+hardware=cpu", "$(overrides)"]},
        "eval": {"command": ["python", "images/trainer/sweep_eval.py"]},
    }
    metadata = {"uid": f"uid-{name}", "creationTimestamp": T0.isoformat()}
    return sweep_body(name.replace("_", "-"), metadata=metadata, **{**base, **spec})


def run_json(
    sweep: dict[str, Any], index: int, score: float | None, cost: float | None, parameters: dict[str, Any],
    *, failure: dict[str, Any] | None = None, prediction: dict[str, float] | None = None, origin: str = "model",
) -> dict[str, Any]:  # fmt: skip
    """A run with a score, a failed run, or, without both, an active run."""
    name, display = sweep["metadata"]["name"], sweep["spec"]["displayName"]
    state = "Unknown" if score is None and failure is None else "False" if failure else "True"
    reason = {"Unknown": "Training", "True": "Completed"}.get(state) or (failure or {})["reason"]
    condition = {"type": "Succeeded", "status": state, "reason": reason, "lastTransitionTime": T0.isoformat()}
    status = {
        "runName": f"{display}.r.{index}",
        "fixed": sweep["spec"].get("fixed", {}),
        "score": score,
        "cost": cost,
        "failure": failure,
        "train": {"attempt": 1, "seconds": cost or 5.0},
        "conditions": [condition],
    }
    created = (T0 + timedelta(minutes=2 * index)).isoformat()
    return {
        "apiVersion": "metta.ai/v1alpha1",
        "kind": "SweepRun",
        "metadata": {"name": f"{name}.r.{index}", "uid": f"uid-{name}-{index}", "creationTimestamp": created},
        "spec": {
            "sweepName": name,
            "index": index,
            "origin": origin,
            "parameters": parameters,
            **({"prediction": prediction} if prediction else {}),
        },
        "status": {key: value for key, value in status.items() if value is not None},
    }


def sample(n: int = 32, seed: int = 0, goal: str = "maximize") -> tuple[Sweep, list[SweepRun]]:
    """``n`` runs whose score has an optimum in the learning rate; every ninth failed, and the last is active."""
    draw, body = random.Random(seed), sweep_json(goal=goal)
    runs = []
    for index in range(n):
        rate, optimizer = 10 ** draw.uniform(-5, -2), draw.choice(["adam", "sgd"])
        parameters = {
            "trainer.optimizer.learning_rate": rate,
            "trainer.batch_size": 2 ** draw.randint(4, 10),
            "trainer.gamma": 1 - 10 ** draw.uniform(-3, -1),
            "trainer.n_epochs": draw.randint(2, 20),
            "trainer.optimizer.name": optimizer,
            **({"trainer.optimizer.momentum": draw.uniform(0.5, 0.99)} if optimizer == "sgd" else {}),
        }
        cost = 20 * parameters["trainer.n_epochs"] * (512 / parameters["trainer.batch_size"]) ** 0.3
        score = 500 * math.exp(-((math.log10(rate) + 3.3) ** 2)) * (1 - math.exp(-cost / 150)) + draw.gauss(0, 8)
        prediction = forecast(score + draw.gauss(0, 30), cost * draw.lognormvariate(0, 0.2)) if index > 5 else None
        origin = "center" if index == 0 else "sobol" if index < 6 else "model"
        score = score if goal == "maximize" else 1 - score / 500
        if index % 9 == 8:
            failure = {
                "stage": "train",
                "class": "parameters",
                "reason": "BadParameters",
                "message": "batch_size > rollout",
            }
            runs.append(
                run_json(body, index, None, 4.0, parameters, failure=failure, prediction=prediction, origin=origin)
            )
        elif index == n - 1 and n > 3:
            runs.append(run_json(body, index, None, None, parameters, prediction=prediction))
        else:
            runs.append(run_json(body, index, score, cost, parameters, prediction=prediction, origin=origin))
    return with_status(body, [parse(SweepRun, r) for r in runs])


def forecast(score: float, cost: float) -> dict[str, float]:
    """A prediction with its 80% intervals: score plus or minus 38, cost within a factor of 1.3."""
    return {
        "score": score, "scoreLow": score - 38, "scoreHigh": score + 38,
        "cost": cost, "costLow": cost / 1.3, "costHigh": cost * 1.3,
    }  # fmt: skip


def with_status(body: dict[str, Any], runs: list[SweepRun]) -> tuple[Sweep, list[SweepRun]]:
    """The Sweep with the status that follows from its runs."""
    sweep = parse(Sweep, body)
    sums = totals(sweep, runs)
    condition = {"type": "Succeeded", "status": "Unknown", "reason": "Running", "lastTransitionTime": T0.isoformat()}
    status = {
        "runs": sums.counts().to_json(),
        "best": [b.to_json() for b in sums.best()],
        "pareto": [p.to_json() for p in sums.pareto()],
        "cost": sums.costs("seconds").to_json(),
        "optimizer": {
            f"{quantity}Calibration": found.to_json()
            for quantity in get_args(Quantity)
            if (found := sums.calibration(quantity)) is not None
        },
        "earlyStopping": sums.early_stopping().to_json(),
        "conditions": [condition],
    }
    return parse(Sweep, {**body, "status": status}), runs
