"""Warm start: sources are read in the background, stored in a ConfigMap, and given up after ten minutes."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.decide.plan import Observation, SuggestRequest
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import WarmStartRows, WarmStartUnreadable
from sweep_operator.engine.warm_start import PATIENCE, config_map_of
from sweep_operator.engine.warm_start_rows import read_config_map, read_sources
from sweep_operator.exchange.learner import MAX_VALUES, Learned, Learner
from sweep_operator.exchange.observation import unpack
from sweep_operator.exchange.row import Row
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.sandbox.tasks import InProcess
from tests.builders import X, earlier, make_sweep
from tests.engine.world import KEY, NS, World, settle_suggestions

WARM = {"from": [{"wandb": {"sweepId": "abc"}}]}
OLD = (Observation({"x": 0.5}, 5.0, 10.0), Observation({"x": 0.25}, None, 3.0, is_failure=True))


def learned(request: SuggestRequest) -> tuple[Observation, ...]:
    """All observations of a request."""
    return (*(o.observation for o in unpack(request.earlier.content)), *request.observations)


class Source:
    """Returns the given answers, as soon as ``free`` is set."""

    def __init__(self, *answers: WarmStartRows | WarmStartUnreadable) -> None:
        self.answers, self.asked = list(answers), 0
        self.free = asyncio.Event()
        self.free.set()

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> WarmStartRows:
        self.asked += 1
        await self.free.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, WarmStartUnreadable):
            raise answer
        return answer


async def step(world: World, engine: Engine) -> None:
    await engine.audit(NS)
    await engine.reconcile(KEY)
    for _ in range(3):
        await settle_suggestions(engine)
    await world.tick(1)


async def warm_started(world: World) -> tuple[str, str, str] | None:
    condition = find_condition((await world.sweep()).status.conditions, "WarmStarted")
    return None if condition is None else (condition.status, condition.reason, condition.message)


async def test_a_source_that_does_not_answer_delays_only_suggestions(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD)))
    source.free.clear()
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 1})
    mine: dict[str, Any] = {"sweepName": "s", "parameters": {"x": 1}}
    await world.kube.create(Kind.SWEEP_RUN, {"metadata": {"name": "mine", "namespace": NS}, "spec": mine})
    for _ in range(9):
        await step(world, engine)
    assert (await world.run("mine")).succeeded, "a manual run does not need observations"
    assert source.asked == 1, "one request at a time"
    assert world.suggester.asked == []
    source.free.set()
    for _ in range(3):
        await step(world, engine)
    assert learned(world.suggester.asked[0])[: len(OLD)] == OLD
    assert await warm_started(world) == ("True", "Read", "2 observations, 1 with a score")


async def test_observations_and_notes_are_stored_and_a_new_process_does_not_read_the_sources(tmp_path: Path) -> None:
    note = "W&B sweep abc: 3 runs without metric 'reward'"
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD), (note,)))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    for _ in range(3):
        await step(world, engine)
    other = Source(WarmStartUnreadable("must not be asked"))
    for _ in range(3):
        await step(world, engine := world.engine(warm_start=other))
    assert other.asked == 0
    assert learned(world.suggester.asked[-1])[: len(OLD)] == OLD
    assert await warm_started(world) == ("True", "Read", f"2 observations, 1 with a score; {note}")


async def test_after_ten_minutes_the_sweep_starts_without_observations(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartUnreadable("W&B cannot be reached"))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 1})
    for _ in range(3):
        await step(world, engine)
    assert await warm_started(world) == ("Unknown", "Waiting", "W&B cannot be reached; retrying")
    assert world.suggester.asked == []
    world.now += PATIENCE
    for _ in range(3):
        await step(world, engine)
    assert await warm_started(world) == ("False", "SourceUnreadable", "W&B cannot be reached (0 observations)")
    assert len(world.suggester.asked) == 1
    asked = source.asked
    await step(world, world.engine(warm_start=source))
    assert source.asked == asked, "the decision is permanent"


async def test_a_permanent_error_is_not_retried(tmp_path: Path) -> None:
    world = World(tmp_path)
    source = Source(WarmStartUnreadable("W&B refuses the key", readable=earlier(*OLD[:1]), lasting=True))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 1})
    for _ in range(3):
        await step(world, engine)
    assert await warm_started(world) == ("False", "SourceUnreadable", "W&B refuses the key (1 observations)")
    assert learned(world.suggester.asked[0]) == OLD[:1]


async def test_a_source_that_recovers_is_read(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartUnreadable("not yet"), WarmStartRows(earlier(*OLD)))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 1})
    for _ in range(5):
        await step(world, engine)
    assert (source.asked, (await warm_started(world) or ())[1]) == (2, "Read")


@pytest.mark.parametrize("ends", ["deleted", "closed"])
async def test_reading_is_canceled_with_the_sweep_and_with_the_engine(tmp_path: Path, ends: str) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD)))
    source.free.clear()
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random")
    await step(world, engine)
    (reading,) = (t for t in asyncio.all_tasks() if t is not asyncio.current_task())
    if ends == "deleted":
        await world.kube.delete(Kind.SWEEP, NS, "s")
        await engine.audit(NS)
        await engine.reconcile(KEY)
    else:
        engine.close()
    await asyncio.wait([reading])
    assert reading.cancelled()


async def stored(world: World) -> list[Object]:
    return [o for o in (await world.kube.list(Kind.CONFIG_MAP)).items if "-warm-start" in o["metadata"]["name"]]


async def test_the_digest_is_in_the_status_before_the_config_map_exists(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD)))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    recorded: list[tuple[str | None, int]] = []
    for _ in range(4):
        await step(world, engine)
        recorded.append(((await world.sweep()).status.warm_start_digest, len(await stored(world))))
    (kept,) = await stored(world)
    digest = recorded[-1][0]
    assert digest is not None
    assert kept["immutable"] is True
    assert kept["metadata"]["name"] == f"s-warm-start-{digest[:10]}"
    first = next(i for i, (found, _) in enumerate(recorded) if found is not None)
    assert all(count == 0 for _, count in recorded[:first])


FORGED = (Observation({"x": 0.75}, 1e9, 1.0),)


async def forge(world: World, name: str) -> None:
    """A ConfigMap that looks like the operator's."""
    _, body = config_map_of(await world.sweep(), WarmStartState(earlier(*FORGED)))
    await world.kube.create(Kind.CONFIG_MAP, {**body, "metadata": {**body["metadata"], "name": name}})


async def test_a_config_map_of_the_first_version_or_of_a_user_is_ignored(tmp_path: Path) -> None:
    """Version 0.1.0 used this name and recorded no digest; any user could have created it."""
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD)))
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    await forge(world, "s-warm-start")
    engine = world.engine(warm_start=source)
    for _ in range(4):
        await step(world, engine)
    assert source.asked == 1
    assert learned(world.suggester.asked[0])[: len(OLD)] == OLD


async def test_replaced_content_is_ignored_and_the_sources_are_read_again(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD)))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    for _ in range(4):
        await step(world, engine)
    (kept,) = await stored(world)
    await world.kube.delete(Kind.CONFIG_MAP, NS, kept["metadata"]["name"])
    await forge(world, kept["metadata"]["name"])
    again = Source(WarmStartRows(earlier(*OLD)))
    engine = world.engine(warm_start=again)
    for _ in range(4):
        await step(world, engine)
        await world.tick(30)
    assert again.asked == 1
    assert not [o for request in world.suggester.asked for o in learned(request) if o == FORGED[0]]
    events = [e for e in (await world.kube.list(Kind.EVENT)).items if e["reason"] == "WarmStartNotStored"]
    assert len(events) == 1, "the name is taken, which is reported once"


async def test_a_missing_config_map_is_read_again_and_a_restart_changes_no_status(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(earlier(*OLD)))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 2})
    for _ in range(20):
        await step(world, engine)
    assert await world.ended() == "MaxRunsReached"
    before = await world.sweep()
    assert before.status.optimizer.observations == len(OLD) + 2
    for name in [o["metadata"]["name"] for o in await stored(world)]:
        await world.kube.delete(Kind.CONFIG_MAP, NS, name)
    engine = world.engine(warm_start=Source(WarmStartUnreadable("must not be asked")))
    for _ in range(3):
        await step(world, engine)
    assert (await world.sweep()).status == before.status


async def test_the_newest_observations_that_fill_a_config_map_are_kept(tmp_path: Path) -> None:
    """The evaluator packs them. The engine stores what it returns."""
    world, random = World(tmp_path), Random(0)
    parameters = {f"x{d}": X for d in range(20)}
    rows = "\n".join(
        json.dumps({"parameters": {p: random.random() for p in parameters}, "score": n, "cost": 1}) for n in range(5000)
    )
    content = base64.b64encode(gzip.compress(rows.encode())).decode()
    await world.kube.create(
        Kind.CONFIG_MAP, {"metadata": {"name": "old", "namespace": "rl"}, "binaryData": {"rows.jsonl.gz": content}}
    )
    source = WarmStartSource(config_map="old")
    sweep = make_sweep().spec(parameters=parameters).build()
    found = await read_config_map(world.kube, InProcess(), Learner(sweep=sweep, limit=5000), source)
    count = found.observations.count
    assert 1000 < count < 5000, "a ConfigMap has a limited size"
    assert found.text == f"the newest {count} observations are used, which fill a ConfigMap"
    assert [o.score for o in unpack(found.observations.content)] == [float(4999 - n) for n in range(count)]
    _, body = config_map_of(sweep, WarmStartState(found.observations))
    assert body["binaryData"] == {"observations.jsonl.gz": found.observations.content}


async def test_the_newest_observations_of_several_sources_are_joined() -> None:
    from_ = [{"sweep": "old"}, {"sweep": "t"}]
    spec = {"parameters": {"x": X}, "warmStart": {"from": from_, "maxObservations": 3}}
    warm = make_sweep().spec(**spec).build()
    assert warm.spec.warm_start is not None

    async def read_one(source: WarmStartSource, learner: Learner) -> Learned:
        return learner.learn([Row("r", "succeeded", {"x": 0.5}, score=n + (source.sweep == "t") * 10) for n in (2, 1)])

    found = await read_sources(warm, warm.spec.warm_start, read_one, InProcess())
    assert [o.score for o in unpack(found.observations.content)] == [12.0, 11.0, 2.0], "the last source is the newest"
    assert (found.observations.count, found.observations.scored) == (3, 3)
    assert [o.source for o in unpack(found.observations.content)] == [1, 1, 0]


async def test_a_config_map_of_many_keys_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    config_map = {"metadata": {"name": "old", "namespace": "rl"}, "data": {f"k{n}": "x" for n in range(101)}}
    await world.kube.create(Kind.CONFIG_MAP, config_map)
    source = WarmStartSource(config_map="old")
    learner = Learner(sweep=make_sweep().build(), limit=1)
    with pytest.raises(WarmStartUnreadable, match="has 101 keys; the maximum is 100"):
        await read_config_map(world.kube, InProcess(), learner, source)


async def test_a_sweep_of_many_parameters_learns_from_fewer_observations() -> None:
    """Each request for a suggestion contains all of them."""
    parameters = {f"x{n}": X for n in range(64)}
    wide = make_sweep().spec(parameters=parameters, warmStart={**WARM, "maxObservations": 10_000}).build()
    assert wide.spec.warm_start is not None

    async def read_one(source: WarmStartSource, learner: Learner) -> Learned:
        return learner.learn(Row("r", "succeeded", dict.fromkeys(parameters, 0.5), score=1.0) for _ in range(2000))

    found = await read_sources(wide, wide.spec.warm_start, read_one, InProcess())
    assert found.observations.count == MAX_VALUES // 64
    assert found.notes == ("the newest 1562 observations are used, because of the number of parameters",)
