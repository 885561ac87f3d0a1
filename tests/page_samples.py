"""Sweeps for the tests and benchmarks of the page: everything that it can show, and thousands of runs."""

from __future__ import annotations

import copy
import math
import random
from datetime import timedelta
from typing import Any

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from tests.report.sample_sweep import T0, run_json, sample, sweep_json, with_status

Json = dict[str, Any]
_NODES = ("node-a", "node-b", "node-c")


def big_sweep(n: int = 5000, *, points: int = 32, seed: int = 0, **spec: Any) -> tuple[Sweep, list[SweepRun]]:
    """A sweep of ``n`` runs with learning curves, phases, failures of several classes and 8 active runs."""
    plain = sample(n, seed=seed, goal=spec.get("goal", "maximize"))[1]
    base = sweep_json()["spec"]
    train = {**base["train"], "reports": {"maxStep": 20000}}
    own = {"limits": {"maxRuns": n, "maxParallelRuns": 8}, "train": train, "earlyStopping": {"rule": "median"}}
    body = sweep_json(**{**own, **spec})
    draw = random.Random(seed)
    runs = [SweepRun.model_validate(_lived(run.to_json(), draw, points, n), strict=False) for run in plain]
    return with_status(body, runs)


def big_sweep_json(n: int = 5000, **options: Any) -> tuple[Json, list[Json]]:
    """The same as objects of an API server."""
    sweep, runs = big_sweep(n, **options)
    return sweep.to_json(), [run.to_json() for run in runs]


def changed(run: Json, score: float) -> Json:
    """The run after another report: the last point of its curve has another value."""
    new = copy.deepcopy(run)
    new["status"]["curve"][-1]["value"] = score
    return new


def _lived(run: Json, draw: random.Random, points: int, n: int) -> Json:
    """The run with what an operator would have recorded."""
    index, status = run["spec"]["index"], run["status"]
    start = T0 + timedelta(seconds=60 * (index // 8), milliseconds=125 * index)
    run["metadata"] |= {"namespace": "default", "creationTimestamp": _text(start)}
    cost = status.get("cost") or 40.0
    active = index >= n - 8 and status.get("failure") is None
    scheduled, began = start + timedelta(seconds=draw.uniform(0, 20)), start + timedelta(seconds=draw.uniform(20, 40))
    failure = _failure(index) if status.get("failure") else None
    retried = index % 17 == 3
    if failure:
        status["failure"] = failure
        status["conditions"][0]["reason"] = failure["reason"]
    attempts = [_attempt(1, "preempted", 5.0, scheduled, began)] if retried else []
    if retried:
        scheduled, began = scheduled + timedelta(seconds=40), began + timedelta(seconds=45)
    number = len(attempts) + 1
    if not active:
        attempts.append(_attempt(number, failure["class"] if failure else "succeeded", cost, scheduled, began))
    status["train"] = {
        "attempt": number, "node": _NODES[index % 3], "startTime": _text(began), "scheduledTime": _text(scheduled),
        "seconds": sum(a["seconds"] for a in attempts), "attempts": attempts,
    }  # fmt: skip
    if failure:  # it costs what all of its attempts cost
        status["cost"] = status["train"]["seconds"]
    if not active:
        status["train"] |= {"completionTime": _text(began + timedelta(seconds=cost)), "exitCode": 1 if failure else 0}
    if active:
        _in_progress(status, number, began)
    if (failure and failure["class"] == "pruned") or index % 50 == 20:
        status["earlyStopping"] = {
            "rule": "median", "step": 64.0, "value": 3.0, "threshold": 5.0, "runs": 9, "seconds": 2.0,
            "savedCost": 30.0, "shadow": not failure, "time": _text(began),
        }  # fmt: skip
    status["curve"] = _curve(status.get("score") or 100.0, cost, points, draw)
    return run


def _in_progress(status: Json, attempt: int, began: Any) -> None:
    for name in ("score", "cost"):
        status.pop(name, None)
    status["conditions"][0] |= {"status": "Unknown", "reason": "Training"}
    status["progress"] = {
        "stage": "train", "attempt": attempt, "summary": "50%", "step": 10000.0, "fraction": 0.5, "value": 120.5,
        "seconds": 20.0, "etaSeconds": 20, "updateTime": _text(began + timedelta(seconds=20)),
    }  # fmt: skip


def _attempt(n: int, class_: str, seconds: float, scheduled: Any, began: Any) -> Json:
    times = {"scheduledTime": _text(scheduled), "startTime": _text(began)}
    return {"n": n, "podUID": f"pod-{n}", "podName": f"train-{n}-x7k2p", "seconds": seconds, "class": class_, **times}


def _failure(index: int) -> Json:
    kinds = (
        ("parameters", "OOMKilled", "out of memory"), ("crash", "NonZeroExit", "exit code 1"),
        ("infrastructure", "ErrImagePull", "the image cannot be pulled"), ("pruned", "Pruned", "reward 3 at step 64"),
        ("stopped", "Stopped", "ended by spec.stop"),
    )  # fmt: skip
    class_, reason, message = kinds[index // 9 % len(kinds)]
    return {"stage": "train", "class": class_, "reason": reason, "message": message}


def _curve(final: float, seconds: float, points: int, draw: random.Random) -> list[Json]:
    return [
        {
            "step": float(round(20000 * (i + 1) / points)),
            "value": final * (1 - math.exp(-3 * (i + 1) / points)) + draw.gauss(0, 2),
            "seconds": round(seconds * (i + 1) / points, 3),
        }
        for i in range(points)
    ]


def _text(time: Any) -> str:
    return str(time.isoformat(timespec="seconds")).replace("+00:00", "Z")


HOSTILE = "<script>alert(1)</script>\u202e\x1b[31mred\x1b[0m javascript:alert(2) </script><!-- & \" ' ${x} {{y}}"
"""Text that nothing may interpret."""


def hostile_sweep() -> tuple[Sweep, list[SweepRun]]:
    """64 parameters with long names, and hostile text and names wherever users and programs can write."""
    paths = ["constructor", *(f"{'layer' * 8}.{'block' * 8}.p{i}" for i in range(62))]
    parameters: Json = {path: {"distribution": "uniform", "min": 0, "max": 1} for path in paths}
    parameters["kind"] = {"distribution": "categorical", "values": [HOSTILE, "plain"]}
    body = sweep_json("hostile", parameters=parameters, metric=HOSTILE, fixed={"note": HOSTILE})
    failure = {"stage": "train", "class": "crash", "reason": HOSTILE[:200], "message": HOSTILE * 90}
    values = {**dict.fromkeys(paths, 0.5), "kind": HOSTILE}
    made = [
        run_json(body, 0, 1.0, 2.0, values),
        run_json(body, 1, None, 1.0, values, failure=failure),
        run_json(body, 2, None, None, {}, origin="manual"),
    ]
    made[2]["metadata"]["name"] = "constructor"  # what every JavaScript object has
    made[0]["status"]["tracking"] = {"state": "Delivered", "url": "javascript:alert(3)"}
    return with_status(body, [SweepRun.model_validate(run, strict=False) for run in made])
