"""``sweep`` as a program: its commands change the sweeps of a runs directory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sweep_operator.cli.names import complete_failed_runs, complete_parameters, complete_runs, complete_sweeps
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir
from sweep_operator.commands.output import echo
from sweep_operator.commands.place import Place, Program
from sweep_operator.machine.place import Machine


def _run(work: Callable[[Place], Awaitable[None]], **options: Any) -> None:
    machine = Machine(options["runs_dir"])

    async def worked() -> None:
        await work(machine)

    try:
        asyncio.run(worked())
        for note in machine.notes():
            echo(f"note: {note}", err=True)
    finally:
        machine.close()


SWEEP = Program(
    name="sweep",
    options=runs_dir(DEFAULT_RUNS_DIR),
    run=_run,
    complete_sweeps=complete_sweeps,
    complete_runs=complete_runs,
    complete_failed_runs=complete_failed_runs,
    complete_parameters=complete_parameters,
    has_pods=False,
)
