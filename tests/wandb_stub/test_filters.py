"""Filters, orders and pages as W&B's public API sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wandb_stub import filters, run_fields
from tests.wandb_stub.records import Refused, Run

RUN = Run(
    7,
    "acme",
    "p",
    "demo-1.r.0",
    created=1_000_000.0,
    heartbeat=1_000_060.0,
    username="tester",
    display_name="demo.r.0",
    tags=["trial", "fast"],
    group="demo",
    sweep="abcd1234",
    state="finished",
    config={"lr": {"value": 0.1}, "trainer.batch": {"value": 32}, "net": {"value": {"depth": 3}}},
    summary={"score": 2, "protein.state": "success", "protein": {"cost": 3}, "loss/train": 0.5},
)

MATCHING: list[dict[str, Any]] = [
    {},
    {"state": "finished"},
    {"state": {"$ne": "running"}},
    {"state": {"$in": ["finished", "failed"]}},
    {"state": {"$nin": ["running", "crashed"]}},
    {"$and": [{"sweep": "abcd1234"}]},
    {"$or": [{"state": "running"}, {"group": "demo"}]},
    {"$nor": [{"state": "running"}]},
    {"$not": {"state": "running"}},
    {"tags": "trial"},
    {"tags": {"$in": ["slow", "fast"]}},
    {"tags": {"$ne": "slow"}},
    {"displayName": {"$regex": r"^demo\.r\."}},
    {"display_name": "demo.r.0"},
    {"name": "demo-1.r.0"},
    {"summary_metrics.score": {"$gt": 1, "$lte": 2}},
    {"summary_metrics.protein.state": "success"},
    {"summary_metrics.protein.cost": 3},
    {"summary_metrics.loss/train": {"$lt": 1}},
    {"summary_metrics.missing": {"$exists": False}},
    {"summary_metrics.missing": None},
    {"summary_metrics.score": {"$exists": True}},
    {"config.lr": 0.1},
    {"config.lr.value": 0.1},
    {"config.trainer.batch": {"$gte": 32}},
    {"config.net.depth": 3},
    {"createdAt": {"$gte": "1970-01-12T00:00:00Z", "$lt": "1970-01-13T00:00:00Z"}},
    {"createdAt": {"$not": {"$gt": "1971-01-01T00:00:00Z"}}},
    {"username": "tester"},
]
OTHERS: list[dict[str, Any]] = [
    {"state": "running"},
    {"state": "finished", "group": "other"},
    {"$and": [{"state": "finished"}, {"sweep": "other"}]},
    {"$or": [{"state": "running"}, {"group": "other"}]},
    {"$nor": [{"state": "finished"}]},
    {"tags": "slow"},
    {"tags": {"$nin": ["fast"]}},
    {"summary_metrics.score": {"$gt": 2}},
    {"summary_metrics.score": {"$gt": "1"}},
    {"summary_metrics.missing": {"$lt": 1}},
    {"summary_metrics.protein.state": {"$exists": False}},
    {"config.lr": {"$ne": 0.1}},
    {"displayName": {"$regex": "^r"}},
    {"createdAt": {"$gt": "2026-01-01T00:00:00Z"}},
]
REFUSED: list[tuple[str, str]] = [
    ('{"state": {"$near": 1}}', r"\$near"),
    ('{"$where": "1"}', r"\$where"),
    ('{"$or": [{"state": "x"}, {"tags": {"$all": []}}]}', r"\$all"),
    ('{"color": "red"}', "color"),
    ('{"summary_metrics": 1}', "summary_metrics"),
    ('{"$and": {"state": "x"}}', "list"),
    ("[1]", "object"),
    ("{", "JSON"),
]


@pytest.mark.parametrize("wanted", MATCHING, ids=json.dumps)
def test_matching(wanted: dict[str, Any]) -> None:
    assert run_fields.matching([RUN], json.dumps(wanted)) == [RUN]


@pytest.mark.parametrize("wanted", OTHERS, ids=json.dumps)
def test_not_matching(wanted: dict[str, Any]) -> None:
    assert run_fields.matching([RUN], json.dumps(wanted)) == []


@pytest.mark.parametrize(("text", "named"), REFUSED)
@pytest.mark.parametrize("runs", [[], [RUN]], ids=["no runs", "a run"])
def test_what_is_unknown_is_refused_even_where_there_is_no_run(text: str, named: str, runs: list[Run]) -> None:
    with pytest.raises(Refused, match=named) as refused:
        run_fields.matching(runs, text)
    assert refused.value.status == 400


def ordered(order: str, values: list[Any]) -> list[int]:
    runs = [Run(n, "", "", f"r{n}", 0, 0, "", summary={} if v is None else {"x": v}) for n, v in enumerate(values)]
    return [run.number for _, run in filters.order_by(runs, order, run_fields.read_order, lambda r: r.number)]


def test_orders_are_total() -> None:
    assert ordered("+summary_metrics.x", [3, None, 1, "text", 1]) == [1, 2, 4, 0, 3]
    assert ordered("-summary_metrics.x", [3, None, 1, "text", 1]) == [3, 0, 4, 2, 1]
    assert ordered("+created_at", [0, 0, 0]) == [0, 1, 2]


def test_pages_hold_every_run_once_while_runs_are_added() -> None:
    numbers, seen, cursor, more = list(range(10)), list[int](), None, True
    while more:
        keyed = filters.order_by(numbers, "-created_at", lambda n, _: n, lambda n: n)
        entries, more = filters.page(keyed, True, cursor, 3)
        seen += [number for _, number in entries]
        cursor = entries[-1][0]
        numbers.append(len(numbers))  # a newer one, before what was shown
    assert seen == list(reversed(range(10)))
