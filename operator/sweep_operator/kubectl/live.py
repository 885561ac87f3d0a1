"""``kubectl sweep status -w``: watch a sweep until it ends or is deleted.

Waits for an API server that cannot be reached. Credentials or permissions that the server keeps refusing are an error.

Imports rich inside a function: only the table on a terminal needs it, and ``kubectl sweep status``, its completion and
--help must start fast.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import click

from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import sweep_named
from sweep_operator.cluster.watches import PAUSE, STARTS_WITHIN, ListAndWatch
from sweep_operator.commands.objects import parsed
from sweep_operator.commands.output import echo
from sweep_operator.domain.conditions import condition_of
from sweep_operator.domain.ordering import display_order
from sweep_operator.kube.protocol import Kind, KubeError, Object, WatchEvent
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.views.figures import number
from sweep_operator.views.tables import run_state, sweep_state

_REDRAW = 1.0
"""Seconds between redraws without events, since ages and estimates change with time."""
_TOGETHER = 0.2
"""Seconds to collect events before redrawing."""
Show = Callable[[Object, Sequence[Object]], bool]
"""Show the state; returns whether the sweep has ended."""
Say = Callable[[str], None]
"""Report what the command is waiting for; empty: nothing."""


class Deleted(Exception):
    """The watched sweep was deleted."""


def follow(name: str) -> None:
    """Watch the sweep until it ends; exit code 1 if it failed."""
    if sys.stdout.isatty():
        from rich.console import Console

        from sweep_operator.views.live import TableView

        view = TableView(Console(), lambda: datetime.now(UTC))
        try:
            failed = in_cluster(lambda cluster: _until_over(cluster, name, _table(view.show), view.say))
        finally:
            view.close()
    else:
        failed = in_cluster(lambda cluster: _until_over(cluster, name, _lines(echo), _note))
    if failed:
        raise click.exceptions.Exit(1)


def _note(message: str) -> None:
    if message:
        echo(f"{datetime.now(UTC):%H:%M:%S} {message}", err=True)


def _table(draw: Callable[..., None]) -> Show:
    def show(sweep: Object, runs: Sequence[Object]) -> bool:
        draw(*parsed(sweep, runs), ())
        return over(sweep)

    return show


def _lines(write: Callable[[str], None]) -> Show:
    """One line per change of state, for logs and pipes."""
    known: dict[str, str] = {}

    def show(sweep: Object, runs: Sequence[Object]) -> bool:
        for run in runs:
            status, name = run.get("status") or {}, run["metadata"]["name"]
            result = [f"{w} {number(status[w])}" for w in ("score", "cost") if status.get(w) is not None]
            line = " ".join([run_state(run), *result])
            if known.get(name) != line:
                known[name] = line
                write(f"{name} {line}")
        state = sweep_state(sweep)
        name = sweep["metadata"]["name"]
        if known.get("") != state:
            known[""] = state
            write(f"{name} {state}")
        return over(sweep)

    return show


def over(sweep: Object) -> bool:
    """Whether the sweep has ended and its status describes the current spec, unlike after a resume."""
    seen = (sweep.get("status") or {}).get("observedGeneration")
    ended = condition_of(sweep, "Succeeded").get("status") in ("True", "False")
    return ended and seen == sweep["metadata"].get("generation")


async def _until_over(cluster: Cluster, name: str, show: Show, say: Say) -> bool:
    """Watch until the end; returns whether the sweep failed. Raises Deleted."""
    await sweep_named(cluster, name)  # suggests the closest existing name
    sweep = await Follower(cluster, name, say).run(show)
    return condition_of(sweep, "Succeeded").get("status") == "False"


class Follower:
    """Watches the sweep and its runs, and keeps their latest state."""

    def __init__(
        self, cluster: Cluster, name: str, say: Say, *, pause: float = PAUSE, starts_within: float = STARTS_WITHIN
    ) -> None:
        self._cluster, self._name, self._say = cluster, name, say
        self._pause, self._starts_within = pause, starts_within
        self._lost: set[Kind] = set()
        self._objects: dict[Kind, dict[str, Object]] = {}
        self._changed = asyncio.Event()

    async def run(self, show: Show) -> Object:
        """The sweep as it was when ``show`` returned True."""
        watches = [
            asyncio.create_task(self._watch(kind, {field: self._name}).run())
            for kind, field in ((Kind.SWEEP, "metadata.name"), (Kind.SWEEP_RUN, "spec.sweepName"))
        ]
        try:
            while True:
                await self._wait_for_change(watches)
                if len(self._objects) < len(watches):
                    continue  # the first list of one kind is still missing
                sweep = self._objects[Kind.SWEEP].get(self._name)
                if sweep is None:
                    raise Deleted(f"sweep {self._name} was deleted")
                if show(sweep, sorted(self._objects[Kind.SWEEP_RUN].values(), key=display_order)):
                    return sweep
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _wait_for_change(self, watches: Sequence[asyncio.Task[None]]) -> None:
        changed = asyncio.create_task(self._changed.wait())
        done, _ = await asyncio.wait({changed, *watches}, timeout=_REDRAW, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        for task in done - {changed}:
            task.result()  # raises the error that ended the watch
        if self._changed.is_set():
            await asyncio.sleep(_TOGETHER)
            self._changed.clear()

    def _watch(self, kind: Kind, fields: Mapping[str, str]) -> ListAndWatch:
        return ListAndWatch(
            self._cluster.kube, kind, self._cluster.namespace,
            listed=lambda objects: self._list(kind, objects),
            changed=lambda event: self._change(kind, event),
            lost=lambda error: self._report_lost(kind, error),
            fields=fields, pause=self._pause, starts_within=self._starts_within,
        )  # fmt: skip

    def _list(self, kind: Kind, objects: Sequence[Object]) -> None:
        self._objects[kind] = {o["metadata"]["name"]: o for o in objects}
        if self._lost and not self._lost - {kind}:
            self._say("")
        self._lost.discard(kind)
        self._changed.set()

    def _change(self, kind: Kind, event: WatchEvent) -> None:
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            self._objects[kind].pop(name, None)
        else:
            self._objects[kind][name] = event.object
        self._changed.set()

    def _report_lost(self, kind: Kind, error: KubeError) -> None:
        """Report an outage once, for whichever watch notices it first."""
        if not self._lost:
            self._say(f"waiting for the API server ({error})")
        self._lost.add(kind)
