"""Names of sweeps, runs and parameters as arguments, and their completion."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.protocol import Kind, Object

KINDS = {
    **dict.fromkeys(("sweep", "sweeps", "swp", "sweep.metta.ai", "sweeps.metta.ai"), Kind.SWEEP),
    **dict.fromkeys(("run", "sweeprun", "sweepruns", "swr", "sweeprun.metta.ai", "sweepruns.metta.ai"), Kind.SWEEP_RUN),
}


def split_name(value: str) -> tuple[Kind | None, str]:
    """Kind and name of ``KIND/NAME`` as ``kubectl get -o name`` prints it; kind None for NAME. Raises ConfigError."""
    prefix, slash, name = value.partition("/")
    if not slash:
        return None, value
    if prefix not in KINDS:
        raise ConfigError(f"{value!r}: unknown resource type {prefix!r}; write sweep/NAME or sweeprun/NAME")
    return KINDS[prefix], name


class ObjectName(click.ParamType):  # type: ignore[type-arg]  # which older versions of click do not take
    """NAME, or KIND/NAME as ``kubectl get -o name`` prints it. The command receives NAME."""

    name = "name"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fail if the kind is a different one."""
        expected = self._kind.lower()
        try:
            kind, name = split_name(value)
        except ConfigError:
            kind, name = None, ""
        if not name or kind not in (None, self._kind):
            self.fail(f"{value!r} is not a {expected}; write NAME or {expected}/NAME", param, ctx)
        return name


SWEEP_NAME, RUN_NAME = ObjectName(Kind.SWEEP), ObjectName(Kind.SWEEP_RUN)


def not_a_run(name: str, runs: list[str]) -> ConfigError:
    """The error of a sweep's name where a run's is expected. ``runs``: names of the sweep's runs."""
    if not runs:
        return ConfigError(f"{name!r} is a sweep, and it has no runs yet")
    return ConfigError(f"{name!r} is a sweep; name one of its runs, as in {', '.join(runs[-3:])}")


def ambiguous(name: str) -> ConfigError:
    """The error of a name that a sweep and a run have."""
    return ConfigError(f"{name!r} is both a sweep and a run; write sweep/{name} or sweeprun/{name}")


def items(
    found: Iterable[tuple[str, str]], ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names that begin as typed and are not given yet. ``found``: names and their states."""
    given = ctx.params.get(str(param.name)) or ()
    chosen = {given} if isinstance(given, str) else set(given)
    return [CompletionItem(n, help=h or None) for n, h in found if n.startswith(incomplete) and n not in chosen]


def parameter_items(sweep: Object, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``path=`` for each parameter of the sweep that is not given yet."""
    given = {str(a).partition("=")[0] for a in ctx.params.get(str(param.name)) or ()}
    return [
        CompletionItem(f"{path}=", help=spec.get("distribution"))
        for path, spec in sorted(sweep["spec"]["parameters"].items())
        if path.startswith(incomplete) and path not in given
    ]
