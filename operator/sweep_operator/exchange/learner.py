"""What a sweep learns from the runs of a warm-start source. The result has a bounded size, whatever the source says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from sweep_operator.api.model import Model
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations, Observation
from sweep_operator.exchange.fit import Names, fit
from sweep_operator.exchange.observation import JsonObservation, pack
from sweep_operator.exchange.row import Row

MAX_VALUES = 100_000
"""Parameter values of all observations. Every request for a suggestion contains them."""
MAX_NOTES = 3
"""Notes about one source that a condition shows."""
MAX_NOTE = 400
"""Characters of a note."""


class Learned(Model):
    """The observations of one source, and notes about unusable rows."""

    observations: EarlierObservations = NOTHING_EARLIER
    notes: list[str] = []
    more_notes: int = 0
    """Number of further notes."""
    unused: int = 0
    """Number of successful runs, if none of them can be used."""

    @property
    def text(self) -> str:
        """The notes in one line."""
        return "; ".join([*self.notes, *([f"and {self.more_notes} more"] if self.more_notes else [])])


class Learner(Model):
    """The sweep that learns from a source, and the names that the source uses."""

    sweep: Sweep
    source: int = 0
    """Its position in spec.warmStart.from."""
    parameters: dict[str, str] = {}
    metric: str | None = None
    cost: str | None = None
    limit: int
    """Number of observations."""

    @classmethod
    def of(cls, sweep: Sweep, warm_start: WarmStart, source: WarmStartSource) -> Self:
        """The learner of one source."""
        return cls(
            sweep=sweep.with_(status=SweepStatus()),
            source=warm_start.from_.index(source),
            parameters=source.parameters,
            metric=source.metric,
            cost=source.cost,
            limit=most_observations(sweep, warm_start),
        )

    def learn(self, rows: Iterable[Row]) -> Learned:
        """Convert rows, newest first."""
        return self.learn_parts([rows])

    def learn_parts(self, parts: Iterable[Iterable[Row]]) -> Learned:
        """Convert the rows of one part of the source after the other, the newest first."""
        names = Names(self.parameters, self.metric, self.cost)
        observations: list[Observation] = []
        notes: list[str] = []
        unused, used = 0, False
        for rows in parts:
            fitted = fit(rows, self.sweep, names)
            observations += fitted.observations()[: self.limit - len(observations)]
            notes += fitted.texts()
            unused += fitted.unused
            used = used or any(row.score is not None for row in fitted.rows)
        packed = pack(JsonObservation.of(o).with_(source=self.source) for o in observations)
        if packed.count < len(observations):
            notes.insert(0, f"the newest {packed.count} observations are used, which fill a ConfigMap")
        return Learned(
            observations=packed,
            notes=[note if len(note) <= MAX_NOTE else note[:MAX_NOTE] + "..." for note in notes[:MAX_NOTES]],
            more_notes=len(notes[MAX_NOTES:]),
            unused=0 if used else unused,
        )


def most_observations(sweep: Sweep, warm_start: WarmStart) -> int:
    """Maximum number of observations of a warm start."""
    return min(warm_start.max_observations, max(1, MAX_VALUES // len(sweep.spec.parameters)))
