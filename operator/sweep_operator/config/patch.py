"""The best parameters in the forms they are used in: YAML, a Hydra patch, overrides, a command.

Every form gives back every bit of a value.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from protein.searchspace.paths import unflatten
from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.yaml_files import float_text, to_yaml
from sweep_operator.manifests.values import hydra_value


def typed_parameters(sweep: Sweep, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Searched values with the type of their distribution (JSON has made 1.0 into 1), sorted by path."""
    out: dict[str, Scalar] = {}
    for path in sorted(parameters):
        spec, value = sweep.spec.parameters.get(path), parameters[path]
        try:
            out[path] = value if spec is None else typed_value(spec, value)
        except ValueError:  # a manual run's value, or one from before the bounds were edited
            out[path] = value
    return out


def fixed_of(sweep: Sweep, run: SweepRun) -> dict[str, Scalar]:
    """What the run had besides its parameters."""
    fixed = sweep.spec.fixed if run.status.fixed is None else run.status.fixed
    return {path: fixed[path] for path in sorted(fixed) if path not in run.parameters}


def patch_text(
    name: str,
    run: str,
    score: float,
    searched: Mapping[str, Scalar],
    fixed: Mapping[str, Scalar],
    *,
    cost: float | None,
) -> str:
    """The file that ``+trainer/patch=<name>`` applies."""
    lines = [
        "# @package _global_",
        "# Best hyperparameters from sweep",
        f"# Apply with: +trainer/patch={name}",
        f"# Run {run}: score {score!r}" + ("" if cost is None else f", cost {cost!r}"),
    ]
    if fixed:
        lines.append(f"# The same in all runs of the sweep: {', '.join(fixed)}")
    values = {**fixed, **searched}
    return (
        "\n".join(lines) + "\n\n" + yaml_block({path: _literal_dollar(values[path]) for path in sorted(values)}) + "\n"
    )


def yaml_block(parameters: Mapping[str, Scalar]) -> str:
    """Nested YAML."""
    return to_yaml(unflatten(parameters))


def overrides(parameters: Mapping[str, Scalar]) -> list[str]:
    """``a.b=1.0e-05`` in Hydra's override grammar, one per parameter."""
    return [f"{path}={hydra_text(value)}" for path, value in parameters.items()]


def command(sweep: Sweep, arguments: Sequence[str]) -> str:
    """The sweep's training command with ``arguments``, for a shell."""
    train = sweep.spec.train
    own = [a for a in (*train.command, *train.args) if "$(" not in a]
    return " ".join(shlex.quote(a) for a in (*(own or ["python", "train.py"]), *arguments))


def hydra_text(value: Scalar) -> str:
    """One value; floats as in the YAML forms."""
    return float_text(value) if isinstance(value, float) else hydra_value(value)


def write_patch(directory: Path, name: str, text: str) -> Path:
    """``<directory>/<name>.yaml``; the directory is made."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _literal_dollar(value: Scalar) -> Scalar:
    """OmegaConf must not take ``${`` in a value for an interpolation."""
    return value.replace("${", "\\${") if isinstance(value, str) else value
