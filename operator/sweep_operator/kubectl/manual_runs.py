"""Manual runs: validation of their parameters before anything is created, and their names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from protein.searchspace.paths import flatten
from sweep_operator.api.errors import FieldError, InvalidObject
from sweep_operator.api.model import Scalar
from sweep_operator.api.names import API_VERSION
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.protocol import AlreadyExists, Kind, Object
from sweep_operator.kubectl.access import Cluster
from sweep_operator.kubectl.lookup import runs_of

_RETRY = re.compile(r"-retry-\d+$")
_MAX_NAMES = 1000


def checked_parameters(sweep: Sweep, asked: Mapping[str, Any], where: str) -> dict[str, Scalar]:
    """``asked`` with each value converted to the type of its distribution; nested maps are flattened.

    A fixed parameter may be given with its fixed value, as a patch of best parameters does. Raises InvalidObject.
    """
    out: dict[str, Scalar] = {}
    errors: list[FieldError] = []
    for path, value in flatten(asked).items():
        spec = sweep.spec.parameters.get(path)
        if spec is not None:
            try:
                out[path] = typed_value(spec, value)
            except (ValueError, TypeError) as error:
                errors.append(FieldError(f"{where}{path}", str(error)))
        elif path not in sweep.spec.fixed:
            errors.append(FieldError(f"{where}{path}", f"is not a parameter of {sweep.name}; {_near(path, sweep)}"))
        elif sweep.spec.fixed[path] != value:
            text = f"is fixed at {sweep.spec.fixed[path]!r} in {sweep.name}, not {value!r}; remove it"
            errors.append(FieldError(f"{where}{path}", text))
    if errors:
        raise InvalidObject(errors)
    return out


def outside_bounds(sweep: Sweep, parameters: Mapping[str, Scalar]) -> list[str]:
    """Notes on values outside the bounds, which only manual runs may have."""
    return [
        f"{path}={value!r} is outside [{_bound(spec.min)}, {_bound(spec.max)}]; the run uses this value anyway"
        for path, value in parameters.items()
        if not (spec := sweep.spec.parameters[path]).parameter(path).inside(value)
    ]


async def create_run(
    cluster: Cluster, sweep: str, parameters: Mapping[str, Scalar], *, name: str | None, prefix: str
) -> str:
    """The name of the new SweepRun: ``name``, or ``prefix`` with the next free number. Raises ConfigError."""
    if name is not None:
        try:
            return await _create(cluster, sweep, parameters, name)
        except AlreadyExists:
            raise ConfigError(f"--name: a run {name!r} already exists; choose another name") from None
    taken = {r["metadata"]["name"] for r in await runs_of(cluster, sweep)}
    for number in range(1, _MAX_NAMES):
        if f"{prefix}{number}" in taken:
            continue
        try:
            return await _create(cluster, sweep, parameters, f"{prefix}{number}")
        except AlreadyExists:
            continue  # created concurrently by another client
    raise ConfigError(f"{prefix}1 to {prefix}{_MAX_NAMES - 1} already exist; use --name")


def added_prefix(sweep: str) -> str:
    """Prefix of the names of added runs: ``cartpole.m.1``."""
    return f"{sweep}.m."


def retry_prefix(run: str) -> str:
    """Prefix of the names of retries: ``cartpole.r.3-retry-1``. The retry of a retry continues the numbering."""
    return f"{_RETRY.sub('', run)}-retry-"


async def _create(cluster: Cluster, sweep: str, parameters: Mapping[str, Scalar], name: str) -> str:
    body: Object = {
        "apiVersion": API_VERSION,
        "kind": Kind.SWEEP_RUN.value,
        "metadata": {"name": name, "namespace": cluster.namespace},
        "spec": {"sweepName": sweep, "parameters": dict(parameters)},
    }
    await cluster.kube.create(Kind.SWEEP_RUN, body)
    return name


def _near(path: str, sweep: Sweep) -> str:
    known: Sequence[str] = sorted(sweep.spec.parameters)
    near = difflib.get_close_matches(path, known, n=1) or [k for k in known if k.endswith(f".{path}")]
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known[:8])}"


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
