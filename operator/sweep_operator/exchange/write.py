"""Write rows as CSV or JSON lines. Reading the text returns equal rows, with every float bit for bit."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweep_operator.exchange.cells import cell
from sweep_operator.exchange.row import Row

_HEAD = ("run", "index", "origin", "status", "score", "cost", "created")
_STATUS = {"succeeded": "succeeded", "failed": "failed", "open": "running"}


def to_csv(rows: Sequence[Row]) -> str:
    """Write a CSV line per run. Columns are prefixed with ``parameters.``, ``fixed.``, ``metrics.`` or ``failure.``.

    The column ``curve`` is JSON.
    """
    columns = {
        "parameters": _names(r.parameters for r in rows),
        "fixed": _names(r.fixed for r in rows),
        "metrics": _names(r.metrics for r in rows),
        "failure": ["class", "reason", "message"] if any(r.failure for r in rows) else [],
    }
    head = [*_HEAD, *(["curve"] if any(r.curve for r in rows) else [])]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*head, *(f"{group}.{name}" for group, names in columns.items() for name in names)])
    for row in rows:
        record = _record(row)
        record["curve"] = json.dumps(row.curve) if row.curve else None
        line = [record.get(name) for name in head]
        line += [(record.get(group) or {}).get(name) for group, names in columns.items() for name in names]
        writer.writerow([cell(value) for value in line])
    return out.getvalue()


def to_jsonl(rows: Iterable[Row]) -> str:
    """Write a JSON object per line and run."""
    return "".join(json.dumps(_record(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def _record(row: Row) -> dict[str, Any]:
    failure = row.failure
    found = {
        "run": row.run,
        "index": row.index,
        "origin": row.origin,
        "status": "crashed" if row.lost else _STATUS[row.result],
        "score": row.score,
        "cost": row.cost,
        "created": row.created,
        "parameters": dict(row.parameters),
        "fixed": dict(row.fixed),
        "metrics": dict(row.metrics),
        "failure": failure and {"class": failure.class_, "reason": failure.reason, "message": failure.message},
        "curve": list(row.curve) or None,
    }
    return {k: v for k, v in found.items() if v is not None and v != {}}


def _names(groups: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in sorted(group)))
