"""The tables of docs/troubleshooting.md have every reason of the code, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs/troubleshooting.md"
SOURCES = ROOT / "operator/sweep_operator"
WHERE = ("decide", "engine", "tracking", "api/tracking.py", "kube/embedded/status.py")

CONDITIONS = {
    "Accepted", "EvalSucceeded", "Observed", "OptimizerHealthy", "Succeeded", "TrackingSynced", "TrainSucceeded",
    "WarmStarted", "PodScheduled",
}  # fmt: skip
EVENTS = {
    "AttemptFailed", "IndexTaken", "NewBest", "PodForbidden", "Preempted", "Resumed", "RunCompleted", "RunCreated",
    "RunFailed",
}  # fmt: skip
OTHER_WORDS = {
    # statuses, types of Events, prefixes of reasons
    "True", "False", "Unknown", "Normal", "Warning", "Not", "OutOf",
    # phases and conditions of Jobs and pods
    "Complete", "Failed", "Pending",
    # values of spec and status fields
    "FallbackToLogsOnError", "GPUSeconds", "Log", "Price", "Reported", "WallClock", "Delivered", "Refused",
    # kinds
    "ConfigMap",
    # what a W&B run that somebody else made is shown as
    "Lost", "NoScore",
}  # fmt: skip
"""Capitalised words in the code that are no reasons. A new word must be put here, or into the page."""
_WORD = re.compile(r"[A-Z][A-Za-z]*[a-z][A-Za-z]*")
_ROW = re.compile(r"^\| (`[A-Z]\w+`(?:, `[A-Z]\w+`)*) \|", re.MULTILINE)


def test_the_page_has_the_reasons_of_the_code() -> None:
    code = set(_words()) - CONDITIONS - EVENTS - OTHER_WORDS
    page = {word for row in _ROW.findall(PAGE.read_text()) for word in re.findall(r"`(\w+)`", row)}
    assert code - page == set(), "reasons that the page does not explain"
    assert page - code == set(), "reasons that the code does not have"


def test_no_reason_stands_twice_in_one_table() -> None:
    for table in PAGE.read_text().split("\n## "):
        words = [word for row in _ROW.findall(table) for word in re.findall(r"`(\w+)`", row)]
        assert len(words) == len(set(words)), sorted(w for w in words if words.count(w) > 1)


def test_what_is_no_reason_is_in_the_code() -> None:
    assert (CONDITIONS | EVENTS | OTHER_WORDS) - set(_words()) == set(), "remove what is not there any more"


def _words() -> Iterator[str]:
    for place in WHERE:
        path = SOURCES / place
        for file in [path] if path.is_file() else sorted(path.glob("**/*.py")):
            yield from _words_of(file)


def _words_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
            yield node.value
