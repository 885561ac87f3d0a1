"""The table of failure classes: complete, and everything about a class is derived from its row."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from protein.analysis.failures import LEARNED
from sweep_operator.api.failures import (
    FAILURES,
    LEARNED_WORDS,
    FailureClass,
    class_type,
    docs_rows,
    learned_text,
    rule_names,
    rule_text,
)
from sweep_operator.api.limits import FailureRule, Retries
from sweep_operator.api.sweeprun import Attempt, StageStatus
from sweep_operator.decide.cost import useful_seconds
from sweep_operator.decide.deadlines import may_retry
from sweep_operator.decide.plan import failure_observation

THROTTLED = FailureClass(
    name="throttled",
    cause="the storage was throttled",
    budget="on_preemption",
    counter="preemptions",
    learned="cost lower bound",
    keeps_work=True,
    counts_as_failed="never",
    in_failure_rules=True,
)
LONGER = {**FAILURES, THROTTLED.name: THROTTLED}


@pytest.mark.parametrize("name", FAILURES)
def test_each_row_is_complete(name: str) -> None:
    row = FAILURES[name]
    assert row.name == name
    assert row.cause
    assert row.learned in LEARNED_WORDS
    assert (row.budget is None) == (row.counter is None)
    assert row.budget is None or row.budget in Retries.model_fields
    assert row.counter is None or row.counter in StageStatus.model_fields
    assert row.counts_as_failed in ("always", "before the first success", "never")


@pytest.mark.parametrize("row", docs_rows())
def test_each_class_is_documented(row: str) -> None:
    assert row in (Path(__file__).parents[2] / "docs" / "concepts.md").read_text().splitlines()


def test_the_library_learns_from_the_classes_of_the_table() -> None:
    assert {name: row.learned for name, row in FAILURES.items() if row.learned is not None} == LEARNED


def test_the_schema_lists_the_classes_that_a_rule_may_assign() -> None:
    schema = FailureRule.model_json_schema()["properties"]["class"]
    assert schema["enum"] == [name for name, row in FAILURES.items() if not row.deliberate]


def test_a_further_class_needs_only_its_row() -> None:
    accepts = TypeAdapter(class_type(rule_names(LONGER)))
    assert accepts.validate_python("throttled") == "throttled"
    with pytest.raises(ValidationError):
        accepts.validate_python("stopped")
    assert "throttled: retried up to onPreemption times; its cost is learned as a lower bound." in rule_text(LONGER)
    assert "timeout, throttled: its cost is learned as a lower bound." in learned_text(LONGER)
    assert docs_rows(LONGER)[-1].startswith("| `throttled` | the storage was throttled |")
    found = failure_observation({"x": 1.0}, 5.0, "throttled", LONGER)
    assert found is not None
    assert (found.is_failure, found.cost_is_lower_bound, found.cost) == (False, True, 5.0)
    stage = StageStatus(preemptions=1, attempts=[Attempt.model_construct(n=1, seconds=7.0, class_="throttled")])
    assert useful_seconds(stage, keeps_work=True, table=LONGER) == 7.0
    assert useful_seconds(stage, keeps_work=False, table=LONGER) == 0.0
    assert may_retry(stage, "throttled", Retries(on_preemption=1), LONGER)
    assert not may_retry(stage, "throttled", Retries(on_preemption=0), LONGER)
