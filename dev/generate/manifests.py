"""``make generate``: files that are derived from the models.

CRDs, the admission policy, RBAC roles, chart files, and JSON schemas for completion and validation in editors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dev.generate.admission import policies
from dev.generate.chart import chart_files
from dev.generate.crd import run_crd, sweep_crd
from dev.generate.operator_policy import operator_policies
from dev.generate.rbac import manifests
from sweep_operator.api.names import GROUP, MANAGED_BY
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.yaml_files import documents_text

_HEADER = "# Generated from the models by `make generate`.\n"


def generated(root: Path) -> dict[str, str]:
    """Map from path (relative to the repository root) to content."""
    files = {
        f"crds/sweeps.{GROUP}.yaml": _yaml([sweep_crd()]),
        f"crds/sweepruns.{GROUP}.yaml": _yaml([run_crd()]),
        "crds/admission-policy.yaml": _yaml(policies()),
        "deploy/rbac-namespaced.yaml": _yaml(manifests("namespace", MANAGED_BY)),
        "deploy/rbac-cluster.yaml": _yaml(manifests("cluster", MANAGED_BY)),
        "deploy/operator-policy.yaml": _yaml(
            operator_policies(MANAGED_BY, f"['system:serviceaccount:{MANAGED_BY}:{MANAGED_BY}']")
        ),
        **chart_files(root),
    }
    for name, model in (("sweep.json", Sweep), ("sweeprun.json", SweepRun)):
        schema = model.model_json_schema(by_alias=True, mode="validation")
        schema["properties"].pop("status", None)
        files[f"configs/schema/{name}"] = json.dumps(schema, indent=1, sort_keys=True) + "\n"
    return files


def _yaml(documents: Sequence[Any]) -> str:
    return _HEADER + documents_text(documents)
