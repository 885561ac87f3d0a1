"""Exact text forms of parameter values. Floats keep every bit, and a YAML 1.1 parser reads the same type."""

from __future__ import annotations

import json
import re

from sweep_operator.api.model import Scalar

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*")
"""Strings that Hydra's grammar and YAML accept without quotes."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"})


def number_text(value: float) -> str:
    """The shortest text that reads back as the same float: ``1.0e-05``, which PyYAML reads as a number."""
    text = repr(float(value))
    mantissa, _, exponent = text.partition("e")
    if exponent and "." not in mantissa:
        mantissa += ".0"
    if exponent and exponent[0] not in "+-":
        exponent = "+" + exponent
    return f"{mantissa}e{exponent}" if exponent else mantissa


def plain_text(value: Scalar) -> str:
    """``value`` for an environment variable or ``--key=value``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, float) else str(value)


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
