"""The result of a container: JSON in the termination message, or a number in its log."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from sweep_operator.api.names import MAX_RESULT_BYTES
from sweep_operator.api.user_json import TooDeep, parse_user_json

QUOTED = 200
"""Characters of an invalid result that a failure message quotes."""


@dataclass(frozen=True)
class Result:
    """A valid result. ``score`` is None if the stage does not have to report one and did not."""

    score: float | None = None
    cost: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    checkpoint: str | None = None


@dataclass(frozen=True)
class BadResult:
    """Why a result is invalid: reason ResultMissing, ResultInvalid or NonFiniteScore."""

    reason: str
    message: str


def read_message(text: str, metric: str | None, *, cost_required: bool) -> Result | BadResult:
    """The result in a termination message.

    The score is ``metrics[metric]``, else ``results[metric]``. It is ``score`` only if no metric is named.
    """
    if not text.strip():
        return BadResult("ResultMissing", "nothing was written to $SWEEP_RESULTS_FILE")
    body = _object(text)
    if isinstance(body, BadResult):
        return body
    metrics = body.get("metrics") or {}
    if not isinstance(metrics, dict):
        return BadResult("ResultInvalid", f"metrics must be a JSON object; it is {_quoted(str(metrics))}")
    name = metric or "score"
    score = body.get(name) if metric is None else metrics.get(name, body.get(name))
    if score is None:
        known = sorted({*metrics, *body} - {"metrics", "checkpoint"})
        return BadResult("ResultInvalid", f"{name!r} is missing from the result; it contains {known}")
    if not _is_number(score):
        return BadResult("ResultInvalid", f"{name} must be a number; it is {_quoted(json.dumps(score))}")
    if not math.isfinite(score):
        return BadResult("NonFiniteScore", f"{name} is {float(score)}")
    result = _valid_part(body)
    if result.cost is None and cost_required:
        cost = body.get("cost")
        if cost is None:
            return BadResult("ResultInvalid", "cost.source is Reported, and the result has no cost")
        return BadResult("ResultInvalid", f"cost must be a finite number >= 0; it is {_quoted(str(cost))}")
    own = _finite({name: body[name]} if metric is not None and name in body else {})
    return Result(float(score), result.cost, result.metrics | own, result.checkpoint)


def read_optional(text: str) -> Result:
    """Metrics, cost and checkpoint of a stage that does not have to report a result, if they are valid."""
    body = _object(text)
    return Result() if isinstance(body, BadResult) else _valid_part(body)


def _valid_part(body: Mapping[str, Any]) -> Result:
    cost, metrics, checkpoint = body.get("cost"), body.get("metrics"), body.get("checkpoint")
    return Result(
        cost=float(cost) if _is_number(cost) and math.isfinite(cost) and cost >= 0 else None,
        metrics=_finite(metrics) if isinstance(metrics, dict) else {},
        checkpoint=checkpoint if isinstance(checkpoint, str) else None,
    )


def read_log_value(
    text: str | None, others: Mapping[str, str], metric: str | None, *, cost_required: bool
) -> Result | BadResult:
    """The result from the last matches of ``results.pattern`` in the log.

    ``text``: of the group ``value``; None: the group named as the metric counts. ``others``: of the other groups.
    """
    name = metric or "score"
    text = others.get(name) if text is None else text
    if text is None:
        return BadResult("ResultMissing", "results.pattern matches no line of the log")
    try:
        score = float(text)
    except ValueError:
        return BadResult("ResultInvalid", f"results.pattern found {_quoted(text)}, which is not a number")
    if not math.isfinite(score):
        return BadResult("NonFiniteScore", f"the score in the log is {text}")
    numbers = {**_numbers(others), name: score}
    cost = _valid_part({"cost": numbers.pop("cost", None) if name != "cost" else None}).cost
    if cost is None and cost_required:
        found = _quoted(others.get("cost", "nothing"))
        return BadResult("ResultInvalid", f"cost.source is Reported; {{cost}} of results.pattern found {found}")
    return Result(score, cost, numbers)


def stated_error(text: str) -> str | None:
    """The ``error`` in the result of a program that failed."""
    body = _object(text)
    error = None if isinstance(body, BadResult) else body.get("error")
    return error if isinstance(error, str) else None


def _object(text: str) -> Mapping[str, Any] | BadResult:
    """The JSON object in a termination message."""
    try:
        body = parse_user_json(text)
    except TooDeep as error:
        return BadResult("ResultInvalid", f"the result is {error}")
    except ValueError:
        cut = len(text.encode()) >= MAX_RESULT_BYTES
        problem = f"was cut off at {MAX_RESULT_BYTES} bytes" if cut else "is not valid JSON"
        return BadResult("ResultInvalid", f"the result {problem}: {_quoted(text.strip())}")
    if not isinstance(body, dict):
        example = '{"score": 0.5}'
        return BadResult(
            "ResultInvalid", f"the result must be a JSON object such as {example}: {_quoted(text.strip())}"
        )
    return body


def _is_number(value: Any) -> TypeGuard[int | float]:
    if isinstance(value, int) and value.bit_length() > 1023:
        return False  # larger than any float64
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in metrics.items() if _is_number(v) and math.isfinite(v)}


def _numbers(texts: Mapping[str, str]) -> dict[str, float]:
    """The texts that are finite numbers. A metric that is none does not fail the run."""
    found = {}
    for name, text in texts.items():
        with contextlib.suppress(ValueError):
            found[name] = float(text)
    return _finite(found)


def _quoted(text: str) -> str:
    return text if len(text) <= QUOTED else text[:QUOTED] + "..."
