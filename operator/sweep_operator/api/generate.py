"""``make generate``: what follows from the models.

CRDs and the admission policy; roles; JSON schemas, so that editors complete and check manifests.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sweep_operator.api.admission import policies
from sweep_operator.api.crd import run_crd, sweep_crd
from sweep_operator.api.names import GROUP, MANAGED_BY
from sweep_operator.api.rbac import manifests
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun

_HEADER = "# Generated from the models by `make generate`.\n"


def generated() -> dict[str, str]:
    """Path below the root of the checkout to content."""
    files = {
        f"crds/sweeps.{GROUP}.yaml": _yaml([sweep_crd()]),
        f"crds/sweepruns.{GROUP}.yaml": _yaml([run_crd()]),
        "crds/admission-policy.yaml": _yaml(policies()),
        "deploy/rbac-namespaced.yaml": _yaml(manifests("namespace", MANAGED_BY)),
        "deploy/rbac-cluster.yaml": _yaml(manifests("cluster", MANAGED_BY)),
    }
    for name, model in (("sweep.json", Sweep), ("sweeprun.json", SweepRun)):
        schema = model.model_json_schema(by_alias=True, mode="validation")
        schema["properties"].pop("status", None)
        files[f"configs/schema/{name}"] = json.dumps(schema, indent=1, sort_keys=True) + "\n"
    return files


def _yaml(documents: Sequence[Any]) -> str:
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.representer.add_representer(_Text, lambda r, text: r.represent_scalar(_STRING, text, style="'"))
    out = io.StringIO()
    yaml.dump_all([_quoted(d) for d in documents], out)
    return _HEADER + out.getvalue()


class _Text(str):
    """Text that is written in quotes."""


_STRING = "tag:yaml.org,2002:str"
_YAML_1_1 = re.compile("y|n|yes|no|on|off|true|false", re.IGNORECASE)


def _quoted(node: Any) -> Any:
    """kubectl reads YAML 1.1, where ``n`` is false: such words in quotes."""
    if isinstance(node, dict):
        return {_quoted(k): _quoted(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_quoted(item) for item in node]
    return _Text(node) if isinstance(node, str) and _YAML_1_1.fullmatch(node) else node


def main() -> None:
    """Write the files below the working directory."""
    for name, content in generated().items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
