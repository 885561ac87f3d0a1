"""The best parameters as YAML, as a Hydra patch, as overrides and as a command.

Every form preserves every bit of a value.
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
from sweep_operator.api.template import StageTemplate
from sweep_operator.config.yaml_files import SMALL_FLOAT, to_yaml
from sweep_operator.domain.value_text import float_text, hydra_value


def typed_parameters(sweep: Sweep, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the values in the types of their distributions (JSON turns 1.0 into 1), sorted by path."""
    out: dict[str, Scalar] = {}
    for path in sorted(parameters):
        spec, value = sweep.spec.parameters.get(path), parameters[path]
        try:
            out[path] = value if spec is None else typed_value(spec, value)
        except ValueError:  # a manual run, or the bounds were edited after this run
            out[path] = value
    return out


def fixed_of(sweep: Sweep, run: SweepRun) -> dict[str, Scalar]:
    """Return the fixed parameters of the run, sorted by path."""
    fixed = sweep.spec.fixed if run.status.fixed is None else run.status.fixed
    return {path: fixed[path] for path in sorted(fixed) if path not in run.parameters}


def patch_usage(name: str, directory: Path | None = None) -> str:
    """The arguments that apply the patch ``name`` in ``directory``, ``<configurations>/trainer/patch``.

    For a group that it does not find, Hydra sets a value instead, without an error. A directory without configurations
    is not the one of the program, and has to be added.
    """
    usage = f"+trainer/patch={name}"
    if directory is None or directory.parts[-2:] != ("trainer", "patch") or any(directory.parents[1].glob("*.yaml")):
        return usage
    return f"--config-dir {shlex.quote(str(directory.parents[1]))} {usage}"


def patch_text(
    run: str,
    score: float,
    searched: Mapping[str, Scalar],
    fixed: Mapping[str, Scalar],
    *,
    cost: float | None,
    usage: str,
) -> str:
    """Return the content of the file that the arguments ``usage`` apply."""
    lines = [
        "# @package _global_",
        "# Best hyperparameters from sweep",
        f"# Apply with: {usage}",
        f"# Run {run}: score {score!r}" + ("" if cost is None else f", cost {cost!r}"),
    ]
    if fixed:
        lines.append(f"# The same in all runs of the sweep: {', '.join(fixed)}")
    values = {**fixed, **searched}
    return (
        "\n".join(lines) + "\n\n" + yaml_block({path: _literal_dollar(values[path]) for path in sorted(values)}) + "\n"
    )


def yaml_block(parameters: Mapping[str, Scalar]) -> str:
    """Return the parameters as nested YAML."""
    return to_yaml(unflatten(parameters))


def overrides(parameters: Mapping[str, Scalar]) -> list[str]:
    """Return one Hydra override per parameter, such as ``a.b=1.0e-05``."""
    return [f"{path}={hydra_text(value)}" for path, value in parameters.items()]


def command(train: StageTemplate, arguments: Sequence[str]) -> str:
    """Return the program with ``arguments`` instead of the template's placeholders, quoted for a shell."""
    own = [a for a in (*train.command, *train.args) if "$(" not in a]
    return " ".join(shlex.quote(a) for a in (*(own or ["python", "train.py"]), *arguments))


def hydra_text(value: Scalar) -> str:
    """Return one value in Hydra's grammar, with floats as in the YAML forms."""
    return float_text(value, SMALL_FLOAT) if isinstance(value, float) else hydra_value(value)


def write_patch(directory: Path, name: str, text: str) -> Path:
    """Write ``<directory>/<name>.yaml`` and create the directory if necessary."""
    directory.mkdir(parents=True, exist_ok=True)
    path, temporary = directory / f"{name}.yaml", directory / f".{name}.tmp"
    try:
        temporary.write_text(text, encoding="utf-8")
        return temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _literal_dollar(value: Scalar) -> Scalar:
    """Escape ``${``, which OmegaConf would resolve as an interpolation."""
    return value.replace("${", "\\${") if isinstance(value, str) else value
