"""``sweep-operator``: the operator process, which watches Sweeps and creates their runs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.garbage import no_collection
from sweep_operator.runtime import logs
from sweep_operator.runtime.options import CHILDREN_NICE, BadConfig, Options, read_config
from sweep_operator.suggest.pool import OptimizerPool

IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


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
        sys.exit(asyncio.run(_operate(options, settings)))
    except (BadConfig, OSError) as error:
        raise click.ClickException(str(error)) from None


def own_namespace(worked_in: tuple[str, ...]) -> str:
    """The pod's namespace, else the first watched one, else ``default``."""
    if IN_CLUSTER_NAMESPACE.is_file():
        return IN_CLUSTER_NAMESPACE.read_text().strip()
    return worked_in[0] if worked_in else "default"


async def _operate(options: Options, config: OperatorConfig) -> int:
    """Run the operator; return its exit code. Raises ClickException, OSError."""
    optimizer = OptimizerPool(
        processes=options.optimizer_processes, time_limit=options.suggest_seconds, nice=CHILDREN_NICE
    )
    try:
        await optimizer.expect_model()
        # Imported only now: this takes half a second, and the process with the model starts meanwhile.
        with no_collection():
            from sweep_operator.runtime.operation import operate

        return await operate(options, config, optimizer)
    finally:
        await optimizer.close()


if __name__ == "__main__":
    main()
