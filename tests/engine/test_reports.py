"""Progress of runs, read from their logs: in virtual time, with logs as files."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.meta import find_condition
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.attempt import LogFollow
from sweep_operator.domain.curve import Point
from sweep_operator.engine import report_files, report_reader
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.full_reports import FullReports
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.reconciler import Reconciler
from sweep_operator.engine.report_files import ReportFiles, read_reports
from sweep_operator.engine.reports import BURST, IN_FLIGHT, PART_BYTES, PARTS, RATE, Reports
from sweep_operator.kube.protocol import Forbidden, Kind, LogPart, Object, Unavailable
from sweep_operator.sandbox.tasks import InProcess, Refused
from tests.engine.world import KEY, NS, World, settle_suggestions

REPORTS = {"maxStep": 100, "everySeconds": 10}
RARE = {"image": "i", "command": ["train"], "reports": {"maxStep": 100, "everySeconds": 300}}
"""After the first seconds, no log is read before the container ends."""


class Logged(World):
    """Programs run until ``finish``, and write logs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path, self.finish = path, False
        self.kube.log_path = lambda pod: path / f"{pod['metadata']['name']}.log"
        self.reads = 0
        self.error: Exception | None = None
        plain = self.kube.follow_log

        async def follow_log(*args: Any, **options: Any) -> LogPart:
            self.reads += 1
            if self.error is not None:
                raise self.error
            return await plain(*args, **options)

        self.kube.follow_log = follow_log  # type: ignore[method-assign]

    async def _end_pod(self, job: Object, pod: Object) -> None:
        if self.finish:
            await super()._end_pod(job, pod)

    async def tick(self, seconds: float = 2) -> None:
        """Pods that are deleted end at once."""
        await super().tick(seconds)
        for pod in (await self.kube.list(Kind.POD)).items:
            if pod["metadata"].get("deletionTimestamp"):
                await self.kube.delete(Kind.POD, NS, pod["metadata"]["name"], grace_seconds=0)

    async def write(self, *lines: str) -> None:
        for pod in (await self.kube.list(Kind.POD)).items:
            with (self.path / f"{pod['metadata']['name']}.log").open("a") as file:
                file.writelines(f"{line}\n" for line in lines)

    async def report(self, step: float, value: float | str) -> None:
        await self.write(f'SWEEP_REPORT {{"step": {step}, "reward": {value}}}')

    async def steps(self, engine: Engine, seconds: float, every: float = 1) -> None:
        """Time passes."""
        for _ in range(int(seconds / every)):
            await self.tick(every)
            await engine.audit(NS)
            await engine.reports.poll()
            for _ in range(4):
                await engine.reconcile(KEY)
                await settle_suggestions(engine)

    async def first(self) -> SweepRun:
        return await self.run("s.r.0")


@pytest.fixture
def world(tmp_path: Path) -> Logged:
    return Logged(tmp_path)


async def started(world: Logged, **spec: Any) -> Engine:
    engine = world.engine()
    train = {"image": "i", "command": ["train"], "reports": REPORTS}
    one = {"limits": {"maxRuns": 1, "maxParallelRuns": 1}, "eval": None}
    await world.apply(**{**one, "train": train, **spec})
    await world.steps(engine, 5)
    return engine


async def test_reports_become_progress_and_a_curve(world: Logged) -> None:
    engine = await started(world)
    await world.report(10, 0.5)
    await world.steps(engine, 70, 5)
    progress = (await world.first()).status.progress
    assert progress is not None
    assert (progress.summary, progress.fraction, progress.value) == ("10%", 0.1, 0.5)
    await world.report(20, "NaN")
    await world.report(100, 0.9)
    world.finish = True
    await world.steps(engine, 5)
    status = (await world.first()).status
    assert status.score is not None, "the result is recorded after the rest of the log was read"
    assert [(p.step, p.value) for p in status.curve] == [(10, 0.5), (20, None), (100, 0.9)]
    assert status.progress is not None
    assert (status.progress.summary, status.progress.eta_seconds) == ("100%", None)


async def cost_of(path: Path, seconds: int, *, reports: bool) -> tuple[int, int]:
    """Of a run that takes so long: the writes of its status and the reads of its log."""
    path.mkdir()
    world, writes = Logged(path), 0
    plain = world.kube.update_status

    async def update_status(kind: Kind, body: Object) -> Object:
        nonlocal writes
        writes += kind == Kind.SWEEP_RUN
        return await plain(kind, body)

    world.kube.update_status = update_status  # type: ignore[method-assign]
    train = {"image": "i", "command": ["train"], **({"reports": REPORTS} if reports else {})}
    engine = await started(world, train=train)
    for step in range(1, seconds - 2):  # it has run for 3 s
        await world.report(step, step / 10)
        await world.steps(engine, 1)
    await ended(world, engine)
    world.kube.close()
    return writes, world.reads


@pytest.mark.parametrize("seconds", [5, 20, 55, 100, 200])
async def test_reports_cost_at_most_one_write_per_minute_and_none_in_the_first_one(
    tmp_path: Path, seconds: int
) -> None:
    writes, reads = await cost_of(tmp_path / "with", seconds, reports=True)
    without, _ = await cost_of(tmp_path / "without", seconds, reports=False)
    assert seconds // 60 - 1 <= writes - without <= seconds // 60
    assert reads <= seconds // REPORTS["everySeconds"] + 2, "the first one is early, the last one is that of the rest"


async def test_the_first_progress_is_written_with_the_start(world: Logged) -> None:
    engine = world.engine()
    await world.apply(
        limits={"maxRuns": 1}, eval=None, train={"image": "i", "command": ["train"], "reports": {"maxStep": 100}}
    )
    while not (await world.kube.list(Kind.POD)).items:
        await world.steps(engine, 1)
    await world.report(10, 0.5)
    while (await world.first()).status.train.start_time is None:
        assert (await world.first()).status.progress is None
        await world.steps(engine, 1)
    progress = (await world.first()).status.progress
    assert progress is not None
    assert progress.step == 10, "although a log is read every 30 s only"


async def test_a_new_operator_continues_where_the_old_one_stopped(world: Logged) -> None:
    engine = await started(world)
    for step in range(1, 11):
        await world.report(step, step)
        await world.steps(engine, 10)
    known = (await world.first()).status
    assert known.progress is not None
    position = int(known.progress.log_position)
    assert position > 0
    engine.close()
    successor = world.engine()
    for pod in (await world.kube.list(Kind.POD)).items:
        log = world.path / f"{pod['metadata']['name']}.log"
        log.write_bytes(b"#" * position + log.read_bytes()[position:])  # what was read is not read again
    await world.report(12, 12)
    world.finish = True
    await world.steps(successor, 40)
    status = (await world.first()).status
    assert status.score is not None
    assert [p.step for p in status.curve] == [*range(1, 11), 12]


async def test_a_log_that_must_not_be_read_gives_a_condition(world: Logged) -> None:
    engine = await started(world)
    world.error = Forbidden("pods/log is forbidden")
    await world.steps(engine, 70, 5)
    condition = find_condition((await world.first()).status.conditions, "Reporting")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "LogForbidden")
    assert "pods/log" in condition.message
    world.error = None
    await world.report(1, 1)
    await world.steps(engine, 70, 5)
    run = await world.first()
    assert find_condition(run.status.conditions, "Reporting") is not None
    assert run.status.progress is not None
    world.error, world.finish = Forbidden("again"), True
    await world.steps(engine, 5)
    assert (await world.first()).succeeded, "the result does not depend on the reports"


async def test_the_rest_of_a_log_is_read_although_an_outage_stops_the_pass_that_asks_for_it(
    world: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await started(world)
    await world.report(10, 0.5)
    await world.steps(engine, 20)
    world.finish = True
    await world.report(20, 0.75)
    await world.tick(1)
    await engine.audit(NS)

    async def stopped(*_: Any) -> None:
        raise Unavailable("no route to host")

    with monkeypatch.context() as outage, contextlib.suppress(Unavailable):
        outage.setattr(Reconciler, "_answer", stopped)
        await engine.reconcile(KEY)
    await world.steps(engine, 5)
    status = (await world.first()).status
    assert status.score is not None
    assert [(p.step, p.value) for p in status.curve] == [(10, 0.5), (20, 0.75)]


FROM_LOG = {"results": {"source": "Log", "pattern": "final={value}"}}


@pytest.mark.parametrize("results", [{}, FROM_LOG])
async def test_the_rest_of_a_log_is_read_before_the_pass_that_asks_for_it(
    world: Logged, results: dict[str, Any]
) -> None:
    """Otherwise the end of a run is recorded by the second pass after it. With many runs, each takes a while."""
    engine = await started(world, train={**RARE, **results})
    await world.report(10, 0.5)
    await world.steps(engine, 20)
    await world.report(100, 0.9)
    await world.write("final=0.9")
    world.finish = True
    await world.tick()
    before = world.reads
    for pod in (await world.kube.list(Kind.POD)).items:
        engine.apply(Kind.POD, pod)
    await engine.reports.poll()
    assert world.reads == before + 1
    for _ in range(3 if results else 1):
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
    run = await world.first()
    assert run.succeeded
    assert [point.step for point in run.status.curve] == [10, 100]
    assert world.reads == before + 1, "once"


async def test_only_the_end_of_the_container_that_is_followed_is_noted(world: Logged) -> None:
    engine = await started(world, train=RARE)
    await world.steps(engine, 20)
    before = world.reads
    [running] = (await world.kube.list(Kind.POD)).items
    world.finish = True
    await world.tick()
    [ended] = (await world.kube.list(Kind.POD)).items
    other = {**ended, "metadata": {**ended["metadata"], "uid": "of-another-attempt"}}
    unlabeled = {**ended, "metadata": {**ended["metadata"], "labels": None}}
    for pod in (running, other, unlabeled):
        engine.reports.note(pod)
        await engine.reports.poll()
        assert world.reads == before
    engine.reports.note(ended)
    await engine.reports.poll()
    assert world.reads == before + 1


async def test_silence_is_no_reason_to_read_the_rest_of_a_log(world: Logged) -> None:
    engine = await started(world, train={"image": "i", "command": ["train"]}, perRun={"silenceSeconds": 600})
    await world.steps(engine, 20)
    before = world.reads
    assert before > 0
    world.finish = True
    await world.tick()
    for pod in (await world.kube.list(Kind.POD)).items:
        engine.apply(Kind.POD, pod)
    await engine.reports.poll()
    assert world.reads == before


async def test_without_reports_no_log_is_read(world: Logged) -> None:
    engine = await started(world, train={"image": "i", "command": ["train"]})
    await world.report(1, 1)
    await world.steps(engine, 100, 5)
    world.finish = True
    await world.steps(engine, 5)
    assert (await world.first()).succeeded
    assert world.reads == 0


@pytest.mark.parametrize(
    ("lines", "reason", "says"),
    [
        (['SWEEP_REPORT {"step": 5, "loss": 1}'], "MetricMissing", "'reward'; they contain ['loss']"),
        (['SWEEP_REPORT {"step": 5'], "InvalidReport", '"step"'),
        (['SWEEP_REPORT {"step": 500, "reward": 1}'], "MaxStepExceeded", "train.reports.maxStep, 100"),
        (
            ['SWEEP_REPORT {"step": 5, "reward": 1}', 'SWEEP_REPORT {"step": 3, "reward": 1}'],
            "StepWentBack",
            "from 5 to 3",
        ),
        (["nothing"], "NoReports", "within 10 minutes"),
    ],
)
async def test_bad_reports_are_named(world: Logged, lines: list[str], reason: str, says: str) -> None:
    engine = await started(world)
    await world.write(*lines)
    await world.steps(engine, 70, 5)
    if reason == "NoReports":
        await world.steps(engine, 620, 20)
    condition = find_condition((await world.first()).status.conditions, "Reporting")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", reason)
    assert says in condition.message
    world.finish = True
    await world.steps(engine, 5)
    assert (await world.first()).succeeded


async def test_a_silent_program_is_ended_and_retried(world: Logged) -> None:
    per_run = {"silenceSeconds": 60, "retries": {"onFailure": 1, "backoffSeconds": 1}}
    engine = await started(world, train={"image": "i", "command": ["train"]}, perRun=per_run)
    for _ in range(12):
        await world.write("alive")
        await world.steps(engine, 10)
    assert (await world.first()).status.train.attempt == 1
    await world.steps(engine, 100, 5)
    status = (await world.first()).status
    assert [a.class_ for a in status.train.attempts] == ["silent"]
    assert status.train.attempt == 2, "it is retried as a crash is"
    await world.write()
    await world.steps(engine, 150, 5)
    failure = (await world.first()).status.failure
    assert failure is not None
    assert (failure.class_, failure.reason) == ("silent", "Silent")
    assert "60 s (perRun.silenceSeconds)" in failure.message
    observed = find_condition((await world.first()).status.conditions, "Observed")
    assert observed is not None
    assert observed.status == "False", "nothing is learned"


async def test_an_unreadable_log_is_not_silence(world: Logged) -> None:
    engine = await started(world, perRun={"silenceSeconds": 30})
    await world.write("alive")
    await world.steps(engine, 20)
    world.error = Unavailable("no route to host")
    await world.steps(engine, 200, 5)
    assert (await world.first()).status.train.attempt == 1


# -- every report, for the tracker -----------------------------------------------------------------------------------


def long_reports(first: int, last: int) -> list[str]:
    """Lines of 1 kB."""
    note = "x" * 1000
    return [f'SWEEP_REPORT {{"step": {step}, "reward": 1, "note": "{note}"}}' for step in range(first, last + 1)]


def kept(world: Logged, run: SweepRun) -> list[float]:
    """The steps that are kept of its pods, in order."""
    assert world.report_files is not None
    pods = [attempt.pod_uid or "" for attempt in run.status.train.attempts]
    return [point.step for path in world.report_files.find(pods) for point in read_reports(path)]


def whole(world: Logged, run: SweepRun) -> bool:
    assert world.report_files is not None
    return all(world.report_files.whole(attempt.pod_uid or "") for attempt in run.status.train.attempts)


async def kept_world(world: Logged) -> Engine:
    world.report_files = ReportFiles(world.path / "first", tracked_only=False)
    return await started(world, train={"image": "i", "command": ["train"], "reports": {**REPORTS, "maxStep": 10_000}})


async def ended(world: Logged, engine: Engine) -> SweepRun:
    world.finish = True
    await world.steps(engine, 5)
    run = await world.first()
    assert run.succeeded
    return run


async def test_every_report_is_kept_although_the_status_has_room_for_a_few(world: Logged) -> None:
    engine = await kept_world(world)
    await world.write(*long_reports(1, 3000))
    await world.steps(engine, 40)
    await world.report(3001, 2)
    run = await ended(world, engine)
    assert len(run.status.curve) <= 32
    assert (kept(world, run), whole(world, run)) == ([*range(1, 3002)], True)


async def test_a_new_operator_reads_the_log_from_its_beginning_and_progress_never_goes_back(world: Logged) -> None:
    engine = await kept_world(world)
    await world.write(*long_reports(1, 1500))
    await world.steps(engine, 70, 5)
    engine.close()
    world.report_files = ReportFiles(world.path / "second", tracked_only=False)
    successor = world.engine()
    await world.report(1501, 2)
    for _ in range(20):
        await world.steps(successor, 2)
        progress = (await world.first()).status.progress
        assert progress is not None
        assert progress.step >= 1500
    run = await ended(world, successor)
    assert (kept(world, run), whole(world, run)) == ([*range(1, 1502)], True)


async def test_what_was_skipped_is_read_again_for_the_delivery(world: Logged) -> None:
    engine = await kept_world(world)
    await world.steps(engine, 20)
    await world.write(*long_reports(1, 1500))
    run = await ended(world, engine)
    assert not whole(world, run), "the end of a run does not wait for a long log"
    assert len(kept(world, run)) < 1500
    assert run.status.curve[-1].step == 1500
    files, sweep = world.report_files, read(Sweep, await world.kube.get(Kind.SWEEP, *KEY))
    assert files is not None
    for source in (files, ReportFiles(world.path / "lost")):
        reports = FullReports(source, world.kube, InProcess())
        found = [point.step for path in await reports.find(sweep, run) for point in read_reports(path)]
        assert {*found} == {*range(1, 1501)}
        reads = world.reads
        await reports.find(sweep, run)
        assert world.reads == reads, "once"
        reports.forget(sweep, run)
        assert not source.find([a.pod_uid or "" for a in run.status.train.attempts])


def test_the_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "MOST", 100)
    files = ReportFiles(tmp_path, max_bytes=20_000)
    files.begin("long")
    for step in range(1000):
        files.add("long", [Point(step, 1.0, step)])
    (path,) = files.find(["long"])
    steps = [point.step for point in read_reports(path)]
    assert 50 <= len(steps) <= 101
    assert {b - a for a, b in itertools.pairwise(steps)} == {16}, "evenly"
    for pod in range(20):
        files.add(f"p{pod}", [Point(step, 1.0, step) for step in range(100)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
    assert (bool(files.find(["p19"])), files.find(["long"])) == (True, [])


def test_the_folder_of_the_files_belongs_to_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = ReportFiles(report_files.fresh_folder())
    first.begin("p")
    (own,) = tmp_path.iterdir()
    assert own.stat().st_mode & 0o777 == 0o700
    assert not ReportFiles(report_files.fresh_folder()).find(["p"]), "that of an earlier process is deleted"
    shutil.rmtree(own)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    own.symlink_to(elsewhere)
    safe = report_files.fresh_folder()
    assert safe.parent == tmp_path, "nobody else says where the files are"
    assert safe.stat().st_mode & 0o777 == 0o700
    own.unlink()
    own.mkdir()
    own.chmod(0o777)
    assert report_files.fresh_folder().parent == tmp_path


# -- many logs -------------------------------------------------------------------------------------------------------


class Kubelets:
    """500 containers that report once per second, and what they are asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.now, self.most, self.open = 0.0, 0, 0
        self.text = ""

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        self.asked.append(self.now)
        assert len(self.text) <= limit
        return LogPart(self.text, False, self.now, f"{self.now}", f"{self.now}", more=bool(self.text))


def follow(number: int, **changes: Any) -> LogFollow:
    values: dict[str, Any] = {
        "pod": f"p{number}", "uid": f"u{number}", "attempt": 1, "reports": True, "pattern": None, "metric": "reward",
        "needed": "reward", "others": (),
        "every": 30.0, "started": World(Path()).now, "earlier": 0.0, "position": "", "silence": None, "last": False,
    }  # fmt: skip
    return LogFollow(**{**values, **changes})


def reports_of(kubelets: Kubelets, evaluator: Any = None) -> Reports:
    world = World(Path())
    settings = Settings(
        config=world.engine()._settings.config,
        now=lambda: world.now,
        monotonic=lambda: kubelets.now,
        evaluator=evaluator or InProcess(),
    )
    return Reports(kubelets, settings, lambda key, seconds: None)  # type: ignore[arg-type]


async def test_the_requests_for_500_logs_are_spread_and_bounded() -> None:
    kubelets = Kubelets()
    reports = reports_of(kubelets)
    for number in range(500):
        reports.follow(KEY, f"r{number}", follow(number))
    for _ in range(1200):
        kubelets.now += 0.1
        await reports.poll()
    seconds = [sum(s <= at < s + 1 for at in kubelets.asked) for s in range(30, 120)]
    assert max(seconds) <= RATE + BURST
    assert min(seconds) >= 8, "the requests are spread over the interval"
    assert 3 * 500 <= len(kubelets.asked) <= 4 * 500


async def test_a_log_that_grows_fast_costs_a_bounded_number_of_requests() -> None:
    kubelets = Kubelets()
    kubelets.text = "x" * PART_BYTES
    reports = reports_of(kubelets)
    reports.follow(KEY, "r", follow(0, last=True))
    await reports.poll()
    assert len(kubelets.asked) == PARTS
    assert IN_FLIGHT * PARTS * PART_BYTES <= 16 << 20, "bytes in memory"


async def test_a_pattern_that_exceeds_its_limits_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    class Refusing:
        async def evaluate(self, owner: str, task: Any, seconds: float) -> Any:
            assert seconds == report_reader.PARSE_SECONDS
            raise Refused("it took more than 2 s of CPU time")

    kubelets = Kubelets()
    reports = reports_of(kubelets, Refusing())
    reports.follow(KEY, "r", follow(0, pattern="(?P<step>.)(?P<value>.)", last=True))
    await reports.poll()
    (reading,) = reports.readings(KEY).values()
    assert reading.problem is not None
    assert reading.problem[0] == "PatternRefused"
    assert reading.complete, "the end of the run is recorded"
    assert reports.take_news(KEY) == {"r"}
    reports.follow(KEY, "r", None)
    assert not reports.readings(KEY)
