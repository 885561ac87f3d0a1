"""Models of the Helm chart's values; helm rejects other values. values.yaml has the defaults and descriptions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dev.generate import kubernetes_types as kubernetes
from dev.generate.kubernetes_types import Annotations, Labels
from sweep_operator.api.hardware import QUANTITY, Profile
from sweep_operator.api.model import Model

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PATH_PART = "[a-z0-9]+([._-]+[a-z0-9]+)*"

Namespace = Annotated[str, Field(pattern=f"^{_LABEL}$", max_length=63)]
NamespaceOrAll = Annotated[str, Field(pattern=rf"^({_LABEL}|\*)$", max_length=63)]
ObjectName = Annotated[str, Field(pattern=rf"^({_LABEL}(\.{_LABEL})*)?$", max_length=253)]
"""Name of an object. Empty: no name."""
NamePart = Annotated[str, Field(pattern=f"^({_LABEL})?$", max_length=50)]
HostFeature = Literal[
    "capabilities", "hostIPC", "hostNetwork", "hostPID", "hostPath", "privileged", "serviceAccountToken"
]
Port = Annotated[int, Field(ge=1, le=65535)]
HostName = Annotated[str, Field(pattern=rf"^{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?$", max_length=259)]
"""As in the header Host, which browsers send in lower case."""


class Image(Model):
    """A container image."""

    repository: str = Field(pattern=rf"^([A-Za-z0-9.-]+(:[0-9]+)?/)?{_PATH_PART}(/{_PATH_PART})*$")
    tag: str = Field(pattern="^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$")
    digest: str = Field(pattern="^(sha256:[0-9a-f]{64})?$")
    pull_policy: Literal["IfNotPresent", "Always", "Never"]


class Named(Model):
    """A reference to an object."""

    name: Annotated[str, Field(min_length=1)]


class Crds(Model):
    """The CRDs."""

    enabled: bool
    keep: bool


class Rbac(Model):
    """Roles and bindings."""

    create: bool
    user_roles: bool


class OperatorPolicy(Model):
    """Admission policies for the operator's own service account."""

    enabled: Literal["auto", True, False]
    allow: dict[NamespaceOrAll, list[HostFeature]] = Field(json_schema_extra={"additionalProperties": False})


class ServiceAccount(Model):
    """The operator's ServiceAccount."""

    create: bool
    name: ObjectName
    annotations: Annotations


class SecretKey(Model):
    """A key of a Secret."""

    name: ObjectName
    key: str = Field(pattern="^[-._A-Za-z0-9]+$")


class Wandb(Model):
    """Weights & Biases."""

    base_urls: list[Annotated[str, Field(pattern="^https?://[^/ ]+")]] = Field(alias="baseURLs")
    api_key_secret: SecretKey
    projects: dict[str, list[Annotated[str, Field(pattern="^[^/ ]+/[^/ ]+$")]]]
    runs_per_minute: float = Field(gt=0)
    run_seconds: float = Field(gt=0)


class Options(Model):
    """Options of the command ``sweep-operator``."""

    workers: int = Field(ge=1, le=64)
    suggest_seconds: float = Field(ge=1)
    optimizer_processes: int = Field(ge=0, le=64)
    audit_seconds: float = Field(ge=1)
    qps: float = Field(ge=0.1)
    burst: int = Field(ge=1)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_format: Literal["json", "text"]


class LeaderElection(Model):
    """The Lease for leader election."""

    lease_name: ObjectName
    lease_seconds: float = Field(ge=1)


class Service(Model):
    """The Service for metrics and probes."""

    annotations: Annotations


class ServiceMonitor(Model):
    """A ServiceMonitor for the Prometheus operator."""

    enabled: bool
    namespace: ObjectName
    labels: Labels
    interval: str = Field(pattern="^([0-9]+(ms|s|m|h))+$")
    relabelings: list[kubernetes.Relabeling]
    metric_relabelings: list[kubernetes.Relabeling]


class PrometheusRule(Model):
    """A PrometheusRule for the Prometheus operator."""

    enabled: bool
    namespace: ObjectName
    labels: Labels
    disabled_alerts: list[str]
    extra_rules: list[kubernetes.PrometheusRule]


class Dashboard(Model):
    """A dashboard for Grafana's sidecar."""

    enabled: bool
    namespace: ObjectName
    labels: Labels
    annotations: Annotations


class Metrics(Model):
    """Probes, metrics, and the objects that use them."""

    port: int = Field(ge=1024, le=65535)
    """Ports below 1024 need root."""
    token_secret: SecretKey
    service: Service
    service_monitor: ServiceMonitor
    prometheus_rule: PrometheusRule
    dashboard: Dashboard


class NetworkPolicy(Model):
    """Ingress and egress of the operator's pod."""

    enabled: bool
    from_: list[kubernetes.NetworkPolicyPeer] = Field(alias="from")
    egress_ports: list[Port]
    extra_egress: list[kubernetes.EgressRule]


class UiService(Model):
    """The Service of the page."""

    port: Port
    annotations: Annotations


class UiNetworkPolicy(Model):
    """Ingress of the page's pods."""

    from_: list[kubernetes.NetworkPolicyPeer] = Field(alias="from")


class Ui(Model):
    """The page."""

    enabled: bool
    hosts: list[HostName]
    replicas: int = Field(ge=0, le=10)
    port: int = Field(ge=1024, le=65535)
    """Ports below 1024 need root."""
    resources: kubernetes.Requirements
    service_account_name: ObjectName
    service: UiService
    network_policy: UiNetworkPolicy


class UninstallHook(Model):
    """The Job that runs before the release is deleted."""

    enabled: bool
    timeout_seconds: int = Field(ge=10, le=3600)


class HardwareProfile(Profile):
    """A hardware profile, with the fields of Kubernetes' types."""

    resources: kubernetes.Requirements = {}
    tolerations: list[kubernetes.Toleration] = []


class Values(Model):
    """All values of the chart."""

    name_override: NamePart
    fullname_override: NamePart
    common_labels: kubernetes.CommonLabels
    image: Image
    image_pull_secrets: list[Named]
    scope: Literal["cluster", "namespaced"]
    namespaces: list[Namespace]
    crds: Crds
    rbac: Rbac
    operator_policy: OperatorPolicy
    service_account: ServiceAccount
    hardware_profiles: dict[str, HardwareProfile]
    currency: str = Field(pattern="^[A-Z]{3}$")
    kueue: Literal["auto", True, False]
    lost_node_seconds: float = Field(ge=0)
    finished_job_seconds: float = Field(ge=0)
    wandb: Wandb
    options: Options
    leader_election: LeaderElection
    replicas: Literal[0, 1]
    resources: kubernetes.Requirements
    security_context: kubernetes.SecurityContext
    pod_security_context: kubernetes.PodSecurityContext
    tmp_size: str = Field(pattern=QUANTITY)
    termination_grace_period_seconds: int = Field(ge=15)
    priority_class_name: ObjectName
    node_selector: Labels
    tolerations: list[kubernetes.Toleration]
    affinity: kubernetes.Affinity
    pod_annotations: kubernetes.PodAnnotations
    pod_labels: kubernetes.PodLabels
    deployment_annotations: Annotations
    extra_env: list[kubernetes.EnvVar]
    extra_env_from: list[kubernetes.EnvFrom]
    extra_volumes: list[kubernetes.Volume]
    extra_volume_mounts: list[kubernetes.VolumeMount]
    metrics: Metrics
    ui: Ui
    network_policy: NetworkPolicy
    uninstall_hook: UninstallHook
