"""The values that these tests render the chart with, and the rendered objects."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.chart import CHART, Helm

Object = dict[str, Any]
POLICY_KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
NAMESPACE = "sweeps"
DIGEST = f"sha256:{'0' * 64}"

CASES: dict[str, Object] = {
    "default": {},
    "namespaced": {"scope": "namespaced", "namespaces": ["team-a", "team-b"]},
    "own-namespace": {"scope": "namespaced"},
    "nothing-but-namespaces": yaml.safe_load((CHART.parents[1] / "deploy" / "namespaced-values.yaml").read_text()),
    "nothing-cluster-wide": {
        "fullnameOverride": "tuner",
        "scope": "namespaced",
        "crds": {"enabled": False},
        "rbac": {"create": False, "userRoles": False},
        "serviceAccount": {"create": False, "name": "given"},
        "uninstallHook": {"enabled": False},
    },
    "names": {
        "nameOverride": "tuner",
        "commonLabels": {"team": "rl"},
        "leaderElection": {"leaseName": "turns", "leaseSeconds": 2.5},
        "serviceAccount": {"name": "robot", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/tuner"}},
    },
    "tag": {"image": {"tag": "edge"}, "uninstallHook": {"timeoutSeconds": 30}},
    "operator-policy": {
        "scope": "namespaced",
        "crds": {"enabled": False},
        "operatorPolicy": {"enabled": True, "allow": {"gpu-team": ["hostIPC", "hostNetwork"], "*": ["capabilities"]}},
        "hardwareProfiles": {"rdma": {"capabilities": ["IPC_LOCK", "NET_RAW"]}, "cpu": {"capabilities": ["NET_RAW"]}},
    },
    "not-kept": {"crds": {"keep": False}},
    "image": {
        "image": {"repository": "registry.local:5000/operator", "digest": DIGEST, "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "wandb": {
        "wandb": {
            "baseURLs": ["https://wandb.local"],
            "apiKeySecret": {"name": "wandb", "key": "key"},
            "projects": {"team-a": ["metta/*"]},
            "runsPerMinute": 60,
            "runSeconds": 30,
        },
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraEnvFrom": [{"secretRef": {"name": "more"}}],
    },
    "configuration": {
        "hardwareProfiles": {
            "macbook": None,
            "gpu-l4": None,
            "gpu-a100": {"runAsNonRoot": False, "pricePerHour": 3.5},
            "h100": {"gpus": 8, "shmSize": "64Gi", "namespaces": ["team-a"], "capabilities": ["IPC_LOCK"]},
        },
        "currency": "EUR",
        "kueue": True,
        "lostNodeSeconds": 30,
        "finishedJobSeconds": 7200,
        "options": {
            "workers": 8,
            "suggestSeconds": 60.5,
            "optimizerProcesses": 3,
            "auditSeconds": 60,
            "qps": 0.5,
            "burst": 1000000,
            "logLevel": "DEBUG",
            "logFormat": "text",
        },
        "replicas": 0,
    },
    "pods": {
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "pool", "operator": "Equal", "value": "system", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}
                    ]
                }
            }
        },
        "podAnnotations": {"note": "5"},
        "podLabels": {"cost-center": "42"},
        "deploymentAnnotations": {"reloader.stakater.com/auto": "true"},
        "resources": {"limits": {"cpu": 2, "memory": "4Gi"}},
        "tmpSize": "1Gi",
        "extraVolumes": [{"name": "data", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "data", "mountPath": "/data"}],
        "terminationGracePeriodSeconds": 60,
        "securityContext": {"readOnlyRootFilesystem": False},
    },
    "openshift": {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "monitoring": {
        "metrics": {
            "port": 9090,
            "tokenSecret": {"name": "metrics", "key": "key"},
            "service": {"annotations": {"prometheus.io/scrape": "true"}},
            "serviceMonitor": {
                "enabled": True,
                "namespace": "team-b",
                "labels": {"release": "prometheus"},
                "interval": "1m",
                "relabelings": [{"targetLabel": "cluster", "replacement": "one"}],
                "metricRelabelings": [{"action": "labeldrop", "regex": "pod"}],
            },
            "prometheusRule": {
                "enabled": True,
                "namespace": "team-b",
                "labels": {"release": "prometheus"},
                "disabledAlerts": ["SweepRunsFail"],
                "extraRules": [{"record": "sweeps:runs:sum", "expr": "sum(sweep_operator_runs)"}],
            },
            "dashboard": {
                "enabled": True,
                "namespace": "team-a",
                "labels": {"grafana_dashboard": None, "board": "1"},
                "annotations": {"folder": "Sweeps"},
            },
        }
    },
    "ui": {"ui": {"enabled": True, "hosts": ["sweeps.example.com", "sweeps.local:8443"]}},
    "ui-namespaced": {
        "scope": "namespaced",
        "namespaces": ["team-a", "team-b"],
        "rbac": {"create": False},
        "ui": {
            "enabled": True,
            "replicas": 2,
            "port": 9000,
            "resources": {"limits": {"memory": "1Gi"}},
            "serviceAccountName": "page",
            "service": {"port": 8080, "annotations": {"team": "rl"}},
            "networkPolicy": {"from": [{"podSelector": {"matchLabels": {"app": "oauth2-proxy"}}}]},
        },
        "networkPolicy": {"enabled": True},
    },
    "network-policy": {
        "networkPolicy": {
            "enabled": True,
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "egressPorts": [6443],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        }
    },
}
"""Together they set every value that changes the rendered objects."""


OLDEST = re.sub(r"^>=|-0$", "", yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"])
"""Oldest Kubernetes version that the chart accepts. By default helm renders for the version that it was built with."""


def render(
    values: Mapping[str, Any],
    *,
    release: str = "sweep-operator",
    namespace: str = NAMESPACE,
    kube_version: str = OLDEST,
) -> str:
    """``helm template``. Raises HelmFailed, Missing."""
    with tempfile.TemporaryDirectory() as folder:
        helm = Helm(Path(folder))
        where = (f"--namespace={namespace}", f"--values={helm.values(values)}")
        return helm.run("template", release, CHART, f"--kube-version={kube_version}", *where)


@cache
def rendered(case: str) -> str:
    """The text of one case."""
    return render(CASES[case])


def objects(text: str) -> list[Object]:
    """The objects of a rendered text, read as YAML 1.1."""
    return [o for o in yaml.load_all(text, yaml.CSafeLoader) if o]


@cache
def parsed(case: str) -> list[Object]:
    """The objects of one case."""
    return objects(rendered(case))


def of_kind(case: str, kind: str) -> list[Object]:
    """The objects of one case with that kind."""
    return [o for o in parsed(case) if o["kind"] == kind]


def only(case: str, kind: str, name: str | None = None) -> Object:
    """The only object of that kind (and name)."""
    (found,) = [o for o in of_kind(case, kind) if name in (None, o["metadata"]["name"])]
    return found


def account(namespace: str, **policy: Any) -> list[Object]:
    """ServiceAccount, roles, bindings and policies of an operator that watches only ``namespace``.

    ``policy``: further values of ``operatorPolicy``.
    """
    values = {"operatorPolicy": {"enabled": True, **policy}}
    made = objects(render({"scope": "namespaced", "crds": {"enabled": False}, **values}, namespace=namespace))
    kinds = ("ServiceAccount", "Role", "RoleBinding", *POLICY_KINDS)
    return [o for o in made if o["kind"] in kinds and "helm.sh/hook" not in o["metadata"].get("annotations", {})]
