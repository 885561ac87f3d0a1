"""``POST /api/actions``: changes, by the code of the commands, and their previews."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from sweep_operator.api.errors import FieldError, InvalidObject
from sweep_operator.api.model import Scalar
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.add import Source as AddedFrom
from sweep_operator.commands.add import add_runs
from sweep_operator.commands.change import Change, assignment, command_line
from sweep_operator.commands.control import resume_sweeps, stop_named, suspend_sweeps
from sweep_operator.commands.limits import set_limits
from sweep_operator.commands.place import Place
from sweep_operator.commands.retry import retry_runs
from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.protocol import Forbidden, KubeError, Object
from sweep_operator.ui.board import to_bytes
from sweep_operator.ui.guard import user_of
from sweep_operator.ui.hub import Hub
from sweep_operator.ui.predicted_cost import cost_of_similar_runs
from sweep_operator.ui.requests import json_answer, json_body, require_visible
from sweep_operator.ui.runs import RunPages
from sweep_operator.ui.serving import Serving
from sweep_operator.ui.source import Key, Resource, User, Verb
from sweep_operator.views.page.explanations import AskPredict, Predicted
from sweep_operator.views.page.messages import ActionAnswer, ActionRequest, PredictedCost
from sweep_operator.views.page.sweeps import sweep_row

_MODEL_SECONDS = 3.0
"""So long a preview waits for the model; then similar runs predict the cost."""
_Do = Callable[[Change], Awaitable[None]]


class _Collected:
    """Keeps what a change says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def say(self, line: str) -> None:
        """Keep a result."""
        self.lines.append(line)

    def note(self, line: str) -> None:
        """Keep a note."""
        self.notes.append(line)


class Actions:
    """Carries out actions with the rights of their sender."""

    def __init__(self, serving: Serving, hub: Hub, pages: RunPages) -> None:
        self._serving, self._hub, self._pages = serving, hub, pages
        self._predictions: set[asyncio.Task[PredictedCost | None]] = set()

    def route(self) -> web.RouteDef:
        """The only one."""
        return web.post("/api/actions", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        ask = ActionRequest.model_validate_json(await json_body(request))
        key, user, said = Key(ask.namespace, ask.sweep), user_of(request), _Collected()
        await require_visible(request, key)
        await self._hub.until_ready()
        sweep = self._hub.sweep(key)
        run = None if ask.run is None or ask.action == "add" else await self._pages.run_object(key, ask.run)
        try:
            await user.require(*_right(ask), key.namespace)
        except Forbidden as error:
            if not ask.preview:
                raise
            said.note(str(error))

        async def work(place: Place) -> str:
            words, do = _action(ask, place, sweep, run)
            await do(Change(place, said, self._serving.server.command, dry_run=ask.preview))
            said.notes += place.notes()
            return command_line(self._serving.server.command, [*words, *self._serving.where(key.namespace)])

        command = await user.act(key, work)
        creates = ask.preview and ask.action in ("add", "retry")
        predicted = await self._predicted_cost(key, user, sweep, run, ask) if creates else None
        message = "\n".join(said.lines) or None
        return json_answer(
            to_bytes(ActionAnswer(command=command, notes=said.notes, predicted_cost=predicted, message=message))
        )

    async def _predicted_cost(
        self, key: Key, user: User, sweep: Object, run: Object | None, ask: ActionRequest
    ) -> PredictedCost | None:
        """By the model if it is at hand, else by similar runs: no process starts for a preview."""
        parsed = read(Sweep, sweep)
        parameters = ask.parameters or {} if run is None else read(SweepRun, run).parameters
        unit = sweep_row(parsed).cost_unit
        if (found := await self._by_model(key, user, parameters, unit)) is not None:
            return found
        async with self._hub.opened(key) as board:
            rows = list(board.models.values())
        return await asyncio.to_thread(cost_of_similar_runs, parsed, rows, parameters, unit)

    async def _by_model(
        self, key: Key, user: User, parameters: Mapping[str, Scalar], unit: str
    ) -> PredictedCost | None:
        if self._serving.explainer is None or not self._serving.explainer.ready:
            return None
        task = asyncio.create_task(self._ask_model(key, user, parameters, unit))
        self._predictions.add(task)  # one that takes longer goes on: the model is then ready for the next question
        task.add_done_callback(self._predictions.discard)
        done, _ = await asyncio.wait({task}, timeout=_MODEL_SECONDS)
        return task.result() if done else None

    async def _ask_model(
        self, key: Key, user: User, parameters: Mapping[str, Scalar], unit: str
    ) -> PredictedCost | None:
        assert self._serving.explainer is not None
        try:
            found = await self._serving.explainer.answer(key, AskPredict(parameters=dict(parameters)), user)
        except (ConfigError, KubeError, InvalidObject):
            return None
        if not isinstance(found, Predicted) or found.cost is None:
            return None
        return PredictedCost(low=found.cost.low, median=found.cost.expected, high=found.cost.high, unit=unit)


def _right(ask: ActionRequest) -> tuple[Verb, Resource]:
    """What the action needs."""
    if ask.action in ("add", "retry"):
        return "create", "sweepruns"
    return "patch", "sweepruns" if ask.action == "stop" and ask.run is not None else "sweeps"


def _action(ask: ActionRequest, place: Place, sweep: Object, run: Object | None) -> tuple[Sequence[str], _Do]:
    """The words of the command, and what it does. Raises InvalidObject."""
    name = place.name(sweep)
    parameters, limits = ask.parameters or {}, ask.limits or {}
    if ask.action == "add":
        if not parameters:
            raise InvalidObject([FieldError("parameters", "must contain at least one parameter")])
        named = [] if ask.run is None else ["--name", ask.run]
        words = ["add", name, *(assignment(path, value) for path, value in parameters.items()), *named]
        return words, lambda change: add_runs(change, name, [("", parameters)], AddedFrom(name=ask.run))
    if ask.action == "limits":
        if not limits:
            raise InvalidObject([FieldError("limits", "must contain at least one limit")])
        words = ["limits", name, *(assignment(limit, value) for limit, value in limits.items())]
        return words, lambda change: set_limits(change, name, limits)
    if ask.action in ("suspend", "resume"):
        do = suspend_sweeps if ask.action == "suspend" else resume_sweeps
        return [ask.action, name], lambda change: do(change, [name])
    if run is not None:
        of_run = place.name(run)
        if ask.action == "retry":
            return ["retry", of_run], lambda change: retry_runs(change, [of_run])
        return ["stop", of_run], lambda change: stop_named(change, [f"sweeprun/{of_run}"])
    if ask.action == "retry":
        raise InvalidObject([FieldError("run", "must be set for retry")])
    return ["stop", name], lambda change: stop_named(change, [f"sweep/{name}"])
