"""RBAC rules of the operator's service account: exactly the verbs that the operator uses.

tests/cluster/test_rights.py compares them with the API server's audit log, in both directions.
"""

from __future__ import annotations

from typing import Any, Literal

from sweep_operator.api.names import GROUP, MANAGED_BY

Rule = dict[str, list[str]]

WORK_RULES: list[Rule] = [
    {"apiGroups": [GROUP], "resources": ["sweeps"], "verbs": ["get", "list", "watch"]},
    # The operator never sends delete. The admission plugin OwnerReferencesPermissionEnforcement (on in OpenShift)
    # requires it for setting the owner of an existing object, which is how a run without an owner is adopted.
    {"apiGroups": [GROUP], "resources": ["sweepruns"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
    {"apiGroups": [GROUP], "resources": ["sweeps/status", "sweepruns/status"], "verbs": ["update"]},
    # Never sent either: the same plugin requires it for ownerReferences with blockOwnerDeletion.
    {"apiGroups": [GROUP], "resources": ["sweeps/finalizers", "sweepruns/finalizers"], "verbs": ["update"]},
    {
        "apiGroups": ["batch"],
        "resources": ["jobs"],
        "verbs": ["get", "list", "watch", "create", "delete", "deletecollection"],
    },
    # create: only dry runs, which ask whether the API server accepts a pod; delete: pods on lost nodes
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "list", "create", "delete"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "create", "delete"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create"]},
    # patch and delete: to adopt them after `kubectl delete sweep --cascade=orphan`, as sweepruns
    {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["get", "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
]
"""In every namespace that the operator watches."""

LEASE_RULES: list[Rule] = [
    # RBAC cannot restrict a create by name: the object does not exist yet
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [MANAGED_BY],
        "verbs": ["get", "patch"],
    },
]
"""In the operator's namespace. The resource name is the name of the lease (--lease-name)."""

RELEASE_RULES: list[Rule] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]},
]
"""For the uninstall hook, in every watched namespace: it removes the finalizer from pods."""

STOP_RULES: list[Rule] = [
    {"apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": [MANAGED_BY], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]
"""For the uninstall hook, in the operator's namespace: it scales the Deployment to 0 and waits for the pods."""

UI_RULES: list[Rule] = [
    {"apiGroups": [GROUP], "resources": ["sweeps", "sweepruns"], "verbs": ["list", "watch"]},
]
"""For the page in the cluster, in every watched namespace. It sends everything else with the token of its user."""

VIEW_RULES: list[Rule] = [
    {"apiGroups": [GROUP], "resources": ["sweeps", "sweepruns"], "verbs": ["get", "list", "watch"]},
    # for `kubectl sweep logs` and `top`, and for users who have this role but not Kubernetes' own
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    # for the training command of `kubectl sweep best-params`: the template that a run used
    {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["get"]},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["get", "list"]},
    # for the page of a run
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
]
EDIT_RULES: list[Rule] = [
    {
        "apiGroups": [GROUP],
        "resources": ["sweeps", "sweepruns"],
        "verbs": ["create", "update", "patch", "delete", "deletecollection"],
    },
    {"apiGroups": [GROUP], "resources": ["sweeps/scale"], "verbs": ["get", "update", "patch"]},
]
"""Extend Kubernetes' own roles view and edit: for users, not for the operator."""


def manifests(scope: Literal["namespace", "cluster"], namespace: str) -> list[dict[str, Any]]:
    """ServiceAccount, roles and bindings of an operator in ``namespace`` that watches this namespace or all of them."""
    account = {"kind": "ServiceAccount", "name": MANAGED_BY, "namespace": namespace}
    prefix = "Cluster" if scope == "cluster" else ""
    where = {} if scope == "cluster" else {"namespace": namespace}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": MANAGED_BY, "namespace": namespace},
        },
        _role(f"{prefix}Role", MANAGED_BY, where, WORK_RULES),
        _binding(f"{prefix}RoleBinding", MANAGED_BY, where, f"{prefix}Role", account),
        _role("Role", f"{MANAGED_BY}-leader", {"namespace": namespace}, LEASE_RULES),
        _binding("RoleBinding", f"{MANAGED_BY}-leader", {"namespace": namespace}, "Role", account),
    ]


def _role(kind: str, name: str, where: dict[str, str], rules: list[Rule]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, **where},
        "rules": rules,
    }


def _binding(kind: str, name: str, where: dict[str, str], role: str, account: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, **where},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
        "subjects": [account],
    }
