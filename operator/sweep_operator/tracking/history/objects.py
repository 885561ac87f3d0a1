"""Converts a W&B sweep and its runs to a Sweep and SweepRuns, for the report and the tables. Nothing is stored."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from protein.searchspace.conditions import PATH
from protein.searchspace.distributions import DISTRIBUTIONS, Table, is_power_of_two
from protein.searchspace.paths import flatten
from sweep_operator.api.errors import parse
from sweep_operator.api.model import JsonObject, Scalar
from sweep_operator.api.parameters import ParameterSpec, typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.to_sweep import object_name
from sweep_operator.tracking.history.messages import HistoryAnswer, PastRun, PastSweep
from sweep_operator.tracking.history.reader import goal_named, index_of, metric_named, searched_parameters, sweep_config

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_ORIGINS = ("center", "random", "sobol", "model", "resample", "fallback")


def objects_of_answer(answer: HistoryAnswer) -> tuple[Sweep, list[SweepRun]]:
    """The sweep and its runs, oldest first."""
    past = answer.sweep
    assert past is not None
    own = searched_parameters(past)
    names = _searched(answer.runs, own)
    parameters = {name: _parameter(own.get(name), _values(answer.runs, name)) for name in names}
    constants = flatten({k: v for k, v in _constants(past).items() if k not in names})
    fixed = {path: value for path, value in constants.items() if _is_scalar(value) and PATH.fullmatch(path)}
    display_name = _NOT_IN_NAMES.sub("_", past.name).strip(".-") or past.id
    sweep = parse(
        Sweep,
        {
            "metadata": {"name": object_name(display_name), "uid": past.id},
            "spec": {
                "displayName": display_name,
                "metric": metric_named(past) or "score",
                "goal": goal_named(past) or "maximize",
                "parameters": {k: v.to_json() for k, v in parameters.items() if PATH.fullmatch(k)},
                "fixed": _without_collisions(fixed, names),
                "train": _program(past),
            },
        },
    )
    return sweep, [_run(sweep, run, names) for run in reversed(answer.runs)]


def typed_run(run: PastRun, sweep: Sweep) -> PastRun:
    """The run with parameters in the types of the sweep: W&B returns 1.0 as 1."""
    return run.with_(parameters=_typed(sweep, run.parameters))


def _run(sweep: Sweep, run: PastRun, names: Sequence[str]) -> SweepRun:
    values = {**run.config, **run.parameters}
    parameters = {name: values[name] for name in names if _is_scalar(values.get(name))}
    status: JsonObject = {
        "runName": run.name,
        "fixed": {k: values[k] for k in sweep.spec.fixed if _is_scalar(values.get(k))},
        "cost": run.cost,
        "metrics": run.metrics,
        "conditions": [_succeeded(run)],
    }
    if run.state == "success":
        status["score"] = run.objective
    elif run.state == "failure":
        status["failure"] = {"class": run.failure_class or "parameters", "reason": "Failed", "message": run.error}
    return parse(
        SweepRun,
        {
            "metadata": {"name": run.id, "uid": run.id, "creationTimestamp": run.created},
            "spec": {
                "sweepName": sweep.name,
                "index": index_of(run),
                "origin": run.origin if run.origin in _ORIGINS else "manual",
                "parameters": _typed(sweep, parameters),
            },
            "status": status,
        },
    )


def _succeeded(run: PastRun) -> JsonObject:
    known = {"success": ("True", "Completed"), "failure": ("False", "Failed"), "running": ("Unknown", "Training"),
             "defunct": ("False", "Lost"), "unscored": ("False", "NoScore")}  # fmt: skip
    status, reason = known[run.state]
    at = run.created or datetime.now(UTC).isoformat()
    return {"type": "Succeeded", "status": status, "reason": reason, "lastTransitionTime": at}


def _searched(runs: Iterable[PastRun], own: Mapping[str, Any]) -> list[str]:
    """Names of the suggested parameters; of a plain sweep those that it searches; else all names in the configs."""
    suggested = {name for run in runs if run.suggested for name in run.parameters}
    if suggested:
        return sorted(suggested)
    return sorted(own) or sorted({name for run in runs for name, v in run.parameters.items() if _is_scalar(v)})


def _values(runs: Iterable[PastRun], name: str) -> list[Scalar]:
    found = (run.parameters.get(name, run.config.get(name)) for run in runs)
    return [value for value in found if isinstance(value, (bool, int, float, str))]


def _typed(sweep: Sweep, parameters: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path, value in parameters.items():
        spec = sweep.spec.parameters.get(path)
        try:
            out[path] = value if spec is None or not _is_scalar(value) else typed_value(spec, value)
        except ValueError:
            out[path] = value
    return out


# -- W&B's distributions ----------------------------------------------------------------------------------------------


def _parameter(given: Mapping[str, Any] | None, values: Sequence[Scalar]) -> ParameterSpec:
    """The distribution that the W&B sweep states; if it states none or an unknown one, one that fits the values."""
    for body in (translated(given or {}), _observed(values)):
        try:
            if body is not None:
                return ParameterSpec.model_validate(body)
        except ValidationError:
            continue
    return ParameterSpec(distribution=_named("float", "linear"), min=0.0, max=1.0)


def _named(kind: str, axis: str, rows: Table = DISTRIBUTIONS) -> str:
    """Name of the first distribution of that kind and axis."""
    return next(row.name for row in rows.values() if (row.kind, row.axis) == (kind, axis))


def translated(given: Mapping[str, Any], rows: Table = DISTRIBUTIONS) -> JsonObject | None:
    """The distribution of a W&B parameter; None if it states none."""
    if isinstance(given.get("values"), list) and given["values"]:
        return _choice(given["values"], rows)
    low, high, name = given.get("min"), given.get("max"), str(given.get("distribution") or "")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return None
    q = given.get("q", 1)
    exact = next((row.name for row in rows.values() if row.wandb == name and row.kind == "integer"), None)
    if exact is not None and name.startswith("q_") and all(_is_integer(v) for v in (low, high, q)) and low % q == 0:
        return {"distribution": exact, "min": float(low), "max": float(high)} | ({"step": float(q)} if q > 1 else {})
    name = name.removeprefix("q_").removeprefix("inv_")
    if name == "log_uniform":  # its bounds are exponents
        name, low, high = "log_uniform_values", math.exp(low), math.exp(high)
    elif not name and all(type(v) is int for v in (low, high)):
        return {"distribution": _named("integer", "linear", rows), "min": float(low), "max": float(high)}
    known = next((row.name for row in rows.values() if row.wandb == name), _named("float", "linear", rows))
    return {"distribution": known, "min": float(low), "max": float(high)}


def _choice(values: Sequence[Any], rows: Table = DISTRIBUTIONS) -> JsonObject | None:
    name = _named("choice", "linear", rows)
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        powers = sorted(v for v in values if is_power_of_two(v))
        if len(powers) == len(values) > 1 and powers[-1] / powers[0] == 2 ** (len(powers) - 1):
            return {"distribution": _named("integer", "log2", rows), "min": float(powers[0]), "max": float(powers[-1])}
        return {"distribution": name, "values": sorted(set(values)), "ordered": True}
    scalars = [v for v in values if _is_scalar(v)]
    return {"distribution": name, "values": list(dict.fromkeys(scalars))} if scalars else None


def _observed(values: Sequence[Scalar]) -> JsonObject | None:
    if not values:
        return None
    if any(isinstance(v, (bool, str)) for v in values):
        return _choice(list(dict.fromkeys(values))[:64])
    numbers = [float(v) for v in values]
    low, high = min(numbers), max(numbers)
    if all(isinstance(v, int) for v in values):
        return {"distribution": _named("integer", "linear"), "min": low, "max": max(high, low + 1)}
    if low > 0 and high / low > 100:
        return {"distribution": _named("float", "log10"), "min": low, "max": high}
    return {"distribution": _named("float", "linear"), "min": low, "max": high if high > low else low + 1.0}


def _constants(sweep: PastSweep) -> dict[str, Any]:
    given = sweep_config(sweep).get("parameters")
    parameters = given if isinstance(given, dict) else {}
    return {k: v["value"] for k, v in parameters.items() if isinstance(v, dict) and "value" in v}


_AGENT = ["${env}", "${interpreter}", "${program}", "${args}"]
"""The command of `wandb agent`, unless the sweep states another one."""
_MACRO = re.compile(r"\$\{(args\w*)\}")


def _program(sweep: PastSweep) -> JsonObject:
    """The command of `wandb agent`, which reads the score from W&B and not from a results file."""
    config = sweep_config(sweep)
    program, given = str(config.get("program") or ""), config.get("command")
    words = [str(word) for word in given] if isinstance(given, list) and given else _AGENT
    if "${program}" in words and not program:
        return {}
    known = {"${interpreter}": "python", "${program}": program}
    command = [_MACRO.sub(r"$(\1)", known.get(word, word)) for word in words if word not in ("${env}", "/usr/bin/env")]
    return {"command": command, "results": {"source": "Log", "pattern": "{value}"}}


def _without_collisions(fixed: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {
        path: value
        for path, value in fixed.items()
        if not any(path == n or path.startswith(n + ".") or n.startswith(path + ".") for n in names)
    }


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, float)) and value >= 1 and float(value).is_integer()


def _is_scalar(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))
