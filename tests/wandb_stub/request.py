"""What the resolvers of every type share: the request they answer, users and entities, connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo

from tests.wandb_stub.records import Account, Project, Refused
from tests.wandb_stub.state import State, node_id


@dataclass(frozen=True)
class Request:
    """What a resolver knows of the request."""

    state: State
    account: Account | None
    base_url: str
    features: frozenset[str]
    max_page: int

    def page_size(self, asked: int | None) -> int:
        return min(50 if asked is None else asked, self.max_page)

    def owner(self, named: str | None) -> str:
        """The entity that is meant: the key's own where none is named."""
        if named:
            return named
        return "" if self.account is None else next(iter(self.account.entities), "")

    def reader(self) -> Account:
        """
        Raises:
            Refused: there was no key.
        """
        if self.account is None:
            raise Refused(401, "user is not logged in")
        return self.account

    def project(self, entity: str, name: str) -> Project:
        project = self.state.project(self.reader(), entity, name)
        if project is None:
            raise Refused(404, f"project {entity}/{name} not found")
        return project

    def read_only(self, entity: str, name: str) -> bool:
        return self.reader().may(entity, name) != "write"


Info = GraphQLResolveInfo[Request]


def user(account: Account) -> dict[str, Any]:
    return {
        "id": node_id("User", account.username),
        "name": account.username,
        "username": account.username,
        "email": f"{account.username}@example.org",
        "admin": False,
        "flags": "{}",
        "entity": next(iter(account.entities), None),
        "deletedAt": None,
        "apiKeys": {"edges": []},
        "teams": {"edges": [{"node": entity(name)} for name in account.entities]},
    }


def entity(name: str) -> dict[str, Any]:
    return {"id": node_id("Entity", name), "name": name, "organization": None, "xxhashDigestsEnabled": False}


def connection(entries: list[tuple[str, Any]], more: bool, total: int | None = None) -> dict[str, Any]:
    """A page of records and their cursors."""
    edges = [{"node": record, "cursor": cursor} for cursor, record in entries]
    end = entries[-1][0] if entries else None
    return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": more}, "totalCount": total}
