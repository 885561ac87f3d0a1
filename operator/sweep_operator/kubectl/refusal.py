"""What the API server does not let a user do, in words that say what to ask for."""

from __future__ import annotations

import re

from sweep_operator.kube.protocol import Forbidden

_NO_RIGHT = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)


class NotAllowed(Exception):
    """403. Names user, verb, resource and namespace where a right is missing; else what admission says."""

    def __init__(self, error: Forbidden) -> None:
        super().__init__(explain(str(error)))


def explain(message: str) -> str:
    """The server's message; of a missing right, who needs which one, and how to see it."""
    found = _NO_RIGHT.search(message)
    if found is None:
        return message
    verb, (resource, _, part) = found["verb"], found["resource"].partition("/")
    name = f"{resource}.{found['group']}" if found["group"] else resource
    shown = f"{name}/{part}" if part else name
    namespace = found["namespace"]
    where = f"in namespace {namespace}" if namespace else "in the whole cluster"
    asked = f"kubectl auth can-i {verb} {name}{f' --subresource={part}' if part else ''}"
    asked += f" -n {namespace}" if namespace else " -A"
    return (
        f"{found['user']} may not {verb} {shown} {where}; ask for a Role with verb {verb} on {shown} "
        f"(`{asked}` tells when it is there)"
    )
