"""W&B on one's own machine: the Sweep, the key and the projects are the same person's."""

from __future__ import annotations

from collections.abc import Mapping

from sweep_operator.api.hardware import OperatorConfig


def with_own_account(config: OperatorConfig, environ: Mapping[str, str]) -> OperatorConfig:
    """Every project may be written; the server of $WANDB_BASE_URL is allowed too, and is the default then."""
    own = environ.get("WANDB_BASE_URL")
    urls = [own, *config.wandb_base_urls] if own else config.wandb_base_urls
    return config.with_(wandb_base_urls=urls, wandb_projects={"*": ["*"]})
