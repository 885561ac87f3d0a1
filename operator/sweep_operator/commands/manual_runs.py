"""Manual runs: validation of their parameters before anything is created, and their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protein.searchspace.paths import flatten
from sweep_operator.api.errors import FieldError, InvalidObject
from sweep_operator.api.model import Scalar
from sweep_operator.api.names import API_VERSION
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.commands.place import Found
from sweep_operator.config.errors import ConfigError, suggestion
from sweep_operator.kube.protocol import AlreadyExists, Kind, Object

_MAX_NAMES = 1000


def checked_parameters(sweep: Sweep, name: str, asked: Mapping[str, Any], where: str) -> dict[str, Scalar]:
    """``asked`` with each value converted to the type of its distribution; nested maps are flattened.

    ``name``: of the sweep, ``where``: prefix of the place, both for messages.
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
            errors.append(FieldError(f"{where}{path}", f"is not a parameter of {name}; {_near(path, sweep)}"))
        elif sweep.spec.fixed[path] != value:
            text = f"is fixed at {sweep.spec.fixed[path]!r} in {name}, not {value!r}; remove it"
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


async def create_run(sweep: Found, parameters: Mapping[str, Scalar], *, name: str | None, prefix: str) -> Object:
    """The new SweepRun: called ``name``, or ``prefix`` with the next free number. Raises ConfigError."""
    listed = await sweep.kube.list(Kind.SWEEP_RUN, sweep.namespace, fields={"spec.sweepName": sweep.name})
    taken = {r["metadata"]["name"] for r in listed.items}
    numbered = (f"{prefix}{number}" for number in range(1, _MAX_NAMES))
    for candidate in [name] if name is not None else (n for n in numbered if n not in taken):
        body: Object = {
            "apiVersion": API_VERSION,
            "kind": Kind.SWEEP_RUN.value,
            "metadata": {"name": candidate, "namespace": sweep.namespace},
            "spec": {"sweepName": sweep.name, "parameters": dict(parameters)},
        }
        try:
            return await sweep.kube.create(Kind.SWEEP_RUN, body)
        except AlreadyExists:
            continue  # also if another client created it since the list
    if name is not None:
        raise ConfigError(f"--name: a run {name!r} already exists; choose another name")
    raise ConfigError(f"{prefix}1 to {prefix}{_MAX_NAMES - 1} already exist; use --name")


def _near(path: str, sweep: Sweep) -> str:
    known = sorted(sweep.spec.parameters)
    return suggestion(next((k for k in known if k.endswith(f".{path}")), path), known)


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
