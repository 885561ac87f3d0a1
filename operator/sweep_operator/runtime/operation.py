"""The operator at work: it leads, watches Sweeps and reconciles them until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import platform
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime

import click

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.allowance import Allowances
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.full_reports import FullReports
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.report_files import ReportFiles, fresh_folder
from sweep_operator.garbage import full_collection_when
from sweep_operator.kube.cluster import ClientOptions, ClusterKube, Credentials, NoCluster, credentials
from sweep_operator.kube.protocol import Kind, KubeError
from sweep_operator.runtime import handlers
from sweep_operator.runtime import health as probes
from sweep_operator.runtime.auditor import keep_auditing, read_ahead, resume
from sweep_operator.runtime.lease import Lease, LeaseLost
from sweep_operator.runtime.metrics import Metrics
from sweep_operator.runtime.options import CHILDREN_NICE, Options
from sweep_operator.runtime.warm_start_sources import ClusterWarmStart
from sweep_operator.sandbox.child import Sandbox
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.tracking.delivery.outbox import Outbox
from sweep_operator.tracking.delivery.process import DeliveryChild
from sweep_operator.tracking.history.warm_start import WandbSources

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 10.0
"""Seconds that a shutdown waits for active passes."""
_AT_ONCE_SECONDS = 0.5
"""In this time, a lease that is free is acquired."""


async def operate(options: Options, config: OperatorConfig, optimizer: OptimizerPool) -> int:
    """Run until SIGTERM or SIGINT (exit code 0) or until another process leads (1).

    Raises ClickException without a cluster, and OSError.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics()
    lease: Lease
    client = ClientOptions(
        qps=options.qps, burst=options.burst, on_request=metrics.request, before_create=lambda: lease.check()
    )
    try:
        kube = await ClusterKube.connect(options.kubeconfig, context=options.context, options=client)
    except NoCluster as error:
        raise click.ClickException(str(error)) from None
    lease = Lease(
        kube, options.lease_namespace, options.lease_name, platform.node(), options.lease_seconds, time.monotonic
    )
    sandbox, files = Sandbox(nice=CHILDREN_NICE), ReportFiles(fresh_folder())
    allowances = Allowances(sandbox)
    optimizer.charge = allowances.charge
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
        async with (
            probes.serve(health, metrics, options.host, options.port, token_file=options.metrics_token_file) as port,
            full_collection_when(engine.queue.calm),
        ):
            log.info("probes and metrics on port %d", port)
            preparing = _prepare(kube, optimizer, options)
            work = _work(options, engine, outbox, lease, health, preparing, stop)
            return await _until_stopped(work, stop, engine)
    finally:
        engine.close()
        await outbox.close()
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
        listed = [await kube.list(Kind.SWEEP, namespace) for namespace in options.namespaces or (None,)]
        await optimizer.prepare([sweep for part in listed for sweep in part.items])
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
