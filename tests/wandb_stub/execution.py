"""Runs a GraphQL request against the schema: an answer holds the selected fields and no others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.wandb_stub import artifacts
from tests.wandb_stub.mutations import MUTATION
from tests.wandb_stub.project_fields import PROJECT, QUERY
from tests.wandb_stub.records import Refused
from tests.wandb_stub.request import Request
from tests.wandb_stub.run_fields import RUN
from tests.wandb_stub.sweep_fields import SWEEP

TYPES: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": QUERY | artifacts.QUERY,
    "Mutation": MUTATION | artifacts.MUTATION,
    "Project": PROJECT | artifacts.PROJECT,
    "Run": RUN,
    "Sweep": SWEEP,
    "Artifact": artifacts.ARTIFACT,
}


@cache
def schema() -> GraphQLSchema:
    folder = Path(__file__).parent
    built = build_schema("\n".join((folder / name).read_text() for name in ("schema.graphql", "artifacts.graphql")))
    for name, fields in TYPES.items():
        kind = built.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        for field, resolve in fields.items():
            kind.fields[field].resolve = resolve
    return built


def name_of(query: str) -> str:
    """The operation's name in the query's text: the SDK sends an empty ``operationName``."""
    found = re.search(r"^\s*(?:query|mutation)\s+(\w+)", query, re.MULTILINE)
    return found[1] if found else "anonymous"


@lru_cache(maxsize=256)
def read(query: str) -> DocumentNode | str:
    """The query, or why it is none of this schema's."""
    try:
        node = parse(query)
    except GraphQLError as error:
        return f"the query cannot be parsed: {error.message}"
    operations = [part for part in node.definitions if isinstance(part, OperationDefinitionNode)]
    if len(operations) != 1:
        return f"the query holds {len(operations)} operations, not one"
    errors = validate(schema(), node)
    if errors:
        return "; ".join(error.message for error in errors)
    return node


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


def execute(document: DocumentNode, variables: Mapping[str, Any], request: Request) -> Answer:
    """Runs one operation under the state's lock. The first refusal sets the HTTP status, as on the real server."""
    with request.state.lock:
        result = execute_sync(schema(), document, context_value=request, variable_values=dict(variables))
    if not result.errors:
        return Answer(200, {"data": result.data})
    refusals = [error.original_error for error in result.errors if isinstance(error.original_error, Refused)]
    bugs = [error for error in result.errors if error.original_error and not isinstance(error.original_error, Refused)]
    if bugs:
        raise bugs[0].original_error or bugs[0]
    errors = [_error(error) for error in result.errors]
    return Answer(refusals[0].status if refusals else 400, {"data": result.data, "errors": errors})


def _error(error: GraphQLError) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": error.message, "path": error.path}
    if isinstance(error.original_error, Refused) and error.original_error.status == 403:
        shown["extensions"] = {"code": "PERMISSION_ERROR"}
    return shown
