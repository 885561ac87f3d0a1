"""Builds Snapshots from the store. It looks at what has changed since the last one, however many runs there are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from heapq import nsmallest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import RUN_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.book import RunBook
from sweep_operator.decide.facts import facts_of
from sweep_operator.decide.plan import RunPlan
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.tracking import TrackingReport, awaits_runs, is_awaited, news_of
from sweep_operator.domain.identity import belongs, claim_name
from sweep_operator.domain.ordering import start_order
from sweep_operator.domain.revisions import RunTemplate, revision_name
from sweep_operator.engine.each import give_way
from sweep_operator.engine.objects import Objects
from sweep_operator.engine.parts import Parts
from sweep_operator.engine.read_run import stored_run
from sweep_operator.engine.resting import Resting
from sweep_operator.engine.store import Key, Store
from sweep_operator.garbage import no_collection
from sweep_operator.kube.protocol import Kind
from sweep_operator.manifests.revision import read_revision

AT_ONCE = 100
"""Runs that have ended which one pass decides about."""


class Gatherer:
    """Builds the Snapshots of one Sweep, as far as they follow from the cluster's objects.

    A run rests if it needed no action. Snapshots omit it until one of its objects changes, its time comes, or the Sweep
    changes. All of this can be rebuilt from the store.
    """

    def __init__(
        self,
        objects: Objects,
        namespace: str,
        sweep: str,
        config: OperatorConfig,
        cleaning: Set[str] = frozenset(),
        read: Callable[[Store, Key], SweepRun | None] = stored_run,
    ) -> None:
        """``cleaning``: the runs that are being cleaned up, kept current. If they have ended, they are left out."""
        self._cleaning, self._read = cleaning, read
        self._objects, self._store, self._config = objects, objects.store, config
        self._namespace, self._sweep = namespace, sweep
        self._changed = self._store.follow(namespace, sweep)
        self._resting = Resting()
        self._book = RunBook("maximize")
        self._unread: set[str] = set()
        """Runs whose facts are older than their objects."""
        self._runs: dict[str, SweepRun | None] = {}
        """Those that have been parsed: all but the ones that rest for good."""
        self._parts = Parts(objects.store, namespace)
        self._claims: frozenset[str] = frozenset()
        self._passes = 0
        self._looked: dict[str, int] = {}
        """By run that has ended and does not rest: the latest pass that has decided about it."""
        self.unfinished = False
        """Whether more runs that have ended need a decision than the latest Snapshot has."""
        self.postponed = False
        """Whether runs that have ended wait until their Jobs and pods are read."""
        self._queued: dict[str, tuple[int, str]] = {}
        """Resting runs that wait for a slot, and their order. Users may create thousands of them."""
        self._undelivered: dict[str, SweepRun] = {}
        """Resting runs that the tracker does not have."""
        self._templates: dict[str, RunTemplate] = {}
        self._template: RunTemplate | None = None
        self._template_hash: str | None = None
        self._generation: int | None = None
        self._cleanup_rules: Hashable = None
        self._judged_by: object = None
        """What the facts of runs depend on, besides the runs."""
        self._regime: Hashable = None

    @property
    def changed(self) -> bool:
        """Whether an object of the Sweep has changed since the latest Snapshot."""
        return bool(self._changed)

    def close(self) -> None:
        """Forget everything."""
        self._store.unfollow(self._namespace, self._sweep)

    async def snapshot(self, sweep: Sweep, now: datetime, report: TrackingReport | None) -> Snapshot:
        """The objects of ``sweep``; without the runs that rest. Raises KubeError."""
        self._take_changes()
        self._follow_spec(sweep)
        self._resting.wake_due(now)
        self._wake_delivered(report)
        with no_collection(when=len(self._unread) > AT_ONCE):  # after a start: thousands of runs
            await self._read_facts(sweep)
        self._wake_queued(sweep.spec.limits.max_parallel_runs - self._book.totals.holding)
        names, later = self._first_of_awake()
        runs = [run for name in names if (run := self._run(name)) is not None]
        templates = await self._revisions(runs)
        await self._read_facts(sweep)  # of the runs whose templates were read now
        undelivered = (*self._undelivered.values(), *(self._awaited(later, sweep, report)))
        with_pods = [run.name for run in (*runs, *undelivered)]
        return Snapshot(
            sweep=sweep,
            runs=tuple(runs),
            jobs=self._parts.views(Kind.JOB, (r.name for r in runs)),
            pods=self._parts.views(Kind.POD, with_pods),
            services=self._parts.views(Kind.SERVICE, (r.name for r in runs)),
            claims=self._claims,
            revisions=templates,
            now=now,
            config=self._config,
            book=self._book,
            rest_until=self._resting.until,
            undelivered=undelivered,
            postponed=self.postponed,
            template=self._template,
            template_hash=self._template_hash,
        )

    def with_run(self, snap: Snapshot, run: SweepRun, now: datetime) -> Snapshot:
        """``snap`` with only this run, which was just created, and leftovers of a deleted run with the same name."""
        jobs, pods, services = (self._parts.views(kind, [run.name]) for kind in (Kind.JOB, Kind.POD, Kind.SERVICE))
        return replace(snap, runs=(run,), jobs=jobs, pods=pods, services=services, now=now)

    def rest(self, sweep: Sweep, plans: Iterable[RunPlan], report: TrackingReport | None) -> None:
        """Leave the runs out for which nothing is to do. Call it before anything of the plan is carried out."""
        self._passes += 1
        for plan in plans:
            run = plan.run
            if run.terminal:
                self._looked[run.name] = self._passes
            if not plan.idle:
                continue
            if not (run.terminal or run.holds_slot):
                if run.status.template_hash is None and not run.imported:
                    self._queued[run.name] = start_order(run)
                    self._resting.rest(run.name, plan.wake)
                continue
            if run.terminal and sweep.spec.storage.retention != "all" and claim_name(run) in self._claims:
                continue  # when its claim is deleted depends on other runs
            if not run.terminal and run.status.template_hash not in self._templates:
                continue
            self._looked.pop(run.name, None)
            self._resting.rest(run.name, plan.wake)
            if is_awaited(run, sweep, report, self._config):
                self._undelivered[run.name] = run
            elif run.terminal:
                self._forget(run.name)

    def wake(self, runs: Iterable[str]) -> None:
        """Decide about these runs in the next pass."""
        self._resting.wake(run for run in runs if run in self._book.facts)

    def wake_live(self, regime: Hashable) -> bool:
        """Wake the runs that have not ended if ``regime`` is another than before. Return whether it is."""
        if regime == self._regime:
            return False
        self._regime = regime
        self._resting.wake(self._book.live)
        return True

    def orphans(self) -> list[tuple[str, str]]:
        """(pod, run) of the pods with the operator's finalizer whose runs are not in the store."""
        return [
            (pod, run)
            for pod, run in self._parts.holding()
            if self._store.get(Kind.SWEEP_RUN, self._namespace, run) is None
        ]

    # -- what has changed -------------------------------------------------------------------------------------------

    def _take_changes(self) -> None:
        changed, claims = list(self._changed), False
        self._changed.clear()
        for key in changed:
            kind, _, name = key
            if kind == Kind.SWEEP_RUN:
                self._runs.pop(name, None)
                self._unread.add(name)
                self._wake(name)
            for run in self._parts.place(key):
                self._wake(run)
            claims |= kind == Kind.CLAIM
        if claims:
            self._read_claims()

    def _wake(self, run: str) -> None:
        self._resting.wake([run])
        self._queued.pop(run, None)
        self._undelivered.pop(run, None)

    def _wake_queued(self, free: int) -> None:
        """Wake the first runs that wait for a slot, as many as slots are free."""
        for name in self._queued.keys() & self._resting.awake:
            del self._queued[name]
        for name in nsmallest(max(0, free), self._queued, key=self._queued.__getitem__):
            self._wake(name)

    def _read_claims(self) -> None:
        before = self._claims
        existing = [
            claim
            for claim in self._store.labeled(Kind.CLAIM, self._namespace, self._sweep)
            if not claim["metadata"].get("deletionTimestamp")
        ]
        self._claims = frozenset(claim["metadata"]["name"] for claim in existing)
        for claim in existing:
            run = (claim["metadata"].get("labels") or {}).get(RUN_LABEL)
            if run is not None and claim["metadata"]["name"] not in before:
                self._wake(run)

    def _follow_spec(self, sweep: Sweep) -> None:
        """Note a change of the spec, as far as it concerns runs that have ended."""
        spec, first = sweep.spec, self._generation is None
        if self._generation == sweep.metadata.generation:
            return
        self._generation, self._template = sweep.metadata.generation, RunTemplate.of(sweep)
        self._template_hash = self._template.hash
        rules = (spec.ttl_seconds_after_finished, spec.storage.retention, repr(spec.tracking))
        changed, self._cleanup_rules = rules != self._cleanup_rules, rules
        judged_by = (spec.objectives, spec.early_stopping)
        judged_anew, self._judged_by = judged_by != self._judged_by, judged_by
        if first:
            self._book = RunBook(spec.goal)
            return
        unread = {run.name for run in self._book.facts.values() if run.template_hash not in self._templates}
        self._unread |= set(self._book.facts) if judged_anew else unread
        if changed:
            for name in self._book.facts:
                self._wake(name)

    def _wake_delivered(self, report: TrackingReport | None) -> None:
        if report is None or not report.runs:
            return
        for run in list(self._undelivered.values()):
            if news_of(run, report) is not None:
                self._wake(run.name)

    # -- reading ----------------------------------------------------------------------------------------------------

    def _first_of_awake(self) -> tuple[list[str], list[str]]:
        """The runs to decide about now, and those to decide about later: after a start, thousands have ended."""
        facts, awake = self._book.facts, self._resting.awake
        awake &= facts.keys()
        ended = [name for name in awake if facts[name].ended is not None]
        self.postponed = bool(ended) and self._store.is_partial(self._namespace)
        due = [name for name in ended if not (self.postponed or name in self._cleaning)]
        self.unfinished = sum(name not in self._looked for name in due) > AT_ONCE
        now = set(nsmallest(AT_ONCE, due, key=lambda name: (self._looked.get(name, 0), name)))
        later = [name for name in ended if name not in now]
        return sorted(awake.difference(later)), later

    def _awaited(self, names: Iterable[str], sweep: Sweep, report: TrackingReport | None) -> list[SweepRun]:
        """Those that have ended and are to be delivered."""
        if not awaits_runs(sweep, report, self._config):
            return []  # without parsing thousands of runs
        runs = (self._run(name) for name in names if not self._book.facts[name].delivered)
        return [run for run in runs if run is not None and is_awaited(run, sweep, report, self._config)]

    def _run(self, name: str) -> SweepRun | None:
        """The parsed run; None if it does not exist or cannot be read."""
        if name not in self._runs:
            self._runs[name] = self._read(self._store, (Kind.SWEEP_RUN, self._namespace, name))
        return self._runs[name]

    async def _read_facts(self, sweep: Sweep) -> None:
        """Read what has changed. A run that is decided about later is parsed again then: there may be thousands."""
        missing, ended = set[str](), 0
        for number, name in enumerate(sorted(self._unread)):
            await give_way(number, AT_ONCE)
            run = self._run(name)
            if run is None or not belongs(run, sweep):
                self._book.drop(name)
                self._looked.pop(name, None)
                self._resting.forget(name)
                self._queued.pop(name, None)
                self._forget(name)
                self._unread.discard(name)
                continue
            wanted = run.status.template_hash
            if wanted and wanted not in self._templates and wanted not in missing:
                await self._read_template(wanted)
                missing |= {wanted} - self._templates.keys()
            self._book.put(facts_of(run, sweep, self._templates.get(wanted or ""), self._config))
            ended += run.terminal
            if run.terminal and name not in self._resting.awake and name not in self._undelivered:
                self._forget(name)
            elif run.terminal and ended > AT_ONCE:
                self._runs.pop(name)
            self._unread.discard(name)

    def _forget(self, run: str) -> None:
        """Drop what was parsed, and pack the objects. They are read again when the run wakes up."""
        self._runs.pop(run, None)
        self._store.pack((Kind.SWEEP_RUN, self._namespace, run))
        self._parts.forget(run)
        for key in self._parts.of(run):
            self._store.pack(key)

    async def _revisions(self, runs: Sequence[SweepRun]) -> Mapping[str, RunTemplate]:
        """The templates that the runs started with, by hash."""
        for wanted in sorted({r.status.template_hash for r in runs if r.status.template_hash}):
            if wanted not in self._templates:
                await self._read_template(wanted)
        return dict(self._templates)

    async def _read_template(self, wanted: str) -> None:
        name = revision_name(self._sweep, wanted)
        obj = self._store.get(Kind.REVISION, self._namespace, name)
        obj = obj or await self._objects.read(Kind.REVISION, self._namespace, name)
        if obj is not None:
            self._templates[wanted] = read_revision(obj)
            self._unread |= {run.name for run in self._book.facts.values() if run.template_hash == wanted}
