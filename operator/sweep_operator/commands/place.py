"""What the commands that change sweeps need of a cluster or of this machine.

A command is written once, for a ``Place``. A ``Program`` makes it a command of ``sweep`` or of ``kubectl sweep``.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import click
from click.shell_completion import CompletionItem

from sweep_operator.commands.options import Decorator
from sweep_operator.kube.protocol import Kind, Object, ObjectList

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


class Requests(Protocol):
    """Requests to the API server that has a sweep."""

    async def list(
        self, kind: Kind, namespace: str | None = None, *, fields: Mapping[str, str] | None = None
    ) -> ObjectList: ...

    async def create(self, kind: Kind, body: Object) -> Object: ...

    async def patch(self, kind: Kind, namespace: str, name: str, patch: Object) -> Object: ...


@dataclass(frozen=True)
class Found:
    """A Sweep or a SweepRun, and the API server that has it."""

    kube: Requests
    kind: Kind
    obj: Object

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Namespace of the object."""
        return str(self.obj["metadata"].get("namespace") or "default")


class StageLog(Protocol):
    """The log of one attempt of a stage."""

    @property
    def place(self) -> tuple[int, int, str]:
        """Sort key in order of execution."""
        ...

    @property
    def title(self) -> str:
        """``train, attempt 2``."""
        ...

    @property
    def name(self) -> str:
        """Name of the pod or of the file."""
        ...

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ...

    @property
    def waits_for(self) -> str:
        """Why it has not started; empty if unknown."""
        ...

    def started(self, container: str) -> bool:
        """Whether there may be a log."""
        ...


@dataclass(frozen=True)
class LogOptions:
    """Which log to print, and how; None: the latest stage or attempt, all lines."""

    stage: str | None
    attempt: int | None
    rank: int
    tail: int | None
    follow: bool
    container: str = "main"
    timestamps: bool = False


class LogSource(Protocol):
    """The logs of one run."""

    noun: str
    """What has a log: a pod, or the log itself."""
    lost: str
    """Why the log of a run that has ended may be missing."""

    async def run(self) -> Object:
        """The SweepRun, read again."""
        ...

    async def logs(self, wanted: LogOptions) -> Sequence[StageLog]:
        """The requested logs in order of execution."""
        ...

    def read(self, log: StageLog, wanted: LogOptions) -> AsyncIterator[bytes]:
        """The bytes of a log. Raises NotFound."""
        ...

    def stalled(self) -> str:
        """Why no further log can come, although the run has not ended; empty: one can."""
        ...


class Place(Protocol):
    """Sweeps and runs by name. Every lookup raises ConfigError, which suggests the closest existing name."""

    async def sweep(self, name: str) -> Found:
        """The Sweep."""
        ...

    async def run(self, name: str) -> Found:
        """The SweepRun."""
        ...

    async def sweep_or_run(self, name: str) -> Found:
        """The object called ``name``, ``sweep/name`` or ``sweeprun/name``."""
        ...

    async def sweep_of(self, run: Found) -> Found:
        """The Sweep of a run."""
        ...

    def name(self, obj: Object) -> str:
        """The name of a sweep or a run, as the user knows it."""
        ...

    def title(self, kind: Kind, obj: Object) -> str:
        """The name as the program prints it after a change."""
        ...

    def logs(self, run: Found) -> LogSource:
        """The logs of a run."""
        ...

    def notes(self) -> list[str]:
        """What the user has to do after the changes so far."""
        ...

    def about_edits(self) -> str:
        """What the user has to know about an edit of a Sweep's spec; empty: nothing."""
        ...


class _Run(Protocol):
    def __call__(self, work: Callable[[Place], Awaitable[None]], **options: Any) -> None: ...


@dataclass(frozen=True)
class Program:
    """``sweep`` or ``kubectl sweep``."""

    name: str
    options: Decorator
    """Options that select the place."""
    run: _Run
    """Runs ``work`` with the place that the values of ``options`` select."""
    complete_sweeps: Complete
    complete_runs: Complete
    complete_failed_runs: Complete
    complete_parameters: Complete
    has_pods: bool
    """Whether logs come from the containers of pods."""

    def complete_sweeps_and_runs(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Names of sweeps, then of runs."""
        return self.complete_sweeps(ctx, param, incomplete) + self.complete_runs(ctx, param, incomplete)

    def command(self, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
        """As ``click.command``; in the docstring, PROGRAM stands for the program's name."""

        def decorate(function: Callable[..., Any]) -> click.Command:
            command: click.Command = click.command(**settings)(function)
            command.help = (inspect.getdoc(function) or "").replace("PROGRAM", self.name)
            return command

        return decorate
