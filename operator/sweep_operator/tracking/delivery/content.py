"""A Sweep and its finished runs as W&B should show them. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from protein.integrations.wandb_history import (
    COST,
    CREATED,
    ERROR,
    FAILURE_CLASS,
    FLAT_SUGGESTION,
    INFO,
    LAST_REPORT,
    OBJECTIVE,
    OWN_CONFIG,
    STATE,
    SUGGESTION,
)
from protein.searchspace.parameters import Parameter
from protein.searchspace.paths import unflatten
from sweep_operator.api.model import JsonObject, Scalar
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.sweep import Objective, Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.reports import point_of
from sweep_operator.domain.identity import run_display_name, wandb_run_id
from sweep_operator.tracking.delivery.messages import RunCard, SweepCard

SCORE = "score"
"""Top level and without a dot: W&B does not accept a nested metric as a sweep's objective."""
MAX_ERROR = 1000


def sweep_card(sweep: Sweep, known_id: str | None) -> SweepCard:
    """The sweep with its real parameters. W&B's own optimizer never acts (method custom, controller local)."""
    parameters: dict[str, JsonObject] = {path: {"value": value} for path, value in sweep.spec.fixed.items()}
    parameters |= {path: wandb_form(spec.parameter(path)) for path, spec in sweep.spec.parameters.items()}
    config: JsonObject = {
        "name": sweep.display_name,
        "description": description(sweep),
        "method": "custom",
        "metric": {"name": SCORE, "goal": sweep.spec.goal},
        "parameters": parameters,
        "controller": {"type": "local"},
    }
    return SweepCard(uid=sweep.metadata.uid, display_name=sweep.display_name, known_id=known_id, config=config)


def description(sweep: Sweep) -> str:
    """Description of the W&B sweep. The uid identifies it among sweeps of the same name."""
    metric = f", {SCORE} is {sweep.spec.metric}" if sweep.spec.metric else ""
    text = f"Sweep {sweep.metadata.namespace}/{sweep.name}, uid {sweep.metadata.uid}{metric}"
    return "\n".join([text, *(f"Objective: {_objective(objective)}" for objective in sweep.spec.objectives)])


def _objective(objective: Objective) -> str:
    if objective.threshold is None:
        return f"{objective.goal} {objective.metric}"
    least = "at least" if objective.goal == "maximize" else "at most"
    return f"{objective.goal} {objective.metric}, {least} {objective.threshold:g}"


def run_card(
    sweep: Sweep, run: SweepRun, *, reports: Sequence[Path] = (), cost_per_second: float | None = None
) -> RunCard:
    """A finished run. ``reports``: files with all of its reports."""
    parameters = typed_parameters(sweep, run)
    return RunCard(
        id=wandb_run_id(sweep, run),
        uid=run.metadata.uid,
        name=run_display_name(sweep, run),
        config={k: v for k, v in {**(run.status.fixed or {}), **parameters}.items() if k not in OWN_CONFIG},
        summary=_summary(run, parameters),
        curve=[point_of(stored) for stored in run.status.curve],
        reports=[str(path) for path in reports],
        cost_per_second=cost_per_second,
        failed=not run.succeeded and not run.pruned,
    )


def typed_parameters(sweep: Sweep, run: SweepRun) -> dict[str, Scalar]:
    """The parameters in their distributions' types, as the program received them: JSON turns 1.0 into 1."""
    typed: dict[str, Scalar] = {}
    for path, value in run.parameters.items():
        spec = sweep.spec.parameters.get(path)
        try:
            typed[path] = value if spec is None else typed_value(spec, value)
        except ValueError:  # a manual run that was refused for this reason
            typed[path] = value
    return typed


def _summary(run: SweepRun, parameters: Mapping[str, Scalar]) -> JsonObject:
    status = run.status
    # Reported train.* and time.* win. Names that begin with _ belong to W&B, which sets them itself.
    summary: JsonObject = {name: value for name, value in status.metrics.items() if not name.startswith("_")}
    seconds = {"train": status.train.seconds, "eval": status.eval.seconds}
    times = {f"time.{stage}": value for stage, value in seconds.items() if value}
    if times:
        summary = {**times, "time.total": sum(times.values()), **summary}
    summary |= {
        STATE: "success" if run.succeeded else "failure",
        SUGGESTION: unflatten(parameters),
        FLAT_SUGGESTION: [[path, value] for path, value in parameters.items()],
        INFO: _info(run),
    }
    if run.metadata.creation_timestamp is not None:
        summary[CREATED] = run.metadata.creation_timestamp.isoformat()
    if status.cost is not None:
        summary |= {"cost": status.cost, COST: status.cost}
    if run.succeeded:
        summary |= {SCORE: status.score, OBJECTIVE: status.score}
    elif status.failure is not None:
        failure = status.failure
        text = f"{failure.class_}: {failure.reason}" + (f": {failure.message}" if failure.message else "")
        summary |= {ERROR: text[:MAX_ERROR], FAILURE_CLASS: failure.class_}
        if run.pruned and (last := status.last_report) is not None:
            summary[LAST_REPORT] = last
    return summary


def _info(run: SweepRun) -> JsonObject:
    prediction = run.spec.prediction.to_json() if run.spec.prediction is not None else {}
    return {"origin": run.spec.origin, **prediction}


def wandb_form(parameter: Parameter) -> JsonObject:
    """The closest W&B distribution. W&B shows it and never samples from it."""
    if parameter.values is not None:
        return {"values": list(parameter.values)}
    if parameter.row.wandb is None:
        assert parameter.coordinate is not None
        return {"values": list(parameter.coordinate.cells)}
    form = {
        "distribution": parameter.row.wandb,
        "min": parameter.typed(parameter.min),
        "max": parameter.typed(parameter.max),
    }
    return form | ({"q": parameter.typed(parameter.step or 1)} if parameter.row.wandb.startswith("q_") else {})
