"""Writes the status of one Sweep, at most once per pass. Changes of mere counters are collected for a while."""

from __future__ import annotations

from collections.abc import Iterable

from sweep_operator.api.status import SweepStatus
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Event
from sweep_operator.engine.objects import Objects
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.recorder import Recorder
from sweep_operator.engine.stalled import Errors, Stalled
from sweep_operator.kube.protocol import Kind

_MOVES_WAIT = 15
"""Multiple of the status delay that a status waits when runs have only moved from one state to the next."""
_URGENT = ("next_index", "observed_generation", "active_since")


class StatusWriter:
    """Writes a Sweep's status when it is due, and then the Events about it."""

    def __init__(self, objects: Objects, recorder: Recorder, settings: Settings) -> None:
        self._objects, self._recorder, self._settings = objects, recorder, settings
        self._stalled = Stalled(settings)
        self._since: float | None = None

    @property
    def waits(self) -> bool:
        """Whether a change is not yet written."""
        return self._since is not None

    async def reserve(self, sweep: Sweep, next_index: int) -> Sweep:
        """Raise ``nextIndex`` only. Return the Sweep as it is now. Raises KubeError, NotLeading."""
        status = sweep.status.with_(next_index=next_index)
        written = await self._objects.write_status(Kind.SWEEP, sweep.metadata, status.to_json())
        metadata = sweep.metadata.with_(resource_version=written["metadata"]["resourceVersion"])
        return sweep.with_(metadata=metadata, status=status)

    async def write(self, sweep: Sweep, status: SweepStatus, events: Iterable[Event], errors: Errors) -> bool:
        """Return whether the status was written. ``errors``: those of this pass. Raises KubeError, NotLeading."""
        was = sweep.status
        status = status.with_(conditions=self._stalled.conditions(sweep, status.conditions, errors))
        if self._may_wait(was, status):
            return False
        await self._objects.write_status(Kind.SWEEP, sweep.metadata, status.to_json())
        self._since = None
        self._recorder.record(sweep, (*events, *self._stalled.events(was.conditions, status.conditions, errors)))
        return True

    def _may_wait(self, was: SweepStatus, now: SweepStatus) -> bool:
        """Whether the write can be delayed and combined with later changes.

        Counters, costs, the front and messages change with every run. The states of conditions, the next index and the
        accounting of time are written immediately.
        """
        if now == was:
            self._since = None
            return True
        urgent = any(getattr(now, field) != getattr(was, field) for field in _URGENT)
        urgent = urgent or _states(now) != _states(was) or _wandb_sweep(now) != _wandb_sweep(was)
        clock = self._settings.monotonic()
        if self._since is None:
            self._since = clock
        patience = self._settings.status_delay * (_MOVES_WAIT if _only_moves(was, now) else 1)
        return not urgent and clock - self._since < patience


def _only_moves(was: SweepStatus, now: SweepStatus) -> bool:
    """Whether only the numbers of pending, running, evaluating and delivered runs have changed."""
    moved = {"pending": 0, "running": 0, "evaluating": 0}
    still, then = was.with_(runs=was.runs.with_(**moved)), now.with_(runs=now.runs.with_(**moved))
    if still.tracking is not None and then.tracking is not None:
        counts = {"delivered": then.tracking.delivered, "backlog": then.tracking.backlog}
        still = still.with_(tracking=still.tracking.with_(**counts))
    return still == then


def _states(status: SweepStatus) -> list[tuple[str, str, str]]:
    """The conditions without their messages, which change with every run that waits."""
    return [(c.type, c.status, c.reason) for c in status.conditions]


def _wandb_sweep(status: SweepStatus) -> str | None:
    """The tracker's id of the sweep, which new pods need."""
    return status.tracking.wandb_sweep_id if status.tracking is not None else None
