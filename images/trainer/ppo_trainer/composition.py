"""The configuration of a run: Hydra's composition, then the sweep's parameters, then the command line.

Environment variables name the files with a sweep's parameters: ``$SWEEP_CONFIG_FILE`` (nested YAML), or without it
``$SWEEP_OVERRIDES_FILE`` (one Hydra override per line). Both contain the same values. Hydra's compose API, unlike
``hydra.main``, changes no working directory and writes no files.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ppo_trainer.exits import BadParameters

CONFIG_NAME = "sweep_job"
SOURCE_CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def load_config(arguments: Sequence[str], environ: Mapping[str, str]) -> DictConfig:
    """The resolved configuration for Hydra overrides ``arguments`` (``a.b=1``, ``+hardware=macbook``).

    Raises BadParameters for an unknown name (with the nearest known one), an unknown choice, or a missing value.
    """
    directory = Path(environ.get("SWEEP_CONFIG_DIR") or SOURCE_CONFIGS).resolve()
    if not (directory / f"{CONFIG_NAME}.yaml").is_file():
        raise BadParameters(f"{directory} has no {CONFIG_NAME}.yaml; set SWEEP_CONFIG_DIR to the configs directory")
    # Hydra applies overrides in order, the last one wins.
    overrides = [*sweep_overrides(environ), *identity_overrides(environ), *arguments]
    with initialize_config_dir(config_dir=str(directory), version_base="1.3"):
        try:
            OverridesParser.create().parse_overrides(overrides)
            config = compose(CONFIG_NAME, overrides=overrides)
        except (HydraException, OmegaConfBaseException) as error:
            raise BadParameters(_explain(str(error))) from None
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        if getattr(error, "full_key", None) == "run":
            raise BadParameters("run: is not set; add run=NAME") from None
        raise BadParameters(str(error)) from None
    return OmegaConf.create(resolved)


def sweep_overrides(environ: Mapping[str, str]) -> list[str]:
    """The sweep's parameters as Hydra overrides. Empty outside a sweep."""
    nested, lines = environ.get("SWEEP_CONFIG_FILE"), environ.get("SWEEP_OVERRIDES_FILE")
    try:
        if nested:
            # The run's identity in W&B may have more fields than wandb/*.yaml.
            return [
                f"{'++' if path.startswith('wandb.') else ''}{path}={hydra_literal(value)}"
                for path, value in _leaves(OmegaConf.load(nested))
            ]
        if lines:
            return [line.strip() for line in Path(lines).read_text().splitlines() if line.strip()]
    except OSError as error:
        raise BadParameters(f"cannot read the parameters of the sweep: {error}") from None
    return []


def identity_overrides(environ: Mapping[str, str]) -> list[str]:
    """Name, directory and seed of the run, from the environment."""
    names = {"run": "SWEEP_RUN_NAME", "sweep_name": "SWEEP_NAME", "run_dir": "SWEEP_RUN_DIR"}
    overrides = [f"{key}={hydra_literal(environ[name])}" for key, name in names.items() if environ.get(name)]
    if environ.get("SWEEP_RUN_SEED"):
        overrides.append(f"seed={int(environ['SWEEP_RUN_SEED'])}")
    return overrides


def hydra_literal(value: Any) -> str:
    """``value`` in Hydra's override grammar. It is read back with the same type and bits."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(hydra_literal(item) for item in value) + "]"
    # In a quoted string only the quote, and backslashes before one, are escaped.
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", str(value))
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * trailing}'"


def _leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of every leaf of a nested configuration."""
    for key, value in OmegaConf.to_container(node).items() if isinstance(node, DictConfig) else node.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        elif not isinstance(value, dict):
            yield path, value


def _explain(message: str) -> str:
    """Hydra's ``message``. For an unknown name, only the nearest known one."""
    unknown = re.search(r"Could not override '([^']+)'", message)
    if unknown is None:
        return message
    name = unknown.group(1)
    known = [path for path, _ in _leaves(compose(CONFIG_NAME))]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name}: unknown parameter; did you mean {nearest[0]}?"
