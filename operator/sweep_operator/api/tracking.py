"""Where a Sweep's runs are tracked, and whether the operator's configuration lets them go there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.status import SweepTracking
from sweep_operator.api.sweep import Sweep, Wandb
from sweep_operator.api.warm_start import WandbSource


@dataclass(frozen=True)
class Destination:
    """One project of one W&B server."""

    base_url: str
    """Without a slash at its end."""
    entity: str | None
    """None: the key's own."""
    project: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}" if self.entity else self.project


@dataclass(frozen=True)
class Barred:
    """Why nothing may go there: the reason and message of the condition TrackingSynced."""

    reason: str
    message: str


def wandb_of(sweep: Sweep) -> Wandb | None:
    """What the Sweep says about W&B; None where it is off."""
    wandb = sweep.spec.tracking.wandb
    return None if wandb is None or wandb.mode == "disabled" else wandb


def base_url(wandb: Wandb, allowed: Sequence[str]) -> str | None:
    """The server; None where the operator does not allow it. The first one allowed is the default."""
    if not wandb.base_url:
        return allowed[0].rstrip("/") if allowed else None
    wanted = wandb.base_url.rstrip("/")
    return wanted if wanted in (url.rstrip("/") for url in allowed) else None


def destination(sweep: Sweep, config: OperatorConfig) -> Destination | Barred | None:
    """Where its runs go; None where tracking is off. A Sweep could steal the key by a server of its own."""
    wandb = wandb_of(sweep)
    if wandb is None:
        return None
    url = base_url(wandb, config.wandb_base_urls)
    if url is None:
        known = ", ".join(config.wandb_base_urls) or "none"
        text = (
            f"spec.tracking.wandb.baseURL: {wandb.base_url!r} is not allowed, and nothing is sent there, nor do pods "
            f"get the key; use one of {known}, or add it to wandbBaseUrls in the operator's configuration "
            "(with `sweep run`: to WANDB_BASE_URL)"
        )
        return Barred("BaseURLNotAllowed", text)
    there = Destination(url, wandb.entity, wandb.project)
    if not may_use(sweep.metadata.namespace, there, config):
        entity = wandb.entity or "*"
        text = (
            f"spec.tracking.wandb: the operator's key does not serve project {str(there)!r} for namespace "
            f"{sweep.metadata.namespace}; add wandbProjects: {{{sweep.metadata.namespace}: "
            f"[{entity}/{wandb.project}]}} to its configuration, or name another entity and project"
        )
        return Barred("ProjectNotAllowed", text)
    return there


def known_place(sweep: Sweep, there: Destination) -> SweepTracking | None:
    """What the status knows of ``there``; what it knows of another place is worth nothing."""
    was = sweep.status.tracking
    if was is None or (was.base_url, was.project) != (there.base_url, there.project):
        return None
    return was if there.entity in (None, was.entity) else None


def source_place(sweep: Sweep, source: WandbSource, config: OperatorConfig) -> Destination | Barred:
    """The project of a source of the warm start: what the key may not write for a namespace it must not read for it."""
    wandb = sweep.spec.tracking.wandb or Wandb()
    named = wandb.with_(base_url=source.base_url or wandb.base_url)
    url = base_url(named, config.wandb_base_urls)
    if url is None:
        known = ", ".join(config.wandb_base_urls) or "none"
        text = (
            f"spec.warmStart.from.wandb.baseURL: {named.base_url!r} is not allowed; use one of {known}, or add it to "
            "wandbBaseUrls in the operator's configuration (with `sweep run`: to WANDB_BASE_URL)"
        )
        return Barred("BaseURLNotAllowed", text)
    there = Destination(url, source.entity or wandb.entity, source.project or wandb.project)
    if not may_use(sweep.metadata.namespace, there, config):
        text = (
            f"spec.warmStart.from.wandb: the operator's key does not serve project {str(there)!r} for namespace "
            f"{sweep.metadata.namespace}; add wandbProjects: {{{sweep.metadata.namespace}: "
            f"[{there.entity or '*'}/{there.project}]}} to its configuration"
        )
        return Barred("ProjectNotAllowed", text)
    return there


def may_use(namespace: str, there: Destination, config: OperatorConfig) -> bool:
    """Whether the operator's key serves the project for the namespace."""
    # An entity that is not named is the key's own: only a pattern that takes any entity admits it.
    path = f"{there.entity or ''}/{there.project}"
    return any(
        fnmatchcase(namespace, who) and any(fnmatchcase(path, pattern) for pattern in patterns)
        for who, patterns in config.wandb_projects.items()
    )
