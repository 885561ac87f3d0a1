"""``sweep-operator-uninstall``: stops the operator and removes its finalizers before it is uninstalled.

A pod keeps a finalizer until its result is recorded. Without an operator the finalizer stays, and a namespace
with such a pod cannot be deleted. The pod itself stays: an operator installed later can still read its result.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, RESULT_FINALIZER
from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.kube.cluster import ClusterKube, NoCluster
from sweep_operator.kube.protocol import Kind, KubeError, NotFound
from sweep_operator.runtime import logs

log = logging.getLogger(__name__)

_POLL = 1.0


@click.command(context_settings={"show_default": True})
@click.option("--deployment", help="Deployment of the operator, which is scaled to 0.")
@click.option("--deployment-namespace", default="default", help="Namespace of the Deployment.")
@click.option("--selector", "selectors", multiple=True, help="Label NAME=VALUE of the operator's pods (repeatable).")
@click.option(
    "--namespace", "namespaces", multiple=True, help="Remove finalizers here only (repeatable). Default: all."
)
@click.option("--timeout", type=click.FloatRange(min=1), default=120.0, help="Total time limit in seconds.")
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
    """Stop the operator, wait until its pods have terminated, and remove its finalizer from every pod.

    Sweeps, runs and pods are not deleted. Active runs continue.
    """
    logs.set_up("INFO", "text")
    if deployment and not selectors:
        raise click.UsageError("--deployment requires --selector, to wait until the operator's pods have terminated")
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
        sys.exit(f"not done within {timeout:g} s; run the command again or increase --timeout")
    except (KubeError, NoCluster) as error:
        raise click.ClickException(str(error)) from None


def _label(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise click.UsageError(f"--selector {text}: must be NAME=VALUE")
    return name, value


async def stop_operator(kube: ClusterKube, namespace: str, deployment: str, labels: Mapping[str, str]) -> None:
    """Scale the Deployment to 0; return when no pod with ``labels`` is running. Raises KubeError."""
    try:
        await kube.scale_deployment(namespace, deployment, 0)
    except NotFound:
        log.info("Deployment %s/%s does not exist", namespace, deployment)
    while names := [
        str(pod["metadata"]["name"])
        for pod in (await kube.list(Kind.POD, namespace, labels=labels)).items
        if not pod_has_ended(pod)  # evicted ones stay
    ]:
        log.info("waiting for %s", ", ".join(names))
        await asyncio.sleep(_POLL)
    log.info("the operator is stopped")


async def release_results(kube: ClusterKube, namespaces: Sequence[str | None]) -> int:
    """Remove the result finalizer from all pods of the namespaces (None: all); return the count. Raises KubeError."""
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
    log.info("finalizer removed from pods: %d", count)
    return count


if __name__ == "__main__":
    main()
