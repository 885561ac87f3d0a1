"""The W&B project that receives a Sweep's runs, and whether the operator's configuration allows it."""

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
    """Without a slash at the end."""
    entity: str | None
    """None: the default entity of the API key."""
    project: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}" if self.entity else self.project


@dataclass(frozen=True)
class NotAllowed:
    """The operator's configuration does not allow the destination: reason and message of condition TrackingSynced."""

    reason: str
    message: str


def wandb_of(sweep: Sweep) -> Wandb | None:
    """The Sweep's W&B settings. None if tracking is off."""
    wandb = sweep.spec.tracking.wandb
    return None if wandb is None or wandb.mode == "disabled" else wandb


def base_url(wandb: Wandb, allowed: Sequence[str]) -> str | None:
    """The server's address. None if the operator does not allow it. The default is the first allowed one."""
    known = [url.rstrip("/") for url in allowed]
    wanted = wandb.base_url.rstrip("/") or next(iter(known), None)
    return wanted if wanted in known else None


def destination(sweep: Sweep, config: OperatorConfig) -> Destination | NotAllowed | None:
    """Where the Sweep's runs are delivered. None if tracking is off."""
    wandb = wandb_of(sweep)
    return None if wandb is None else _allowed(sweep, wandb, "spec.tracking.wandb", config)


def warm_start_project(sweep: Sweep, source: WandbSource, config: OperatorConfig) -> Destination | NotAllowed:
    """The project of a warm start's source. A namespace can read the projects that it can write, and no others."""
    wandb = sweep.spec.tracking.wandb or Wandb()
    changes = {"base_url": source.base_url, "entity": source.entity, "project": source.project}
    named = wandb.with_(**{field: value for field, value in changes.items() if value})
    return _allowed(sweep, named, "spec.warmStart.from.wandb", config)


def known_tracking(sweep: Sweep, place: Destination) -> SweepTracking | None:
    """The recorded tracking status, if it belongs to this destination."""
    recorded = sweep.status.tracking
    if recorded is None or (recorded.base_url, recorded.project) != (place.base_url, place.project):
        return None
    return recorded if place.entity in (None, recorded.entity) else None


def _allowed(sweep: Sweep, wandb: Wandb, field: str, config: OperatorConfig) -> Destination | NotAllowed:
    """The destination of these settings, if the Sweep's namespace can use it."""
    url, namespace = base_url(wandb, config.wandb_base_urls), sweep.metadata.namespace
    if url is None:  # A Sweep could otherwise obtain the API key with a server of its own.
        known = ", ".join(config.wandb_base_urls) or "none"
        return NotAllowed(
            "BaseURLNotAllowed",
            f"{field}.baseURL: {wandb.base_url!r} is not allowed, and the API key is not sent there; use one of "
            f"{known}, or add it to wandbBaseUrls in the operator's configuration (with `sweep run`: to "
            "WANDB_BASE_URL)",
        )
    place = Destination(url, wandb.entity, wandb.project)
    # Without an entity, the project belongs to the default entity of the key: only a pattern for any entity matches.
    path = f"{place.entity or ''}/{place.project}"
    for pattern, projects in config.wandb_projects.items():
        if fnmatchcase(namespace, pattern) and any(fnmatchcase(path, project) for project in projects):
            return place
    return NotAllowed(
        "ProjectNotAllowed",
        f"{field}: namespace {namespace} must not use project {str(place)!r} with the operator's API key; add "
        f"wandbProjects: {{{namespace}: [{place.entity or '*'}/{place.project}]}} to the operator's configuration, or "
        "use another entity and project",
    )
