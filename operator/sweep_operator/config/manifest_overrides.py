"""Apply ``key=value`` arguments to a Sweep manifest."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from sweep_operator.config.arguments import Argument
from sweep_operator.config.errors import ConfigError
from sweep_operator.config.to_sweep import object_name

_MAPS_BY_PATH = ("parameters", "fixed")
"""Fields of the spec whose keys contain dots."""


def override_manifest(manifest: Mapping[str, Any], arguments: Sequence[Argument]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of ``manifest`` with ``arguments`` applied in order, and notes for the user. Raises ConfigError.

    ``spec.`` and ``metadata.`` edit the manifest, ``run=NAME`` renames it, ``+hardware=NAME`` chooses train's profile,
    and any other key fixes that parameter for all runs.
    """
    out: dict[str, Any] = copy.deepcopy(dict(manifest))
    notes: list[str] = []
    for argument in arguments:
        head = argument.key.partition(".")[0]
        if head in ("spec", "metadata") and "." in argument.key:
            _edit(out, argument)
        elif argument.key == "run":
            _rename(out, argument.text)
        elif argument.key == "hardware":
            _section(_section(out, "spec"), "train")["hardware"] = argument.text
        elif argument.key != "runs_dir":
            _fix(_section(out, "spec"), argument, notes)
    return out, notes


def _rename(manifest: dict[str, Any], name: str) -> None:
    if not name:
        raise ConfigError("run=: must not be empty; write run=NAME, as in run=my_experiment")
    _section(manifest, "spec")["displayName"] = name
    _section(manifest, "metadata")["name"] = object_name(name)


def _edit(manifest: dict[str, Any], argument: Argument) -> None:
    parts = _split(manifest, argument.key)
    at = manifest
    for part in parts[:-1]:
        at = _section(at, part)
    if argument.prefix == "~":
        if parts[-1] not in at:
            raise ConfigError(f"{argument.raw}: the manifest does not contain {argument.key}")
        del at[parts[-1]]
    else:
        at[parts[-1]] = argument.value


def _split(manifest: dict[str, Any], key: str) -> list[str]:
    """``spec.parameters.trainer.lr.min`` as spec, parameters, trainer.lr, min: the longest known parameter wins."""
    parts = key.split(".")
    if len(parts) < 3 or parts[0] != "spec" or parts[1] not in _MAPS_BY_PATH:
        return parts
    rest = parts[2:]
    if parts[1] == "fixed":
        return [*parts[:2], ".".join(rest)]
    known = _section(_section(manifest, "spec"), "parameters")
    for length in range(len(rest), 0, -1):
        path = ".".join(rest[:length])
        if path in known:
            return [*parts[:2], path, *rest[length:]]
    raise ConfigError(f"{key}: unknown parameter; known parameters: {', '.join(sorted(known))}")


def _fix(spec: dict[str, Any], argument: Argument, notes: list[str]) -> None:
    path, parameters, fixed = argument.key, _section(spec, "parameters"), _section(spec, "fixed")
    if "/" in path:
        raise ConfigError(f"{argument.raw}: groups require a configuration in Hydra's format; this file is a Sweep")
    if argument.prefix == "~":
        if parameters.pop(path, None) is None and fixed.pop(path, None) is None:
            raise ConfigError(f"{argument.raw}: {path} is neither searched nor fixed")
        return
    if "." not in path and path not in parameters and path not in fixed:
        raise ConfigError(
            f"{argument.raw}: {path!r} is not a parameter of this Sweep; edit a field with spec.{path}=..., "
            "or fix a parameter by its dotted path, as in trainer.total_timesteps=20000"
        )
    value = argument.value
    if not isinstance(value, (bool, int, float, str)):
        raise ConfigError(
            f"{argument.raw}: {value!r} is not a valid parameter value; use a number, string, true or false"
        )
    if parameters.pop(path, None) is not None:
        notes.append(f"{path} is fixed at {value!r} and no longer searched")
    fixed[path] = value


def _section(at: dict[str, Any], key: str) -> dict[str, Any]:
    found = at.setdefault(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{key}: {found!r} is not a mapping; write it as key: value lines")
    return found
