"""Verdicts of early stopping about the runs of a Snapshot, and whether the rule can work."""

from __future__ import annotations

from heapq import merge

from sweep_operator.api.early_stopping import EarlyStopping, Verdict
from sweep_operator.api.meta import ConditionStatus
from sweep_operator.api.suggestion import Prediction
from sweep_operator.api.sweep import Sweep, SweepSpec
from sweep_operator.api.sweeprun import SweepRun, SweepRunStatus
from sweep_operator.decide import cost
from sweep_operator.decide.book import Outlook
from sweep_operator.decide.facts import peer_levels
from sweep_operator.decide.plan import NOTHING_EARLIER, RunPlan, SuggestRequest
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.stopping import RULES, judge, may_judge, metric_of, samples_of, sign_of, step_of
from sweep_operator.decide.totals import Totals
from sweep_operator.domain.identity import share_of
from sweep_operator.domain.revisions import RunTemplate

EFFECTIVE = "EarlyStoppingEffective"
"""Type of the condition."""


class Others:
    """What the runs have at each mark: as stored, and as it was found earlier in this pass."""

    def __init__(self, snap: Snapshot) -> None:
        self._snap, self._new = snap, dict[int, list[float]]()

    def at(self, mark: int) -> list[float]:
        """The values, in rising order."""
        return list(merge(self._snap.all_runs.totals.stopping.levels(mark), sorted(self._new.get(mark, ()))))

    def note(self, plan: RunPlan) -> None:
        """Add what the plan of a run adds."""
        if plan.status is plan.run.status or active_rule(self._snap.sweep) is None:
            return
        before = peer_levels(plan.run, self._snap.sweep)
        for mark, value in peer_levels(plan.updated, self._snap.sweep).items():
            if mark not in before:
                self._new.setdefault(mark, []).append(value)


def active_rule(sweep: Sweep) -> EarlyStopping | None:
    """The settings; None: no run is stopped."""
    settings = sweep.spec.early_stopping
    return None if settings is None or settings.active is None else settings


def find_verdict(
    run: SweepRun, status: SweepRunStatus, template: RunTemplate, snap: Snapshot, others: Others
) -> tuple[Verdict, str] | None:
    """The verdict about a run in training, and the text that explains it. ``status``: with its newest reports."""
    settings, reports, progress = active_rule(snap.sweep), template.train.reports, status.progress
    if settings is None or status.early_stopping is not None or run.spec.index is None:
        return None
    if reports is None or progress is None or progress.fraction == 1:
        return None
    if settings.active == "model":
        found = _forecast_verdict(run, settings, snap)
    else:
        found = None if reports.comparable is False else _compared(run, status, settings, snap, others)
    if found is None:
        return None
    if found.saved_cost is None:
        found = found.with_(saved_cost=_saved(run, status, template, snap))
    shadow = share_of(f"shadow/{run.metadata.uid}") < settings.shadow
    return found.with_(shadow=shadow), evidence(found, snap.sweep.spec)


def evidence(verdict: Verdict, spec: SweepSpec) -> str:
    """Why the rule stops the run, in words."""
    metric, value, threshold = metric_of(spec), f"{verdict.value:.4g}", verdict.threshold
    shown = "" if threshold is None else f"{threshold:.4g}"
    rule = RULES.get(verdict.rule)
    if rule is not None:
        step = f"{verdict.step:g}"
        return rule.words.format(metric=metric, value=value, threshold=shown, step=step, runs=verdict.runs)
    width = "" if verdict.low is None or verdict.high is None else f" +- {verdict.high / 2 - verdict.low / 2:.2g}"
    needs = "" if threshold is None else f"; the front needs {shown} there"
    return f"predicted {metric} {value}{width} at {verdict.seconds:.4g} s{needs}"


def _compared(
    run: SweepRun, status: SweepRunStatus, settings: EarlyStopping, snap: Snapshot, others: Others
) -> Verdict | None:
    """By the rules that compare curves."""
    name, spec = settings.active, snap.sweep.spec
    if name is None:
        return None
    rule = RULES[name]
    before, now = samples_of(spec, run.status.curve), samples_of(spec, status.curve)
    found = judge(rule, before, now, others.at, settings)
    if found is None:
        return None
    value, threshold = (float(f"{sign_of(spec) * v:.7g}") for v in (found.value, found.threshold))
    return Verdict(
        rule=name,
        step=found.step,
        value=value,
        threshold=threshold,
        runs=found.runs,
        seconds=now[-1].seconds,
        time=snap.now,
    )


def _forecast_verdict(run: SweepRun, settings: EarlyStopping, snap: Snapshot) -> Verdict | None:
    """By the optimizer's forecast, if it knew the curve as it is recorded."""
    forecast, curve = snap.forecasts.get(run.name), samples_of(snap.sweep.spec, run.status.curve)
    known = snap.all_runs.facts[run.name].curve
    if forecast is None or not known or forecast.points != len(known):
        return None
    if forecast.probability >= 1 - settings.confidence or not may_judge(settings, curve, forecast.learned_from):
        return None
    return Verdict(
        rule="model",
        step=curve[-1].step,
        value=forecast.score,
        low=forecast.low,
        high=forecast.high,
        probability=forecast.probability,
        threshold=forecast.needed,
        runs=forecast.learned_from,
        seconds=curve[-1].seconds,
        saved_cost=forecast.remaining_cost,
        time=snap.now,
    )


def forecast_request(snap: Snapshot, runs: Outlook) -> SuggestRequest | None:
    """What forecasts of the running runs are computed from. None: the rule does not need any."""
    settings = active_rule(snap.sweep)
    if settings is None or settings.active != "model" or not snap.accepted:
        return None
    pending, observations = tuple(run for run in runs.pending() if run.curve), runs.observations()
    if not pending or sum(o.score is not None for o in observations) < settings.min_runs:
        return None
    earlier = snap.warm_start.observations or NOTHING_EARLIER
    return SuggestRequest(0, 0, observations, pending, 0, earlier)


def _saved(run: SweepRun, status: SweepRunStatus, template: RunTemplate, snap: Snapshot) -> float | None:
    """The estimated cost of the rest of the training: by its progress, otherwise by the prediction of its cost."""
    left = status.progress.eta_seconds if status.progress is not None else None
    if left is not None:
        return cost.of_training(snap.sweep, template, snap.config, left)
    predicted = (run.spec.prediction or Prediction()).cost
    seconds = status.progress.seconds if status.progress is not None else 0.0
    so_far = cost.of_training(snap.sweep, template, snap.config, seconds)
    return None if predicted is None or so_far is None else max(0.0, predicted - so_far)


def effective(snap: Snapshot, totals: Totals) -> tuple[ConditionStatus, str, str] | None:
    """Status, reason and message of the condition; None without a rule."""
    settings = active_rule(snap.sweep)
    if settings is None or settings.active is None:
        return None
    rule, metric = RULES.get(settings.active), metric_of(snap.sweep.spec)
    reports = snap.sweep.spec.train.reports
    if rule is not None and reports is not None and reports.comparable is False:
        text = "train.reports.comparable is false: values at equal steps of different runs cannot be compared, as"
        return "False", "NotComparable", f"{text} rule {settings.active} does; no run is stopped"
    trouble = totals.stopping.report_trouble()
    if totals.stopping.comparable == 0 and trouble is not None:
        return "False", trouble[0], f"no run has reported {metric!r}: {trouble[1]}{_remedy(snap.sweep, trouble[0])}"
    if totals.stopping.comparable == 0:
        return "Unknown", "NoReportsYet", f"no run has reported {metric!r} yet"
    if rule is None:
        return "True", "Forecasting", f"once {settings.min_runs} runs have succeeded"
    steps = ", ".join(f"{step_of(rule, mark):g}" for mark in range(3))
    which = "succeeded runs" if rule.finished else "other runs"
    text = f"at the steps {steps}, ..., once {settings.min_runs} {which} have reached the step"
    if snap.sweep.spec.method == "bayes" and (reports is None or reports.max_step is None):
        text += (
            "; set train.reports.maxStep: without it, the optimizer learns the last report of a stopped run as a score"
        )
    return "True", "Comparing", text


def _remedy(sweep: Sweep, reason: str) -> str:
    if reason != "MetricMissing":
        return ""
    scored = "the score comes from eval; " if sweep.spec.eval is not None else ""
    return f"; {scored}let train report the metric, or set earlyStopping.metric to one that it reports"
