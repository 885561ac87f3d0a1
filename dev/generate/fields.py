"""The API reference: one section for each object in the schema of a CRD, with one row for each field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_HEAD = ["| field | type | default | |", "|---|---|---|---|"]
_WIDEST_DEFAULT = 60
_NO_LIMIT = 1e15
"""A larger maximum only reflects the width of the number type and is not shown."""
_PLURALS = {
    "array": "lists", "boolean": "booleans", "integer": "integers", "number": "numbers", "object": "objects",
    "string": "strings", "value": "values",
}  # fmt: skip
_MARKUP = str.maketrans({**{c: f"\\{c}" for c in "\\*_|"}, "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class Section:
    """One object of the schema and its path."""

    path: str
    schema: Schema


def kind_reference(title: str, intro: str, crd: Schema) -> str:
    """The page of one CustomResourceDefinition."""
    version = crd["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]["properties"]
    names = crd["spec"]["names"]
    lines = [f"# {title}", "", intro, ""]
    lines += [f"`apiVersion: {crd['spec']['group']}/{version['name']}`, `kind: {names['kind']}`, in `kubectl` "
              f"`{names['plural']}` or `{'`, `'.join(names['shortNames'])}`.", ""]  # fmt: skip
    for name in ("spec", "status"):
        for section in sections(name, root[name]):
            lines += _section(section)
    lines += ["## Columns of kubectl get", "", "| column | field |", "|---|---|"]
    columns = version["additionalPrinterColumns"]
    lines += [f"| {c['name']} | `{c['jsonPath'].lstrip('.')}` |" for c in columns]
    return "\n".join(lines) + "\n"


def model_table(schema: Schema) -> str:
    """The fields of a model's JSON schema as one table."""
    return value_table(
        (name, field, field.get("default"), _text(field)) for name, field in schema["properties"].items()
    )


def value_table(rows: Iterable[tuple[str, Schema, Any, str]]) -> str:
    """A Markdown table of values: name, schema, default, and description in Markdown."""
    lines = [_row(f"`{name}`", _type(field), default, text) for name, field, default, text in rows]
    return "\n".join(_HEAD + lines) + "\n"


def _row(name: str, kind: str, default: Any, text: str) -> str:
    shown = "" if default is None else f"`{json.dumps(default)}`"
    return f"| {name} | {kind} | {shown if len(shown) <= _WIDEST_DEFAULT + 2 else 'see values.yaml'} | {text} |"


def sections(path: str, schema: Schema) -> Iterator[Section]:
    """The object and the objects in its fields, depth first."""
    yield Section(path, schema)
    for name, field in schema.get("properties", {}).items():
        yield from _below(f"{path}.{name}", field)


def _below(path: str, field: Schema) -> Iterator[Section]:
    if field.get("properties"):
        yield from sections(path, field)
    elif field.get("items", {}).get("properties"):
        yield from sections(f"{path}[]", field["items"])
    elif isinstance(field.get("additionalProperties"), Mapping) and field["additionalProperties"].get("properties"):
        yield from sections(f"{path}.<path>", field["additionalProperties"])


def anchor(path: str) -> str:
    """The anchor of the section with this path."""
    return path.replace("[]", "-items").replace(".<path>", "-each").replace(".", "-").lower()


def _section(section: Section) -> list[str]:
    lines = [f"## {_escaped(section.path)} {{ #{anchor(section.path)} }}", ""]
    if text := section.schema.get("description"):
        lines += [_escaped(text), ""]
    lines += [*_table(section.path, section.schema), ""]
    rules = [r["message"] for r in section.schema.get("x-kubernetes-validations", []) if "message" in r]
    if rules:
        lines += [
            "The API server rejects objects that break these rules:",
            "",
            *(f"* {_escaped(rule)}" for rule in rules),
            "",
        ]
    return lines


def _table(path: str, schema: Schema) -> list[str]:
    required = set(schema.get("required", []))
    lines = list(_HEAD)
    for name, field in schema["properties"].items():
        mark = " (required)" if name in required else ""
        inner = next(_below(f"{path}.{name}", field), None)
        kind = _type(field)
        shown = f"[{kind}](#{anchor(inner.path)})" if inner is not None else kind
        lines.append(_row(f"`{name}`{mark}", shown, field.get("default"), _text(field)))
    return lines


def _type(field: Schema) -> str:
    field = next((b for b in field.get("anyOf", []) if b.get("type") not in (None, "null")), field)
    if words := field.get("enum"):
        return ", ".join(f"`{w if isinstance(w, str) else json.dumps(w)}`" for w in words)
    kind = str(field.get("type", "any value"))
    if kind == "array":
        items = field.get("items", {})
        return "list" if not items.get("type") else f"list of {_PLURALS[items['type']]}"
    if kind == "object" and isinstance(field.get("additionalProperties"), Mapping):
        return f"map of {_PLURALS.get(field['additionalProperties'].get('type', 'value'))}"
    return kind


def _text(field: Schema) -> str:
    above = "above" if field.get("exclusiveMinimum") is True else "at least"
    bounds = [
        f"{word} {field[key]:g}"
        for key, word in (("minimum", above), ("maximum", "at most"))
        if isinstance(field.get(key), (int, float)) and field[key] < _NO_LIMIT
    ]
    text = _escaped(field.get("description", ""))
    return f"{text} ({', '.join(bounds)})" if bounds else text


def _escaped(text: str) -> str:
    """Escape a description as Markdown. Code between backticks is kept."""
    parts = " ".join(text.replace("``", "`").split()).split("`")
    return "`".join(part.translate(_MARKUP) if i % 2 == 0 else part.replace("|", "\\|") for i, part in enumerate(parts))
