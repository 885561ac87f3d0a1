"""Jobs and the pods that they would create, for a server-side dry run: the API server validates and stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep_operator.api.hardware import OperatorConfig, Profile
from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.job import build_job
from sweep_operator.manifests.sweeprun import center_run


def pod_of_job(job: Mapping[str, Any]) -> JsonObject:
    """The pod as the Job controller creates it, except for its name, and without owner and finalizers."""
    template = job["spec"]["template"]
    meta = {k: v for k, v in (template.get("metadata") or {}).items() if k in ("labels", "annotations")}
    name = f"{job['metadata']['name']}-dry-run"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": job["metadata"]["namespace"], **meta},
        "spec": template["spec"],
    }


def sample_jobs(sweep: Sweep, config: OperatorConfig) -> dict[Stage, JsonObject]:
    """The Jobs of a run at the search center, by stage."""
    template, run = RunTemplate.of(sweep), center_run(sweep)
    stages: list[Stage] = ["train"] if template.eval is None else ["train", "eval"]
    jobs: dict[Stage, JsonObject] = {}
    for stage in stages:
        profile = config.profiles.get(template.of_stage(stage).hardware, Profile())
        jobs[stage] = build_job(StageAttempt(sweep, run, template, stage, 1, profile))
    return jobs
