"""The real SDK in a process of its own, as users run it: its environment, its oldest version, scripts that use it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.wandb_stub.server import KEY

ROOT = Path(__file__).resolve().parents[2]
OLDEST = ROOT / ".venv-wandb-oldest"
IMPATIENT: Mapping[str, str] = {
    f"WANDB__{client}_RETRY_WAIT_{bound}_SECONDS": "1"
    for client in ("FILE_STREAM", "FILE_TRANSFER", "GRAPHQL")
    for bound in ("MIN", "MAX")
}
"""Settings with which the SDK tries again after a second, not after 2, 4, 8 .. 60: fractions count as not set."""


def install_oldest() -> Path:
    """The folder of the oldest supported SDK, installed by ``make wandb-oldest`` when it is missing.

    Raises:
        RuntimeError: it cannot be installed; the message holds why.
    """
    with (ROOT / ".venv-wandb-oldest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes want it at once
        made = subprocess.run(
            ["make", "--no-print-directory", "wandb-oldest", f"VENV={sys.prefix}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if made.returncode != 0:
        raise RuntimeError(f"`make wandb-oldest` failed, so the oldest supported W&B SDK is not tested:\n{made.stdout}")
    return OLDEST


def environment(
    url: str, folder: Path, *, key: str | None = KEY, sdk: Path | None = None, **more: str
) -> dict[str, str]:
    """This process's environment without the machine's W&B settings, with those that reach the server at ``url``.

    Args:
        folder: where the SDK writes.
        key: None: there is none.
        sdk: the folder of another version of the SDK than this environment's.
        more: further variables.
    """
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
    if sdk is not None:
        ours["PYTHONPATH"] = os.pathsep.join([str(sdk), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return kept | ours | more


@contextmanager
def running_script(script: str, env: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python code in a process with that environment; what is left of it at the end is killed, wandb-core too."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=env.get("WANDB_DIR"),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        end_cores(Path(env["WANDB_DIR"]))  # first: it holds the pipes open that are read to their end next
        process.communicate()


def run_script(script: str, env: Mapping[str, str], *arguments: str, timeout: float = 600) -> str:
    """Runs Python code to its end and returns its standard output.

    Raises:
        AssertionError: the script failed; the message holds what it printed.
        subprocess.TimeoutExpired: it did not end.
    """
    with running_script(script, env, *arguments) as process:
        output, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, f"exit code {process.returncode}\n{output}\n{errors}"
    return output


def run_session(module: str, env: Mapping[str, str]) -> dict[str, Any]:
    """Runs a module of this folder that ends in ``sdk_session.perform``; returns the outcomes.

    Raises:
        AssertionError: it failed as a whole.
    """
    script = (
        "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), None, '__main__')"
    )
    results = Path(env["WANDB_DIR"]) / f"{module}.json"
    run_script(script, env, str(ROOT), f"tests.wandb_stub.{module}", str(results))
    outcomes: dict[str, Any] = json.loads(results.read_text())
    return outcomes


def cores(folder: Path) -> list[psutil.Process]:
    """The wandb-core processes whose WANDB_DIR is ``folder``: they outlive a Python that was killed."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            ours = process.info["name"] == "wandb-core" and process.environ().get("WANDB_DIR") == str(folder)
        except psutil.Error:
            continue
        if ours:
            found.append(process)
    return found


def end_cores(folder: Path) -> None:
    """Kills them."""
    for process in cores(folder):
        try:
            process.kill()
            process.wait(60)
        except psutil.NoSuchProcess:
            pass
