"""W&B in local mode: the Sweep, the API key and the projects belong to the same user."""

from __future__ import annotations

from collections.abc import Mapping

from sweep_operator.api.hardware import OperatorConfig


def with_own_account(config: OperatorConfig, environ: Mapping[str, str]) -> OperatorConfig:
    """Allow every project. Also allow the server in $WANDB_BASE_URL and make it the default."""
    own = environ.get("WANDB_BASE_URL")
    urls = [own, *config.wandb_base_urls] if own else config.wandb_base_urls
    return config.with_(wandb_base_urls=urls, wandb_projects={"*": ["*"]})
