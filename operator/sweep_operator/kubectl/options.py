"""kubectl's options, wherever on the command line they stand, and names as kubectl prints them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sweep_operator.kube.protocol import Kind
from sweep_operator.kubectl.lookup import KINDS
from sweep_operator.kubectl.names import complete_contexts, complete_namespaces


class ObjectName(click.ParamType):  # type: ignore[type-arg]  # which older versions of click do not take
    """NAME, or KIND/NAME as ``kubectl get -o name`` has it. Comes as NAME."""

    name = "name"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fails where the kind is another one."""
        prefix, slash, name = value.partition("/")
        if slash and KINDS.get(prefix) != self._kind:
            self.fail(f"{value!r} is no {self._kind.lower()}; write NAME or {self._kind.lower()}/NAME", param, ctx)
        return name if slash else value


SWEEP_NAME, RUN_NAME = ObjectName(Kind.SWEEP), ObjectName(Kind.SWEEP_RUN)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-n``, ``--context`` and ``--kubeconfig``."""
    options = (
        click.option(
            "-n", "--namespace", metavar="NS", help="Namespace. [the context's]", expose_value=False, callback=_keep,
            shell_complete=complete_namespaces,
        ),
        click.option(
            "--context", metavar="NAME", help="Context of the kubeconfig. [the current one]", expose_value=False,
            callback=_keep, shell_complete=complete_contexts,
        ),
        click.option(
            "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", expose_value=False,
            callback=_keep, help="[$KUBECONFIG, else ~/.kube/config, else the pod's account]",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _keep(ctx: click.Context, option: click.Parameter, value: object) -> None:
    # One dictionary for the group and its command: what stands after the command's name comes later.
    said = ctx.ensure_object(dict)
    if value is not None:
        said[str(option.name)] = value
