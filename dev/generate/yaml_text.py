"""Objects as YAML files that are committed: every tool that reads them, of YAML 1.1 too, reads the same."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML


def yaml_text(documents: Sequence[Any]) -> str:
    """One file. Long text is folded."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.representer.add_representer(_Text, lambda r, text: r.represent_scalar(_STRING, text, style="'"))
    out = io.StringIO()
    yaml.dump_all([_quoted(d) for d in documents], out)
    return out.getvalue()


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
