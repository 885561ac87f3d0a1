"""YAML in and out. In: YAML 1.2 (``1e-5`` is a number, ``on`` is a word). Out: what 1.1 readers read the same way.

The pure Python parser: it costs milliseconds for files of this size, and its messages have lines.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sweep_operator.config.errors import ConfigError

_PLAIN = re.compile(r"(?:\./|[A-Za-z_/])[A-Za-z0-9_./+-]*")
_WORDS_OF_YAML_1_1 = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def read_documents(path: Path) -> list[Any]:
    """Every document of the file; empty ones left out. Raises ConfigError naming file, line and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from None
    return parse_documents(text, str(path))


def parse_documents(text: str, where: str) -> list[Any]:
    """Every document of ``text``; ``where`` stands in errors."""
    try:
        return [_json_like(d, where) for d in _reader().load_all(text) if d is not None]
    except ConfigError:
        raise
    except MarkedYAMLError as error:
        raise ConfigError(_marked(error, where)) from None
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{where}: is not YAML: {_first_line(error)}") from None


def parse_value(text: str, where: str) -> Any:
    """The value of a ``key=value`` argument: a YAML scalar, ``[a, b]`` or ``{a: b}``; an empty one is ``''``."""
    documents = parse_documents(text, where)
    if text.strip() in ("null", "~"):
        return None
    return documents[0] if documents else ""


def float_text(value: float) -> str:
    """``value`` bit-exactly, in a form that YAML 1.1, YAML 1.2, Hydra and JSON readers all take for this float.

    Below 0.01 in scientific notation: 0.000731 is ``7.31e-04``, 1e-5 is ``1.0e-05``.
    """
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    shortest = repr(value)
    if value == 0 or (abs(value) >= 0.01 and "e" not in shortest):
        return shortest
    # The digits of repr: printing with as many digits would round anew, and not always to the same float.
    sign, digits, exponent = Decimal(shortest).normalize().as_tuple()
    power = int(exponent) + len(digits) - 1
    head, tail = digits[0], "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{head}.{tail}e{power:+03d}"


def scalar_text(value: object) -> str:
    """One scalar for YAML 1.1 and 1.2 readers alike."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML_1_1:
        return text
    return json.dumps(text, ensure_ascii=False)


def to_yaml(value: object, indent: int = 0) -> str:
    """Block style; lists of scalars in one line."""
    pad = " " * indent
    if isinstance(value, Mapping):
        lines = [f"{pad}{scalar_text(key)}:{_after(item, indent)}" for key, item in value.items()]
        return "\n".join(lines) or f"{pad}{{}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(f"{pad}- {_nested(item, indent).lstrip()}" for item in value) or f"{pad}[]"
    return pad + scalar_text(value)


def _after(item: object, indent: int) -> str:
    if isinstance(item, Mapping) and item:
        return "\n" + to_yaml(item, indent + 2)
    if isinstance(item, Sequence) and not isinstance(item, str) and item:
        if all(not isinstance(i, (Mapping, list, tuple)) for i in item):
            return " [" + ", ".join(scalar_text(i) for i in item) + "]"
        return "\n" + to_yaml(item, indent)
    return " " + to_yaml(item)


def _nested(item: object, indent: int) -> str:
    return to_yaml(item, indent + 2)


def _reader() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    # JSON knows no dates; in a manifest `2026-01-01` is a word.
    table = yaml.resolver.versioned_resolver
    for first in list(table):
        table[first] = [(tag, regexp) for tag, regexp in table[first] if not str(tag).endswith(":timestamp")]
    return yaml


def _json_like(value: Any, where: str, path: str = "") -> Any:
    """``value`` with text keys only; sets, binaries and the like are refused."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(
                    f"{where}: {path or 'the file'} has the key {key!r}, which is no text; put it in quotes"
                )
        return {key: _json_like(item, where, f"{path}.{key}" if path else key) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_like(item, where, f"{path}[{i}]") for i, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ConfigError(f"{where}: {path}: {type(value).__name__} is no JSON value; use text, numbers, lists and maps")


def _marked(error: MarkedYAMLError, where: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = f"{where}, line {mark.line + 1}" if mark is not None else where
    problem = _first_line(error.problem or error.context or "cannot be read")
    if isinstance(error, DuplicateKeyError):
        key = re.search(r'duplicate key "(.*?)"', problem)
        return f"{line}: the key {key.group(1)!r} is there twice; remove one" if key else f"{line}: {problem}"
    remedy = "; indent with spaces" if "\\t" in problem else "; check quotes, brackets and indentation"
    return f"{line}: is not YAML: {problem}{remedy}"


def _first_line(text: object) -> str:
    return (str(text).splitlines() or [type(text).__name__])[0]
