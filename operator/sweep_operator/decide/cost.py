"""What a run cost, from the seconds of its attempts."""

from __future__ import annotations

from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.hardware import OperatorConfig, Profile
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import MAX_ATTEMPTS, Attempt, StageStatus, SweepRun
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.revisions import RunTemplate


def unit(sweep: Sweep, config: OperatorConfig) -> str:
    """The unit of cost, in words."""
    return {
        "WallClock": "seconds",
        "GPUSeconds": "GPU seconds",
        "Price": config.currency,
        "Reported": "reported",
    }[sweep.spec.cost.source]


def add_attempt(stage: StageStatus, attempt: Attempt) -> StageStatus:
    """``stage`` with one pod's attempt set (not added: the same pod may be seen again); the oldest ones merged."""
    kept = [a for a in stage.attempts if (a.n, a.pod_uid) != (attempt.n, attempt.pod_uid)]
    attempts = [*kept, attempt]
    while len(attempts) > MAX_ATTEMPTS:
        first, second = attempts[0], attempts[1]
        same = first.class_ if first.class_ == second.class_ else "crash"
        merged = Attempt(n=second.n, seconds=first.seconds + second.seconds, class_=same)
        attempts = [merged, *attempts[2:]]
    return stage.with_(attempts=attempts, seconds=sum(a.seconds for a in attempts))


def recorded(stage: StageStatus, attempt: int) -> bool:
    """Whether the status holds the end of that attempt."""
    return any(a.n >= attempt and a.class_ is not None for a in stage.attempts)


def volume_outlives_pod(template: RunTemplate | None) -> bool:
    """Whether a later attempt finds the checkpoints of an earlier one."""
    return template is not None and template.run_volume.empty_dir is None


def useful_seconds(stage: StageStatus, *, keeps_work: bool, table: FailureTable = FAILURES) -> float:
    """Seconds that went into the result: of successful attempts and, with ``keeps_work``, of continued ones.

    An attempt without a class was evicted by its queue; a later pod continues it.
    """
    kept = {None, *(name for name, row in table.items() if row.keeps_work)} if keeps_work else set()
    return sum(a.seconds for a in stage.attempts if a.class_ == "succeeded" or a.class_ in kept)


def run_cost(
    sweep: Sweep, run: SweepRun, template: RunTemplate | None, config: OperatorConfig, reported: float | None
) -> float | None:
    """Cost of a finished run in the sweep's unit. ``reported``: what its result says."""
    source = sweep.spec.cost.source
    if source == "Reported":
        return reported
    keeps = volume_outlives_pod(template)
    return sum(
        useful_seconds(status, keeps_work=keeps) * rate(sweep, stage, config)
        for name, status, stage in _stages(sweep, run, template)
        if name in sweep.spec.cost.include
    )


def spent(sweep: Sweep, run: SweepRun, template: RunTemplate | None, config: OperatorConfig) -> float:
    """Cost of all attempts, failed and preempted ones included; 0 for an imported run."""
    if run.imported:
        return 0.0
    if sweep.spec.cost.source == "Reported":
        return run.status.cost or 0.0
    return sum(
        status.seconds * rate(sweep, stage, config)
        for name, status, stage in _stages(sweep, run, template)
        if name in sweep.spec.cost.include
    )


def rate(sweep: Sweep, stage: StageTemplate, config: OperatorConfig) -> float:
    """Units of cost per second of the stage's main container."""
    if sweep.spec.cost.source not in ("GPUSeconds", "Price"):
        return 1.0
    profile = config.profiles.get(stage.hardware, Profile())
    if sweep.spec.cost.source == "GPUSeconds":
        return float(profile.gpus * stage.nodes)
    return (profile.price_per_hour or 0.0) * stage.nodes / 3600


def _stages(sweep: Sweep, run: SweepRun, template: RunTemplate | None) -> list[tuple[str, StageStatus, StageTemplate]]:
    train = template.train if template else sweep.spec.train
    eval_ = (template.eval if template else sweep.eval) or train
    return [("train", run.status.train, train), ("eval", run.status.eval, eval_)]
