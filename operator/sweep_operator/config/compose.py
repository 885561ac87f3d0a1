"""Compose the job configuration with Hydra: defaults, groups such as ``+hardware=macbook``, then values.

Hydra's compose API changes no working directory and writes no files. hydra and omegaconf are imported inside
functions: their import takes 0.2 s, and a Sweep manifest does not need them.
"""

from __future__ import annotations

import difflib
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protein.searchspace.paths import flatten
from sweep_operator.config.arguments import Argument
from sweep_operator.config.errors import ConfigError, first_line
from sweep_operator.config.yaml_files import read_documents

if TYPE_CHECKING:
    from omegaconf import DictConfig

JOB = "sweep_job"
_BARE_JOB = "defaults:\n- sweep: {sweep}\n- _self_\nrun: ???\nruns_dir: ./train_dir/sweep\n"
_PATHS_OF_RUNS = ("run", "runs_dir", "run_dir")


@dataclass(frozen=True)
class Composed:
    """The resolved configuration, and the part of it that the trainer's own composition does not contain."""

    config: dict[str, Any]
    changed: dict[str, Any]
    """Dotted path -> resolved value, for values that overrides and groups changed."""
    explicit: frozenset[str]
    """Dotted paths that an argument sets directly, not through a group."""


def find_config_dir(config_dir: Path | None, near: Path | None = None) -> Path:
    """Return the directory of ``sweep_job.yaml``: ``config_dir``, a parent of ``near``, or ./configs.

    Raises ConfigError.
    """
    if config_dir is not None:
        if not (config_dir / f"{JOB}.yaml").is_file():
            raise ConfigError(f"{config_dir}: contains no {JOB}.yaml; name a file, or a directory that contains one")
        return config_dir.resolve()
    above = [] if near is None else list(near.resolve().parents)[:3]
    for directory in (*above, Path("configs").resolve()):
        if (directory / f"{JOB}.yaml").is_file():
            return directory
    raise ConfigError(f"configs/{JOB}.yaml does not exist here; name a file (sweep run FILE) or use --config-dir DIR")


def compose_job(config_dir: Path, name: str, arguments: Sequence[Argument]) -> Composed:
    """Compose ``name`` of ``config_dir`` with ``arguments``. Raises ConfigError."""
    with _composer(config_dir) as compose:
        raw = [a.raw for a in arguments]
        own = compose(name, [])
        full = compose(name, raw)
        # A run receives its hardware group as a separate argument, so only changes on top of the group count.
        hardware = compose(name, [a.raw for a in arguments if a.key == "hardware"])
        groups = compose(name, [a.raw for a in arguments if "/" in a.key or _is_group(config_dir, a.key)])
    config = _resolved(full)
    before, after, plain = (flatten(_unresolved(c)) for c in (own, full, groups))
    before |= {path: v for path, v in flatten(_unresolved(hardware)).items() if path.startswith("hardware.")}
    resolved = flatten(config)
    named = {a.key for a in arguments if a.key in resolved and a.prefix != "~"}
    differing = {path for path, value in after.items() if path not in before or before[path] != value}
    changed = {path: resolved[path] for path in resolved if path in differing | named}
    explicit = frozenset(path for path in differing if path not in plain or plain[path] != after[path])
    return Composed(config, changed, explicit | named)


def compose_sweep(config_dir: Path | None, sweep_file: Path, arguments: Sequence[Argument]) -> Composed:
    """Compose the job of ``config_dir`` (None: a minimal job) with ``sweep_file`` as its sweep. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="sweep-config-") as directory:
        overlay = Path(directory)
        (overlay / "sweep").mkdir()
        name = re.sub(r"\W", "_", sweep_file.stem)
        (overlay / "sweep" / f"{name}.yaml").write_text(sweep_file.read_text(encoding="utf-8"), encoding="utf-8")
        if config_dir is None:
            (overlay / f"{JOB}.yaml").write_text(_BARE_JOB.format(sweep=name), encoding="utf-8")
            return compose_job(overlay, JOB, arguments)
        chosen = [Argument(f"sweep={name}", "", "sweep", name)]
        search = f"hydra.searchpath=[{overlay.as_uri()}]"
        return compose_job(config_dir, JOB, [Argument(search, "", "hydra.searchpath", ""), *chosen, *arguments])


@contextmanager
def _composer(config_dir: Path) -> Iterator[Any]:
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from sweep_operator.config.hydra_files import check_files

    def composed(name: str, overrides: list[str]) -> DictConfig:
        try:
            return compose(name, overrides=overrides)
        except ConfigError:
            raise
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(_explain(error, lambda: compose(name))) from None
        except Exception as error:  # Hydra passes on whatever its parsers raise for a file that they cannot read
            problem = f"{name}.yaml: cannot be composed: {first_line(error)}"
            raise ConfigError(f"{problem}; check its defaults and the files of its groups") from None

    check_files()
    with warnings.catch_warnings(), initialize_config_dir(config_dir=str(config_dir.resolve()), version_base="1.3"):
        warnings.simplefilter("ignore")  # Hydra warns about a defaults list without _self_, which is not an error
        yield composed


def _is_group(config_dir: Path, key: str) -> bool:
    return key == "hydra.searchpath" or ("." not in key and (config_dir / key).is_dir())


def _unresolved(config: DictConfig) -> dict[str, Any]:
    from omegaconf import OmegaConf

    container: Any = OmegaConf.to_container(config, resolve=False)
    return dict(container)


def _resolved(config: DictConfig) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue, OmegaConfBaseException

    try:
        container: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (MissingMandatoryValue, InterpolationToMissingValueError) as error:
        key = error.full_key or "a value"
        name = "run" if key in _PATHS_OF_RUNS else key
        example = "NAME, as in run=my_experiment" if name == "run" else "VALUE"
        raise ConfigError(f"{name}: is required; add {name}={example}") from None
    except OmegaConfBaseException as error:
        raise ConfigError(first_line(error)) from None
    return dict(container)


def _explain(error: Exception, own: Any) -> str:
    """Shorten Hydra's message to one line. For an unknown name it suggests the nearest known one."""
    message = str(error)
    unknown = re.search(r"Could not override '([^']+)'", message)
    if unknown is not None:
        name = unknown.group(1)
        near = difflib.get_close_matches(name, flatten(_unresolved(own())), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"add it with +{name}=..."
        return f"{name}: unknown setting; {hint}"
    choice = re.search(r"Could not find '([^']+)'", message)
    if choice is not None:
        options = re.search(r"Available options in '[^']*':\s*(.*?)(?:\n\S|\nConfig|\Z)", message, re.DOTALL)
        known = ", ".join(options.group(1).split()) if options else ""
        return f"{choice.group(1)}: configuration not found" + (f"; known configurations: {known}" if known else "")
    group = re.search(r"Could not append to config\. An item is already at '([^']+)'", message)
    if group is not None:
        return f"{group.group(1)}: is already set; remove the +"
    return first_line(error)


def is_sweep_config(document: object) -> bool:
    """Whether a file contains a sweep (``parameters`` and so on) rather than a whole job."""
    return isinstance(document, dict) and "parameters" in document and not {"sweep", "defaults"} & set(document)


def read_single(path: Path) -> Any:
    """Return the first document of ``path``. Raises ConfigError."""
    documents = read_documents(path)
    if not documents:
        raise ConfigError(
            f"{path}: is empty; write a Sweep (apiVersion, kind, metadata, spec) or a sweep configuration"
        )
    return documents[0]
