"""The parameter files of a run: nested YAML, Hydra overrides, flat JSON, and the reporting script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

from sweep_operator.api.model import Scalar
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.identity import run_display_name, run_seed
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.domain.value_text import hydra_value, yaml_value

CONFIG_FILE = "train_config_overrides.yaml"
OVERRIDES_FILE = "overrides.txt"
PARAMS_FILE = "params.json"
REPORT_FILE = "sweep_report.py"
WANDB_FILE = "wandb_parameters.yaml"


def run_parameters(run: SweepRun, template: RunTemplate) -> dict[str, Scalar]:
    """The parameters of the run merged over ``fixed``: dotted path -> value."""
    return {**template.fixed, **run.parameters}


def parameter_files(sweep: Sweep, run: SweepRun, template: RunTemplate, name: str | None = None) -> dict[str, str]:
    """Return file name -> content. ``name``: another name for the run."""
    parameters = run_parameters(run, template)
    wandb = {} if sweep.spec.tracking.wandb is None else {WANDB_FILE: wandb_text(parameters)}
    return {
        CONFIG_FILE: config_text(sweep, run, parameters, name or run_display_name(sweep, run)),
        OVERRIDES_FILE: "".join(f"{path}={hydra_value(value)}\n" for path, value in parameters.items()),
        PARAMS_FILE: json.dumps(parameters, indent=1) + "\n",
        REPORT_FILE: resources.files("sweep_operator.manifests").joinpath("report_script.txt").read_text(),
        **wandb,
    }


def wandb_text(parameters: Mapping[str, Scalar]) -> str:
    """The file that `wandb agent` writes for a run; wandb.init reads it into wandb.config ($WANDB_SWEEP_PARAM_PATH).

    A dotted path is also nested, as in W&B sweeps with nested parameters.
    """
    lines = [f"{_key(path)}:\n  value: {yaml_value(value)}\n" for path, value in parameters.items()]
    nested = _tree({path: value for path, value in parameters.items() if "." in path}, {})
    for key, inner in nested.items():
        assert isinstance(inner, Mapping)
        lines += [f"{_key(key)}:\n  value:\n", *_lines(inner, "    ")]
    return "".join(["wandb_version: 1\n", *lines])


def config_text(sweep: Sweep, run: SweepRun, parameters: Mapping[str, Scalar], name: str) -> str:
    """``train_config_overrides.yaml``: the identity of the run, then its parameters as nested mappings.

    ``run_dir`` is an OmegaConf interpolation, because the directory differs between machines and the file does not.
    """
    tree: dict[str, object] = {
        "run": name,
        "run_dir": "${oc.env:SWEEP_RUN_DIR}",
        "seed": run_seed(sweep, run),
        "sweep_name": sweep.display_name,
        "wandb": {"group": sweep.display_name, "name": name},
    }
    return "".join(_lines(_tree(parameters, tree), ""))


def _tree(parameters: Mapping[str, Scalar], tree: dict[str, object]) -> dict[str, object]:
    """Add the parameters to ``tree``, as nested mappings."""
    for path, value in parameters.items():
        *parents, leaf = path.split(".")
        at = tree
        for part in parents:
            inner = at.get(part)
            if not isinstance(inner, dict):
                inner = at[part] = {}
            at = inner
        at[leaf] = value
    return tree


def _lines(tree: Mapping[str, object], indent: str) -> list[str]:
    lines = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{_key(key)}:\n", *_lines(value, indent + "  ")]
        elif isinstance(value, (bool, int, float, str)):
            lines.append(f"{indent}{_key(key)}: {yaml_value(value)}\n")
    return lines


def _key(key: str) -> str:
    """Quote the words that YAML 1.1 reads as booleans, such as y, no and on."""
    return json.dumps(key) if key.lower() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null") else key
