"""The page of a runs directory."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from sweep_operator.commands.options import DEFAULT_RUNS_DIR
from sweep_operator.ui.guard import OneToken
from sweep_operator.ui.machine import LocalUser, RunsDirectory
from sweep_operator.ui.model import DirectoryReader, Models
from sweep_operator.ui.serving import Serving
from sweep_operator.views.page.models import Server


def machine_page(runs_dir: Path, *, writes: bool) -> Callable[[str], Serving]:
    """What to serve, by the token. ``writes``: with changes."""
    where = [] if runs_dir == DEFAULT_RUNS_DIR else ["--runs-dir", str(runs_dir)]
    server = Server(mode="machine", write=writes, version=version("sweep-operator"), command="sweep", models=True)

    def serving(token: str) -> Serving:
        source = RunsDirectory(runs_dir)
        user = LocalUser(source, runs_dir, writes=writes)
        models = Models(DirectoryReader(source))
        return Serving(server, source, OneToken(token, user), explainer=models, where=lambda namespace: where)

    return serving
