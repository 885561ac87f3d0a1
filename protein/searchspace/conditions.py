"""Rules between the parameters of a space: their names, which of them are active, and where the search begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from protein.searchspace.coordinates import Value, same
from protein.searchspace.parameters import Parameter, SpaceError

PATH = re.compile(r"(?=.{1,256}$)[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*")
"""A dotted path of names. Its length is limited, because nested objects are made of it."""
DOTTED_PATH = "a dotted path of names such as trainer.optimizer.learning_rate, of at most 256 characters"
"""The words for it in messages."""
Parameters = Mapping[str, Parameter]


def check_parameters(parameters: Parameters) -> None:
    """Check names and conditions. Raises SpaceError with the parameter's path."""
    check_paths(tuple(parameters))
    for parameter in parameters.values():
        _check_when(parameter, parameters)


def check_paths(names: Sequence[str]) -> None:
    """Check that names are dotted paths and that none is the beginning of another. Raises SpaceError."""
    for name in names:
        if not PATH.fullmatch(name):
            raise SpaceError(f"is not {DOTTED_PATH}", name if len(name) <= 256 else name[:256] + "...")
        longer = next((other for other in names if other.startswith(name + ".")), None)
        if longer is not None:
            raise SpaceError(f"is the beginning of {longer!r}; only one of them can be set", name)


def is_active(name: str, flat: Mapping[str, Any], parameters: Parameters) -> bool:
    """Whether the parameter is present in a configuration; a missing parent counts as at its center."""
    when = parameters[name].when
    if when is None:
        return True
    parent = flat.get(when.parameter, parameters[when.parameter].center)
    return any(same(value, parent) for value in when.values)


def center(parameters: Parameters) -> dict[str, Value]:
    """The search center: each ``mean``, else the middle of the coordinate. Inactive parameters are absent."""
    values = {name: parameter.center for name, parameter in parameters.items()}
    return {name: value for name, value in values.items() if is_active(name, values, parameters)}


def _check_when(parameter: Parameter, known: Parameters) -> None:
    when, path = parameter.when, parameter.path
    if when is None:
        return
    parent = known.get(when.parameter)
    if parent is None:
        raise SpaceError(f"unknown parameter {when.parameter!r}; known are {', '.join(known)}", path, "when.parameter")
    if parent is parameter:
        raise SpaceError(f"{path!r} cannot depend on itself", path, "when.parameter")
    if parent.when is not None:
        raise SpaceError(f"{when.parameter!r} is conditional itself; chains are not supported", path, "when.parameter")
    if parent.values is None and not parent.integer:
        raise SpaceError(f"{when.parameter!r} is neither categorical nor an integer", path, "when.parameter")
    for value in when.values:
        try:
            inside = parent.inside(parent.typed(value))
        except SpaceError as error:
            raise SpaceError(error.text, path, "when.in") from None
        if not inside:
            raise SpaceError(f"{value!r} is outside [{parent.min:g}, {parent.max:g}]", path, "when.in")
