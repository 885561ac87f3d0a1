"""What a container returned: JSON in the termination message, or a number in its log."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from sweep_operator.api.names import MAX_RESULT_BYTES

SHOWN = 200
"""Characters of a bad result that a failure message quotes."""


@dataclass(frozen=True)
class Result:
    """A well-formed result. ``score`` is None where the stage need not report one and did not."""

    score: float | None = None
    cost: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    checkpoint: str | None = None


@dataclass(frozen=True)
class BadResult:
    """Why a message is no result: reason ResultMissing, ResultInvalid or NonFiniteScore."""

    reason: str
    message: str


def read_message(text: str, metric: str | None, *, cost_required: bool) -> Result | BadResult:
    """The result in a termination message.

    The score is ``metrics[metric]``, else ``results[metric]``; ``score`` only when no metric is named.
    """
    stripped = text.strip()
    if not stripped:
        return BadResult("ResultMissing", "nothing was written to $SWEEP_RESULTS_FILE")
    try:
        body = json.loads(stripped)
    except ValueError:
        if len(text.encode()) >= MAX_RESULT_BYTES:
            return BadResult("ResultInvalid", f"more than {MAX_RESULT_BYTES} bytes, cut off: {_shown(stripped)}")
        return BadResult("ResultInvalid", f"is not JSON: {_shown(stripped)}")
    if not isinstance(body, dict):
        return BadResult("ResultInvalid", f'is not a JSON object such as {{"score": 0.5}}: {_shown(stripped)}')
    metrics = body.get("metrics") or {}
    if not isinstance(metrics, dict):
        return BadResult("ResultInvalid", f"metrics is not a JSON object: {_shown(str(metrics))}")
    if metric is None:
        name, score = "score", body.get("score")
    else:
        name, score = metric, metrics.get(metric, body.get(metric))
    if score is None:
        known = sorted({*metrics, *(k for k in body if k not in ("metrics", "checkpoint"))})
        return BadResult("ResultInvalid", f"{name!r} is not in the result, which has {known}")
    if not _is_number(score):
        return BadResult("ResultInvalid", f"{name} is {_shown(json.dumps(score))}, not a number")
    if not math.isfinite(score):
        return BadResult("NonFiniteScore", f"{name} is {float(score)}")
    cost = body.get("cost")
    if cost is not None and not (_is_number(cost) and math.isfinite(cost) and cost >= 0):
        if cost_required:
            return BadResult("ResultInvalid", f"cost is {_shown(str(cost))}; a finite number >= 0 is needed")
        cost = None
    if cost is None and cost_required:
        return BadResult("ResultInvalid", "cost.source is Reported and the result has no cost")
    checkpoint = body.get("checkpoint")
    return Result(
        score=float(score),
        cost=None if cost is None else float(cost),
        metrics=_finite(metrics) | _finite({k: body[k] for k in (metric,) if k and k in body}),
        checkpoint=checkpoint if isinstance(checkpoint, str) else None,
    )


def read_optional(text: str) -> Result:
    """What train may say where eval reports: metrics, cost and checkpoint if they are there."""
    try:
        body = json.loads(text)
    except ValueError:
        return Result()
    if not isinstance(body, dict):
        return Result()
    cost, metrics, checkpoint = body.get("cost"), body.get("metrics"), body.get("checkpoint")
    return Result(
        cost=float(cost) if _is_number(cost) and math.isfinite(cost) and cost >= 0 else None,
        metrics=_finite(metrics) if isinstance(metrics, dict) else {},
        checkpoint=checkpoint if isinstance(checkpoint, str) else None,
    )


def read_log_value(text: str | None, metric: str | None) -> Result | BadResult:
    """The last match of ``results.pattern`` in the log (None: no match)."""
    if text is None:
        return BadResult("ResultMissing", "results.pattern matches no line of the log")
    try:
        score = float(text)
    except ValueError:
        return BadResult("ResultInvalid", f"results.pattern found {_shown(text)}, which is not a number")
    if not math.isfinite(score):
        return BadResult("NonFiniteScore", f"the log says {text}")
    return Result(score=score, metrics={metric or "score": score})


def stated_error(text: str) -> str | None:
    """The ``error`` of a result that a program wrote before it gave up."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, str) else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    if isinstance(value, int) and value.bit_length() > 1023:
        return False  # beyond float64: no score or cost, and float() would raise
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _finite(metrics: dict[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in metrics.items() if _is_number(v) and math.isfinite(v)}


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
