"""The page of one run, and its logs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from aiohttp import web

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.logs import LOG_STAGES, NoLog, latest_log
from sweep_operator.commands.output import visible_lines
from sweep_operator.commands.place import LogOptions
from sweep_operator.config.errors import ConfigError
from sweep_operator.domain.times import time_text
from sweep_operator.kube.protocol import Forbidden, NotFound, Object, TooManyRequests
from sweep_operator.ui.board import templates_of, to_bytes
from sweep_operator.ui.guard import sender_of, user_of
from sweep_operator.ui.hub import Hub
from sweep_operator.ui.requests import allowed_sweep, json_answer, number, send, stream, while_connected
from sweep_operator.ui.source import Key, Source
from sweep_operator.views.page.details import run_details
from sweep_operator.views.page.rows import run_row
from sweep_operator.views.page.run_models import RunEvent, RunPage

MOST_LOGS, MOST_LOGS_OF_ONE = 200, 20
"""Logs that all users together, and that one user reads at the same time."""
_TAIL, _MAX_TAIL = 1000, 100_000


class RunPages:
    """Answers about single runs."""

    def __init__(self, hub: Hub, source: Source) -> None:
        self._hub, self._source = hub, source
        self._logs = Counter[bytes]()
        """Logs that are being read, by user."""

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        run = "/api/sweeps/{namespace}/{name}/runs/{run}"
        return [web.get(run, self._page), web.get(f"{run}/log", self._log)]

    async def _page(self, request: web.Request) -> web.Response:
        key, user = await allowed_sweep(request), user_of(request)
        obj = await self.run_object(key, request.match_info["run"])
        sweep, run = read(Sweep, self._hub.sweep(key)), read(SweepRun, obj)
        best = await self._best(key, sweep)
        hashes = {h for r in (run, best) if r is not None and (h := r.status.template_hash) is not None}
        templates = templates_of(sweep, await user.revisions(key, hashes))
        try:
            events, note = await user.events(key, obj), []
        except Forbidden as error:
            now = time_text(datetime.now(UTC), "seconds")
            events, note = [], [RunEvent(time=now, type="Warning", reason="Forbidden", message=str(error), count=1)]
        details = run_details(sweep, run, best, events, templates)
        details = details.with_(events=[*details.events, *note])
        return json_answer(to_bytes(RunPage(row=run_row(sweep, run), **dict(details))))

    async def run_object(self, key: Key, name: str) -> Object:
        """The SweepRun of that name. Raises NotFound."""
        async with self._hub.opened(key) as board:
            uid = board.uids.get(name)
        found = [] if uid is None else await self._source.objects(key, [uid])
        if not found:
            raise NotFound(f"no run {name!r} in sweep {key.name}; it may have been deleted")
        return found[0]

    async def _best(self, key: Key, sweep: Sweep) -> SweepRun | None:
        if not sweep.status.best:
            return None
        try:
            return read(SweepRun, await self.run_object(key, sweep.status.best[0].run))
        except NotFound:
            return None

    async def _log(self, request: web.Request) -> web.StreamResponse:
        key = await allowed_sweep(request)
        await user_of(request).require("get", "pods/log", key.namespace)
        obj, wanted = await self.run_object(key, request.match_info["run"]), _log_options(request)
        try:
            with self._counted(sender_of(request)):
                return await self._send_log(request, key, obj, wanted)
        except NoLog as error:
            raise NotFound(str(error)) from None

    @contextlib.contextmanager
    def _counted(self, sender: bytes) -> Iterator[None]:
        """Count one more log. Raises TooManyRequests."""
        if self._logs[sender] >= MOST_LOGS_OF_ONE:
            raise TooManyRequests(f"you are reading {MOST_LOGS_OF_ONE} logs already; close some pages of runs")
        if self._logs.total() >= MOST_LOGS:
            raise TooManyRequests(f"all users together are reading {MOST_LOGS} logs already; try again later")
        self._logs[sender] += 1
        try:
            yield
        finally:
            self._logs[sender] -= 1
            self._logs += Counter()  # forgets those at zero

    async def _send_log(self, request: web.Request, key: Key, obj: Object, wanted: LogOptions) -> web.StreamResponse:
        async with user_of(request).place(key) as place:
            found = await place.run(place.name(obj))
            source, name = place.logs(found), place.name(found.obj)
            log = await latest_log(source, found.obj, name, wanted)
            async with stream(request, "text/plain; charset=utf-8") as response:
                await while_connected(request, _sent(response, visible_lines(source.read(log, wanted))))
            return response


async def _sent(response: web.StreamResponse, texts: AsyncIterator[str]) -> None:
    async for text in texts:
        await send(response, text.encode())


def _log_options(request: web.Request) -> LogOptions:
    query = request.query
    stage = query.get("stage") or None
    if stage is not None and stage not in LOG_STAGES:
        raise ConfigError(f"stage: must be one of {', '.join(LOG_STAGES)}, got {stage!r}")
    tail = min(number(request, "tail", _TAIL) or 0, _MAX_TAIL)
    rank = number(request, "rank", 0) or 0
    return LogOptions(stage, number(request, "attempt", None), rank, tail, query.get("follow") == "1")
