"""The console scripts.

A program's module is imported when the program starts, so that a package that is not installed leads to a message that
names the extra, not to a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module

from sweep_operator.garbage import no_collection

_OURS = ("protein", "sweep_operator")


def sweep() -> None:
    """``sweep``: sweeps on this machine."""
    _run("sweep", "sweep_operator.cli.main", "sweep-operator", {"aiohttp": "sweep-operator[ui]"})


def kubectl_sweep() -> None:
    """``kubectl sweep``: sweeps of a cluster."""
    _run("kubectl-sweep", "sweep_operator.kubectl.main", "sweep-operator[kubectl]")


def kubectl_complete_sweep() -> None:
    """``kubectl_complete-sweep``: kubectl calls it to complete the arguments of ``kubectl sweep``."""
    _run("kubectl_complete-sweep", "sweep_operator.kubectl.completion", "sweep-operator[kubectl]")


def sweep_operator() -> None:
    """``sweep-operator``: the operator's process."""
    _run("sweep-operator", "sweep_operator.runtime.main", "sweep-operator[operator]")


def sweep_operator_uninstall() -> None:
    """``sweep-operator-uninstall``: what the chart runs before it is deleted."""
    _run("sweep-operator-uninstall", "sweep_operator.runtime.uninstall", "sweep-operator[operator]")


def sweep_ui() -> None:
    """``sweep-ui``: the page of a cluster's sweeps."""
    _run("sweep-ui", "sweep_operator.ui.main", "sweep-operator[operator]")


def _run(program: str, module: str, requirement: str, others: Mapping[str, str] = {}) -> None:
    """``others``: requirements of the packages that only some commands need."""
    try:
        with no_collection():
            main = import_module(module).main
        main()
    except KeyboardInterrupt:  # a Ctrl-C while modules are imported
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in _OURS:
            raise
        package = error.name.split(".")[0]
        sys.exit(
            f"{program}: the Python package {package!r} is not installed; "
            f"run: pip install '{others.get(package, requirement)}'"
        )
