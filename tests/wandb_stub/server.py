"""A small W&B server in a thread of the test's own process."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.wandb_stub.app import App, Rejected, Seen
from tests.wandb_stub.control import add_routes
from tests.wandb_stub.faults import Faults
from tests.wandb_stub.records import HEARTBEAT_TIMEOUT_S, Account, Artifact, Project, Run, Sweep, now
from tests.wandb_stub.state import SWEEP_METHODS, State

KEY = "k" * 86
"""The key of the account that is there when no other is given; as long as W&B's keys are today."""
FEATURES = frozenset({"SWEEPS_QUERY_FILTERING", "SDK_DUMMY_FEATURE"})


class WandbServer:
    """W&B's API on 127.0.0.1: ``with WandbServer() as server: ... server.url ... server.runs()``.

    ``stop`` and ``start`` are an outage: the port and everything that was stored stay.

    Args:
        accounts: who may do what; without any there is one with the key ``KEY`` that may write to entity "acme".
        create_projects: whether writing to a project that is missing creates it, as W&B does.
        journal: a file that keeps everything that was answered, for a server that is killed.
        latency: seconds that every request takes.
        max_page: no page holds more records, whatever is asked for.
        heartbeat_timeout: seconds after which a silent run is crashed.
        sweep_methods: the methods of sweeps that are accepted.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        *,
        port: int = 0,
        create_projects: bool = True,
        journal: Path | None = None,
        latency: float = 0.0,
        max_page: int = 1000,
        heartbeat_timeout: float = HEARTBEAT_TIMEOUT_S,
        sweep_methods: frozenset[str] = SWEEP_METHODS,
        features: frozenset[str] = FEATURES,
        clock: Callable[[], float] = now,
    ) -> None:
        self.port = port
        self.faults = Faults()
        self._state = State(
            list(accounts) or [Account(KEY)],
            create_projects=create_projects,
            journal=journal,
            clock=clock,
            heartbeat_timeout=heartbeat_timeout,
            sweep_methods=sweep_methods,
        )
        self._app = App(self._state, self.faults, features=features, max_page=max_page, latency=latency)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    # -- life ----------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """
        Raises:
            OSError: the port is taken.
        """
        started = threading.Event()
        failure = list[BaseException]()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started, failure)), name="wandb-stub", daemon=True
        )
        self._thread.start()
        started.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]
        return self

    def stop(self) -> None:
        """The server is gone: open connections are cut, new ones refused."""
        if self._thread is None:
            return
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self._app.errors:
            raise AssertionError("the test server has a defect") from self._app.errors[0]

    async def _serve(self, started: threading.Event, failure: list[BaseException]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        app = self._app.web_application()
        add_routes(app, self)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        try:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
            await site.start()
            self.port = runner.addresses[0][1]
        except BaseException as error:
            failure.append(error)
            started.set()
            return
        started.set()
        await self._stopping.wait()
        await site.stop()
        self._app.cut_connections()
        await runner.cleanup()

    # -- what is there -------------------------------------------------------------------------------------------------

    def runs(self, project: str | None = None, *, deleted: bool = False) -> list[Run]:
        """Copies of the runs in the order of their creation; ``project``: "entity/project"."""
        runs = self._state.all_runs(deleted=deleted)
        return [run for run in runs if project in (None, f"{run.entity}/{run.project}")]

    def run(self, path: str) -> Run:
        """A copy of the run "entity/project/id".

        Raises:
            KeyError: there is no such run.
        """
        return {run.path: run for run in self._state.all_runs()}[path]

    def sweeps(self, project: str | None = None) -> list[Sweep]:
        sweeps = self._state.all_sweeps()
        return [sweep for sweep in sweeps if project in (None, f"{sweep.entity}/{sweep.project}")]

    def projects(self) -> list[Project]:
        return self._state.all_projects()

    def artifacts(self) -> list[Artifact]:
        return self._state.all_artifacts()

    def requests(self, operation: str | None = None, *, otel: bool = False) -> list[Seen]:
        """What was asked so far; ``operation``: a GraphQL operation or "file_stream", "upload", "download"."""
        seen = list(self._app.seen)
        return [
            request for request in seen if operation in (None, request.operation) and (otel or request.route != "otel")
        ]

    def wait_for(self, operation: str, count: int = 1, timeout: float = 300) -> list[Seen]:
        """The requests for an operation, once there are so many.

        Raises:
            TimeoutError: there were fewer after ``timeout`` seconds.
        """
        with self._app.came:
            if not self._app.came.wait_for(lambda: len(self.requests(operation)) >= count, timeout):
                raise TimeoutError(
                    f"{len(self.requests(operation))} requests for {operation} in {timeout} s, not {count}"
                )
            return self.requests(operation)

    def forget_requests(self) -> None:
        """``requests`` begins anew."""
        self._app.seen.clear()

    def rejected(self) -> list[Rejected]:
        """The GraphQL requests that the schema does not know."""
        return list(self._app.rejected)

    def defects(self) -> list[BaseException]:
        """Errors of the test server itself; leaving ``with`` raises the first."""
        return list(self._app.errors)

    def file(self, path: str) -> bytes | None:
        """An uploaded file: "entity/project/run/name"."""
        return self._state.file(path)

    # -- what a test arranges ------------------------------------------------------------------------------------------

    @property
    def latency(self) -> float:
        return self._app.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._app.latency = seconds

    def make_lists_stale(self, seconds: float) -> None:
        """Lists show runs as they were so many seconds ago; runs that were created earlier are missing for good."""
        self._state.stale = seconds

    def add_account(self, account: Account) -> None:
        """Adds a key, or changes what it may do."""
        with self._state.lock:
            self._state.accounts[account.key] = account

    def remove_account(self, key: str) -> None:
        """The key is refused from now on (401)."""
        with self._state.lock:
            del self._state.accounts[key]

    def add_project(self, path: str) -> None:
        """Adds the project "entity/project"."""
        self._state.add_project(*path.split("/"))

    def add_run(self, path: str, *, state: str = "finished", created: float | None = None, **fields: Any) -> Run:
        """Adds the run "entity/project/id"; ``config`` holds plain values; its project is created with it."""
        entity, project, name = path.split("/")
        config = {key: {"value": value, "desc": None} for key, value in fields.pop("config", {}).items()}
        with self._state.lock:
            known = self._state.all_projects()
            found = next((p for p in known if p.path == f"{entity}/{project}"), None)
            found = found or self._state.add_project(entity, project)
            run, _ = self._state.upsert_run(found, name, "tester", {})
            run.config, run.state = config, state
            run.heartbeat = run.created = self._state.clock() if created is None else created
            for field, value in fields.items():
                if not hasattr(run, field):
                    raise TypeError(f"a run has no field {field}")
                setattr(run, field, value)
            self._state.keep(run)
            return copy.deepcopy(run)

    def change_run(self, path: str, **fields: Any) -> None:
        """Writes fields of a run past all rules, for example ``state="crashed"``."""
        with self._state.lock:
            run = self._state.run(*path.split("/"))
            if run is None:
                raise KeyError(path)
            for field, value in fields.items():
                if not hasattr(run, field):
                    raise TypeError(f"a run has no field {field}")
                setattr(run, field, value)
            self._state.keep(run)

    def add_sweep(self, project: str, config: str, display_name: str | None = None) -> Sweep:
        """Adds a sweep to "entity/project"; ``config``: its YAML."""
        with self._state.lock:
            found = next((p for p in self._state.all_projects() if p.path == project), None)
            found = found or self._state.add_project(*project.split("/"))
            fields = {"config": config, "display_name": display_name}
            return copy.deepcopy(self._state.upsert_sweep(found, None, fields))
