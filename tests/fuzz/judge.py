"""The invariants, checked at every commit against what really happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from math import isclose
from typing import TYPE_CHECKING, Any

from sweep_operator.api.names import (
    ATTEMPT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    RESULT_FINALIZER,
    RUN_UID_LABEL,
    STAGE_LABEL,
    SWEEP_LABEL,
)
from sweep_operator.api.progress import MAX_POINTS
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.kube.protocol import EventType, Kind, Object
from sweep_operator.views.page.sweeps import sweep_page
from tests.engine.world import NS
from tests.fuzz import clock
from tests.fuzz.known import Violation, known
from tests.fuzz.pods import GOOD, PodTruth, duration, reported
from tests.fuzz.process import PASS_STARTED, RESYNC_SECONDS
from tests.fuzz.server import ACTOR

if TYPE_CHECKING:
    from tests.fuzz.schedule import World

STALENESS = RESYNC_SECONDS + 120.0
"""How long a process may believe in a limit that has changed."""
OPERATORS = "operator"
OURS = (Kind.LEASE, Kind.EVENT, Kind.SWEEP, Kind.SWEEP_RUN)
LEFTOVERS = (Kind.SWEEP_RUN, Kind.JOB, Kind.POD, Kind.SERVICE, Kind.CONFIG_MAP, Kind.CLAIM, Kind.REVISION)


class Judge:
    """Watches every commit."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self._indices: dict[tuple[str, int], str] = {}
        self._attempts: dict[tuple[str, str, int], str] = {}
        self._revisions: set[str] = set()
        """Names of all that ever existed."""
        self._limits: dict[str, list[tuple[float, int, int]]] = {}
        """By uid of the Sweep: since when, maxParallelRuns, maxRuns."""
        self.last_write = 0.0
        """Of an operator, Leases excepted."""
        self.last_writes: list[str] = []

    def violation(self, code: str, text: str) -> None:
        """A known one does not end the schedule."""
        found = Violation(code, text, clock.seconds())
        self._world.note(f"VIOLATION {code}: {text}")
        self.violations.append(found)
        if known(found) is None:
            self._world.over.set()

    # -- every commit -----------------------------------------------------------------------------------------------

    def on_commit(self, type_: EventType, obj: Object, old: Object | None) -> None:
        kind = Kind(obj["kind"])
        operator = ACTOR.get().startswith(OPERATORS)
        if operator and kind != Kind.LEASE and not self._restores(type_, obj):
            self.last_write = clock.seconds()
            self.last_writes = [*self.last_writes[-9:], f"{type_} {kind} {obj['metadata']['name']}"]
            if old is not None and kind not in OURS and not _managed(old):
                self.violation("foreign-write", f"{type_} {kind} {obj['metadata']['name']}, which is not ours")
        if kind == Kind.SWEEP:
            self._sweep(type_, obj, old)
        elif kind == Kind.SWEEP_RUN and type_ == "ADDED":
            self._new_run(obj)
        elif kind == Kind.SWEEP_RUN and type_ == "MODIFIED":
            self._run(obj, old or {})
        elif kind == Kind.JOB and type_ == "ADDED":
            self._new_job(obj)

    def _restores(self, type_: EventType, obj: Object) -> bool:
        """A ControllerRevision that a user deleted is created again by a process that does not have it in its cache."""
        name = obj["metadata"]["name"]
        new = type_ == "ADDED" and obj["kind"] == Kind.REVISION
        again = new and name in self._revisions
        self._revisions |= {name} if new else set()
        return again

    def _sweep(self, type_: EventType, sweep: Object, old: Object | None) -> None:
        if type_ == "DELETED":
            return
        limits = sweep["spec"]["limits"]
        seen = self._limits.setdefault(sweep["metadata"]["uid"], [])
        entry = (limits["maxParallelRuns"], limits["maxRuns"])
        if not seen or seen[-1][1:] != entry:
            seen.append((clock.seconds(), *entry))
        same = old is not None and old["metadata"]["generation"] == _observed(old) == sweep["metadata"]["generation"]
        if old is not None and same and _ended(old) and not _ended(sweep):
            self.violation("sweep-left-its-end", f"{_conditions(old)} -> {_conditions(sweep)}")

    def _new_run(self, run: Object) -> None:
        index, owner, uid = run["spec"].get("index"), _controller(run), run["metadata"]["uid"]
        if index is None or owner is None:
            return
        first = self._indices.setdefault((owner, index), uid)
        if first != uid:
            self.violation("index-twice", f"{run['metadata']['name']} was used by run {first}, and now by {uid}")
        own = [r for r in self._runs(owner) if r["spec"].get("index") is not None]
        parallel, total = self._limit(owner)
        unfinished = [r["metadata"]["name"] for r in own if not _ended(r)]
        if len(unfinished) > parallel:
            self.violation("too-many-runs", f"{unfinished} are unfinished; maxParallelRuns is {parallel}")
        if len(own) > total:
            self.violation("beyond-max-runs", f"{len(own)} runs; maxRuns is {total}")

    def _new_job(self, job: Object) -> None:
        labels = job["metadata"].get("labels") or {}
        if RUN_UID_LABEL not in labels:
            return
        place = (labels[RUN_UID_LABEL], labels[STAGE_LABEL], int(labels[ATTEMPT_LABEL]))
        uid = job["metadata"]["uid"]
        first = self._attempts.setdefault(place, uid)
        name = job["metadata"]["name"]
        earlier = [p for p in self._world.nodes.of_run(place[0]) if p.job_uid == first]
        exists = self._world.server.exists(place[0])
        if first != uid and exists and any(p.started for p in earlier) and not any(p.stripped for p in earlier):
            self.violation("attempt-twice", f"Job {name} is created again; its first pod has run")
        for other in self._world.server.peek_all(Kind.JOB):
            theirs = other["metadata"].get("labels") or {}
            same = theirs.get(RUN_UID_LABEL) == place[0] and theirs.get(STAGE_LABEL) == place[1]
            if same and other["metadata"]["uid"] != uid and not _job_over(other) and self._may_run(other):
                self.violation("two-live-jobs", f"{other['metadata']['name']} and {name}")

    def _may_run(self, job: Object) -> bool:
        """A Job gets one pod: none runs once that has ended, or failed before it started."""
        pods = [p for p in self._world.nodes.pods.values() if p.job_uid == job["metadata"]["uid"]]
        stored = self._world.server.peek_all(Kind.POD)
        over = {p["metadata"]["uid"] for p in stored if (p.get("status") or {}).get("phase") in ("Succeeded", "Failed")}
        return not pods or any(p.finished is None and not p.gone and not p.lost and p.uid not in over for p in pods)

    def _run(self, run: Object, old: Object) -> None:
        name = run["metadata"]["name"]
        if _ended(old):
            kept = (
                "conditions", "score", "cost", "failure", "train", "eval", "metrics", "progress", "curve",
                "earlyStopping",
            )  # fmt: skip
            before, after = old.get("status") or {}, run.get("status") or {}
            changed = [k for k in kept if before.get(k) != after.get(k)]
            if changed:
                self.violation("terminal-run-changed", f"{name}: {changed}")
            return
        if run.get("status") == old.get("status"):
            return
        self._curve(run)
        self._verdict(run, old)
        if _holds(run) and not _holds(old):
            owner = _controller(run) or ""
            holding = [r["metadata"]["name"] for r in self._runs(owner) if _holds(r)]
            if owner and len(holding) > (limit := self._limit(owner)[0]):
                self.violation("too-many-slots", f"{holding} hold a slot; maxParallelRuns is {limit}")
        for stage in ("train", "eval"):
            for entry in _new_entries(run, old, stage):
                self._attempt(run, stage, entry)
        if _ended(run):
            self._end_of_run(run)

    def _attempt(self, run: Object, stage: str, entry: Object) -> None:
        """One attempt is recorded: as what it was?"""
        name, uid, class_ = run["metadata"]["name"], run["metadata"]["uid"], entry["class"]
        pods = [p for p in self._world.nodes.of_run(uid, stage) if p.attempt == entry["n"]]
        started = PASS_STARTED.get()
        known = [p for p in pods if p.reported_at is not None and p.reported_at < (started or clock.seconds())]
        where = f"{name} {stage} attempt {entry['n']}"
        last = self._reports(run, stage)
        lead = [p for p in known if p.rank == 0]
        good = [p for p in lead if p.good and (self._world.plan.nodes == 1 or all(p.good for p in pods))]
        if good and not any(p.stripped for p in pods):
            if class_ != "succeeded":
                self.violation("result-lost", f"{where} ended well {_ago(good[-1])}, and is recorded as {class_}")
        elif lead and not lead[-1].stripped and len(pods) == 1:
            expected = _expected(lead[-1], stage, last)
            if lead[-1].program == "unknown-good" and "results" in self._world.plan.spec["train"]:
                expected = {"preempted"}  # its log does not say that it ended
            if "queue" in self._world.plan.spec and expected == {"preempted"}:
                expected = {"preempted", "stopped"}  # the run is stopped before its Job gets its next pod
            if class_ not in expected:
                text = f"{where} is recorded as {class_}; {lead[-1].program} should be {sorted(expected)}"
                self.violation("wrong-class", text)
        elif class_ in ("succeeded", "crash", "parameters", "eval") and not any(p.reported_at for p in pods):
            self.violation("invented", f"{where} is recorded as {class_}, and no pod has ended")
        for pod in pods:
            seconds = entry.get("seconds", 0)
            exact = pod.uid == entry.get("podUID") and pod.reported_at is not None and pod.reported_at < (started or 0)
            if exact and abs(seconds - duration(pod).total_seconds()) > 0.01:
                self.violation("wrong-seconds", f"{where}: {seconds}, not {duration(pod).total_seconds()}")

    def _curve(self, run: Object) -> None:
        """The curve consists of reports that containers of the run have written."""
        curve = run["status"].get("curve") or []
        steps = [point["step"] for point in curve]
        pods = self._world.nodes.of_run(run["metadata"]["uid"])
        written = {(p.attempt, n) for p in pods for n in range(reported(p).count("\n"))}
        invented = [p for p in curve if (p.get("attempt", 1), p["step"]) not in written]
        if invented or steps != sorted(set(steps)) or len(steps) > MAX_POINTS:
            self.violation("wrong-curve", f"{run['metadata']['name']}: {curve}")

    def _verdict(self, run: Object, old: Object) -> None:
        """There is one verdict of early stopping, and it is written together with what follows from it."""
        name, status = run["metadata"]["name"], run["status"]
        before, verdict = (old.get("status") or {}).get("earlyStopping"), status.get("earlyStopping")
        pruned = (status.get("failure") or {}).get("class") == "pruned"
        if before is not None and verdict != before:
            self.violation("verdict-changed", f"{name}: {before} -> {verdict}")
        if pruned != (verdict is not None and not verdict.get("shadow")):
            self.violation("wrong-verdict", f"{name} is recorded as {status.get('failure')} with {verdict}")

    def _end_of_run(self, run: Object) -> None:
        status, name = run["status"], run["metadata"]["name"]
        if run["spec"].get("observation") is not None:
            return
        if _condition(run, "Succeeded")["status"] != "True":
            return
        stage = "eval" if any(a.get("class") for a in (status.get("eval") or {}).get("attempts") or []) else "train"
        entry = status[stage]["attempts"][-1]
        pod = self._world.nodes.pods.get(entry.get("podUID") or "")
        if pod is None or pod.finished is None or pod.program not in (GOOD, "unknown-good"):
            self.violation("invented", f"{name} succeeded by attempt {entry}, which is {pod}")
        elif status.get("score") != pod.score:
            self.violation("wrong-score", f"{name}: {status.get('score')!r}; the pod wrote {pod.score!r}")

    def _reports(self, run: Object, stage: str) -> bool:
        return stage == "eval" or not self._world.plan.has_eval

    # -- containers -------------------------------------------------------------------------------------------------

    def container_started(self, pod: PodTruth) -> None:
        """At most one container of a run and rank at a time, but on nodes that do not answer."""
        for other in self._world.nodes.of_run(pod.run_uid):
            if other is not pod and other.rank == pod.rank and other.runs:
                self.violation("two-containers", f"{pod.name} starts while {other.name} runs")
            # The Job of a queue replaces a pod that it has suspended, however well that has ended.
            earlier = other.stage == pod.stage and other.created < pod.created and other.job_uid != pod.job_uid
            if earlier and self._world.plan.nodes == 1 and other.good and not other.stripped and self._counts(other):
                self.violation("repeated", f"{pod.name} repeats {other.name}, which ended well {_ago(other)}")

    def _counts(self, pod: PodTruth) -> bool:
        """Whether the end of the pod's attempt is recorded as a success, or not at all."""
        run = self._world.server.peek(Kind.SWEEP_RUN, NS, pod.run)
        if run is None or run["metadata"]["uid"] != pod.run_uid:
            return False
        entries = ((run.get("status") or {}).get(pod.stage) or {}).get("attempts") or []
        classes = [a.get("class") for a in entries if a["n"] >= pod.attempt]
        return not any(classes) or "succeeded" in classes

    # -- the end ----------------------------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Everything has ended: nothing is held back, and the Sweep says what its runs say."""
        for sweep in self._world.server.peek_all(Kind.SWEEP):
            if not _ended(sweep):
                self.violation("no-end", f"{_conditions(sweep)}; {self.states()}")
                continue
            runs, counts = self._runs(sweep["metadata"]["uid"]), sweep["status"]["runs"]
            pruned = sum(_condition(r, "Succeeded").get("reason") == "Pruned" for r in runs)
            failed = sum(_ended(r) and not _succeeded(r) for r in runs) - pruned
            actual = (len(runs), sum(map(_succeeded, runs)), failed, pruned)
            stated = tuple(counts.get(state, 0) for state in ("created", "succeeded", "failed", "pruned"))
            if actual != stated:
                text = f"(created, succeeded, failed, pruned) are {actual}; the status has {stated}"
                self.violation("wrong-counts", text)
        held = [p["metadata"]["name"] for p in self._world.server.peek_all(Kind.POD) if _held(p)]
        if held:
            self.violation("held-pods", f"{held} keep the finalizer")
        running = [p.name for p in self._world.nodes.pods.values() if p.runs]
        reason = {_condition(s, "Succeeded").get("reason") for s in self._world.server.peek_all(Kind.SWEEP)}
        if running:
            self.violation("running-pods", f"{running} run on after {reason}")
        every = self._world.server.peek_all(Kind.JOB)
        jobs = [j["metadata"]["name"] for j in every if _managed(j) and not _job_over(j)]
        if jobs:
            self.violation("live-jobs", f"{jobs} after {reason}")
        self._services()
        for sweep in self._world.server.peek_all(Kind.SWEEP):
            self._page(sweep)

    def _page(self, sweep: Object) -> None:
        """The page can show it: its groups are the counts of the status, and its parts are the cost."""
        runs = [read(SweepRun, run) for run in self._runs(sweep["metadata"]["uid"])]
        page = sweep_page(read(Sweep, sweep), runs, {}, datetime.fromtimestamp(clock.seconds(), UTC))
        groups, counts, money = Counter(row.group for row in page.runs), page.row.counts, page.money
        if (groups["succeeded"], groups["failed"] + groups["stopped"]) != (counts.succeeded, counts.failed):
            self.violation("wrong-page", f"{groups} are the groups of the page; the status has {counts}")
        parts = money.useful + sum(part.cost for part in money.wasted) + money.pruned.cost
        # A run that was suspended keeps its place, and its cost so far, when the budget ends the sweep.
        if all(run.terminal for run in runs) and not isclose(parts, money.spent, rel_tol=1e-6, abs_tol=1e-6):
            self.violation("wrong-page", f"the parts of the cost are not its sum: {money}")

    def _services(self) -> None:
        live = {j["metadata"]["name"] for j in self._world.server.peek_all(Kind.JOB) if not _job_over(j)}
        services = [s["metadata"]["name"] for s in self._world.server.peek_all(Kind.SERVICE)]
        if left := sorted(set(services) - live):
            self.violation("services-left", f"{left}")

    def after_deletion(self) -> None:
        """Nothing is left of a deleted Sweep."""
        left = [
            f"{kind} {o['metadata']['name']}"
            for kind in LEFTOVERS
            for o in self._world.server.peek_all(kind)
            if SWEEP_LABEL in (o["metadata"].get("labels") or {})
            and not (kind in (Kind.CLAIM, Kind.REVISION) and _is_kept(o))
            and not (kind == Kind.POD and self._world.nodes.pods[o["metadata"]["uid"]].lost and not _held(o))
        ]
        if left:
            self.violation("leftovers", f"{left}")

    def states(self) -> list[str]:
        """The runs, for a message."""
        return [
            f"{r['metadata']['name']} {_condition(r, 'Succeeded').get('reason')}"
            for r in self._world.server.peek_all(Kind.SWEEP_RUN)
        ]

    # -- looking ----------------------------------------------------------------------------------------------------

    def _runs(self, sweep_uid: str) -> list[Object]:
        return [r for r in self._world.server.peek_all(Kind.SWEEP_RUN) if _controller(r) == sweep_uid]

    def _limit(self, sweep_uid: str) -> tuple[int, int]:
        """The largest limits that a process may still believe in."""
        seen = self._limits.get(sweep_uid, [])
        since = clock.seconds() - STALENESS
        recent = [e for n, e in enumerate(seen) if n + 1 == len(seen) or seen[n + 1][0] >= since]
        return max((e[1] for e in recent), default=10**9), max((e[2] for e in recent), default=10**9)


def _expected(pod: PodTruth, stage: str, reports: bool) -> set[str]:
    """Classes that fit what the container did."""
    if pod.disrupted:
        well = pod.exit_code == 0 and (pod.program == GOOD or not reports)
        well = well or (pod.program == "unknown-good" and reports)
        told = {"parameters"} if pod.program == "nan" else set()
        if pod.exit_code == 0:  # within the tolerance of clocks it ended by itself, with a bad result
            told |= {"eval" if stage == "eval" else "crash"}
        return {"preempted", "stopped", "timeout", "silent", "pruned"} | ({"succeeded"} if well else set()) | told
    by_program = {
        "crash": {"crash"},
        "65": {"parameters"},
        "oom": {"parameters"},
        "nan": {"parameters"} if reports else {"succeeded"},
        GOOD: {"succeeded"},
        "unknown": {"preempted"},
        "status-unknown": {"preempted"},
        "unknown-good": {"succeeded"} if reports else {"preempted"},
    }
    silent = {"crash"} if reports else {"succeeded"}
    classes = by_program.get(pod.program, silent)
    if stage == "eval" and pod.program in ("crash", "oom", "garbage", "empty", "huge", "nested"):
        classes = {"eval"}
    if pod.deleted and pod.program not in (GOOD, "unknown-good"):
        # it failed before the node was lost, or because of that
        return {*classes, "preempted", "stopped", "timeout", "silent", "pruned"}
    return classes


def _new_entries(run: Object, old: Object, stage: str) -> Iterable[Object]:
    def entries(obj: Object) -> dict[tuple[Any, Any], Object]:
        found = ((obj.get("status") or {}).get(stage) or {}).get("attempts") or []
        return {(a["n"], a.get("podUID")): a for a in found if a.get("class")}

    before = entries(old)
    return [a for key, a in entries(run).items() if key not in before]


def _condition(obj: Object, type_: str) -> Object:
    found = (c for c in (obj.get("status") or {}).get("conditions") or [] if c["type"] == type_)
    return next(found, {"status": "Unknown"})


def _conditions(obj: Object) -> str:
    return ", ".join(
        f"{c['type']}={c['status']} ({c['reason']})" for c in (obj.get("status") or {}).get("conditions") or []
    )


def _observed(obj: Object) -> int | None:
    found: int | None = _condition(obj, "Succeeded").get("observedGeneration")
    return found


def _ended(obj: Object) -> bool:
    return bool(_condition(obj, "Succeeded")["status"] != "Unknown")


def _succeeded(obj: Object) -> bool:
    return bool(_condition(obj, "Succeeded")["status"] == "True")


def _holds(run: Object) -> bool:
    """Started, not ended, and not parked by a suspension."""
    status = run.get("status") or {}
    train, eval_ = status.get("train") or {}, status.get("eval") or {}
    if _ended(run) or not train.get("attempt"):
        return False
    stage = eval_ if eval_.get("attempt") else train
    last = next(iter((stage.get("attempts") or [])[-1:]), {})
    return not (last.get("class") == "stopped" and last.get("n") == stage.get("attempt"))


def _controller(obj: Object) -> str | None:
    return next((o["uid"] for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")), None)


def _job_over(job: Object) -> bool:
    ended = any(
        c["type"] in ("Complete", "Failed", "FailureTarget") and c["status"] == "True"
        for c in (job.get("status") or {}).get("conditions") or []
    )
    return ended or bool(job["metadata"].get("deletionTimestamp"))


def _managed(obj: Object) -> bool:
    return (obj["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY


def _is_kept(obj: Object) -> bool:
    """A claim that a Sweep retains, or a ControllerRevision that was orphaned, and whose runs a user then deleted."""
    return not obj["metadata"].get("ownerReferences")


def _held(pod: Object) -> bool:
    return RESULT_FINALIZER in (pod["metadata"].get("finalizers") or [])


def _ago(pod: PodTruth) -> str:
    return f"{clock.seconds() - (pod.reported_at or 0):.1f} s ago"
