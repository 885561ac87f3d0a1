"""ValidatingAdmissionPolicies that limit what the operator's own service account can do.

RBAC grants verbs, not contents: whoever has the operator's token could create any pod in every namespace that the
operator watches. The policies allow what the operator sends: dry runs of pods, removal of its finalizer, Jobs without
access to the node, and changes and deletions of objects that it manages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sweep_operator.api.names import GROUP, MANAGED_BY, MANAGED_BY_LABEL, RESULT_FINALIZER, VERSION

Policy = dict[str, Any]


@dataclass(frozen=True)
class Feature:
    """What a Job must not use, unless ``operatorPolicy.allow`` of the chart names it for the namespace."""

    name: str
    used: str
    """CEL: the Job uses it."""
    message: str


_TOKEN_VOLUME = "v.?projected.?sources.orValue([]).exists(s, has(s.serviceAccountToken))"
FEATURES = (
    Feature(
        "privileged",
        "variables.pod.?securityContext.?windowsOptions.?hostProcess.orValue(false) || variables.containers.exists(c, "
        "c.?securityContext.?privileged.orValue(false) || "
        "c.?securityContext.?windowsOptions.?hostProcess.orValue(false))",
        "privileged containers are not allowed",
    ),
    Feature("hostPID", "variables.pod.?hostPID.orValue(false)", "hostPID is not allowed"),
    Feature("hostIPC", "variables.pod.?hostIPC.orValue(false)", "hostIPC is not allowed"),
    Feature(
        "hostNetwork",
        "variables.pod.?hostNetwork.orValue(false) || "
        "variables.containers.exists(c, c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) > 0))",
        "hostNetwork and hostPort are not allowed",
    ),
    Feature(
        "hostPath",
        "variables.pod.?volumes.orValue([]).exists(v, has(v.hostPath))",
        "hostPath volumes are not allowed; use a persistentVolumeClaim",
    ),
    Feature(
        "capabilities",
        "!variables.containers.all(c, "
        "c.?securityContext.?capabilities.?add.orValue([]).all(x, x in variables.capabilities))",
        "added capabilities are not allowed, except those of the hardware profiles",
    ),
    Feature(
        "serviceAccountToken",
        "variables.pod.?automountServiceAccountToken.orValue(true) || "
        f"variables.pod.?volumes.orValue([]).exists(v, {_TOKEN_VOLUME})",
        "a ServiceAccount token in the pod is not allowed; set automountServiceAccountToken: false",
    ),
)


def _rule(expression: str, message: str) -> dict[str, str]:
    return {"expression": expression, "message": message, "reason": "Forbidden"}


_POD_RULES = [
    _rule(
        "request.operation != 'CREATE' || (has(request.dryRun) && request.dryRun)",
        "the operator's service account can create pods only as dry runs",
    ),
    _rule(
        "request.operation != 'UPDATE' || (object.spec == oldObject.spec && "
        + " && ".join(
            f"object.metadata.?{field} == oldObject.metadata.?{field}"
            for field in ("labels", "annotations", "ownerReferences")
        )
        + " && object.metadata.?finalizers.orValue([]) == "
        f"oldObject.metadata.?finalizers.orValue([]).filter(f, f != '{RESULT_FINALIZER}'))",
        f"the operator's service account can change pods only by removing the finalizer {RESULT_FINALIZER}",
    ),
]
_MANAGED_RULES = [
    _rule(
        f"oldObject.metadata.?labels[?'{MANAGED_BY_LABEL}'].orValue('') == '{MANAGED_BY}'",
        f"the operator's service account can do this only to objects with the label {MANAGED_BY_LABEL}={MANAGED_BY}",
    )
]
_JOB_RULES = [
    _rule(
        f"'{feature.name}' in variables.allowed || !({feature.used})",
        f"{feature.message}. An administrator can allow {feature.name} in this namespace "
        "(operatorPolicy.allow of the operator's chart)",
    )
    for feature in FEATURES
]


def operator_policies(prefix: str, accounts: str, *, allow: str = "{}", capabilities: str = "[]") -> list[Policy]:
    """The policies and their bindings.

    Args:
        prefix: Of the names; unique in the cluster.
        accounts: CEL, the list of user names that the policies apply to.
        allow: CEL, map from namespace (``*``: all) to the names of features that Jobs may use there.
        capabilities: CEL, the list of capabilities that Jobs may add in every namespace.
    """
    allowed = [f"({key} in variables.allow ? variables.allow[{key}] : [])" for key in ("request.namespace", "'*'")]
    variables = {
        "allow": allow,
        "allowed": " + ".join(allowed),
        "capabilities": capabilities,
        "pod": "object.spec.template.spec",
        "containers": "variables.pod.containers + variables.pod.?initContainers.orValue([])",
    }
    core: dict[str, list[str]] = {"apiGroups": [""], "apiVersions": ["v1"]}
    batch: dict[str, list[str]] = {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"]}
    runs: dict[str, list[str]] = {"apiGroups": [GROUP], "apiVersions": [VERSION], "resources": ["sweepruns"]}
    revisions: dict[str, list[str]] = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["controllerrevisions"],
    }
    owned = ["persistentvolumeclaims", "pods", "services"]
    pods = [{**core, "resources": ["pods"], "operations": ["CREATE", "UPDATE"]}]
    jobs = [{**batch, "operations": ["CREATE", "UPDATE"]}]
    managed = [
        *({**of, "operations": ["DELETE"]} for of in ({**core, "resources": owned}, batch, runs)),
        {**revisions, "operations": ["UPDATE", "DELETE"]},
    ]
    return [
        *_policy(f"{prefix}.pods.{GROUP}", accounts, pods, _POD_RULES),
        *_policy(f"{prefix}.jobs.{GROUP}", accounts, jobs, _JOB_RULES, variables),
        *_policy(f"{prefix}.managed.{GROUP}", accounts, managed, _MANAGED_RULES),
    ]


def _policy(
    name: str,
    accounts: str,
    resources: list[dict[str, list[str]]],
    rules: list[dict[str, str]],
    variables: dict[str, str] | None = None,
) -> list[Policy]:
    group = "admissionregistration.k8s.io/v1"
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": resources},
        "matchConditions": [{"name": "operator", "expression": f"request.userInfo.username in {accounts}"}],
    }
    if variables is not None:
        spec["variables"] = [{"name": name, "expression": expression} for name, expression in variables.items()]
    return [
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {**spec, "validations": rules},
        },
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]
