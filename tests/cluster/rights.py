"""What operators may do, and what they have asked for, by the API server's audit log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dev.generate.rbac import LEASE_RULES, WORK_RULES, Rule
from sweep_operator.api.names import GROUP, MANAGED_BY
from tests.cluster.audit import Audited
from tests.cluster.kubectl import PATIENCE, Object


class Right(NamedTuple):
    """One verb on one resource (``pods/log``: with its subresource)."""

    group: str
    resource: str
    verb: str


def rights_of(rules: Iterable[Rule]) -> set[Right]:
    """What they give."""
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


ALLOWED = rights_of([*WORK_RULES, *LEASE_RULES])

ASKED_BY_ADMISSION = {
    Right(GROUP, "sweeps/finalizers", "update"): "to own runs, revisions and the warm start's ConfigMap",
    Right(GROUP, "sweepruns/finalizers", "update"): "to own Jobs, claims and Services",
    Right(GROUP, "sweepruns", "delete"): "to set the owner of an existing run",
    Right("apps", "controllerrevisions", "delete"): "to set the owner of an existing ControllerRevision",
}
"""Never sent, and so in no audit log: the API server asks for them itself when owner references are set, where
OwnerReferencesPermissionEnforcement is on. test_rights.py takes each away and sees what is refused then."""

PROVOKED = (
    "exceeded quota",
    "violates PodSecurity",
    "error looking up service account",
    "is being terminated",
    "cannot find RESTMapping",
    "hostNetwork and hostPort are not allowed",
)
"""What admission, not a Role, refuses to operators because a test wants it to; the last one for some seconds after the
kinds were created: OwnerReferencesPermissionEnforcement looks for new kinds from time to time only."""


def asked(cluster: Audited, account: str | None = None) -> Iterator[tuple[Right, Object]]:
    """Each request of an operator for a resource, with its audit event; ``account`` None: of every operator."""
    for event in _events(cluster, account):
        ref = event.get("objectRef") or {}
        if ref.get("resource"):
            resource = "/".join(p for p in (ref["resource"], ref.get("subresource")) if p)
            yield Right(ref.get("apiGroup", ""), resource, event["verb"]), event


def asked_paths(cluster: Audited, account: str) -> set[str]:
    """What else it asked for: paths that are no resources."""
    events = _events(cluster, account)
    return {e["requestURI"] for e in events if not (e.get("objectRef") or {}).get("resource")}


def _events(cluster: Audited, account: str | None) -> Iterator[Object]:
    for event in cluster.audit(account):
        by_kubectl = event.get("userAgent", "").startswith("kubectl")  # tests ask in its name too
        if not by_kubectl and (account or event["user"].get("username", "").endswith(f":{MANAGED_BY}")):
            yield event


def check_nothing_was_denied(cluster: Audited) -> None:
    """No operator of the whole session asked for what its Role does not give, or was refused for another reason."""
    wrong = [
        (*right, found, event["requestURI"])
        for right, event in asked(cluster)
        if (found := problem(cluster, right, event)) is not None
    ]
    assert not wrong, f"{len(wrong)} requests, the first ones: {wrong[:5]}"


def problem(cluster: Audited, right: Right, event: Object) -> str | None:
    """Why an operator should not have sent that, or should not have got that answer."""
    if right not in ALLOWED:
        return "the Role does not give it"
    answer = event["responseStatus"]
    message = str(answer.get("message", ""))
    if answer["code"] not in (401, 403) or any(p in message for p in PROVOKED):
        return None
    # it answers before it has read accounts and Roles
    return None if cluster.control_plane.was_starting(event["stageTimestamp"]) else f"denied: {message}"


def until_all_are_used(cluster: Audited, account: str) -> None:
    """Until the account has used every right of an operator. Raises AssertionError naming those that it has not."""

    def unused() -> set[Right]:
        return ALLOWED - ASKED_BY_ADMISSION.keys() - {right for right, _ in asked(cluster, account)}

    deadline = time.monotonic() + PATIENCE
    while left := unused():
        assert time.monotonic() < deadline, f"take these out of dev/generate/rbac.py, or use them in the test: {left}"
        time.sleep(1)
