"""The tables of docs/troubleshooting.md contain exactly the reasons in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs/troubleshooting.md"
SOURCES = ROOT / "operator/sweep_operator"
WHERE = (
    "decide",
    "engine",
    "tracking",
    "sandbox/reports.py",
    "api/tracking.py",
    "kube/embedded/status.py",
    "machine/stored.py",
)

CONDITIONS = {
    "Accepted", "EarlyStoppingEffective", "EvalSucceeded", "Finished", "Observed", "OptimizerHealthy", "Reporting",
    "Stalled", "Succeeded", "TrackingSynced",
    "TrainSucceeded", "WarmStarted", "PodScheduled",
}  # fmt: skip
EVENTS = {
    "AttemptFailed", "IndexTaken", "JobForbidden", "NewBest", "PodForbidden", "Preempted",
    "PruningSkipped", "RandomFallback", "Resumed", "RunCompleted", "RunCreated", "RunFailed", "RunPruned",
    "WarmStartNotStored",
}  # fmt: skip
OTHER_WORDS = {
    # statuses, types of Events, prefixes of reasons
    "True", "False", "Unknown", "Normal", "Warning", "Not", "OutOf",
    # phases and conditions of Jobs and pods
    "Complete", "Failed", "Pending",
    # values of spec and status fields
    "FallbackToLogsOnError", "GPUSeconds", "Log", "Price", "Reported", "WallClock", "Always", "Delivered", "Refused",
    # kinds
    "ConfigMap",
    # states of a W&B run that another program created
    "Lost", "NoScore",
    # reason of the condition Interrupted
    "NoProcess",
}  # fmt: skip
"""Capitalized words in the code that are not reasons. Add a new word here or to the page."""
_WORD = re.compile(r"[A-Z][A-Za-z]*[a-z][A-Za-z]*")
_ROW = re.compile(r"^\| (`[A-Z]\w+`(?:, `[A-Z]\w+`)*) \|", re.MULTILINE)


def test_the_page_has_the_reasons_of_the_code() -> None:
    code = set(_words()) - CONDITIONS - EVENTS - OTHER_WORDS
    page = {word for row in _ROW.findall(PAGE.read_text()) for word in re.findall(r"`(\w+)`", row)}
    assert code - page == set(), "reasons that the page does not explain"
    assert page - code - {"Interrupted"} == set(), "reasons that the code does not have, except the one of the views"


def test_no_reason_is_twice_in_one_table() -> None:
    for table in PAGE.read_text().split("\n## "):
        words = [word for row in _ROW.findall(table) for word in re.findall(r"`(\w+)`", row)]
        assert len(words) == len(set(words)), sorted(w for w in words if words.count(w) > 1)


def test_the_other_words_are_in_the_code() -> None:
    assert (CONDITIONS | EVENTS | OTHER_WORDS) - set(_words()) == set(), "remove words that are not in the code"


def _words() -> Iterator[str]:
    for place in WHERE:
        path = SOURCES / place
        for file in [path] if path.is_file() else sorted(path.glob("**/*.py")):
            yield from _words_of(file)


def _words_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
            yield node.value
