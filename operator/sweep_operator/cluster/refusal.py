"""Explain a request that the API server forbids: which permission is missing, and how to request it."""

from __future__ import annotations

import re

from sweep_operator.kube.protocol import Forbidden

_NO_PERMISSION = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)


class NotAllowed(Exception):
    """HTTP 403. For a missing permission, names user, verb, resource and namespace; else the admission message."""

    def __init__(self, error: Forbidden) -> None:
        super().__init__(explain(str(error)))


def explain(message: str) -> str:
    """The server's message; for a missing permission, who needs which one, and how to check it."""
    found = _NO_PERMISSION.search(message)
    if found is None:
        return message
    resource, _, part = found["resource"].partition("/")
    return missing(f"{found['user']} is", found["verb"], resource, found["group"], found["namespace"], part=part)


def missing(who: str, verb: str, resource: str, group: str, namespace: str | None, *, part: str = "") -> str:
    """Which permission is missing, how to request it, and how to check it. ``who``: ``alice is``."""
    name = f"{resource}.{group}" if group else resource
    shown = f"{name}/{part}" if part else name
    where = f"in namespace {namespace}" if namespace else "cluster-wide"
    check = f"kubectl auth can-i {verb} {name}{f' --subresource={part}' if part else ''}"
    check += f" -n {namespace}" if namespace else " -A"
    return (
        f"{who} not allowed to {verb} {shown} {where}; request a Role with verb {verb} on {shown} "
        f"(check with `{check}`)"
    )
