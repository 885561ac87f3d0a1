"""The chart's values as a table: what the comments of values.yaml say (``# -- ...``, as helm-docs reads them)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from sweep_operator.api.chart_schema import Schema, at

BEGIN, END = "<!-- values: written by `make generate` -->", "<!-- end of values -->"
_KEY = re.compile(r"( *)([A-Za-z][\w-]*):( |$)")
_WIDEST_DEFAULT = 60


class Undocumented(ValueError):
    """A value without a comment. The message names it."""


@dataclass(frozen=True)
class Value:
    """One row."""

    path: str
    default: Any
    description: str


def documented(text: str) -> list[Value]:
    """The values of values.yaml that have a comment, in its order. Raises Undocumented where one has none."""
    values = YAML(typ="safe").load(text)
    found = [Value(path, _get(values, path), comment) for path, comment in _comments(text)]
    covered = {value.path for value in found}
    missing = [path for path in _leaves(values, "", covered) if path not in covered]
    if missing:
        raise Undocumented(f"values.yaml: {', '.join(missing)}: has no comment; write # -- what it is above it")
    return found


def table(values: list[Value], schema: Schema) -> str:
    """In Markdown."""
    rows = ["| value | type | default | |", "|---|---|---|---|"]
    rows += [f"| `{v.path}` | {_type(at(schema, v.path))} | {_default(v)} | {v.description} |" for v in values]
    return "\n".join(rows) + "\n"


def with_table(readme: str, rows: str) -> str:
    """The text with ``rows`` between its two marks."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{rows}{END}{tail}"


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """(path, comment) of each key with a comment that begins with ``# --``, directly above it."""
    path: list[tuple[int, str]] = []
    comment: list[str] | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("#") and comment is not None:
            comment.append(stripped.removeprefix("#").strip())
        elif key := _KEY.match(line):
            path = [(depth, name) for depth, name in path if depth < len(key[1])] + [(len(key[1]), key[2])]
            if comment is not None:
                yield ".".join(name for _, name in path), " ".join(comment)
            comment = None
        else:
            comment = None


def _leaves(values: dict[str, Any], prefix: str, covered: set[str]) -> Iterator[str]:
    for name, value in values.items():
        path = prefix + name
        if path not in covered and isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}.", covered)
        else:
            yield path


def _get(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values[part]
    return values


def _default(value: Value) -> str:
    text = json.dumps(value.default)
    return f"`{text}`" if len(text) <= _WIDEST_DEFAULT else "see values.yaml"


def _type(schema: Schema) -> str:
    words = schema.get("enum")
    if words:
        return ", ".join(f"`{json.dumps(w).strip(chr(34))}`" for w in words)
    kind = str(schema.get("type", "any"))
    return f"list of {_plural(schema['items'])}" if kind == "array" else kind


def _plural(schema: Schema) -> str:
    return f"{schema.get('type', 'value')}s"
