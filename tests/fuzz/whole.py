"""A pass looks at the runs that have changed. This one looks at all of them, and says where the two differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sweep_operator.decide.plan import Plan
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.sweep import decide
from sweep_operator.engine import reconciler
from sweep_operator.engine.gather import Gatherer

_PARTIAL = Gatherer.snapshot


class _Unasking(Gatherer):
    """Sends no requests, so that nothing changes between its Snapshot and the one it is compared with."""

    async def _read_template(self, wanted: str) -> None: ...


@contextmanager
def compared(report: Callable[[str], None]) -> Iterator[None]:
    """Decide everything twice: as the engine does, and about all runs with sums from scratch."""
    wholes: dict[int, tuple[Snapshot, Set[str]]] = {}
    """By identity of a book: what there is, and the runs that are left out if they have ended."""

    async def snapshot(self: Gatherer, sweep: Any, now: Any, tracking: Any) -> Snapshot:
        partial = await _PARTIAL(self, sweep, now, tracking)
        if self.changed:  # while it read a template: the next pass sees it, and the comparison would see it now
            return partial
        place = self._namespace, self._sweep
        store = self._store
        followed = store._followed.pop(place, None)  # None: the engine has been closed meanwhile
        fresh = _Unasking(self._objects, *place, self._config)
        fresh._templates = self._templates
        with mock.patch.object(store, "partial", set()):
            whole = await _PARTIAL(fresh, sweep, now, tracking)
        ended = {run.name for run in whole.runs} if partial.postponed else set()
        wholes[id(partial.book)] = whole, frozenset(self._cleaning) | ended
        store._followed.pop(place, None)
        if followed is not None:
            store._followed[place] = followed
        return partial

    def decided(partial: Snapshot) -> Plan:
        if id(partial.book) not in wholes:
            return decide(partial)
        whole, left_out = wholes.pop(id(partial.book))
        objects = {name: getattr(whole, name) for name in ("runs", "jobs", "pods", "services", "claims")}
        full = dataclasses.replace(
            partial, **objects, book=None, rest_until=None, undelivered=(), template=None, template_hash=None
        )
        plan = decide(partial)
        found = list(_differences(*_without(left_out, plan, decide(full))))
        unjudged = map(decide, map(_without_early_stopping, (partial, full)))
        if found and any(_differences(*_without(left_out, *unjudged))):
            for difference in found:
                report(difference)
        return plan

    with mock.patch.object(Gatherer, "snapshot", snapshot), mock.patch.object(reconciler, "decide", decided):
        yield


def _without_early_stopping(snap: Snapshot) -> Snapshot:
    """What is left without verdicts. A run is judged when it has news. It is not judged when another run has news:
    otherwise each report would lead to a decision about every run.
    """
    return dataclasses.replace(snap, sweep=snap.sweep.with_(spec=snap.sweep.spec.with_(early_stopping=None)))


def _without(left_out: Set[str], plan: Plan, expected: Plan) -> tuple[Plan, Plan]:
    """A run that has ended is skipped while it is cleaned up or its objects are not read: another pass follows."""
    runs = tuple(p for p in expected.runs if not (p.run.terminal and p.run.name in left_out))
    wake = expected.wake if len(runs) == len(expected.runs) else plan.wake
    return plan, dataclasses.replace(expected, runs=runs, wake=wake)


def _differences(plan: Plan, expected: Plan) -> Iterator[str]:
    for field in dataclasses.fields(Plan):
        found, wanted = getattr(plan, field.name), getattr(expected, field.name)
        if field.name == "runs":
            found, wanted = ([p for p in plans if not p.idle] for plans in (found, wanted))
        if found != wanted:
            yield f"{field.name}: {found} instead of {wanted}"
