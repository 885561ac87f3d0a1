"""The connection options of kubectl, valid before and after the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sweep_operator.kubectl.names import complete_contexts, complete_namespaces


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-n``, ``--context`` and ``--kubeconfig``."""
    options = (
        click.option(
            "-n", "--namespace", metavar="NS", help="Namespace. [namespace of the context]", expose_value=False,
            callback=_keep, shell_complete=complete_namespaces,
        ),
        click.option(
            "--context", metavar="NAME", help="Context in the kubeconfig. [current context]", expose_value=False,
            callback=_keep, shell_complete=complete_contexts,
        ),
        click.option(
            "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", expose_value=False,
            callback=_keep, help="Path of the kubeconfig. [$KUBECONFIG, ~/.kube/config, or the pod's service account]",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _keep(ctx: click.Context, option: click.Parameter, value: object) -> None:
    # The group and its command share one dictionary; options after the command's name are parsed later and win.
    options = ctx.ensure_object(dict)
    if value is not None:
        options[str(option.name)] = value
