"""Hardware profiles: the operator's configuration of what a stage can run on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sweep_operator.api.kubernetes_types import QUANTITY, Requirements, Toleration
from sweep_operator.api.model import Model


class Profile(Model):
    """One profile, named by ``spec.train.hardware``."""

    description: str = Field(default="", description="For people.")
    gpus: int = Field(default=0, ge=0, description="GPUs per node; also the resource nvidia.com/gpu.")
    gpu_resource: str = Field(default="nvidia.com/gpu", description="Name of the extended resource.")
    resources: Requirements = Field(default={}, description="core/v1 ResourceRequirements.")
    node_selector: dict[str, str] = Field(default={}, description="Labels of the nodes.")
    tolerations: list[Toleration] = Field(default=[], description="core/v1 Tolerations.")
    env: dict[str, str] = Field(default={}, description="Variables of the container.")
    shm_size: Annotated[str, Field(pattern=QUANTITY)] | None = Field(
        default=None, description="Size of a memory-backed /dev/shm."
    )
    runtime_class_name: str | None = Field(default=None, description="Such as nvidia.")
    price_per_hour: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Of one node, for cost.source Price."
    )
    namespaces: list[str] = Field(default=[], description="Namespaces that may use it; empty: all.")
    run_as_non_root: bool = Field(
        default=False, description="The image must not run as root; namespaces with PodSecurity restricted ask for it."
    )
    capabilities: list[str] = Field(default=[], description="Linux capabilities given back.")


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
"""Profiles to begin with; a cluster's operator has its own in its configuration. Local mode uses only their names."""


WANDB_BASE_URLS = ("https://api.wandb.ai", "https://api.forge.coreweave.com")
"""W&B's cloud, by its older and its newer address."""


class OperatorConfig(Model):
    """What the operator is configured with, as far as decisions read it."""

    profiles: dict[str, Profile] = SHIPPED
    currency: str = "USD"
    kueue: bool | None = Field(
        default=None, description="Whether Sweeps may name a queue of Kueue. Default: when the cluster serves its API."
    )
    lost_node_seconds: float = Field(
        default=120.0, ge=0, description="A pod that outlives its deletion by this much is on a lost node."
    )
    wandb_base_urls: list[str] = Field(
        default=list(WANDB_BASE_URLS),
        description="W&B servers that Sweeps may name; the first is the default. A key goes nowhere else.",
    )
    wandb_projects: dict[str, list[str]] = Field(
        default={},
        description="What the operator's own W&B key may write: patterns of entity/project by pattern of namespace, "
        "such as {team-a: [metta/*]}. Sweeps outside of it are not delivered. Default: nothing.",
    )
    wandb_runs_per_minute: float = Field(
        default=300.0, gt=0, description="At most so many runs are delivered to one W&B project per minute."
    )
    wandb_run_seconds: float = Field(
        default=60.0, gt=0, description="A delivery that makes no progress for so long is killed and tried again."
    )
