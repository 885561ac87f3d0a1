"""The operator's configuration, with the hardware profiles that stages can run on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from sweep_operator.api.model import JsonObject, Model

QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"


class Profile(Model):
    """A hardware profile. ``spec.train.hardware`` refers to it by name."""

    description: str = ""
    """Description for people."""
    gpus: int = Field(default=0, ge=0)
    """Number of GPUs per node. It is also the limit of the GPU resource."""
    gpu_resource: str = "nvidia.com/gpu"
    """Name of the extended resource for GPUs."""
    resources: JsonObject = {}
    """core/v1 ResourceRequirements of the main container."""
    node_selector: dict[str, str] = {}
    """Labels that a node must have."""
    tolerations: list[JsonObject] = []
    """core/v1 Tolerations of the pods."""
    env: dict[str, str] = {}
    """Environment variables of the container."""
    shm_size: Annotated[str, Field(pattern=QUANTITY)] | None = None
    """Size of a memory-backed /dev/shm. Absent: the runtime's default."""
    runtime_class_name: str | None = None
    """RuntimeClass of the pods, such as nvidia."""
    price_per_hour: Annotated[float, Field(gt=0)] | None = None
    """Price of one node per hour, for cost.source Price."""
    namespaces: list[str] = []
    """Namespaces that may use the profile. Empty: all."""
    run_as_non_root: bool = False
    """Whether the container must not run as root. Namespaces with PodSecurity restricted require true."""
    capabilities: list[str] = []
    """Linux capabilities to add. By default all are dropped."""

    def gpus_with(self, resources: Mapping[str, Any] | None) -> int:
        """GPUs per node of a container whose template has these resources: its own limit, else the profile's."""
        limits = (resources or {}).get("limits") or {}
        own = [limits[name] for name in limits if name == self.gpu_resource or name.endswith("/gpu")]
        return sum(int(str(count)) for count in own if _COUNT.fullmatch(str(count))) if own else self.gpus


_COUNT = re.compile("[0-9]{1,9}")
SHIPPED: dict[str, Profile] = {
    "cpu": Profile(description="Any node; no GPU."),
    "macbook": Profile(description="A laptop; no GPU."),
    "gpu-l4": Profile(
        description="One NVIDIA L4.",
        gpus=1,
        node_selector={"cloud.google.com/gke-accelerator": "nvidia-l4"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        shm_size="8Gi",
    ),
    "gpu-a100": Profile(
        description="One NVIDIA A100.",
        gpus=1,
        node_selector={"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        shm_size="16Gi",
    ),
}
"""The default profiles. The configuration of an operator replaces them. Local mode uses their names only."""


WANDB_BASE_URLS = ("https://api.wandb.ai", "https://api.forge.coreweave.com")
"""W&B's cloud: the older and the newer address."""


class OperatorConfig(Model):
    """The part of the operator's configuration that decisions depend on."""

    profiles: dict[str, Profile] = SHIPPED
    currency: str = "USD"
    kueue: bool | None = None
    """Whether Sweeps may name a Kueue queue. Default: true if the cluster serves Kueue's API."""
    lost_node_seconds: float = Field(default=120.0, ge=0)
    """A pod that is still there this many seconds after its deletion counts as running on a lost node."""
    finished_job_seconds: float = Field(default=3600.0, ge=0)
    """A Job is deleted, with its pods and their logs, this many seconds after its result was recorded.
    spec.ttlSecondsAfterFinished of a Sweep replaces it."""
    wandb_base_urls: list[str] = list(WANDB_BASE_URLS)
    """W&B servers that Sweeps may name. The first one is the default. API keys are sent to these servers only."""
    wandb_projects: dict[str, list[str]] = {}
    """Projects that the operator's own W&B key may write to: a map from namespace pattern to entity/project patterns,
    such as {team-a: [metta/*]}. Runs of other Sweeps are not delivered. Default: none."""
    wandb_runs_per_minute: float = Field(default=300.0, gt=0)
    """Maximum number of runs per minute that are delivered to one W&B project."""
    wandb_run_seconds: float = Field(default=60.0, gt=0)
    """A delivery that makes no progress for this many seconds is terminated and retried."""
