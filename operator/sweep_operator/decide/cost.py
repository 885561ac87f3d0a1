"""The cost of a run, from the seconds of its attempts."""

from __future__ import annotations

from collections.abc import Mapping

from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.hardware import OperatorConfig, Profile
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import MAX_ATTEMPTS, STAGES, Attempt, Stage, StageStatus, SweepRun
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.revisions import RunTemplate

_MEASURED = ("WallClock", "GPUSeconds", "Price")
"""Sources of costs that are computed from seconds. The results report other costs, if they have any."""


def unit(sweep: Sweep, config: OperatorConfig) -> str:
    """Name of the unit of every cost of the sweep."""
    names = {"WallClock": "seconds", "GPUSeconds": "GPU seconds", "Price": config.currency, "Reported": "reported"}
    return names.get(sweep.spec.cost.source, sweep.spec.cost.source)


def add_attempt(stage: StageStatus, attempt: Attempt) -> StageStatus:
    """``stage`` with the entry of one pod set, not added: a pod is seen many times. The oldest entries are merged."""
    kept = [a for a in stage.attempts if (a.n, a.pod_uid) != (attempt.n, attempt.pod_uid)]
    attempts = [*kept, attempt]
    while len(attempts) > MAX_ATTEMPTS:
        first, second = attempts[0], attempts[1]
        same = first.class_ if first.class_ == second.class_ else "crash"
        merged = Attempt(n=second.n, seconds=first.seconds + second.seconds, class_=same)
        attempts = [merged, *attempts[2:]]
    return stage.with_(attempts=attempts, seconds=sum(a.seconds for a in attempts))


def volume_outlives_pod(template: RunTemplate | None) -> bool:
    """Whether a later attempt finds the checkpoints of an earlier one."""
    return template is not None and template.run_volume.empty_dir is None


def useful_seconds(stage: StageStatus, *, keeps_work: bool, table: FailureTable = FAILURES) -> float:
    """Seconds that led to the result: of successful attempts and, with ``keeps_work``, of attempts that were continued.

    An attempt without a class was evicted by its queue, and a later pod continues it.
    """
    kept = {None, *(name for name, row in table.items() if row.keeps_work)} if keeps_work else set()
    return sum(a.seconds for a in stage.attempts if a.class_ == "succeeded" or a.class_ in kept)


def run_cost(
    sweep: Sweep, run: SweepRun, template: RunTemplate | None, config: OperatorConfig, reported: float | None
) -> float | None:
    """Cost of a finished run in the sweep's unit. ``reported``: the cost in its result."""
    if sweep.spec.cost.source not in _MEASURED:
        return reported
    keeps = volume_outlives_pod(template)
    seconds = {stage: useful_seconds(run.status.stage(stage), keeps_work=keeps) for stage in STAGES}
    return _price(sweep, template, config, seconds)


def spent(sweep: Sweep, run: SweepRun, template: RunTemplate | None, config: OperatorConfig) -> float:
    """Cost of all attempts, including failed and preempted ones. 0 for an imported run."""
    if run.imported:
        return 0.0
    if sweep.spec.cost.source not in _MEASURED:
        return run.status.cost or 0.0
    return _price(sweep, template, config, {stage: run.status.stage(stage).seconds for stage in STAGES})


def of_training(sweep: Sweep, template: RunTemplate, config: OperatorConfig, seconds: float) -> float | None:
    """Cost of so many seconds of training. None if the results report the costs."""
    if sweep.spec.cost.source not in _MEASURED:
        return None
    return _price(sweep, template, config, {"train": seconds, "eval": 0.0})


def _price(sweep: Sweep, template: RunTemplate | None, config: OperatorConfig, seconds: Mapping[Stage, float]) -> float:
    """Cost of the seconds of each stage that the sweep counts."""
    template = template or RunTemplate.of(sweep)
    counted = (stage for stage in STAGES if stage in sweep.spec.cost.include)
    return sum(seconds[stage] * _rate(sweep, template.of_stage(stage), config) for stage in counted)


def _rate(sweep: Sweep, stage: StageTemplate, config: OperatorConfig) -> float:
    """Cost of one second of the stage's main containers."""
    if sweep.spec.cost.source not in ("GPUSeconds", "Price"):
        return 1.0
    profile = config.profiles.get(stage.hardware, Profile())
    if sweep.spec.cost.source == "GPUSeconds":
        return float(profile.gpus_with(stage.resources) * stage.nodes)
    return (profile.price_per_hour or 0.0) * stage.nodes / 3600
