"""The filters of runs and sweeps: the part of MongoDB's query language that the SDK sends, and their order and pages.

An operator or field that is not known here is refused: a filter that silently matches nothing (or everything) would let
a test pass for the wrong reason.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tests.wandb_stub.records import Refused

T = TypeVar("T")
Read = Callable[[T, str], Any]
"""Reads a field of a record by its name in filters: MISSING where the record has none; Refused where none can."""

MISSING = object()


def lookup(tree: Any, path: str) -> Any:
    """The value at a dotted path: a key that itself holds dots is found too."""
    if isinstance(tree, Mapping):
        if path in tree:
            return tree[path]
        parts = path.split(".")
        for n in range(len(parts) - 1, 0, -1):
            head = ".".join(parts[:n])
            if head in tree:
                found = lookup(tree[head], ".".join(parts[n:]))
                if found is not MISSING:
                    return found
    return MISSING


def _ordered(value: Any, other: Any, compare: Callable[[Any, Any], bool]) -> bool:
    number = (int, float)
    alike = (isinstance(value, number) and isinstance(other, number)) or (
        isinstance(value, str) and isinstance(other, str)
    )
    return alike and compare(value, other)


def _equal(value: Any, other: Any) -> bool:
    if value is MISSING or value is None:
        return other is None
    if isinstance(value, list) and not isinstance(other, list):
        return other in value
    return bool(value == other)


def _regex(value: Any, pattern: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(entry, str) and re.search(pattern, entry) is not None for entry in values)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, other: not _equal(value, other),
    "$gt": lambda value, other: _ordered(value, other, lambda a, b: a > b),
    "$gte": lambda value, other: _ordered(value, other, lambda a, b: a >= b),
    "$lt": lambda value, other: _ordered(value, other, lambda a, b: a < b),
    "$lte": lambda value, other: _ordered(value, other, lambda a, b: a <= b),
    "$in": lambda value, others: any(_equal(value, other) for other in others),
    "$nin": lambda value, others: not any(_equal(value, other) for other in others),
    "$exists": lambda value, wanted: (value is not MISSING) == bool(wanted),
    "$regex": _regex,
}


def parse(text: str | None) -> dict[str, Any]:
    """
    Raises:
        Refused: the filters are no JSON object.
    """
    try:
        filters = json.loads(text or "{}")
    except ValueError as error:
        raise Refused(400, f"filters: no JSON: {error}") from None
    if not isinstance(filters, dict):
        raise Refused(400, f"filters: no JSON object but {text}")
    return filters


def matches(record: T, filters: Mapping[str, Any], read: Read[T]) -> bool:
    """
    Raises:
        Refused: an operator or a field is unknown.
    """
    results = [_clause(record, key, wanted, read) for key, wanted in filters.items()]
    return all(results)  # no short cut: the whole filter is checked on every record


def _clause(record: T, key: str, wanted: Any, read: Read[T]) -> bool:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(wanted, list):
            raise Refused(400, f"filters: {key} needs a list of filters")
        results = [matches(record, part, read) for part in wanted]
        return all(results) if key == "$and" else any(results) if key == "$or" else not any(results)
    if key == "$not":
        return not matches(record, wanted, read)
    if key.startswith("$"):
        raise Refused(400, f"filters: operator {key} is unknown")
    return _condition(read(record, key), wanted)


def _condition(value: Any, wanted: Any) -> bool:
    if not (isinstance(wanted, dict) and any(operator.startswith("$") for operator in wanted)):
        return _equal(value, wanted)
    results = []
    for operator, operand in wanted.items():
        if operator == "$not":
            results.append(not _condition(value, operand))
        elif operator in OPERATORS:
            results.append(OPERATORS[operator](value, operand))
        else:
            raise Refused(400, f"filters: operator {operator} is unknown")
    return all(results)


def check(filters: Mapping[str, Any], blank: T, read: Read[T]) -> None:
    """Refuses unknown operators and fields even where there is no record to match: ``blank`` stands for one."""
    matches(blank, filters, read)


Key = tuple[int, Any, int]


def sort_key(value: Any, number: int) -> Key:
    """Missing values first, then numbers, then text; equal ones in the order of their creation."""
    if value is MISSING or value is None or isinstance(value, (dict, list)):
        return (0, 0, number)
    if isinstance(value, (bool, int, float)):
        return (1, value, number)
    return (2, str(value), number)


def order_by(records: Sequence[T], order: str, read: Read[T], number: Callable[[T], int]) -> list[tuple[Key, T]]:
    """The records with their sort keys; ``order`` is "+field" or "-field"."""
    name = order.lstrip("+-")
    keyed = [(sort_key(read(record, name), number(record)), record) for record in records]
    return sorted(keyed, key=lambda pair: pair[0], reverse=order.startswith("-"))


def page(
    keyed: Sequence[tuple[Key, T]], descending: bool, after: str | None, first: int
) -> tuple[list[tuple[str, T]], bool]:
    """The records behind the cursor with their own cursors, and whether more follow.

    A cursor holds the sort key, not a position: what is inserted meanwhile shifts no page.
    """
    if after:
        last = tuple(json.loads(base64.b64decode(after)))
        keyed = [pair for pair in keyed if (pair[0] < last if descending else pair[0] > last)]
    shown = keyed[:first]
    return [(base64.b64encode(json.dumps(key).encode()).decode(), record) for key, record in shown], len(keyed) > first
