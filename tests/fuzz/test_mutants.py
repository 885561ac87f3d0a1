"""Defects that the schedules must find: a harness that finds none of them proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sweep_operator.decide import growth, run, stages, sweep
from sweep_operator.decide.book import Outlook
from sweep_operator.decide.plan import ReleasePod
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.engine import store
from sweep_operator.kube.protocol import Kind, Object
from tests.fuzz.known import known
from tests.fuzz.schedule import run_schedule
from tests.fuzz.server import ACTOR, Server

BUDGET = 400
"""Schedules: a fifth of a night's. The rarest find, without the precondition, needs two hundred on average."""
FIRST = 400
"""Seed. The rarest find is in none of the 400 seeds before, and in six of the 1,200 that follow."""
Patch = pytest.MonkeyPatch


def early_release(patch: Patch) -> None:
    """A pod's finalizer is removed although nobody has recorded its result."""
    cleanup = run.run_cleanup

    def eager(status: Any, ctx: Any, **over: bool) -> Any:
        released = [ReleasePod(p.name, p.uid) for p in ctx.pods if p.holds_result]
        return (*cleanup(status, ctx, **over), *released)

    patch.setattr(run, "run_cleanup", eager)


def one_run_too_many(patch: Patch) -> None:
    """maxParallelRuns is off by one."""
    one_fewer = growth.grow

    def grow(snap: Snapshot, runs: Outlook) -> growth.Growth:
        spec = snap.sweep.spec
        limits = spec.limits.with_(max_parallel_runs=spec.limits.max_parallel_runs + 1)
        return one_fewer(replace(snap, sweep=snap.sweep.with_(spec=spec.with_(limits=limits))), runs)

    patch.setattr(sweep, "grow", grow)


def old_versions_win(patch: Patch) -> None:
    """A late event replaces a newer version in the store."""

    def apply(self: store.Store, kind: Kind, obj: Object, *, deleted: bool = False) -> bool:
        key = store.key_of(kind, obj)
        if self.version(key) is not None:
            self._remove(key)
        if not deleted:
            self._put(key, obj)
        return True

    patch.setattr(store.Store, "apply", apply)


def no_precondition(patch: Patch) -> None:
    """A status is written whatever has happened since it was read."""
    write = Server.update_status

    async def force(self: Server, kind: Kind, body: Object) -> Object:
        meta = body["metadata"]
        live = self.peek(kind, meta["namespace"], meta["name"])
        if live is not None and ACTOR.get().startswith("operator"):
            body = {**body, "metadata": {**meta, "resourceVersion": live["metadata"]["resourceVersion"]}}
        return await write(self, kind, body)

    patch.setattr(Server, "update_status", force)


def no_live_look(patch: Patch) -> None:
    """An attempt is ended by what the watch has delivered."""
    patch.setattr(stages.StageTransitions, "_looked", lambda self, stage: True)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [early_release, one_run_too_many, old_versions_win, no_precondition, no_live_look])
def test_the_schedules_find_the_mutant(mutant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutant(monkeypatch)
    found = (
        violation
        for seed in range(FIRST, FIRST + BUDGET)
        for violation in run_schedule(seed).violations
        if known(violation) is None
    )
    first = next(found, None)
    assert first is not None
    print(f"{mutant.__name__}: {first}")
