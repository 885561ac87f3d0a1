"""What is said of pip-audit's answer: nothing found and nothing looked at are two things."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
judge = runpy.run_path(str(ROOT / "scripts" / "audit"))["judge"]
GONE = {"name": "a", "skip_reason": "Dependency not found on PyPI and could not be audited: a (1)"}
GOOD = {"name": "b", "version": "1", "vulns": []}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1", "3"]}, {"id": "CVE-2"}]}


@pytest.mark.parametrize(
    ("dependencies", "bad", "gaps"),
    [
        ([GOOD], [], []),
        ([GOOD, BAD], ["c 2: CVE-1 fixed in 2.1 3", "c 2: CVE-2"], []),
        ([GOOD, GONE], [], ["not audited: a: Dependency not found"]),
        ([GONE], [], ["NOT AUDITED: the advisory database is unreachable"]),
        ([], [], ["NOT AUDITED"]),
    ],
)
def test_the_answer(dependencies: list[dict[str, object]], bad: list[str], gaps: list[str]) -> None:
    found, said = judge(json.dumps({"dependencies": dependencies}), "")
    assert found == bad
    assert len(said) == len(gaps)
    assert all(s.startswith(g) for s, g in zip(said, gaps, strict=True))


def test_no_answer() -> None:
    assert judge("", "Traceback\nConnectionError: no route\n")[1] == [
        "NOT AUDITED: pip-audit failed: ConnectionError: no route"
    ]


@pytest.mark.parametrize(("strict", "code"), [("0", 0), ("1", 1)])
def test_without_the_tool_it_is_a_failure_only_when_asked_for(strict: str, code: int) -> None:
    env = {**os.environ, "UVX": "/none/uvx", "STRICT": strict}
    done = subprocess.run([ROOT / "scripts" / "audit"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr == "NOT AUDITED: /none/uvx: No such file or directory\n"
