"""What the server keeps: projects, runs, sweeps, and who may see them. Everything is plain data that goes into JSON."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

HEARTBEAT_TIMEOUT_S = 300.0
"""A running run that has been silent for so long is shown as crashed."""


class Refused(Exception):
    """The request is answered with this HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Account:
    """An API key and what it may do: ``entities`` maps an entity to "write" or "read"; others do not exist for it.

    ``projects`` narrows that: "entity/project" -> "write", "read" or "none".
    """

    key: str
    username: str = "tester"
    entities: Mapping[str, Literal["write", "read"]] = field(default_factory=lambda: {"acme": "write"})
    projects: Mapping[str, Literal["write", "read", "none"]] = field(default_factory=dict)

    def may(self, entity: str, project: str) -> Literal["write", "read", "none"]:
        return self.projects.get(f"{entity}/{project}", self.entities.get(entity, "none"))


@dataclass
class Project:
    number: int
    entity: str
    name: str
    created: float
    description: str = ""

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.name}"


@dataclass
class Run:
    """``config`` and ``summary`` as the server stores them: config values stand in ``{"value": ...}``."""

    number: int
    entity: str
    project: str
    name: str
    created: float
    heartbeat: float
    username: str
    display_name: str = ""
    description: str | None = None
    notes: str | None = None
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    commit: str | None = None
    host: str | None = None
    program: str | None = None
    sweep: str | None = None
    state: str = "running"
    exit_code: int | None = None
    should_stop: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    deleted: bool = False
    upserts: int = 0
    """How often UpsertBucket wrote this run."""

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def values(self) -> dict[str, Any]:
        """The config as ``run.config`` shows it."""
        return {
            key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
            for key, entry in self.config.items()
            if key not in ("_wandb", "wandb_version")
        }

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The history."""
        return [json.loads(line) for line in self.history]


@dataclass
class Sweep:
    number: int
    entity: str
    project: str
    name: str
    created: float
    updated: float
    config: str
    display_name: str | None = None
    description: str | None = None
    state: str = "PENDING"
    method: str = "random"
    controller: str | None = None
    scheduler: str | None = None
    prior_runs_filters: str | None = None

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"


@dataclass
class Artifact:
    number: int
    entity: str
    project: str
    collection: str
    type: str
    digest: str
    created: float
    run: str | None = None
    description: str | None = None
    metadata: str = "{}"
    aliases: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    state: str = "PENDING"
    version: int | None = None

    @property
    def id(self) -> str:
        return f"QXJ0aWZhY3Q{self.number:05d}"

    @property
    def collection_path(self) -> str:
        return f"{self.entity}/{self.project}/{self.collection}"

    @property
    def path(self) -> str:
        return self.id


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> float:
    return time.time()


def go_json(value: Any) -> Any:
    """Numbers as a server in Go stores JSON: every number is a float64, and whole ones come back without a point."""
    if isinstance(value, dict):
        return {key: go_json(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [go_json(entry) for entry in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    number = float(value)
    if not math.isfinite(number):
        raise Refused(400, f"invalid JSON: {value} is no number of JSON")
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def json_object(text: str | None, what: str) -> dict[str, Any]:
    """
    Raises:
        Refused: ``text`` is no JSON object.
    """
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise Refused(400, f"{what} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refused(400, f"{what} is no JSON object but {type(value).__name__}")
    return dict(go_json(value))
