"""Sweeps and runs by name. What is not there is told with the nearest name that is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sweep_operator.config.errors import ConfigError
from sweep_operator.domain.ordering import display_order
from sweep_operator.kube.protocol import Kind, KubeError, NotFound, Object
from sweep_operator.kubectl.access import Cluster

_WORDS = {Kind.SWEEP: "sweep", Kind.SWEEP_RUN: "run"}
KINDS = {
    **dict.fromkeys(("sweep", "sweeps", "swp", "sweep.metta.ai", "sweeps.metta.ai"), Kind.SWEEP),
    **dict.fromkeys(("run", "sweeprun", "sweepruns", "swr", "sweeprun.metta.ai", "sweepruns.metta.ai"), Kind.SWEEP_RUN),
}


async def sweep_named(cluster: Cluster, name: str) -> Object:
    """The Sweep. Raises ConfigError."""
    return await _named(cluster, Kind.SWEEP, name)


async def run_named(cluster: Cluster, name: str) -> Object:
    """The SweepRun. Raises ConfigError; the name of a sweep is answered with its runs."""
    try:
        return await _named(cluster, Kind.SWEEP_RUN, name)
    except ConfigError:
        runs = await runs_of(cluster, name)
        if not runs:
            raise
        last = [r["metadata"]["name"] for r in runs[-3:]]
        raise ConfigError(f"{name!r} is a sweep; name one of its runs, as in {', '.join(last)}") from None


async def sweep_or_run(cluster: Cluster, name: str) -> tuple[Kind, Object]:
    """What ``name``, ``sweep/name`` or ``sweeprun/name`` means. Raises ConfigError, also where both exist."""
    prefix, slash, bare = name.partition("/")
    if slash:
        if prefix not in KINDS:
            raise ConfigError(f"{name!r}: {prefix!r} is no kind of ours; write sweep/NAME or sweeprun/NAME")
        kind = KINDS[prefix]
        return kind, await _named(cluster, kind, bare)
    found = [(kind, obj) for kind in _WORDS if (obj := await _get(cluster, kind, name)) is not None]
    if len(found) > 1:
        raise ConfigError(f"{name!r} is a sweep and a run; write sweep/{name} or sweeprun/{name}")
    if found:
        return found[0]
    kind = Kind.SWEEP_RUN if "." in name else Kind.SWEEP
    raise await _unknown(cluster, kind, name, "neither a sweep nor a run is named")


async def runs_of(cluster: Cluster, sweep: str) -> list[Object]:
    """The sweep's runs, those not adopted yet included; by index, manual ones last."""
    found = await cluster.kube.list(Kind.SWEEP_RUN, cluster.namespace, fields={"spec.sweepName": sweep})
    return sorted(found.items, key=display_order)


async def _named(cluster: Cluster, kind: Kind, name: str) -> Object:
    found = await _get(cluster, kind, name)
    if found is None:
        raise await _unknown(cluster, kind, name, f"there is no {_WORDS[kind]}")
    return found


async def _get(cluster: Cluster, kind: Kind, name: str) -> Object | None:
    try:
        return await cluster.kube.get(kind, cluster.namespace, name)
    except NotFound:
        return None


async def _unknown(cluster: Cluster, kind: Kind, name: str, what: str) -> ConfigError:
    try:
        known = [o["metadata"]["name"] for o in (await cluster.kube.list(kind, cluster.namespace)).items]
    except KubeError:  # a hint is not worth another right
        known = []
    return ConfigError(f"{what} {name!r} in namespace {cluster.namespace}{_hint(name, known)}")


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    if not known:
        return "; -n names another one"
    return f"; known are {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
