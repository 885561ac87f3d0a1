"""``$(params.x)``, ``$(run.name)`` and their kin in command, args and env; ``$(args)`` and ``$(overrides)``.

Kubernetes expands ``$(NAME)`` itself and turns ``$$`` into ``$``. What is not ours is left to it, and what comes out of
a value is escaped, so that a value is never expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweep_operator.api.errors import FieldError
from sweep_operator.api.model import Scalar
from sweep_operator.api.names import RUN_DIR
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.template import StageTemplate
from sweep_operator.manifests.values import hydra_value, plain_text

_TOKEN = re.compile(r"\$\$|\$\((params|run)\.([^()\s]+)\)")
RUN_NAMES = ("name", "index", "dir", "seed")


@dataclass(frozen=True)
class Values:
    """What names stand for in one run."""

    params: Mapping[str, Scalar]
    declared: frozenset[str]
    """Every parameter there is, inactive conditional ones included."""
    name: str
    index: int | None
    seed: int


def substitute(text: str, values: Values) -> str | None:
    """``text`` with its names replaced; None when it names a conditional parameter that this run does not have."""
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
    """Arguments with names replaced, ``$(args)`` and ``$(overrides)`` spread out.

    An argument that names a parameter which this run does not have is left out.
    """
    result: list[str] = []
    for argument in arguments:
        if argument == "$(args)":
            result += [_escaped(f"--{path}={_argument(value)}") for path, value in values.params.items()]
        elif argument == "$(overrides)":
            result += [_escaped(f"{path}={hydra_value(value)}") for path, value in values.params.items()]
        elif (replaced := substitute(argument, values)) is not None:
            result.append(replaced)
    return result


def check_substitution(sweep: Sweep) -> list[FieldError]:
    """Names below ``params.`` and ``run.`` that stand for nothing."""
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
                    errors.append(FieldError(where, f"$(params.{name}) is no parameter; known are {sorted(known)}"))
                elif scope == "run" and name not in RUN_NAMES:
                    errors.append(FieldError(where, f"$(run.{name}) is unknown; known are {list(RUN_NAMES)}"))
    return errors


def _texts(path: str, stage: StageTemplate) -> Iterable[tuple[str, str]]:
    for field, arguments in (("command", stage.command), ("args", stage.args)):
        for number, argument in enumerate(arguments):
            yield f"{path}.{field}[{number}]", argument
    for number, variable in enumerate(stage.env or []):
        if isinstance(variable.get("value"), str):
            yield f"{path}.env[{number}].value", variable["value"]


def _argument(value: Scalar) -> str:
    """As `wandb agent` writes it into ${args}: True and False, which programs made for it look for."""
    return str(value) if isinstance(value, bool) else plain_text(value)


def _escaped(text: str) -> str:
    return text.replace("$", "$$")
