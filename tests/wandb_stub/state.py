"""The server's memory, safe to read from any thread, and its journal: what was answered survives a killed process."""

from __future__ import annotations

import base64
import copy
import re
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from tests.wandb_stub.journal import Journal
from tests.wandb_stub.records import (
    HEARTBEAT_TIMEOUT_S,
    Account,
    Artifact,
    Project,
    Refused,
    Run,
    Sweep,
    json_object,
    now,
)

RESERVED = frozenset(":;,#?/'")
"""What a run id must not hold."""
SWEEP_METHODS = frozenset({"grid", "random", "bayes", "custom"})


def node_id(kind: str, *parts: str) -> str:
    return base64.b64encode(":".join((kind, "v1", *parts)).encode()).decode()


def parts_of(node: str, kind: str) -> tuple[str, ...]:
    """
    Raises:
        Refused: ``node`` is no id of a ``kind``.
    """
    try:
        found, _, *parts = base64.b64decode(node, validate=True).decode().split(":")
    except ValueError:
        found, parts = "", []
    if found != kind or len(parts) != 3:
        raise Refused(404, f"{kind.lower()} {node} not found")
    return tuple(parts)


class State:
    """Projects, runs, sweeps and uploaded files. Every change happens under ``lock``."""

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        *,
        create_projects: bool = True,
        journal: Path | None = None,
        clock: Callable[[], float] = now,
        heartbeat_timeout: float = HEARTBEAT_TIMEOUT_S,
        sweep_methods: frozenset[str] = SWEEP_METHODS,
    ) -> None:
        self.lock = threading.RLock()
        self.accounts = {account.key: account for account in accounts}
        self.create_projects = create_projects
        self.clock, self.heartbeat_timeout, self.sweep_methods = clock, heartbeat_timeout, sweep_methods
        self._projects = dict[str, Project]()
        self._runs = dict[str, Run]()
        self._sweeps = dict[str, Sweep]()
        self._files = dict[str, bytes]()
        self.artifacts = dict[str, Artifact]()
        self.stale = 0.0
        """Lists of runs are as old as this, in seconds; in this time a new run is missing."""
        self._versions = dict[str, list[tuple[float, Run]]]()
        self._journal = None if journal is None else Journal(journal)
        for entry in self._journal.entries() if self._journal is not None else ():
            self._replay(entry)

    # -- the journal ---------------------------------------------------------------------------------------------------

    def keep(self, record: Project | Run | Sweep | Artifact) -> None:
        """Writes the record down: after this the answer may go out."""
        if self.stale and isinstance(record, Run):
            self._versions.setdefault(record.path, []).append((time.monotonic(), copy.deepcopy(record)))
        if self._journal is not None:
            self._journal.write({"kind": type(record).__name__, "record": asdict(record)})

    def _replay(self, entry: Mapping[str, Any]) -> None:
        if entry["kind"] == "file":
            self._files[entry["path"]] = base64.b64decode(entry["content"])
            return
        kinds: dict[str, tuple[type[Any], dict[str, Any]]] = {
            "Project": (Project, self._projects),
            "Run": (Run, self._runs),
            "Sweep": (Sweep, self._sweeps),
            "Artifact": (Artifact, self.artifacts),
        }
        kind, known = kinds[entry["kind"]]
        record = kind(**entry["record"])
        known[record.path] = record

    # -- projects ------------------------------------------------------------------------------------------------------

    def project(self, account: Account | None, entity: str, name: str) -> Project | None:
        """The project as the account sees it: one that it may not read does not exist."""
        if account is None or account.may(entity, name) == "none":
            return None
        return self._projects.get(f"{entity}/{name}")

    def projects(self, account: Account, entity: str) -> list[Project]:
        return [p for p in self._projects.values() if p.entity == entity and account.may(entity, p.name) != "none"]

    def writable(self, account: Account | None, entity: str, name: str, during: str) -> Project:
        """The project to write to, created when the account may write to its entity.

        Raises:
            Refused: 401, 403 or 404 as the real server says it.
        """
        if account is None:
            raise Refused(401, "user is not logged in")
        right = account.may(entity, name)
        if right == "none" and not any(entity in known.entities for known in self.accounts.values()):
            raise Refused(404, f"entity {entity} not found during {during}")
        if right != "write":
            raise Refused(403, "permission denied")
        project = self._projects.get(f"{entity}/{name}")
        if project is None:
            if not self.create_projects:
                raise Refused(404, f"project {entity}/{name} not found during {during}")
            project = self.add_project(entity, name)
        return project

    def add_project(self, entity: str, name: str) -> Project:
        with self.lock:
            project = Project(len(self._projects) + 1, entity, name, self.clock())
            self._projects[project.path] = project
            self.keep(project)
            return project

    # -- runs ----------------------------------------------------------------------------------------------------------

    def run(self, entity: str, project: str, name: str) -> Run | None:
        run = self._runs.get(f"{entity}/{project}/{name}")
        if run is None or run.deleted:
            return None
        if run.state == "running" and self.clock() - run.heartbeat > self.heartbeat_timeout:
            run.state = "crashed"
        return run

    def run_by_id(self, node: str) -> Run:
        name, project, entity = parts_of(node, "Run")
        run = self.run(entity, project, name)
        if run is None:
            raise Refused(404, f"run {entity}/{project}/{name} not found")
        return run

    def runs_of(self, entity: str, project: str, sweep: str | None = None) -> list[Run]:
        paths = [path for path, run in self._runs.items() if run.entity == entity and run.project == project]
        found = [self.run(*path.split("/")) for path in paths]
        return [run for run in found if run is not None and (sweep is None or run.sweep == sweep)]

    def listed_runs(self, entity: str, project: str) -> list[Run]:
        """Runs as a list shows them."""
        runs = self.runs_of(entity, project)
        if not self.stale:
            return runs
        until = time.monotonic() - self.stale
        old = [[run for at, run in self._versions.get(found.path, []) if at <= until] for found in runs]
        return [versions[-1] for versions in old if versions]

    def upsert_run(self, project: Project, name: str, username: str, fields: Mapping[str, Any]) -> tuple[Run, bool]:
        """Creates the run or writes ``fields`` into it; None leaves a field as it is.

        Raises:
            Refused: the id was used before and deleted (409), is no id (400), or the sweep does not exist (404).
        """
        if not name or RESERVED & set(name) or len(name) > 128:
            raise Refused(400, f"invalid run name {name!r}: up to 128 characters, none of {''.join(sorted(RESERVED))}")
        path = f"{project.path}/{name}"
        run = self._runs.get(path)
        if run is not None and run.deleted:
            raise Refused(409, f"run {path} was previously created and deleted; try a new run name")
        sweep = fields.get("sweep")
        if sweep and f"{project.path}/{sweep}" not in self._sweeps:
            raise Refused(404, f"sweep {project.path}/{sweep} not found during upsertBucket")
        config, summary = fields.get("config"), fields.get("summary")
        contents = {
            "config": None if config is None else json_object(config, "config"),
            "summary": None if summary is None else json_object(summary, "summaryMetrics"),
        }
        inserted = run is None
        if run is None:
            time = self.clock()
            run = Run(len(self._runs) + 1, project.entity, project.name, name, time, time, username, display_name=name)
            self._runs[path] = run
        for field, value in (dict(fields) | contents).items():
            if value is not None:
                setattr(run, field, value)
        run.upserts += 1
        run.heartbeat = self.clock()
        if run.sweep:
            self._sweep_runs(f"{project.path}/{run.sweep}")
        self.keep(run)
        return run, inserted

    def delete_run(self, run: Run) -> None:
        run.deleted = True
        self.keep(run)

    # -- sweeps --------------------------------------------------------------------------------------------------------

    def sweep(self, entity: str, project: str, name: str) -> Sweep | None:
        return self._sweeps.get(f"{entity}/{project}/{name}")

    def sweep_by_id(self, node: str) -> Sweep:
        name, project, entity = parts_of(node, "Sweep")
        sweep = self.sweep(entity, project, name)
        if sweep is None:
            raise Refused(404, f"sweep {entity}/{project}/{name} not found")
        return sweep

    def sweeps_of(self, entity: str, project: str) -> list[Sweep]:
        return [sweep for sweep in self._sweeps.values() if sweep.entity == entity and sweep.project == project]

    def _sweep_runs(self, path: str) -> None:
        sweep = self._sweeps[path]
        if sweep.state == "PENDING":
            sweep.state = "RUNNING"
            self.keep(sweep)

    def upsert_sweep(self, project: Project, sweep: Sweep | None, fields: Mapping[str, Any]) -> Sweep:
        """
        Raises:
            Refused: the config is no sweep configuration.
        """
        text = fields.get("config")
        config = self._sweep_config(text) if text is not None else None
        if sweep is None:
            if config is None:
                raise Refused(400, "upsertSweep needs a config to create a sweep")
            name = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
            time = self.clock()
            sweep = Sweep(len(self._sweeps) + 1, project.entity, project.name, name, time, time, text or "")
            self._sweeps[sweep.path] = sweep
        for field, value in fields.items():
            if value is not None:
                setattr(sweep, field, value)
        if config is not None:
            sweep.method = str(config["method"])
            sweep.display_name = fields.get("display_name") or config.get("name") or sweep.display_name
            sweep.description = fields.get("description") or config.get("description") or sweep.description
        sweep.updated = self.clock()
        self.keep(sweep)
        return sweep

    def _sweep_config(self, text: str) -> dict[str, Any]:
        try:
            config = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise Refused(400, f"Invalid sweep config: {error}") from None
        for section in ("method", "parameters"):
            if not isinstance(config, dict) or not config.get(section):
                raise Refused(400, f"Invalid sweep config: Sweep config must contain {section} section")
        if config["method"] not in self.sweep_methods:
            allowed = ", ".join(sorted(self.sweep_methods))
            raise Refused(400, f"Invalid sweep config: method {config['method']!r} is none of {allowed}")
        for number in re.findall(r"[-+]?\.(?:inf|nan)\b", text, re.IGNORECASE):
            # the real server turns the YAML into JSON, which has no such numbers
            raise Refused(500, f"invalid character {number.lstrip('-+.')[0].upper()!r} looking for beginning of value")
        return dict(config)

    # -- files ---------------------------------------------------------------------------------------------------------

    def put_file(self, path: str, content: bytes) -> None:
        with self.lock:
            self._files[path] = content
            if self._journal is not None:
                self._journal.write({"kind": "file", "path": path, "content": base64.b64encode(content).decode()})

    def file(self, path: str) -> bytes | None:
        return self._files.get(path)

    def files_below(self, prefix: str) -> list[str]:
        return sorted(path.removeprefix(prefix) for path in self._files if path.startswith(prefix))

    # -- copies for tests ----------------------------------------------------------------------------------------------

    def all_runs(self, *, deleted: bool = False) -> list[Run]:
        with self.lock:
            for path in self._runs:
                self.run(*path.split("/"))  # notices silence
            return [copy.deepcopy(run) for run in self._runs.values() if deleted or not run.deleted]

    def all_sweeps(self) -> list[Sweep]:
        with self.lock:
            return [copy.deepcopy(sweep) for sweep in self._sweeps.values()]

    def all_artifacts(self) -> list[Artifact]:
        with self.lock:
            return [copy.deepcopy(artifact) for artifact in self.artifacts.values()]

    def all_projects(self) -> list[Project]:
        with self.lock:
            return [copy.deepcopy(project) for project in self._projects.values()]
