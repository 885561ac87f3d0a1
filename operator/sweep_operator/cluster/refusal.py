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
    verb, (resource, _, part) = found["verb"], found["resource"].partition("/")
    name = f"{resource}.{found['group']}" if found["group"] else resource
    shown = f"{name}/{part}" if part else name
    namespace = found["namespace"]
    where = f"in namespace {namespace}" if namespace else "cluster-wide"
    check = f"kubectl auth can-i {verb} {name}{f' --subresource={part}' if part else ''}"
    check += f" -n {namespace}" if namespace else " -A"
    return (
        f"{found['user']} is not allowed to {verb} {shown} {where}; request a Role with verb {verb} on {shown} "
        f"(check with `{check}`)"
    )
