"""Sweeps and runs by name. Errors suggest the closest existing name.

The models are imported when needed: --help and completion need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep_operator.cluster.access import Cluster
from sweep_operator.commands.names import ambiguous, not_a_run, split_name
from sweep_operator.commands.objects import parsed
from sweep_operator.config.errors import ConfigError, suggestion
from sweep_operator.domain.ordering import display_order
from sweep_operator.kube.protocol import Forbidden, Kind, KubeError, NotFound, Object

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.domain.revisions import RunTemplate

_NOUNS = {Kind.SWEEP: "sweep", Kind.SWEEP_RUN: "run"}


async def sweep_named(cluster: Cluster, name: str) -> Object:
    """The Sweep. Raises ConfigError."""
    return await _named(cluster, Kind.SWEEP, name)


async def run_named(cluster: Cluster, name: str) -> Object:
    """The SweepRun. Raises ConfigError; if ``name`` is a sweep, the error lists its runs."""
    try:
        return await _named(cluster, Kind.SWEEP_RUN, name)
    except ConfigError:
        runs = await runs_of(cluster, name)
        if not runs:
            raise
        raise not_a_run(name, [r["metadata"]["name"] for r in runs]) from None


async def sweep_or_run(cluster: Cluster, name: str) -> tuple[Kind, Object]:
    """The object called ``name``, ``sweep/name`` or ``sweeprun/name``. Raises ConfigError, also if both exist."""
    kind, bare = split_name(name)
    if kind is not None:
        return kind, await _named(cluster, kind, bare)
    found = [(kind, obj) for kind in _NOUNS if (obj := await _get(cluster, kind, name)) is not None]
    if len(found) > 1:
        raise ambiguous(name)
    if found:
        return found[0]
    likely = Kind.SWEEP_RUN if "." in name else Kind.SWEEP
    raise await _unknown(cluster, likely, name, "no sweep or run named")


async def read_objects(cluster: Cluster, name: str) -> tuple[Object, list[Object]]:
    """The Sweep and its runs. Raises ConfigError."""
    return await sweep_named(cluster, name), await runs_of(cluster, name)


async def parsed_sweep(cluster: Cluster, name: str) -> tuple[Sweep, list[SweepRun]]:
    """The Sweep and its runs as models. Raises ConfigError, InvalidObject."""
    return parsed(*await read_objects(cluster, name))


async def sweep_with_templates(cluster: Cluster, name: str) -> tuple[Sweep, list[SweepRun], dict[str, RunTemplate]]:
    """The Sweep, its runs, and the templates that the successful runs used, as far as the user may read them."""
    from sweep_operator.domain.revisions import revision_name
    from sweep_operator.manifests.revision import read_revision

    sweep, runs = await parsed_sweep(cluster, name)
    templates = {}
    for used in sorted({r.status.template_hash for r in runs if r.succeeded and r.status.template_hash is not None}):
        try:
            found = await cluster.kube.get(Kind.REVISION, cluster.namespace, revision_name(sweep.name, used))
        except (NotFound, Forbidden):
            continue
        templates[used] = read_revision(found)
    return sweep, runs, templates


async def runs_of(cluster: Cluster, sweep: str) -> list[Object]:
    """The sweep's runs, including runs not adopted yet; by index, manual runs last."""
    found = await cluster.kube.list(Kind.SWEEP_RUN, cluster.namespace, fields={"spec.sweepName": sweep})
    return sorted(found.items, key=display_order)


async def _named(cluster: Cluster, kind: Kind, name: str) -> Object:
    found = await _get(cluster, kind, name)
    if found is None:
        raise await _unknown(cluster, kind, name, f"no {_NOUNS[kind]} named")
    return found


async def _get(cluster: Cluster, kind: Kind, name: str) -> Object | None:
    try:
        return await cluster.kube.get(kind, cluster.namespace, name)
    except NotFound:
        return None


async def _unknown(cluster: Cluster, kind: Kind, name: str, what: str) -> ConfigError:
    try:
        known = [o["metadata"]["name"] for o in (await cluster.kube.list(kind, cluster.namespace)).items]
    except KubeError:  # the hint must not require another permission
        known = []
    hint = suggestion(name, known) if known else "use -n to select another namespace"
    return ConfigError(f"{what} {name!r} in namespace {cluster.namespace}; {hint}")
