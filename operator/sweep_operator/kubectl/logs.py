"""``kubectl sweep logs``."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import click

from sweep_operator.commands.options import grouped
from sweep_operator.commands.output import echo, visible_lines
from sweep_operator.domain.conditions import has_ended
from sweep_operator.kube.protocol import NotFound, Object
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.lookup import run_named
from sweep_operator.kubectl.names import complete_runs
from sweep_operator.kubectl.options import RUN_NAME, cluster_options
from sweep_operator.kubectl.run_pods import STAGES, RunPod, of_attempt, pods_of
from sweep_operator.views.tables import run_state

_POLL = 1.0
"""Seconds between requests while waiting for the next pod."""


class NoLog(Exception):
    """There is no log. The message says why and what to do."""


@dataclass(frozen=True)
class LogOptions:
    """Which log to print, and how; None: the latest stage or attempt, all lines."""

    stage: str | None
    attempt: int | None
    rank: int
    container: str
    tail: int | None
    timestamps: bool
    follow: bool


_log_options = grouped(
    "wanted",
    LogOptions,
    click.option("-f", "--follow", is_flag=True, help="Stream the log through retries and stages until the run ends."),
    click.option("--stage", type=click.Choice(STAGES), help="Stage to print. [latest stage that has a pod]"),
    click.option("--attempt", type=click.IntRange(min=1), help="Attempt to print. [latest]"),
    click.option(
        "--node", "rank", type=click.IntRange(min=0), default=0, help="Node rank, for a stage on several nodes. [0]"
    ),
    click.option("-c", "--container", default="main", help="Container to print. [main]"),
    click.option("--tail", type=click.IntRange(min=0), help="Number of most recent lines to print. [all]"),
    click.option("--timestamps", is_flag=True, help="Prefix each line with its timestamp."),
)


@click.command()
@click.argument("run", type=RUN_NAME, shell_complete=complete_runs)
@_log_options
@cluster_options
def logs(run: str, wanted: LogOptions) -> None:
    """Print the log of RUN. The default is the stage and attempt that is active or ended last.

    On a terminal, the log is printed without escape sequences, such as colors. A pipe or a file gets every byte.
    """
    in_cluster(lambda cluster: _logs(cluster, run, wanted))


async def _logs(cluster: Cluster, name: str, wanted: LogOptions) -> None:
    run = await run_named(cluster, name)
    pods = of_attempt(await pods_of(cluster, name, wanted.stage, wanted.rank), wanted.attempt)
    if wanted.follow:
        await _follow(cluster, run, pods, wanted)
    elif not pods:
        raise NoLog(_no_pod(run, wanted))
    elif not pods[-1].started(wanted.container):
        raise NoLog(_not_started(pods[-1], name))
    else:
        try:
            await _print(cluster, pods[-1], wanted)
        except NotFound as error:
            raise NoLog(f"{pods[-1].name}: {error}") from None


async def _follow(cluster: Cluster, run: Object, pods: list[RunPod], wanted: LogOptions) -> None:
    """Print the latest pod's log to its end, then the next attempt's or stage's, until no further pod can come."""
    name = run["metadata"]["name"]
    printed, shown = "", (pods[-2].place if len(pods) > 1 else (-1, 0, ""))
    several = False
    while True:
        coming = [p for p in pods if p.place > shown]
        if coming and coming[0].started(wanted.container):
            pod = coming[0]
            if several:
                echo(f"--- {name}: {pod.title}", err=True)
            try:
                await _print(cluster, pod, wanted)
            except NotFound as error:  # deleted since it was listed; later pods may still come
                echo(f"{pod.name}: {error}", err=True)
            shown, several, printed = pod.place, True, ""
        elif coming and coming[0].over:
            shown = coming[0].place
        elif not coming and _is_over(run, wanted):
            if not several:
                raise NoLog(_no_pod(run, wanted))
            return
        else:
            waits = _not_started(coming[0], name) if coming else _waits(run)
            if waits != printed and not (several and not coming):
                echo(waits, err=True)
            printed = waits
            await asyncio.sleep(_POLL)
        # Read the run before its pods: a pod created in between is then in the list.
        run = await run_named(cluster, name)
        pods = of_attempt(await pods_of(cluster, name, wanted.stage, wanted.rank), wanted.attempt)


async def _print(cluster: Cluster, pod: RunPod, wanted: LogOptions) -> None:
    """Print the bytes of the log, on a terminal without escape sequences. Raises NotFound."""
    log = cluster.kube.read_log(
        cluster.namespace, pod.name, wanted.container,
        follow=wanted.follow, tail=wanted.tail, timestamps=wanted.timestamps,
    )  # fmt: skip
    if sys.stdout.isatty():
        async for text in visible_lines(log):
            click.echo(text, nl=False)
        return
    async for chunk in log:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _is_over(run: Object, wanted: LogOptions) -> bool:
    """Whether no further pod of the requested stage and attempt can come."""
    ends = ["Succeeded"]
    if wanted.stage is not None:
        ends.append(f"{wanted.stage.capitalize()}Succeeded")
    if any(has_ended(run, type_) for type_ in ends):
        return True
    if wanted.attempt is None:
        return False
    status = run.get("status") or {}
    stages = [wanted.stage] if wanted.stage is not None else list(STAGES)
    return all((status.get(s) or {}).get("attempt", 0) > wanted.attempt for s in stages)


def _waits(run: Object) -> str:
    return f"{run['metadata']['name']} has no pod yet ({run_state(run)}); waiting"


def _not_started(pod: RunPod, run: str) -> str:
    reason = f" ({pod.waits_for})" if pod.waits_for else ""
    return f"{run}: {pod.title} has not started{reason}; pod {pod.name}"


def _no_pod(run: Object, wanted: LogOptions) -> str:
    name = run["metadata"]["name"]
    which = "".join(
        [
            f" of {wanted.stage}" if wanted.stage else "",
            f" of attempt {wanted.attempt}" if wanted.attempt else "",
            f" of node {wanted.rank}" if wanted.rank else "",
        ]
    )
    if _is_over(run, wanted):
        deleted = "pods are deleted some time after their result was recorded, and with volumes that are not kept"
        return f"{name} ({run_state(run)}) has no pod{which}, or it was deleted: {deleted}"
    return f"{name} ({run_state(run)}) has no pod{which} yet; use -f to wait for it"
