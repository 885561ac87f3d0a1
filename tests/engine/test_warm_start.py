"""Warm start: sources are read in the background, stored in a ConfigMap, and given up after ten minutes."""

from __future__ import annotations

import asyncio
import base64
import gzip
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import WarmStartRows, WarmStartUnreadable
from sweep_operator.engine.warm_start import PATIENCE, pack
from sweep_operator.engine.warm_start_rows import read_config_map, read_sources
from sweep_operator.exchange.learner import MAX_VALUES, Learned, Learner
from sweep_operator.exchange.row import Row
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.sandbox.tasks import InProcess
from tests.builders import X, make_sweep
from tests.engine.world import KEY, NS, World, settle_suggestions

WARM = {"from": [{"wandb": {"sweepId": "abc"}}]}
OLD = (Observation({"x": 0.5}, 5.0, 10.0), Observation({"x": 0.25}, None, 3.0, is_failure=True))


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
    world, source = World(tmp_path), Source(WarmStartRows(OLD))
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
    assert world.suggester.asked[0].observations[: len(OLD)] == OLD
    assert await warm_started(world) == ("True", "Read", "2 observations, 1 with a score")


async def test_observations_and_notes_are_stored_and_a_new_process_does_not_read_the_sources(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(OLD, ("W&B sweep abc: 3 runs without metric 'reward'",)))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    for _ in range(3):
        await step(world, engine)
    other = Source(WarmStartUnreadable("must not be asked"))
    for _ in range(3):
        await step(world, engine := world.engine(warm_start=other))
    assert other.asked == 0
    assert world.suggester.asked[-1].observations[: len(OLD)] == OLD
    message = "2 observations, 1 with a score; W&B sweep abc: 3 runs without metric 'reward'"
    assert await warm_started(world) == ("True", "Read", message)


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
    source = Source(WarmStartUnreadable("W&B refuses the key", readable=OLD[:1], lasting=True))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 1})
    for _ in range(3):
        await step(world, engine)
    assert await warm_started(world) == ("False", "SourceUnreadable", "W&B refuses the key (1 observations)")
    assert world.suggester.asked[0].observations == OLD[:1]


async def test_a_source_that_recovers_is_read(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartUnreadable("not yet"), WarmStartRows(OLD))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 1})
    for _ in range(5):
        await step(world, engine)
    assert (source.asked, (await warm_started(world) or ())[1]) == (2, "Read")


@pytest.mark.parametrize("ends", ["deleted", "closed"])
async def test_reading_is_canceled_with_the_sweep_and_with_the_engine(tmp_path: Path, ends: str) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(OLD))
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
    world, source = World(tmp_path), Source(WarmStartRows(OLD))
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
    _, body = await pack(await world.sweep(), WarmStartState(FORGED))
    await world.kube.create(Kind.CONFIG_MAP, {**body, "metadata": {**body["metadata"], "name": name}})


async def test_a_config_map_of_the_first_version_or_of_a_user_is_ignored(tmp_path: Path) -> None:
    """Version 0.1.0 used this name and recorded no digest; any user could have created it."""
    world, source = World(tmp_path), Source(WarmStartRows(OLD))
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    await forge(world, "s-warm-start")
    engine = world.engine(warm_start=source)
    for _ in range(4):
        await step(world, engine)
    assert source.asked == 1
    assert world.suggester.asked[0].observations[: len(OLD)] == OLD


async def test_replaced_content_is_ignored_and_the_sources_are_read_again(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(OLD))
    engine = world.engine(warm_start=source)
    await world.apply(warmStart=WARM, method="random", limits={"maxRuns": 9})
    for _ in range(4):
        await step(world, engine)
    (kept,) = await stored(world)
    await world.kube.delete(Kind.CONFIG_MAP, NS, kept["metadata"]["name"])
    await forge(world, kept["metadata"]["name"])
    again = Source(WarmStartRows(OLD))
    engine = world.engine(warm_start=again)
    for _ in range(4):
        await step(world, engine)
        await world.tick(30)
    assert again.asked == 1
    assert not [o for request in world.suggester.asked for o in request.observations if o == FORGED[0]]
    events = [e for e in (await world.kube.list(Kind.EVENT)).items if e["reason"] == "WarmStartNotStored"]
    assert len(events) == 1, "the name is taken, which is reported once"


async def test_a_missing_config_map_is_read_again_and_a_restart_changes_no_status(tmp_path: Path) -> None:
    world, source = World(tmp_path), Source(WarmStartRows(OLD))
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


async def test_many_observations_are_packed_without_stopping_other_work(tmp_path: Path) -> None:
    world, turns = World(tmp_path), 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    await world.apply()
    random = Random(0)
    many = tuple(Observation({f"x{d}": random.random() for d in range(20)}, float(n), 1.0) for n in range(5000))
    task = asyncio.create_task(other_work())
    state, body = await pack(await world.sweep(), WarmStartState(many))
    task.cancel()
    assert state.observations is not None
    count = len(state.observations)
    assert 0 < count < len(many), "a ConfigMap has a limited size"
    assert state.observations == many[:count]
    assert turns >= count // 50
    assert state.notes == (f"the newest {count} observations are used, which fill a ConfigMap",)
    rows = gzip.decompress(base64.b64decode(body["binaryData"]["observations.jsonl.gz"])).splitlines()
    assert len(rows) == count


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

    found = await read_sources(wide, wide.spec.warm_start, read_one)
    assert len(found.observations) == MAX_VALUES // 64
    assert found.notes == ("the newest 1562 observations are used, because of the number of parameters",)
