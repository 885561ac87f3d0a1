"""The chart's values as a table, from the comments of values.yaml (``# -- ...``, the syntax of helm-docs)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any

from ruamel.yaml import YAML

from dev.generate.chart_schema import Schema, at
from dev.generate.fields import model_table, value_table
from sweep_operator.api.hardware import Profile

_KEY = re.compile(r"( *)([A-Za-z][\w-]*):( |$)")


class Undocumented(ValueError):
    """A value has no comment, or the README has no place for a table. The message names it."""


@dataclass(frozen=True)
class Value:
    """One row of the table."""

    path: str
    default: Any
    description: str


def documented(text: str) -> list[Value]:
    """The values of values.yaml with their comments, in order. Raises Undocumented if a value has no comment."""
    values = YAML(typ="safe").load(text)
    found = [Value(path, _get(values, path), comment) for path, comment in _comments(text)]
    covered = {value.path for value in found}
    missing = [path for path in _leaves(values, "", covered) if path not in covered]
    if missing:
        raise Undocumented(f"values.yaml: {', '.join(missing)}: has no comment; add a line '# -- text' above it")
    return found


def values_table(values: list[Value], schema: Schema) -> str:
    """The values as a Markdown table."""
    return value_table((v.path, at(schema, v.path), v.default, v.description) for v in values)


def profile_table() -> str:
    """The fields of a hardware profile as a Markdown table."""
    return model_table(Profile.model_json_schema(by_alias=True))


def with_table(text: str, name: str, rows: str) -> str:
    """Replace the text between the two marks of that name by ``rows``. Raises Undocumented without the marks."""
    begin, end = f"<!-- {name}: written by `make generate` -->\n", f"<!-- end of {name} -->"
    head, found, rest = text.partition(begin)
    _, there, tail = rest.partition(end)
    if not (found and there):
        raise Undocumented(f"no place for the table: add the lines {begin.strip()} and {end}")
    return f"{head}{begin}{rows}{end}{tail}"


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
    return reduce(getitem, path.split("."), values)
