"""What is drawn once for a schedule: the Sweep, how bad the weather is, and what the users do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweep_operator.kube.protocol import Object
from tests.fuzz.dice import Dice
from tests.fuzz.known import UNUSED_ACTIONS
from tests.fuzz.pods import Programs
from tests.fuzz.users import ACTIONS

SWEEPS = ("s", "t")
_OFTEN = (
    "suspend_and_drain", "suspend_and_terminate", "resume", "resume", "stop", "go_on", "stop_run", "delete_run",
    "delete_newest_run", "add_run", "delete_pod", "recreate_sweep",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One schedule's properties."""

    spec: Object
    sweeps: tuple[str, ...]
    """Names of Sweeps with that spec."""
    programs: Programs
    actions: tuple[tuple[str, float], ...]
    """(action, seconds before it)"""
    chaos_seconds: float
    has_eval: bool
    nodes: int
    rivals: bool
    """Two processes with a lease."""
    crash_rate: float
    error_rate: float
    quota_rate: float
    slowness: float
    lag: float
    job_lag: float
    dry_run: bool
    status_delay: float
    finished_job_seconds: float
    report_write_seconds: float


def draw(dice: Dice) -> Plan:
    """The properties of the schedule of this seed."""
    rng = dice["plan"]
    has_eval, nodes = rng.random() < 0.6, 2 if rng.random() < 0.1 else 1
    spec, programs = _spec(dice, has_eval, nodes), _programs(dice)
    if "earlyStopping" in spec:
        programs.seconds = dice["early-stopping"].choice(((12.0, 30.0), (30.0, 120.0)))
    return Plan(
        spec=spec,
        sweeps=SWEEPS if rng.random() < 0.1 else SWEEPS[:1],
        programs=programs,
        actions=_actions(dice),
        chaos_seconds=rng.uniform(30.0, 400.0),
        has_eval=has_eval,
        nodes=nodes,
        rivals=dice.chosen("rivals", 0.25),
        crash_rate=rng.choice((0.0, 0.0, 0.01, 0.05, 0.15)),
        error_rate=rng.choice((0.0, 0.0, 0.02, 0.1)),
        quota_rate=rng.choice((0.0, 0.0, 0.0, 0.2)),
        slowness=rng.choice((0.02, 0.5, 3.0)),
        lag=rng.choice((1.0, 10.0, 60.0, 240.0)),
        job_lag=rng.choice((0.1, 2.0, 20.0)),
        dry_run=rng.random() < 0.3,
        status_delay=rng.choice((0.0, 2.0)),
        finished_job_seconds=rng.choice((0.0, 5.0, 100.0, 1e6)),
        report_write_seconds=dice["reports"].choice((1.0, 60.0)),
    )


def _spec(dice: Dice, has_eval: bool, nodes: int) -> Object:
    rng = dice["body"]
    limits: dict[str, Any] = {
        "maxRuns": rng.randint(1, 5),
        "maxParallelRuns": rng.randint(1, 3),
        "maxConsecutiveFailures": rng.choice((2, 100)),
    }
    if rng.random() < 0.1:
        limits["totalCost"] = rng.choice((10, 100))
    if rng.random() < 0.15:
        limits["activeDeadlineSeconds"] = rng.choice((20, 60, 200))
    train: dict[str, Any] = {"image": "i", "command": ["train"], "nodes": nodes}
    storage: dict[str, Any] = {"retention": rng.choice(("all", "best", "pareto", "none"))}
    if nodes > 1:
        storage["runVolume"] = {"claim": {"accessModes": ["ReadWriteMany"]}}
    if rng.random() < 0.05:
        storage["whenDeleted"] = "Retain"
    if rng.random() < 0.35:
        train["deadlineSeconds"] = rng.choice((10, 25))
    if not has_eval and rng.random() < 0.2:
        train["results"] = {"source": "Log", "pattern": "reward=(?P<value>[-0-9.e]+|nan)"}
    spec: dict[str, Any] = {
        "limits": limits,
        "perRun": {
            "pendingDeadlineSeconds": rng.choice((60, 300)),
            "retries": {"backoffSeconds": rng.choice((1, 5, 20))},
        },
        "train": train,
        "storage": storage,
    }
    if has_eval:
        spec["eval"] = {"command": ["evaluate"]}
    if rng.random() < 0.1:
        spec["ttlSecondsAfterFinished"] = rng.choice((0, 60))
    if rng.random() < 0.1:
        spec["target"] = 0.3
    reports = dice["reports"]
    if dice.chosen("reports", 0.3):
        train["reports"] = {"everySeconds": reports.choice((1, 10, 30)), "maxStep": reports.choice((1, 4, 100))}
        if dice.chosen("early-stopping", 0.6):
            rules = ("asha", "median") if has_eval else ("asha", "median", "model", "model")
            spec["earlyStopping"] = _early_stopping(dice, rules)
            spec["goal"] = "minimize"  # later runs have higher scores
    if dice.chosen("silence", 0.1):
        spec["perRun"]["silenceSeconds"] = reports.choice((10, 30))
    if dice.chosen("kueue", 0.12):
        spec["queue"] = {"name": "q"}
    return spec


def _early_stopping(dice: Dice, rules: Sequence[str]) -> Object:
    rng = dice["early-stopping"]
    return {
        "rule": rng.choice(rules),
        "minReports": 1,
        "minRuns": rng.choice((1, 1, 2)),
        "shadow": rng.choice((0, 0, 0.5)),
    }


def _programs(dice: Dice) -> Programs:
    rng = dice["body"]
    return Programs(
        failing=rng.choice((0.0, 0.1, 0.4)),
        disrupted=rng.choice((0.0, 0.0, 0.2, 0.4)),
        lost=rng.choice((0.0, 0.0, 0.1)),
        slow_start=rng.choice((0.0, 0.2)),
        no_start=rng.choice((0.0, 0.0, 0.1)),
        hanging=rng.choice((0.0, 0.0, 0.1)),
        seconds=rng.choice(((1.0, 5.0), (3.0, 40.0), (12.0, 30.0))),
    )


def _actions(dice: Dice) -> tuple[tuple[str, float], ...]:
    rng = dice["actions"]
    if "users" in dice.without:
        return ()
    count = rng.choice((0, 1, 1, 2, 3, 5, 8))
    names = [
        rng.choice(_OFTEN) if rng.random() < 0.5 else rng.choice(sorted(ACTIONS.keys() - UNUSED_ACTIONS))
        for _ in range(count)
    ]
    return tuple((name, rng.choice((0.1, 1.0, 10.0, 40.0)) * rng.uniform(0.5, 2.0)) for name in names)
