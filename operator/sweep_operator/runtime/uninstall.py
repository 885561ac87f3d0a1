"""``sweep-operator-uninstall``: before an operator is removed, it is stopped and its pods let go.

A pod keeps a finalizer until its result is recorded. Without an operator nobody takes it off, and a namespace with such
a pod cannot be deleted. The pod itself stays, with what it says: an operator that comes later still reads it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, RESULT_FINALIZER
from sweep_operator.kube.cluster import ClusterKube, NoCluster
from sweep_operator.kube.protocol import Kind, KubeError, NotFound
from sweep_operator.runtime import logs

log = logging.getLogger(__name__)

_POLL = 1.0


@click.command(context_settings={"show_default": True})
@click.option("--deployment", help="Of the operator; it is scaled to 0.")
@click.option("--deployment-namespace", default="default", help="Where it is.")
@click.option("--selector", "selectors", multiple=True, help="Label NAME=VALUE of its pods (repeatable).")
@click.option("--namespace", "namespaces", multiple=True, help="Whose runs are let go (repeatable). Default: all.")
@click.option("--timeout", type=click.FloatRange(min=1), default=120.0, help="Seconds for all of it.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Default: the pod's account, else $KUBECONFIG.")
@click.option("--context", help="Context of the kubeconfig.")
def main(
    deployment: str | None,
    deployment_namespace: str,
    selectors: tuple[str, ...],
    namespaces: tuple[str, ...],
    timeout: float,
    kubeconfig: Path | None,
    context: str | None,
) -> None:
    """Stop the operator, wait until it has ended, and take its finalizer off every pod.

    Sweeps, their runs and their pods stay as they are; runs that train go on training.
    """
    logs.set_up("INFO", "text")
    if deployment and not selectors:
        raise click.UsageError("--deployment needs --selector: without it nobody knows when its pods have ended")
    labels = dict(_label(given) for given in selectors)

    async def work() -> None:
        kube = await ClusterKube.connect(kubeconfig, context=context)
        try:
            async with asyncio.timeout(timeout):
                if deployment:
                    await stop_operator(kube, deployment_namespace, deployment, labels)
                await release_results(kube, namespaces or (None,))
        finally:
            await kube.close()

    try:
        asyncio.run(work())
    except TimeoutError:
        sys.exit(f"not done within {timeout:g} s; call it again, or give it more time: --timeout")
    except (KubeError, NoCluster) as error:
        raise click.ClickException(str(error)) from None


def _label(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise click.UsageError(f"--selector {text}: is no NAME=VALUE")
    return name, value


async def stop_operator(kube: ClusterKube, namespace: str, deployment: str, labels: Mapping[str, str]) -> None:
    """Returns when no pod with ``labels`` runs: nobody records any more. Raises KubeError."""
    try:
        await kube.scale_deployment(namespace, deployment, 0)
    except NotFound:
        log.info("there is no deployment %s/%s", namespace, deployment)
    while names := [
        str(pod["metadata"]["name"])
        for pod in (await kube.list(Kind.POD, namespace, labels=labels)).items
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")  # evicted ones stay
    ]:
        log.info("waiting for %s", ", ".join(names))
        await asyncio.sleep(_POLL)
    log.info("no operator runs")


async def release_results(kube: ClusterKube, namespaces: Sequence[str | None]) -> int:
    """Take the result finalizer off every pod of the namespaces (None: of all); how many had it. Raises KubeError."""
    count = 0
    for namespace in namespaces:
        for pod in (await kube.list(Kind.POD, namespace, labels={MANAGED_BY_LABEL: MANAGED_BY})).items:
            meta = pod["metadata"]
            if RESULT_FINALIZER not in (meta.get("finalizers") or []):
                continue
            try:
                await kube.remove_finalizer(
                    Kind.POD, meta["namespace"], meta["name"], RESULT_FINALIZER, uid=meta["uid"]
                )
            except NotFound:
                continue
            count += 1
    log.info("pods that wait for no operator any more: %d", count)
    return count


if __name__ == "__main__":
    main()
