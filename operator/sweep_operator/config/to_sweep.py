"""Convert a job configuration to a Sweep manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any

from protein.searchspace.paths import flatten
from sweep_operator.api.names import API_VERSION
from sweep_operator.config.errors import ConfigError, shown

MAX_NAME = 40
DEFAULT_TRAIN = {"command": ["python", "images/trainer/train.py"], "args": ["$(overrides)"]}
DEFAULT_EVAL = {"command": ["python", "images/trainer/sweep_eval.py"]}

_NOT_FOR_RUNS = frozenset(
    {"run", "runs_dir", "run_dir", "sweep_name", "sweep", "wandb", "train", "eval", "job", "seed", "hydra"}
)
"""Top-level keys that only concern the sweep, or that every run receives anyway."""
_OPAQUE = frozenset(
    {"parameters", "fixed", "env", "envFrom", "volumes", "volumeMounts", "nodeSelector", "tolerations", "resources",
     "podTemplate", "imagePullSecrets", "emptyDir"}
)  # fmt: skip
"""Fields whose content must not be renamed."""
_OBJECTIVE = ("metric", "goal", "method")


def sweep_manifest(
    job: Mapping[str, Any], changed: Mapping[str, Any] | None = None, explicit: Collection[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Return the manifest, and notes for the user. Raises ConfigError.

    ``job`` is resolved. ``changed`` (dotted path -> value) contains the values that runs do not have in their own
    configuration; they become spec.fixed. A searched parameter stays searched unless its path is in ``explicit``.
    """
    changed = changed or {}
    sweep, run = job.get("sweep"), job.get("run")
    if not isinstance(sweep, Mapping):
        raise ConfigError("sweep: is required; add sweep=quick, or a block with parameters, metric and goal")
    if not isinstance(run, str) or not run:
        raise ConfigError(f"run: {run!r} is not a name; add run=NAME, as in run=my_experiment")
    searched = dict(_mapping("sweep.parameters", sweep.get("parameters")))
    # The older form has the objective inside parameters.
    objective = {key: searched.pop(key) for key in _OBJECTIVE if isinstance(searched.get(key), str)}
    parameters, fixed = flat_parameters(searched), flatten(_mapping("sweep.fixed", sweep.get("fixed")))
    notes = _fix(parameters, fixed, changed, explicit)
    rest = {k: v for k, v in sweep.items() if k not in (*_OBJECTIVE, "parameters", "fixed")}
    spec: dict[str, Any] = {
        "displayName": run,
        **{key: value for key, value in {**objective, **sweep}.items() if key in _OBJECTIVE and value is not None},
        **camel_keys(rest),
        "parameters": parameters,
        **({"fixed": fixed} if fixed else {}),
    }
    if "seed" in changed:
        spec.setdefault("seed", job["seed"])
    spec |= _stages(job)
    if tracking := _tracking(job.get("wandb")):
        spec.setdefault("tracking", tracking)
    return {"apiVersion": API_VERSION, "kind": "Sweep", "metadata": {"name": object_name(run)}, "spec": spec}, notes


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigError(f"{where}: {shown(value)} is not a mapping; write it as key: value lines")
    return value or {}


def _fix(
    parameters: dict[str, Any], fixed: dict[str, Any], changed: Mapping[str, Any], explicit: Collection[str]
) -> list[str]:
    """Add the ``changed`` values to ``fixed``, and return a note for each that is a searched parameter."""
    notes = []
    for path, value in changed.items():
        if path.partition(".")[0] in _NOT_FOR_RUNS:
            continue
        if path in parameters:
            if path not in explicit:
                notes.append(f"{path} is searched; the configured value {value!r} is ignored")
                continue
            del parameters[path]
            notes.append(f"{path} is fixed at {value!r} and no longer searched")
        fixed[path] = value
    bad = [f"{path}: {value!r}" for path, value in fixed.items() if not isinstance(value, (bool, int, float, str))]
    if bad:
        raise ConfigError(
            [f"{line} is not a valid parameter value; use a number, true, false or a string" for line in bad]
        )
    return notes


def flat_parameters(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return dotted path -> distribution. Raises ConfigError for a value that is neither a distribution nor a group."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"sweep.parameters.{path}: {value!r} is not a distribution; write "
                "{distribution: uniform, min: ..., max: ...}, or put a constant under sweep.fixed"
            )
        if "distribution" in value:
            flat[path] = dict(value)
        elif not value:
            raise ConfigError(f"sweep.parameters.{path}: must not be empty; add a distribution or remove it")
        elif {"min", "max", "values"} & value.keys() and not any(isinstance(v, Mapping) for v in value.values()):
            raise ConfigError(f"sweep.parameters.{path}.distribution: is required, as in distribution: uniform")
        else:
            flat |= flat_parameters(value, path)
    return flat


def object_name(run: str) -> str:
    """Return ``my_experiment`` as ``my-experiment``: at most 40 of a-z, 0-9 and -. A hash replaces what is cut off."""
    name = re.sub(r"[^a-z0-9]+", "-", run.lower()).strip("-")
    if name and len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(run.encode()).hexdigest()[:6]
    return f"{name[: MAX_NAME - 7].rstrip('-') or 'sweep'}-{digest}"


def camel_keys(value: Any) -> Any:
    """Return ``max_parallel_runs`` as ``maxParallelRuns``, at every depth except inside opaque fields."""
    if isinstance(value, Mapping):
        renamed = {_camel(str(k)): v for k, v in value.items()}
        return {k: v if k in _OPAQUE else camel_keys(v) for k, v in renamed.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [camel_keys(v) for v in value]
    return value


def _camel(key: str) -> str:
    if key == "base_url":
        return "baseURL"
    return re.sub(r"(?<=[A-Za-z0-9])_+([a-zA-Z0-9])", lambda m: m.group(1).upper(), key)


def _stages(job: Mapping[str, Any]) -> dict[str, Any]:
    nested = job.get("job") if isinstance(job.get("job"), Mapping) else {}
    stages = {}
    for name, default in (("train", DEFAULT_TRAIN), ("eval", DEFAULT_EVAL)):
        given = (nested or {}).get(name, job.get(name, default))
        if given is None:  # `eval: null`: train reports the score
            continue
        if not isinstance(given, Mapping):
            raise ConfigError(f"{name}: {given!r} is not a stage; write {{command: [python, {name}.py]}}")
        stages[name] = camel_keys(given)
    return stages


def _tracking(wandb: object) -> dict[str, Any]:
    if not isinstance(wandb, Mapping) or wandb.get("mode", "disabled") in ("disabled", "off", False):
        return {}
    known = ("mode", "entity", "project", "base_url", "api_key_secret")
    return {"wandb": camel_keys({k: wandb[k] for k in known if wandb.get(k) is not None})}
