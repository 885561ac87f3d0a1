"""The operator's settings: every flag has an environment variable (SWEEP_OPERATOR_<FLAG>)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sweep_operator.api.errors import InvalidObject, parse
from sweep_operator.api.hardware import OperatorConfig

CHILDREN_NICE = 10
"""What one tenant asks of the optimizer and of the sandbox must not delay the lease, the probes, or passes of others.
On one machine the processes keep their priority: a slot that waits for a suggestion costs more than the suggestion.
"""


@dataclass(frozen=True)
class Options:
    """How the operator's process runs."""

    namespaces: tuple[str, ...]
    """Empty: all namespaces."""
    kubeconfig: Path | None
    context: str | None
    lease_namespace: str
    lease_name: str
    lease_seconds: float
    audit_seconds: float
    suggest_seconds: float
    optimizer_processes: int
    """0: by CPU and memory."""
    workers: int
    qps: float
    burst: int
    host: str
    port: int
    metrics_token_file: Path | None
    """None: /metrics requires no token."""
    log_level: str
    log_format: Literal["json", "text"]


class BadConfig(Exception):
    """The configuration file is invalid. The message names the file, the field and the value."""


def read_config(path: Path | None) -> OperatorConfig:
    """Read the configuration file; None: the defaults. Raises BadConfig."""
    if path is None:
        return OperatorConfig()
    try:
        body = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"--config {path}: cannot read the file: {error}") from None
    except YAMLError as error:
        raise BadConfig(f"--config {path}: not valid YAML: {' '.join(str(error).split())}") from None
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise BadConfig(f"--config {path}: must be a mapping such as {{profiles: {{gpu: {{gpus: 1}}}}}}")
    try:
        return parse(OperatorConfig, body)
    except InvalidObject as error:
        raise BadConfig("\n".join(f"--config {path}: {problem}" for problem in error.errors)) from None
