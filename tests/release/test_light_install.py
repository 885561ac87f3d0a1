"""What each extra of the wheel needs, and what a program says when an extra is missing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRA_OF_ROOM = {
    "operator/sweep_operator/runtime": "operator",
    "operator/sweep_operator/kube/cluster": "kubectl",
    "operator/sweep_operator/kubectl": "kubectl",
    "operator/sweep_operator/ui": "ui",
    "operator/sweep_operator/http_server.py": "ui",
    "operator/sweep_operator/tracking/sdk.py": "wandb",
    "protein/integrations": "wandb",
}
"""Rooms that may import packages of an extra; every other room of the wheel makes do with the base dependencies."""
HELP = "from sweep_operator.{}.main import cli; cli.main(['--help'], standalone_mode=False)"
OPTIONAL = {"pandas"}
"""Packages that nothing installs: the code that imports one says what to install."""


def declared(extra: str | None) -> set[str]:
    """Normalized names of the distributions that the base (None) or an extra declares, nested extras included."""
    names: set[str] = set()
    for requirement in PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]:
        nested = re.match(r"sweep-operator\[(.+)\]", requirement)
        if nested:
            names |= {name for inner in nested[1].split(",") for name in declared(inner.strip())}
        else:
            names.add(_normalized(re.split(r"[\[<>=~! ;]", requirement)[0]))
    return names


def imported(file: Path) -> set[str]:
    """Top-level names of the packages that a file imports, except those of the standard library and our own."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"protein", "sweep_operator"}


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _undeclared(folder: str, extra_of_file: dict[str, str]) -> list[str]:
    distributions = packages_distributions()
    problems = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        extra = next((e for prefix, e in extra_of_file.items() if place.startswith(prefix)), None)
        allowed = declared(None) | (declared(extra) if extra else set())
        for module in imported(file) - OPTIONAL:
            names = {_normalized(name) for name in distributions.get(module, [])}
            if not names & allowed:
                problems.append(f"{place}: imports {module}, which {extra or 'the base'} does not declare")
    return problems


@pytest.mark.parametrize("folder", ["protein", "operator"])
def test_every_import_is_declared_where_it_is_needed(folder: str) -> None:
    assert _undeclared(folder, EXTRA_OF_ROOM) == []


def test_the_trainer_declares_what_it_imports() -> None:
    distributions = packages_distributions()
    allowed = declared(None) | declared("trainer") | declared("wandb")
    own = {path.stem for path in (ROOT / "images/trainer").iterdir()}
    for file in (ROOT / "images/trainer").rglob("*.py"):
        for module in imported(file) - own:
            assert {_normalized(name) for name in distributions[module]} & allowed, f"{file.name}: {module}"


def test_no_dependency_is_pinned_to_one_minor_version_of_torch() -> None:
    torch = next(r for r in PROJECT["dependencies"] if r.startswith("torch"))
    assert re.fullmatch(r"torch>=2\.\d+,<3", torch)


@pytest.mark.parametrize(
    ("function", "missing", "remedy"),
    [
        ("sweep_operator", "kopf", "pip install 'sweep-operator[operator]'"),
        ("sweep_operator_uninstall", "kubernetes", "pip install 'sweep-operator[operator]'"),
        ("sweep_ui", "kubernetes", "pip install 'sweep-operator[operator]'"),
        ("sweep", "click", "pip install 'sweep-operator'"),
        ("sweep", "aiohttp", "pip install 'sweep-operator[ui]'"),
        ("kubectl_sweep", "kubernetes", "pip install 'sweep-operator[kubectl]'"),
    ],
)
def test_a_program_names_the_extra_that_is_missing(function: str, missing: str, remedy: str) -> None:
    arguments = {"kubernetes": ["status"], "aiohttp": ["ui"]}.get(missing, [])
    script = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['program', *{arguments!r}]\n"
        f"from sweep_operator.programs import {function}; {function}()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert missing in done.stderr
    assert remedy in done.stderr


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import protein; protein.SearchSpace", {"torch", "gpytorch", "pandas"}),
        (HELP.format("cli"), {"torch", "numpy"}),
        (HELP.format("kubectl"), {"torch", "numpy"}),
    ],
)
def test_what_starts_often_imports_nothing_heavy(statement: str, heavy: set[str]) -> None:
    script = f"{statement}\nimport sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
