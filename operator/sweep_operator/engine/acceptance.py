"""Whether a Sweep is accepted: validates its spec, and builds the status of a Sweep that cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition, find_condition, with_condition
from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import KUEUE_GROUP
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.accept import check_spec, has_expressions
from sweep_operator.engine.background import Background
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.preflight import Preflight
from sweep_operator.engine.recorder import Recorder
from sweep_operator.kube.protocol import Kube, Object
from sweep_operator.manifests.check import check_manifests
from sweep_operator.sandbox.tasks import Answer, Check, Refused, Task

CHECK_SECONDS = 10.0
"""Time limit of the check of one spec's constraints and patterns."""
LOOK_SECONDS = 5.0
"""Seconds after which a Sweep whose check is not done says that it waits, if it does."""
Evaluate = Callable[[str, Task, float], Awaitable[Answer]]


class Acceptance:
    """Validates each generation of one Sweep's spec once."""

    def __init__(
        self, kube: Kube, preflight: Preflight, recorder: Recorder, background: Background, settings: Settings
    ) -> None:
        self._kube, self._preflight, self._recorder, self._settings = kube, preflight, recorder, settings
        self._background = background
        self._generation: int | None = None
        self._expressions: tuple[int | None, list[FieldError]] = (None, [])
        """(generation, errors of its constraints and patterns)"""
        self._canceled = False
        self._latest: Sweep | None = None
        """The Sweep whose constraints and patterns are checked next. It may change while it waits."""
        self.problems: tuple[FieldError, ...] = ()
        self.waits = False
        """Whether the spec is not checked yet, because the namespace has used up its allowance."""

    def recheck(self) -> None:
        """Validate a refused spec again: a missing dependency, such as the API of a queue, may be installed now.

        A check that exceeded its time limit is repeated too: the machine may have been busy.
        """
        if self.problems:
            self._generation = None
        if self._canceled:
            self._expressions = (None, [])

    async def check(self, sweep: Sweep, unreadable: Sequence[FieldError] = ()) -> bool:
        """Find ``problems``, or whether it ``waits``. False: it is being checked in the background.

        Pods that the namespace forbids are reported as an Event. ``unreadable``: errors of fields that have their
        defaults in ``sweep``. Raises KubeError.
        """
        if unreadable:
            self.problems, self._generation, self.waits = tuple(unreadable), None, False
            return True
        if self._generation == sweep.metadata.generation:
            return True
        if not await self._expressions_checked(sweep):
            self.problems = () if self.waits else self.problems
            return self.waits
        self.waits = False
        config = self._settings.config
        if sweep.spec.queue is not None and config.kueue is None:
            config = config.with_(kueue=await self._kube.serves(KUEUE_GROUP))
        problems = [*self._expressions[1], *_check_objects(sweep, config, self._settings.require_image)]
        if not problems and self._settings.dry_run_pods:
            problems, events = await self._preflight.check(sweep, config)
            self._recorder.record(sweep, events)
        self.problems, self._generation = tuple(problems), sweep.metadata.generation
        return True

    async def _expressions_checked(self, sweep: Sweep) -> bool:
        """Whether they are. A spec that was checked before (a restart, a resync) does not wait for its turn."""
        self._latest, namespace, allowances = sweep, sweep.metadata.namespace, self._settings.allowances
        if self._expressions[0] == sweep.metadata.generation:
            return True
        free = allowances is None or _known(sweep)
        if not has_expressions(sweep.spec) and (free or (allowances is not None and allowances.try_turn(namespace))):
            self._expressions = (sweep.metadata.generation, [])
        elif not self._background.running:
            self._background.start(self._check_latest if free else self._check_in_turn)
            await asyncio.sleep(0)
        checked = self._expressions[0] == sweep.metadata.generation
        if not (checked or self.waits or free):
            self.waits = allowances is not None and allowances.exhausted(namespace)
            if not self.waits:
                self._background.wake(LOOK_SECONDS)
        return checked

    async def _check_in_turn(self) -> float:
        allowances, sweep = self._settings.allowances, self._latest
        assert allowances is not None
        assert sweep is not None
        if has_expressions(sweep.spec):
            async with allowances.work(sweep.metadata.namespace):
                return await self._check_latest(allowances.charged)
        await allowances.turn(sweep.metadata.namespace)
        return await self._check_latest(allowances.charged)

    async def _check_latest(self, evaluate: Evaluate | None = None) -> float:
        sweep, problems = self._latest, list[FieldError]()
        assert sweep is not None
        if has_expressions(sweep.spec):
            problems = await self._check_expressions(sweep, evaluate or self._settings.evaluator.evaluate)
        self._expressions = (sweep.metadata.generation, problems)
        return 0.0

    async def _check_expressions(self, sweep: Sweep, evaluate: Evaluate) -> list[FieldError]:
        try:
            answer = await evaluate(sweep.metadata.namespace, Check(spec=sweep.spec), CHECK_SECONDS)
            problems, self._canceled = [FieldError(p.path, p.message) for p in answer.problems], False
        except Refused as error:
            text = f"the check of constraints and patterns was canceled: {error}; simplify them"
            problems = [FieldError("spec.constraints" if sweep.spec.constraints else "spec", text)]
            self._canceled = True
        return problems


def _known(sweep: Sweep) -> bool:
    """Whether this generation was accepted or refused before."""
    accepted = find_condition(sweep.status.conditions, "Accepted")
    return (
        accepted is not None
        and accepted.status != "Unknown"
        and accepted.observed_generation == sweep.metadata.generation
    )


def check_sweep(sweep: Sweep, config: OperatorConfig, require_image: bool) -> list[FieldError]:
    """All validation errors of a spec beyond its types. ``require_image``: every container must name an image."""
    return [*check_spec(sweep.spec), *_check_objects(sweep, config, require_image)]


def _check_objects(sweep: Sweep, config: OperatorConfig, require_image: bool) -> list[FieldError]:
    problems = check_manifests(sweep, config, require_image=require_image)
    return [*problems, *_files(sweep)] if require_image else problems


def _files(sweep: Sweep) -> list[FieldError]:
    """Errors for warm-start sources that an operator in a cluster cannot read."""
    sources = sweep.spec.warm_start.from_ if sweep.spec.warm_start is not None else []
    return [
        FieldError(
            f"spec.warmStart.from[{number}].file",
            f"{source.file!r} is a local file, which the operator cannot read; run `kubectl create configmap NAME "
            f"--from-file={source.file}` and use configMap",
        )
        for number, source in enumerate(sources)
        if source.file is not None
    ]


def not_accepted(obj: Object, errors: Sequence[FieldError], now: datetime) -> JsonObject:
    """The status of a Sweep that cannot be read: Accepted=False, everything else unchanged."""
    status: JsonObject = dict(obj.get("status") or {})
    generation = obj["metadata"].get("generation")
    condition = Condition(
        type="Accepted",
        status="False",
        reason="Invalid",
        message="; ".join(map(str, errors))[:2048],
        last_transition_time=now,
        observed_generation=generation,
    )
    known = [read(Condition, c) for c in status.get("conditions") or []]
    status["conditions"] = [c.to_json() for c in with_condition(known, condition)]
    status["observedGeneration"] = generation
    return status
