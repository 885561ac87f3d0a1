"""Values in the cells of a CSV file. Floats keep every bit. A string that looks like another type is quoted."""

from __future__ import annotations

import json
import math

from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import ParameterSpec, typed_value


def cell(value: object) -> str:
    """Format a value as a cell. None becomes an empty cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if _ambiguous(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def plain(text: str) -> Scalar:
    """Parse a cell whose type is unknown: ``1e-5`` is a number, ``true`` is a boolean."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"'):
        return unquoted(text)
    number = _number(text)
    return str(text) if number is None else number


def unquoted(text: str) -> str:
    """Parse a cell as a string, quoted or not."""
    try:
        quoted = json.loads(text) if text.startswith('"') else str(text)
    except ValueError:
        return str(text)
    return quoted if isinstance(quoted, str) else str(text)


def typed_text(spec: ParameterSpec, text: str) -> Scalar:
    """Parse a cell as a value of the parameter. Raises ValueError."""
    if spec.row.kind == "choice":
        values = spec.values or []
        for form in (cell, lambda v: str(v) if isinstance(v, str) else cell(v)):
            found = [v for v in values if form(v) == text]
            if len(found) == 1:
                return found[0]
        return typed_value(spec, plain(text))
    number = _number(text.strip())
    return typed_value(spec, str(text) if number is None else number)


def number_of(text: str) -> float | None:
    """Parse a number, including NaN and infinities. Return None for other text."""
    try:
        return float(text)
    except ValueError:
        return None


def _number(text: str) -> int | float | None:
    """Parse a finite number. Python also accepts 1_000, infinity and nan; here they are strings."""
    if not text or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    found = number_of(text)
    return found if found is not None and math.isfinite(found) else None


def _ambiguous(text: str) -> bool:
    return text == "" or text.startswith('"') or text != text.strip() or not isinstance(plain(text), str)
