"""All requests to W&B through its SDK. The only module that imports wandb; child processes import it.

Sweeps are searched and created by GraphQL requests over the SDK's transport: its `Project.sweeps` sends one request per
sweep, and its `wandb.sweep` repeats a creation whose answer was lost, which creates a second sweep.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import wandb
from wandb.apis.public.service_api import ServiceApi
from wandb.errors import AuthenticationError, CommError, UsageError
from wandb.sdk.lib.service.service_connection import WandbApiFailedError

from sweep_operator.tracking.delivery.messages import Parcel, Patience, RunCard, SweepCard
from sweep_operator.tracking.delivery.rows import FoundHistory, found_history, log_rows
from sweep_operator.tracking.redirect import redirect_of
from sweep_operator.tracking.troubles import BadAddress, NoKey, WandbError, status_in

T = TypeVar("T")
PAGE = 250
_NEVER = 86_400.0
"""Seconds; longer than any request may take, so that the SDK does not retry."""
_NO_KEY = ("No API key", "No authentication")
_GRAPHQL_ERROR = "input: "
"""How errors begin that a server reports in a GraphQL answer with status 200."""
_MALFORMED_KEY = "WANDB_API_KEY invalid"
"""Prefixes of the SDK's errors that it raises before it sends a request."""
_ABOUT_RUN = (400, 409, 422)
"""Statuses that concern one run only, for example because its id was deleted: W&B never reuses an id."""
_SWEEPS = """
query GetSweeps($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50) {
  project(name: $project, entityName: $entity) {
    sweeps(after: $cursor, first: $perPage) {
      pageInfo { endCursor hasNextPage }
      edges { node { name displayName description createdAt } }
    }
  }
}
"""
_SWEEP = """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { name }
  }
}
"""
_CREATE_SWEEP = """
mutation UpsertSweep(
  $config: String, $description: String, $entityName: String, $projectName: String, $displayName: String,
  $controller: JSONString
) {
  upsertSweep(input: {
    config: $config, description: $description, entityName: $entityName, projectName: $projectName,
    displayName: $displayName, controller: $controller
  }) {
    sweep { name }
  }
}
"""


@dataclass(frozen=True)
class FoundRun:
    """A run as W&B has it."""

    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    state: str
    sweep: str | None
    url: str
    history: FoundHistory


@dataclass(frozen=True)
class FoundSweep:
    """A sweep as W&B has it."""

    id: str
    description: str
    created: str


class Project:
    """One project of the server that WANDB_BASE_URL names."""

    def __init__(self, entity: str | None, project: str, patience: Patience) -> None:
        """Raises WandbError, NoKey, BadAddress."""
        self._patience = patience
        try:
            self._api = _asking(lambda: wandb.Api(timeout=max(1, round(patience.request))))
        except ValueError:  # of its settings, only the address comes from a person
            url = os.environ.get("WANDB_BASE_URL")
            raise BadAddress(f"{url!r} is not a valid URL; write it like https://api.wandb.ai") from None
        found = entity or _asking(lambda: self._api.default_entity)
        if not found:
            raise WandbError(404, "this API key has no default entity; set spec.tracking.wandb.entity")
        self.entity: str = found
        self.project = project

    @property
    def path(self) -> str:
        """entity/project."""
        return f"{self.entity}/{self.project}"

    # -- sweeps -----------------------------------------------------------------------------------------------------

    def sweeps_called(self, name: str) -> list[FoundSweep]:
        """Sweeps with this display name, oldest first. Raises WandbError."""
        found = [
            FoundSweep(node["name"], node["description"] or "", str(node["createdAt"]))
            for node in self._sweeps()
            if node["displayName"] == name
        ]
        return sorted(found, key=lambda s: (s.created, s.id))

    def _sweeps(self) -> Iterator[Mapping[str, Any]]:
        cursor = None
        while True:
            variables = {"project": self.project, "entity": self.entity, "perPage": PAGE, "cursor": cursor}
            answer = self.ask(_SWEEPS, variables)
            sweeps = (answer.get("project") or {}).get("sweeps")
            if sweeps is None:
                return  # the project does not exist yet: W&B creates it with the first write
            yield from (edge["node"] for edge in sweeps["edges"])
            if not sweeps["pageInfo"]["hasNextPage"]:
                return
            cursor = sweeps["pageInfo"]["endCursor"]

    def create_sweep(self, card: SweepCard, method: str) -> str:
        """Create a sweep; return its id. Never retried: after a lost answer, look for the sweep. Raises WandbError."""
        config = {**card.config, "method": method}
        variables = {
            "config": json.dumps(config),  # JSON is YAML, and its floats are read as such
            "description": config["description"],
            "entityName": self.entity,
            "projectName": self.project,
            "displayName": card.display_name,
            "controller": json.dumps(config["controller"]),
        }
        known = self._api._service_api
        settings = known._settings.model_copy(
            update={"x_graphql_retry_wait_min_seconds": _NEVER, "x_graphql_retry_wait_max_seconds": _NEVER}
        )
        once = ServiceApi(settings=settings, timeout=self._patience.request)
        answer: dict[str, Any] = _asking(lambda: once.execute_graphql(_CREATE_SWEEP, variables))
        return str(answer["upsertSweep"]["sweep"]["name"])

    def sweep_url(self, sweep_id: str) -> str | None:
        """URL of a sweep; None: it does not exist. Raises WandbError.

        `Api.sweep` is not used: it cannot parse the path of a sweep in a project that is named sweeps.
        """
        answer = self.ask(_SWEEP, {"project": self.project, "entity": self.entity, "name": sweep_id})
        if ((answer.get("project") or {}).get("sweep")) is None:
            return None
        return self._api._service_api.app_url + "/".join(map(quote, (self.entity, self.project, "sweeps", sweep_id)))

    def ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a GraphQL query. Raises WandbError."""
        answer: dict[str, Any] = _asking(lambda: self._api._service_api.execute_graphql(query, variables))
        return answer

    # -- runs -------------------------------------------------------------------------------------------------------

    def runs(self, ids: Sequence[str]) -> dict[str, FoundRun]:
        """The runs that W&B has, with config and summary, in one request per 250 runs. Raises WandbError."""
        self._api.flush()  # it caches answers
        found: dict[str, FoundRun] = {}
        for start in range(0, len(ids), PAGE):
            wanted = {"name": {"$in": list(ids[start : start + PAGE])}}
            try:
                found |= _asking(lambda: self._read(wanted))  # noqa: B023 - called at once
            except ValueError:  # the project does not exist yet
                return {}
        return found

    def _read(self, filters: dict[str, Any]) -> dict[str, FoundRun]:
        runs = self._api.runs(self.path, filters=filters, per_page=PAGE, include_sweeps=False, lazy=False)
        return {
            run.id: FoundRun(
                dict(run.config), dict(run.summary_metrics), run.state, run.sweep_name, run.url, found_history(run)
            )
            for run in runs
        }

    def write(self, card: RunCard, group: str, sweep_id: str | None, known: FoundRun | None) -> None:
        """Create or resume the run, and finish it. Success does not prove that it was stored. Raises WandbError.

        ``known``: what W&B has of it.
        """
        settings = self._settings(card, group, sweep_id)
        try:
            run = wandb.init(config=dict(card.config), reinit="create_new", settings=settings, allow_val_change=True)
        except (CommError, wandb.Error) as error:
            raise self._why(card, error) from error
        if run.starting_step == 0 or (known is not None and known.history.is_ours):
            log_rows(run, card)
        run.summary.update(card.summary)
        run.finish(exit_code=1 if card.failed else 0)

    def _settings(self, card: RunCard, group: str, sweep_id: str | None) -> wandb.Settings:
        return wandb.Settings(
            entity=self.entity,
            project=self.project,
            run_id=card.id,
            resume="allow",
            run_group=group,
            run_name=card.name,
            run_job_type="trial",
            sweep_id=sweep_id,
            mode="online",
            x_skip_transaction_log=True,
            x_disable_viewer=True,
            **quiet(self._patience),
        )

    def _why(self, card: RunCard, error: Exception) -> WandbError:
        """Find the HTTP status. If the SDK's message has none, the same request by the public API returns it."""
        status, lost = status_in(str(error))
        if status is not None or lost:
            return WandbError(status, str(error), about_run=status in _ABOUT_RUN)
        try:
            _asking(lambda: self._api.create_run(run_id=card.id, project=self.project, entity=self.entity))
        except WandbError as again:
            return WandbError(again.status, str(again), about_run=again.status in _ABOUT_RUN)
        return WandbError(None, str(error))


def write_offline(parcel: Parcel, card: RunCard, folder: Path) -> Path:
    """Write the run to ``folder``/wandb/offline-run-*; return that directory. Raises WandbError.

    Its files are complete after `complete_offline`.
    """
    settings = wandb.Settings(
        entity=parcel.entity,
        project=parcel.project,
        run_id=card.id,
        run_group=parcel.group,
        run_name=card.name,
        run_job_type="trial",
        mode="offline",
        root_dir=str(folder),
        **quiet(parcel.patience),
    )
    try:
        run = wandb.init(config=dict(card.config), reinit="create_new", settings=settings)
    except wandb.Error as error:
        raise WandbError(None, str(error)) from error
    log_rows(run, card)
    run.summary.update(card.summary)
    run.finish(exit_code=1 if card.failed else 0)
    return Path(run.settings.sync_dir)


def complete_offline() -> None:
    """Wait until the SDK's process has written all files and ended: `finish` returns before the last of them."""
    wandb.teardown()


def quiet(patience: Patience) -> dict[str, Any]:
    """Settings that stop the SDK from sending data about this machine, which is not the run's machine."""
    return {
        "init_timeout": patience.open,
        "finish_timeout": patience.finish,
        "console": "off",
        "silent": True,
        "save_code": False,
        "disable_code": True,
        "disable_git": True,
        "disable_job_creation": True,
        "x_disable_meta": True,
        "x_disable_machine_info": True,
        "x_disable_stats": True,
        "x_save_requirements": False,
        "host": "",
        "program": "",
    }


def _asking(question: Callable[[], T]) -> T:
    """Ask; convert what the SDK raises to a WandbError with the HTTP status, or to NoKey."""
    try:
        return question()
    except UsageError as error:
        if str(error).startswith(_NO_KEY):
            raise NoKey(str(error)) from error
        raise WandbError(401 if "API key" in str(error) else None, str(error)) from error
    except (WandbApiFailedError, AuthenticationError, CommError) as error:
        if str(error).startswith(_MALFORMED_KEY):
            raise WandbError(401, str(error)) from error
        failure: BaseException | None = error
        while failure is not None and not isinstance(failure, WandbApiFailedError):
            failure = failure.__cause__
        response = failure.response if isinstance(failure, WandbApiFailedError) else None
        status = (response.http_status if response is not None else 0) or status_in(str(error))[0]
        text = str(failure or error)
        if status is None and text.startswith(_GRAPHQL_ERROR) and not status_in(text)[1]:
            status = 200
        url = os.environ.get("WANDB_BASE_URL", "")
        if status == 404 and (location := redirect_of(url)) is not None:
            raise BadAddress(f"{url!r} redirects to {location!r}, which is not a W&B server") from error
        raise WandbError(status, text) from error
