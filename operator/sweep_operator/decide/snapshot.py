"""The input of a decision: everything that belongs to one Sweep, at one moment. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import search_center
from sweep_operator.api.suggestion import Prediction, Provenance
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import STAGES, Origin, Stage, SweepRun
from sweep_operator.decide.attempt import LogProgress, LogReading
from sweep_operator.decide.book import RunBook
from sweep_operator.decide.facts import RunFacts, facts_of
from sweep_operator.decide.observed import JobView, PodView, ServiceView
from sweep_operator.decide.plan import CreateRun, EarlierObservations
from sweep_operator.decide.refusal import Refusal
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.domain.revisions import RunTemplate


@dataclass(frozen=True)
class Suggestion:
    """One proposal of the optimizer for one index."""

    index: int
    parameters: dict[str, Scalar]
    origin: Origin
    prediction: Prediction | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True)
class Forecast:
    """What the optimizer predicts of a running run."""

    points: int
    """Number of points of its curve that the optimizer knew."""
    score: float
    low: float
    """The score lies between ``low`` and ``high`` with a probability of 80%."""
    high: float
    probability: float
    """Of being Pareto-optimal at its end."""
    needed: float | None
    """The best score of the succeeded runs that cost at most as much; None: there is none."""
    remaining_cost: float | None
    learned_from: int
    """Number of succeeded runs."""


@dataclass(frozen=True)
class Forecasted:
    """What the optimizer has answered: forecasts by the name of the run, or why there are none."""

    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Suggested:
    """What the optimizer has answered: suggestions, or why there are none."""

    suggestions: tuple[Suggestion, ...] = ()
    infeasible: str | None = None
    """Why no configuration satisfies the constraints."""
    error: str | None = None
    """Why the optimizer failed. The suggestions are random then."""
    seconds: float = 0.0
    unpayable: str | None = None
    """Why no further run is predicted to be payable."""
    unworthy: str | None = None
    """Why no further run is worth its cost, by spec.stopping."""
    known: int | None = None
    """Number of results that this was predicted from; None if there were pending runs, whose cost is not known yet."""
    source_weights: Mapping[int, float] | None = None
    """Weights of the sources of the warm start, by position, if a model was used."""


@dataclass(frozen=True)
class WarmStartState:
    """What the sources of the warm start contain."""

    observations: EarlierObservations | None = None
    """None until the sources have been read."""
    problem: str | None = None
    """Why a source could not be read, or is not read yet. Final if observations is not None."""
    notes: tuple[str, ...] = ()
    """Notes about unusable rows."""
    digest: str | None = None
    """SHA-256 of the stored form."""


@dataclass(frozen=True)
class Snapshot:
    """One Sweep with its runs, Jobs, pods and everything else that a decision depends on.

    Runs that need no action may be omitted from ``runs``, with their Jobs, pods and Services. Then ``book`` has
    the facts of all runs. The decision is the same.
    """

    sweep: Sweep
    runs: tuple[SweepRun, ...]
    """Those to decide about."""
    jobs: tuple[JobView, ...]
    pods: tuple[PodView, ...]
    revisions: Mapping[str, RunTemplate]
    now: datetime
    config: OperatorConfig
    problems: tuple[FieldError, ...] = ()
    """Errors of the spec. With any, the condition Accepted is False."""
    waits: bool = False
    """Whether the spec is not checked yet, because the namespace has used up its allowance."""
    services: tuple[ServiceView, ...] = ()
    claims: frozenset[str] = frozenset()
    """Names of the runs' claims that exist."""
    logs: Mapping[str, LogReading] = field(default_factory=dict)
    """By pod uid."""
    reports: Mapping[str, LogProgress] = field(default_factory=dict)
    """By pod uid: what was found in the logs that are followed."""
    report_write_seconds: float = 60.0
    """Seconds between two writes of a run's progress for its own sake."""
    looked: frozenset[str] = frozenset()
    """Names of Jobs that were just read from the API server, with their pods. Watch events of others may be late."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """By Job name: why the API server rejects the Job, its claim or its pod."""
    foreign_jobs: frozenset[str] = frozenset()
    """Job names that are taken by objects of other owners."""
    burnt: frozenset[int] = frozenset()
    """Indices whose run names are taken by objects of other owners."""
    unanswered: int = 0
    """Creations of runs that got no answer and may still take effect."""
    uncreated: tuple[CreateRun, ...] = ()
    """Runs with a reserved index whose creation the API server has refused, or that were not sent after an error."""
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    """Of running runs, by name. They may be older than the runs' curves."""
    suggested: Suggested | None = None
    suggest_seconds: float | None = None
    """Duration of the latest suggestion."""
    at_once: int = 0
    """How many suggestions slots need at once, by what they have waited for."""
    source_weights: Mapping[int, float] | None = None
    """Weights of the sources of the warm start in the latest suggestion of the model, by position."""
    warm_start: WarmStartState = WarmStartState()
    tracking: TrackingReport | None = None
    """None if this process does not deliver runs to a tracker."""
    run_limit: int | None = None
    """Create new runs only up to this total (for one iteration at a time)."""
    failures_since: datetime | None = None
    """Only later failures end the sweep, and a program that cannot start ends it at once. A person watches the sweep,
    and repeats the command after correcting the cause. None: nobody watches it."""
    book: RunBook | None = None
    """Facts of all runs; None: ``runs`` are all."""
    rest_until: datetime | None = None
    """When the first omitted run needs a decision."""
    undelivered: tuple[SweepRun, ...] = ()
    """Omitted runs that have ended and are not delivered to the tracker. ``pods`` has their pods."""
    postponed: bool = False
    """Whether runs that have ended are omitted because their Jobs and pods are not known yet."""
    template: RunTemplate | None = None
    """The template that a run started now gets, if it is known already."""
    template_hash: str | None = None
    """Its hash."""

    @property
    def accepted(self) -> bool:
        """Whether the spec is valid."""
        return not self.problems and not self.waits

    @cached_property
    def current(self) -> RunTemplate:
        """The template that a run started now gets."""
        return self.template or RunTemplate.of(self.sweep)

    @cached_property
    def current_hash(self) -> str:
        """Its hash."""
        return self.template_hash or self.current.hash

    @cached_property
    def all_runs(self) -> RunBook:
        """The facts of all runs."""
        return self.book or RunBook(self.sweep.spec.goal, map(self.facts, self.runs))

    def facts(self, run: SweepRun) -> RunFacts:
        """The facts of a run."""
        template = self.revisions.get(run.status.template_hash or "")
        return facts_of(run, self.sweep, template, self.config)

    @cached_property
    def proven(self) -> frozenset[Stage]:
        """The stages whose program has run to its end in some run: they can start. All, if nobody watches."""
        if self.failures_since is None:
            return frozenset(STAGES)
        return frozenset(stage for stage in STAGES if self.all_runs.totals.has_proven(stage))

    @cached_property
    def center(self) -> Mapping[str, Scalar]:
        """The search center, for parameters that a manual run does not set."""
        return search_center(self.sweep.spec.parameters)

    @cached_property
    def ended(self) -> bool:
        """Whether the Sweep has already ended. Only a change of its spec resumes it."""
        condition = find_condition(self.sweep.status.conditions, "Succeeded")
        return (
            condition is not None
            and condition.status != "Unknown"
            and condition.observed_generation == self.sweep.metadata.generation
        )
