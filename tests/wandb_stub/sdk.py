"""The real SDK in a process of its own, as users run it: its environment, and a script that talks to a server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.wandb_stub.server import KEY


def environment(url: str, folder: Path, *, key: str | None = KEY, **more: str) -> dict[str, str]:
    """This process's environment without the machine's W&B settings, with those that reach the server at ``url``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    ours = {
        "WANDB_BASE_URL": url,
        "WANDB_DIR": str(folder),
        "WANDB_CONFIG_DIR": str(folder / "config"),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_INIT_TIMEOUT": "30",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "NETRC": str(folder / "netrc"),
    }
    if key is not None:
        ours["WANDB_API_KEY"] = key
    return kept | ours | more


def run_script(script: str, env: Mapping[str, str], *arguments: str, timeout: float = 120) -> str:
    """Runs Python code and returns its standard output.

    Raises:
        AssertionError: the script failed; the message holds what it printed.
    """
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=dict(env), capture_output=True, text=True, timeout=timeout,
        cwd=env.get("WANDB_DIR"),
    )  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
