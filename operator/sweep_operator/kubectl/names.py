"""Shell completion: names of sweeps, runs, parameters, namespaces and contexts. Prints no errors.

Imports ``kube.cluster`` inside functions: it loads the Kubernetes client, which takes a second that --help and the
completion of words must not pay.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from sweep_operator.cluster.access import Cluster
from sweep_operator.commands.names import items, parameter_items
from sweep_operator.domain.conditions import condition_of
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import Access, access_of
from sweep_operator.views.tables import run_state, sweep_state

_TIMEOUT = 3.0
"""Seconds to wait for the API server after TAB."""
T = TypeVar("T")


def complete_sweeps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of Sweeps, with their state."""
    return items(((_name(s), sweep_state(s)) for s in _objects(ctx, Kind.SWEEP)), ctx, param, incomplete)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of SweepRuns, with their state, newest first."""
    return items(_runs(ctx, failed=False), ctx, param, incomplete)


def complete_failed_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of failed SweepRuns."""
    return items(_runs(ctx, failed=True), ctx, param, incomplete)


def complete_sweeps_and_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of Sweeps, then of SweepRuns."""
    return complete_sweeps(ctx, param, incomplete) + complete_runs(ctx, param, incomplete)


def complete_parameters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``path=`` for each parameter of the given sweep that is not set yet."""
    sweep = ctx.params.get("sweep")
    if "=" in incomplete or not sweep:
        return []
    found = [s for s in _objects(ctx, Kind.SWEEP) if _name(s) == sweep]
    return parameter_items(found[0], ctx, param, incomplete) if found else []


def complete_namespaces(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Namespaces, if the user may list them."""

    async def read(cluster: Cluster) -> Sequence[str]:
        return await cluster.kube.namespaces()

    return items(((name, "") for name in _query(access_of(ctx), read) or ()), ctx, param, incomplete)


def complete_contexts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Contexts of the kubeconfig."""
    from sweep_operator.kube.cluster import kubeconfig_contexts

    with contextlib.suppress(Exception):
        return items(((c, "") for c in kubeconfig_contexts(access_of(ctx).kubeconfig)), ctx, param, incomplete)
    return []


def _runs(ctx: click.Context, *, failed: bool) -> list[tuple[str, str]]:
    runs = sorted(
        _objects(ctx, Kind.SWEEP_RUN), key=lambda r: str(r["metadata"].get("creationTimestamp")), reverse=True
    )
    wanted = [r for r in runs if not failed or condition_of(r, "Succeeded").get("status") == "False"]
    return [(_name(r), run_state(r)) for r in wanted]


def _objects(ctx: click.Context, kind: Kind) -> list[Object]:
    async def read(cluster: Cluster) -> list[Object]:
        return list((await cluster.kube.list(kind, cluster.namespace)).items)

    return _query(access_of(ctx), read) or []


def _query(access: Access, work: Callable[[Cluster], Awaitable[T]]) -> T | None:
    import sweep_operator.kube.cluster  # noqa: F401  # not part of the server's time

    async def connected() -> T:
        async with asyncio.timeout(_TIMEOUT), access.cluster(request_timeout=_TIMEOUT) as cluster:
            return await work(cluster)

    # No kubeconfig, no permission, no network: the shell cannot display an error during completion.
    try:
        return asyncio.run(connected())
    except Exception:
        return None


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
