"""``sweep-operator``: the operator process, which watches Sweeps and creates their runs."""

from __future__ import annotations

import asyncio
import logging
import platform
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.allowance import Allowances
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.full_reports import FullReports
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.report_files import ReportFiles, fresh_folder
from sweep_operator.kube.cluster import ClientOptions, ClusterKube, Credentials, NoCluster, credentials
from sweep_operator.kube.protocol import Kind, KubeError
from sweep_operator.runtime import handlers, logs
from sweep_operator.runtime import health as probes
from sweep_operator.runtime.auditor import keep_auditing, read_ahead, resume
from sweep_operator.runtime.lease import Lease, LeaseLost
from sweep_operator.runtime.metrics import Metrics
from sweep_operator.runtime.options import BadConfig, Options, read_config
from sweep_operator.runtime.warm_start_sources import ClusterWarmStart
from sweep_operator.sandbox.child import Sandbox
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.tracking.delivery.outbox import Outbox
from sweep_operator.tracking.delivery.process import DeliveryChild
from sweep_operator.tracking.history.warm_start import WandbSources

log = logging.getLogger(__name__)

IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DRAIN_SECONDS = 10.0
"""Seconds that a shutdown waits for active passes."""
_AT_ONCE_SECONDS = 0.5
"""In this time, a lease that is free is acquired."""
_CHILDREN_NICE = 10
"""What one tenant asks of the optimizer and of the sandbox must not delay the lease, the probes, or passes of others.
On one machine the processes keep their priority: a slot that waits for a suggestion costs more than the suggestion.
"""


@click.command(context_settings={"auto_envvar_prefix": "SWEEP_OPERATOR", "show_default": True})
@click.option("--namespace", "namespaces", multiple=True, help="Watch only this namespace (repeatable). Default: all.")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="Default: the pod's service account, else $KUBECONFIG."
)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML with hardware profiles and limits.")
@click.option(
    "--lease-namespace", help="Namespace of the Lease. Default: the pod's namespace, else the first --namespace."
)
@click.option(
    "--lease-name",
    default="sweep-operator",
    help="Name of the leader-election Lease. Replicas that share it elect one leader.",
)
@click.option("--lease-seconds", type=click.FloatRange(min=1), default=10.0, help="Lease duration in seconds.")
@click.option(
    "--audit-seconds", type=click.FloatRange(min=1), default=300.0, help="Interval between full resyncs, in seconds."
)
@click.option(
    "--suggest-seconds",
    type=click.FloatRange(min=1),
    default=180.0,
    help="Time limit of one suggestion, in seconds.",
)
@click.option(
    "--optimizer-processes",
    type=click.IntRange(min=0),
    default=0,
    help="Number of optimizer processes with a model; 0: as many as CPU and memory limits allow, at most 4.",
)
@click.option("--workers", type=click.IntRange(min=1), default=4, help="Number of Sweeps reconciled in parallel.")
@click.option(
    "--qps",
    type=click.FloatRange(min=0.1),
    default=2000.0,
    help="Maximum sustained requests per second to the API server. The operator slows down by itself on 429.",
)
@click.option("--burst", type=click.IntRange(min=1), default=2000, help="Maximum burst of API requests.")
@click.option("--host", default="0.0.0.0", help="Address of /healthz, /readyz and /metrics.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, help="Port of these endpoints; 0: any free port.")
@click.option(
    "--metrics-token-file",
    type=click.Path(path_type=Path),
    help="File with the bearer token that /metrics requires. Default: no authentication.",
)
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), default="INFO")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json")
@click.version_option(package_name="sweep-operator")
def main(namespaces: tuple[str, ...], lease_namespace: str | None, config: Path | None, **flags: Any) -> None:
    """Watch Sweeps, request suggestions, create runs and their Jobs, and record the results.

    Every option can be set by an environment variable: SWEEP_OPERATOR_NAMESPACES=a,b, SWEEP_OPERATOR_LOG_LEVEL=DEBUG.
    """
    worked_in = tuple(n for given in namespaces for n in given.split(",") if n)
    options = Options(namespaces=worked_in, lease_namespace=lease_namespace or own_namespace(worked_in), **flags)
    logs.set_up(options.log_level, options.log_format)
    try:
        settings = read_config(config)
        sys.exit(asyncio.run(operate(options, settings)))
    except (BadConfig, NoCluster, OSError) as error:
        raise click.ClickException(str(error)) from None


def own_namespace(worked_in: tuple[str, ...]) -> str:
    """The pod's namespace, else the first watched one, else ``default``."""
    if IN_CLUSTER_NAMESPACE.is_file():
        return IN_CLUSTER_NAMESPACE.read_text().strip()
    return worked_in[0] if worked_in else "default"


async def operate(options: Options, config: OperatorConfig) -> int:
    """Run until SIGTERM or SIGINT (exit code 0) or until another process leads (1). Raises NoCluster, OSError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics()
    lease: Lease
    client = ClientOptions(
        qps=options.qps, burst=options.burst, on_request=metrics.request, before_create=lambda: lease.check()
    )
    kube = await ClusterKube.connect(options.kubeconfig, context=options.context, options=client)
    lease = Lease(
        kube, options.lease_namespace, options.lease_name, platform.node(), options.lease_seconds, time.monotonic
    )
    sandbox, files = Sandbox(nice=_CHILDREN_NICE), ReportFiles(fresh_folder())
    allowances = Allowances(sandbox)
    optimizer = OptimizerPool(
        processes=options.optimizer_processes,
        time_limit=options.suggest_seconds,
        nice=_CHILDREN_NICE,
        charge=allowances.charge,
    )
    child = DeliveryChild(run_seconds=config.wandb_run_seconds)
    outbox = Outbox(child, config, reports=FullReports(files, kube, sandbox))
    warm_start = ClusterWarmStart(kube, WandbSources(config), allowances)
    settings = _settings(options, config, lease, outbox, metrics, sandbox)
    settings = replace(settings, allowances=allowances, forecaster=optimizer, report_files=files)
    engine = Engine(kube, metrics.timed(optimizer), warm_start, settings)
    outbox.on_news = engine.queue.add
    metrics.watch(engine)
    health = probes.Health(engine, time.monotonic, options.audit_seconds, lambda: optimizer.overdue)
    try:
        async with probes.serve(
            health, metrics, options.host, options.port, token_file=options.metrics_token_file
        ) as port:
            log.info("probes and metrics on port %d", port)
            preparing = _prepare(kube, optimizer, options)
            work = _work(options, engine, outbox, lease, health, preparing, stop)
            return await _until_stopped(work, stop, engine)
    finally:
        engine.close()
        await outbox.close()
        await optimizer.close()
        await sandbox.close()
        files.close()
        await lease.release()
        await kube.close()


def _settings(
    options: Options, config: OperatorConfig, lease: Lease, outbox: Outbox, metrics: Metrics, sandbox: Sandbox
) -> Settings:
    return Settings(
        config=config,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        dry_run_pods=True,
        workers=options.workers,
        status_delay=2.0,
        check_leading=lease.check,
        tracker=outbox,
        evaluator=sandbox,
        on_pass=metrics.observe_pass,
    )


async def _prepare(kube: ClusterKube, optimizer: OptimizerPool, options: Options) -> None:
    """Start the optimizer's processes if Sweeps wait for them. It takes seconds, as do the lease and the first LIST."""
    try:
        for namespace in options.namespaces or (None,):
            await optimizer.prepare((await kube.list(Kind.SWEEP, namespace)).items)
    except (KubeError, OSError) as error:  # the first question starts them, too
        log.warning("the optimizer is not started before the first question: %s", error)


async def _work(
    options: Options,
    engine: Engine,
    outbox: Outbox,
    lease: Lease,
    health: probes.Health,
    preparing: Coroutine[None, None, None],
    stop: asyncio.Event,
) -> None:
    """Lead and reconcile until canceled or until the lease is lost."""
    scopes = options.namespaces or (None,)

    async def login() -> Credentials:
        return await credentials(options.kubeconfig, options.context)

    async with asyncio.TaskGroup() as group:
        group.create_task(preparing)
        await acquire(lease, lambda: read_ahead(engine, scopes))
        health.leading = True
        group.create_task(lease.keep())
        await resume(engine, scopes, health)
        log.info("watching %s", ", ".join(options.namespaces) or "all namespaces")
        group.create_task(engine.run())
        group.create_task(outbox.run())
        group.create_task(keep_auditing(engine, scopes, health, options.audit_seconds))
        registry = handlers.registry(engine.apply, login)
        group.create_task(_watch(handlers.watch(registry, options.namespaces, engine.watch_from), stop))


async def acquire(lease: Lease, while_waiting: Callable[[], Coroutine[None, None, None]]) -> None:
    """Become the leader. If this takes long, another process leads or was killed."""
    async with asyncio.TaskGroup() as group:
        acquiring = group.create_task(lease.acquire())
        await asyncio.wait([acquiring], timeout=_AT_ONCE_SECONDS)
        if not acquiring.done():
            waiting = group.create_task(while_waiting())
            acquiring.add_done_callback(lambda _: waiting.cancel())


async def _watch(watching: Coroutine[None, None, None], stop: asyncio.Event) -> None:
    """Run kopf. It replaces the signal handlers and returns on a signal, so its return sets ``stop``."""
    await watching
    stop.set()


async def _until_stopped(work: Coroutine[None, None, None], stop: asyncio.Event, engine: Engine) -> int:
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        log.info("stopping")
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await engine.stop()
        except TimeoutError:
            log.warning("a pass is still active after %g s; the next process continues it", _DRAIN_SECONDS)
    stopped.cancel()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return 0
    except BaseExceptionGroup as group:
        lost = group.subgroup(LeaseLost)
        if lost is None:
            raise
        log.error("%s: exiting", lost.exceptions[0])
        return 1
    return 0


if __name__ == "__main__":
    main()
