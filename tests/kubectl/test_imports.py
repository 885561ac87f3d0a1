"""Completion and --help answer without the libraries that take a second to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sweep_operator.kubectl.main import cli

HEAVY = ("kubernetes", "aiohttp", "torch", "numpy", "pydantic", "rich")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("from sweep_operator.kubectl.main import cli; cli.main(['--help'], standalone_mode=False)", "best-params"),
        (
            "from sweep_operator.kubectl.main import cli; cli.main(['logs', '--help'], standalone_mode=False)",
            "--follow",
        ),
        ("from sweep_operator.cli.main import cli; cli.main(['logs', '--help'], standalone_mode=False)", "--follow"),
        ("from sweep_operator.cli.main import cli; cli.main(['stop', '--help'], standalone_mode=False)", "--runs-dir"),
        ("from sweep_operator.kubectl.completion import complete; print(complete(['st']))", "status\t"),
        ("from sweep_operator.kubectl.completion import complete; print(complete(['logs', '--st']))", "--stage\t"),
    ],
)
def test_help_and_completion_of_words_import_nothing_heavy(call: str, said: str) -> None:
    program = f"import sys\n{call}\nprint(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert said in done.stdout


@pytest.mark.parametrize("module", sorted({entry.module for entry in cli.entries.values()}))
def test_no_command_imports_torch(module: str) -> None:
    program = f"import sys, {module}\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
