"""Exact text forms of parameter values. Floats keep every bit, and a YAML 1.1 parser reads the same type."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `sweep list` writes YAML without pydantic
    from sweep_operator.api.model import Scalar

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*")
"""Strings that Hydra's grammar and YAML accept without quotes."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"})


def float_text(value: float, scientific_below: float = 0.0) -> str:
    """The shortest text that YAML 1.1, YAML 1.2, Hydra and JSON readers all read back as the same float.

    Scientific notation has a point and a signed exponent: 1e-5 is ``1.0e-05``, which PyYAML reads as a number. Values
    below ``scientific_below`` use it too: with 0.01, 0.000731 is ``7.31e-04``.
    """
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    shortest = repr(float(value))
    if "e" not in shortest and (value == 0 or abs(value) >= scientific_below):
        return shortest
    # Use the digits of repr: formatting with a fixed number of digits does not always give the same float.
    sign, digits, exponent = Decimal(shortest).normalize().as_tuple()
    power = int(exponent) + len(digits) - 1
    tail = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{tail}e{power:+03d}"


def plain_text(value: Scalar) -> str:
    """``value`` for an environment variable or ``--key=value``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return float_text(value) if isinstance(value, float) else str(value)


def hydra_value(value: Scalar) -> str:
    """``value`` for the right side of a Hydra override: ``a.b=1.0e-05``. Strings are quoted where necessary."""
    if not isinstance(value, str):
        return plain_text(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # In a quoted string, Hydra treats a backslash as an escape only where a quote follows.
    escaped = re.sub(r"(\\*)'", lambda m: m.group(1) * 2 + r"\'", value)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * trailing}'"


def yaml_value(value: Scalar) -> str:
    """``value`` as a flow scalar for YAML 1.1 and 1.2. Strings are double-quoted ASCII."""
    if not isinstance(value, str):
        return plain_text(value)
    # Beyond U+FFFF, JSON writes two surrogates, which PyYAML reads as two characters.
    return '"' + "".join(json.dumps(c)[1:-1] if ord(c) <= 0xFFFF else f"\\U{ord(c):08x}" for c in value) + '"'
