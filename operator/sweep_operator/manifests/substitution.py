"""Replace ``$(params.x)``, ``$(run.name)``, and arguments such as ``$(args)`` in command, args and env.

Kubernetes expands ``$(NAME)`` itself and turns ``$$`` into ``$``. Other names are therefore left unchanged, and the
``$`` of every inserted value is escaped, so that Kubernetes never expands a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweep_operator.api.errors import FieldError
from sweep_operator.api.model import Scalar
from sweep_operator.api.names import RUN_DIR
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.value_text import hydra_value, plain_text

_TOKEN = re.compile(r"\$\$|\$\((params|run)\.([^()\s]+)\)")
RUN_NAMES = ("name", "index", "dir", "seed")


@dataclass(frozen=True)
class Values:
    """The values of the names in one run."""

    params: Mapping[str, Scalar]
    declared: frozenset[str]
    """All parameters of the sweep, including conditional ones that are inactive in this run."""
    name: str
    index: int | None
    seed: int


def substitute(text: str, values: Values) -> str | None:
    """Return ``text`` with its names replaced, or None if it names a parameter that is inactive in this run."""
    absent = False

    def replace(match: re.Match[str]) -> str:
        nonlocal absent
        scope, name = match.group(1), match.group(2)
        if scope is None:
            return match.group(0)
        if scope == "params":
            if name in values.params:
                return _escaped(plain_text(values.params[name]))
            absent = absent or name in values.declared
            return match.group(0)
        known = {
            "name": values.name,
            "index": "" if values.index is None else str(values.index),
            "dir": RUN_DIR,
            "seed": str(values.seed),
        }
        return _escaped(known[name]) if name in known else match.group(0)

    replaced = _TOKEN.sub(replace, text)
    return None if absent else replaced


def substitute_arguments(arguments: Sequence[str], values: Values) -> list[str]:
    """Return the arguments with names replaced, and arguments such as ``$(args)`` expanded.

    An argument that names a parameter which is inactive in this run is skipped.
    """
    result: list[str] = []
    for argument in arguments:
        if argument in _EXPANSIONS:
            result += _EXPANSIONS[argument](values.params)
        elif (replaced := substitute(argument, values)) is not None:
            result.append(replaced)
    return result


def check_substitution(sweep: Sweep) -> list[FieldError]:
    """Return an error for each unknown name under ``params.`` and ``run.``."""
    known = {*sweep.spec.parameters, *sweep.spec.fixed}
    stages = [("spec.train", sweep.spec.train)]
    if sweep.spec.eval is not None:
        stages.append(("spec.eval", sweep.spec.eval))
    errors = []
    for path, stage in stages:
        for where, text in _texts(path, stage):
            for match in _TOKEN.finditer(text):
                scope, name = match.group(1), match.group(2)
                if scope == "params" and name not in known:
                    errors.append(
                        FieldError(where, f"$(params.{name}) is not a parameter; known parameters: {sorted(known)}")
                    )
                elif scope == "run" and name not in RUN_NAMES:
                    errors.append(FieldError(where, f"$(run.{name}) is unknown; known names: {list(RUN_NAMES)}"))
    return errors


def _texts(path: str, stage: StageTemplate) -> Iterable[tuple[str, str]]:
    for field, arguments in (("command", stage.command), ("args", stage.args)):
        for number, argument in enumerate(arguments):
            yield f"{path}.{field}[{number}]", argument
    for number, variable in enumerate(stage.env or []):
        if isinstance(variable.get("value"), str):
            yield f"{path}.env[{number}].value", variable["value"]
    if stage.reports is not None and isinstance(stage.reports.max_step, str):
        yield f"{path}.reports.maxStep", stage.reports.max_step


def _argument(value: Scalar) -> str:
    """The value as `wandb agent` writes it into ${args}: programs written for it expect True and False."""
    return str(value) if isinstance(value, bool) else plain_text(value)


def _flags(params: Mapping[str, Scalar]) -> list[str]:
    """Without values for booleans: ``--flag`` if True, nothing if False."""
    shown = {path: value for path, value in params.items() if value is not False}
    return [f"--{path}" if value is True else f"--{path}={_argument(value)}" for path, value in shown.items()]


_EXPANSIONS: Mapping[str, Callable[[Mapping[str, Scalar]], list[str]]] = {
    "$(args)": lambda params: [_escaped(f"--{path}={_argument(value)}") for path, value in params.items()],
    "$(args_no_hyphens)": lambda params: [_escaped(f"{path}={_argument(value)}") for path, value in params.items()],
    "$(args_no_boolean_flags)": lambda params: [_escaped(flag) for flag in _flags(params)],
    "$(args_json)": lambda params: [_escaped(json.dumps(dict(params)))],
    "$(args_json_file)": lambda params: ["$(SWEEP_PARAMS_FILE)"],  # Kubernetes expands it
    "$(overrides)": lambda params: [_escaped(f"{path}={hydra_value(value)}") for path, value in params.items()],
}
"""Arguments that stand for all parameters. Those that begin with args are named as in W&B sweeps."""
ALL_PARAMETERS = frozenset(_EXPANSIONS)
"""An argument that is one of these stands for all parameters."""


def _escaped(text: str) -> str:
    return text.replace("$", "$$")
