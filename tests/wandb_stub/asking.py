"""Asks a server over plain HTTP, without the SDK."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.wandb_stub.server import KEY

UPSERT = """
mutation UpsertBucket($name: String, $project: String, $entity: String, $config: JSONString, $summary: JSONString,
                      $sweep: String, $state: String) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, config: $config, sweep: $sweep,
                       summaryMetrics: $summary, state: $state}) {
    bucket { id name } inserted
  }
}
"""
UPSERT_SWEEP = """
mutation UpsertSweep($config: String, $project: String, $entity: String) {
  upsertSweep(input: {config: $config, projectName: $project, entityName: $entity}) { sweep { name } }
}
"""
RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int, $order: String, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runCount(filters: $filters)
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node { name state createdAt } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def message(self) -> str:
        """The first error's."""
        return str(self.body["errors"][0]["message"])


def send(
    url: str, method: str, path: str, body: bytes = b"", *, key: str | None = KEY, timeout: float = 10, **headers: str
) -> Reply:
    """
    Raises:
        http.client.HTTPException, OSError: there was no answer.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=timeout)
    if key is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def graphql(url: str, query: str, *, key: str | None = KEY, timeout: float = 10, **variables: Any) -> Reply:
    body = {"query": query, "variables": variables, "operationName": ""}  # empty, as the SDK sends it
    return send(url, "POST", "/graphql", json.dumps(body).encode(), key=key, timeout=timeout)


def upsert(url: str, name: str, *, project: str = "p", entity: str = "acme", **more: Any) -> Reply:
    return graphql(url, UPSERT, name=name, project=project, entity=entity, **more)


def stream(url: str, path: str, *, key: str | None = KEY, timeout: float = 10, **body: Any) -> Reply:
    """A file_stream request of the run "entity/project/id"."""
    content = json.dumps(body).encode()
    return send(url, "POST", f"/files/{path}/file_stream", content, key=key, timeout=timeout)
