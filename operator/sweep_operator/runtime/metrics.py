"""Prometheus metrics of the operator process."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.domain.conditions import condition_of, run_state
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.events import Outcome
from sweep_operator.engine.ports import Suggester
from sweep_operator.engine.queue import WorkQueue
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.runtime.waits import longest_waits

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)

PASS_OUTCOMES = ("done", "again", "failed")
SUGGESTION_OUTCOMES = ("done", "infeasible", "unpayable", "unworthy", "fallback", "failed")


class Metrics:
    """One registry per process. Gauges are computed at each scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "sweep_operator_api_requests", "Requests to the API server.", ["verb", "code"], registry=self.registry
        )
        self._passes = Histogram(
            "sweep_operator_reconcile_seconds",
            "Duration of one reconcile pass over a Sweep in seconds, by outcome.",
            ["outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._suggestions = Histogram(
            "sweep_operator_suggestion_seconds",
            "Duration of one suggestion in seconds, by outcome; fallback: random, because the optimizer failed.",
            ["outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        # Prometheus cannot compute the increase of a series that starts with its first event.
        for histogram, outcomes in ((self._passes, PASS_OUTCOMES), (self._suggestions, SUGGESTION_OUTCOMES)):
            for outcome in outcomes:
                histogram.labels(outcome)

    def request(self, verb: str, code: str) -> None:
        """Count one response of the API server; code "error": no response."""
        self._requests.labels(verb, code).inc()

    def observe_pass(self, seconds: float, outcome: str) -> None:
        """Record one reconcile pass."""
        self._passes.labels(outcome).observe(seconds)

    def watch(self, engine: Engine) -> None:
        """Export runs, queue and backlog of ``engine``."""
        self.registry.register(_State(engine))

    def timed(self, suggester: Suggester) -> Suggester:
        """Wrap a suggester to record its durations."""
        return _Timed(suggester, self._suggestions)

    def text(self) -> bytes:
        """The metrics in the Prometheus exposition format."""
        return generate_latest(self.registry)


class _Timed:
    def __init__(self, suggester: Suggester, histogram: Histogram) -> None:
        self._suggester, self._histogram = suggester, histogram

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        async with aclosing(self._suggester.suggest(sweep, request)) as answers:
            async for answer in answers:
                self._histogram.labels(_outcome(answer)).observe(answer.seconds)
                yield answer

    def interrupt(self, sweep: Sweep) -> None:
        self._suggester.interrupt(sweep)


def _outcome(answer: Suggested) -> str:
    if answer.error is not None:
        return "fallback" if answer.suggestions else "failed"
    if answer.unpayable is not None:
        return "unpayable"
    if answer.unworthy is not None:
        return "unworthy"
    return "done" if answer.infeasible is None else "infeasible"


class _State(Collector):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Gauges of the store and the queue."""
        store, queue = self._engine.store, self._engine.queue
        runs, sweeps = store.unpacked(Kind.SWEEP_RUN), store.all(Kind.SWEEP)
        states = Count((_namespace(run), *run_state(run)) for run in runs)
        states.update((namespace, *note) for namespace, note in store.notes(Kind.SWEEP_RUN) if isinstance(note, tuple))
        yield _by_label(
            "sweep_operator_runs",
            "SweepRuns by outcome and state.",
            ["namespace", "outcome", "state"],
            states.items(),
        )
        yield _by_label(
            "sweep_operator_longest_wait_seconds",
            "Longest time in seconds that a run has waited to start, by namespace and state.",
            ["namespace", "state"],
            longest_waits(runs, store.unpacked(Kind.JOB), datetime.now(UTC)).items(),
        )
        yield _events(self._engine.events.outcomes)
        stalled = dict.fromkeys(((_namespace(sweep),) for sweep in sweeps), 0)
        for sweep in sweeps:
            stalled[(_namespace(sweep),)] += bool(condition_of(sweep, "Stalled"))
        yield _by_label(
            "sweep_operator_stalled_sweeps",
            "Sweeps with the condition Stalled: an error stops their passes, or those over some of their runs.",
            ["namespace"],
            stalled.items(),
        )
        yield from _levels(queue, sweeps)


def _levels(queue: WorkQueue[tuple[str, str]], sweeps: Iterable[Object]) -> Iterator[Metric]:
    """Gauges without labels: what waits to be done."""
    for name, text, value in (
        ("sweep_operator_queue_depth", "Sweeps that wait for a reconcile pass.", queue.depth),
        (
            "sweep_operator_queue_oldest_seconds",
            "Time in seconds that the oldest Sweep in the queue has waited.",
            queue.oldest_age,
        ),
        (
            "sweep_operator_tracking_backlog",
            "Runs that are not yet delivered to the tracker.",
            sum(map(_backlog, sweeps)),
        ),
    ):
        yield GaugeMetricFamily(name, text, value=value)


def _events(outcomes: Mapping[Outcome, int]) -> CounterMetricFamily:
    text = "Events about Sweeps and SweepRuns. Under load they are combined, and then dropped."
    family = CounterMetricFamily("sweep_operator_events", text, labels=["outcome"])
    for outcome in get_args(Outcome):
        family.add_metric([outcome], outcomes.get(outcome, 0))
    return family


def _by_label(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for place, value in sorted(values):
        family.add_metric(place, value)
    return family


def _namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace", ""))


def _backlog(sweep: Object) -> int:
    return ((sweep.get("status") or {}).get("tracking") or {}).get("backlog") or 0
