"""The objects of a Sweep with many finished runs, copied from one run that the engine has played to its end."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweep_operator.domain.conditions import condition_of
from sweep_operator.kube.protocol import Kind, Object
from tests.builders import X
from tests.engine.world import KEY, NS, World, settle_suggestions

PARAMETERS = 10
METRICS = 5
Objects = dict[Kind, Object]


def templates(live: int) -> tuple[Objects, Objects]:
    """(Sweep, revision and the objects of a finished run; the objects of a running one)"""
    return asyncio.run(_play(live))


async def _play(live: int) -> tuple[Objects, Objects]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        limits = {"maxRuns": 1_000_000, "maxParallelRuns": 1}
        parameters = dict.fromkeys(_parameters(random.Random(0)), X)
        await world.apply(limits=limits, eval=None, parameters=parameters)
        engine = world.engine()
        found: list[Objects] = []
        while len(found) < 2:
            await world.tick()
            for _ in range(4):
                await engine.audit(NS)
                await engine.reconcile(KEY)
                await settle_suggestions(engine)
            ended = (await world.runs())[0].terminal if await world.runs() else False
            if len(found) < ended and not (await _of(world, 0))[Kind.POD]["metadata"].get("finalizers"):
                found.append(await _of(world, 0))
            elif found and len(await world.runs()) > 1 and (await _of(world, 1)).get(Kind.POD):
                found.append(await _of(world, 1))
        sweep = await world.kube.get(Kind.SWEEP, *KEY)
        sweep["spec"]["limits"]["maxParallelRuns"] = live
        shared = {Kind.SWEEP: sweep, Kind.REVISION: (await world.kube.list(Kind.REVISION)).items[0]}
        return {**found[0], **shared}, found[1]


async def _of(world: World, index: int) -> Objects:
    kinds = (Kind.SWEEP_RUN, Kind.JOB, Kind.POD)
    listed = {kind: (await world.kube.list(kind)).items for kind in kinds}
    return {
        kind: obj
        for kind, objects in listed.items()
        for obj in objects
        if obj["metadata"]["name"].replace(".", "-").startswith(f"s-r-{index}")
    }


def finished_sweep(runs: int) -> dict[Kind, list[Object]]:
    """A Sweep `s` that has ended, its runs and its revisions, after their Jobs were deleted."""
    return asyncio.run(_play_to_the_end(runs))


async def _play_to_the_end(runs: int) -> dict[Kind, list[Object]]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        await world.apply(limits={"maxRuns": runs, "maxParallelRuns": runs}, eval=None)
        engine = world.engine()
        while condition_of(await world.kube.get(Kind.SWEEP, *KEY), "Succeeded").get("status") != "True":
            await world.tick()
            for _ in range(4):
                await engine.audit(NS)
                await engine.reconcile(KEY)
                await settle_suggestions(engine)
        kept = (Kind.SWEEP, Kind.SWEEP_RUN, Kind.REVISION)
        return {kind: list((await world.kube.list(kind)).items) for kind in kept}


def renamed(value: Any, name: str) -> Any:
    """The objects of Sweep `s` as those of another one."""
    if isinstance(value, dict):
        return {key: f"{v}-{name}" if key == "uid" else renamed(v, name) for key, v in value.items()}
    if isinstance(value, list):
        return [renamed(v, name) for v in value]
    return name + value[1:] if isinstance(value, str) and (value == "s" or value[:2] in ("s.", "s-")) else value


def copies(of: Objects, template: int, first: int, count: int) -> Iterator[tuple[Kind, Object]]:
    """``count`` runs like the one with index ``template``, with indices from ``first``."""
    rng = random.Random(first)
    uids = [o["metadata"]["uid"] for kind, o in of.items() if kind in (Kind.SWEEP_RUN, Kind.JOB, Kind.POD)]
    for index in range(first, first + count):
        fresh = {uid: str(uuid.UUID(int=rng.getrandbits(128), version=4)) for uid in uids}
        parameters, metrics = _parameters(rng), {f"metric/{n}": rng.random() for n in range(METRICS)}
        for offset, kind in enumerate((Kind.SWEEP_RUN, Kind.JOB, Kind.POD)):
            text = json.dumps(of[kind]).replace(f"s.r.{template}", f"s.r.{index}")
            text = text.replace(f"s-r-{template}", f"s-r-{index}")
            for old, new in fresh.items():
                text = text.replace(old, new)
            obj = json.loads(text)
            obj["metadata"]["resourceVersion"] = str(1_000 + 3 * index + offset)
            if kind == Kind.SWEEP_RUN:
                _vary(obj, index, parameters, metrics)
            yield kind, obj


def _vary(run: Object, index: int, parameters: dict[str, float], metrics: dict[str, float]) -> None:
    spec, status = run["spec"], run["status"]
    spec.update(index=index, parameters=parameters, origin="model")
    score = sum(parameters.values())
    spec["prediction"] = {"score": score, "scoreLow": score - 1, "scoreHigh": score + 1, "cost": 3.0}
    spec["prediction"] |= {"costLow": 1.0, "costHigh": 9.0, "rating": 0.1}
    status["parameters"] = parameters
    if "score" in status:
        status.update(score=score, cost=1 + parameters["p0"], metrics=metrics)


def _parameters(rng: random.Random) -> dict[str, float]:
    return {"x" if n == PARAMETERS - 1 else f"p{n}": rng.random() for n in range(PARAMETERS)}


def newer(obj: Object, version: int) -> Object:
    """The object with another version and an annotation that decides nothing."""
    meta: dict[str, Any] = {**obj["metadata"], "resourceVersion": str(version)}
    meta["annotations"] = {**(meta.get("annotations") or {}), "example.com/seen": str(version)}
    return {**obj, "metadata": meta}
