"""The Job of one attempt of one stage."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.api.hardware import WANDB_BASE_URLS, Profile
from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import (
    ATTEMPT_LABEL,
    FILES_ANNOTATION_PREFIX,
    FILES_DIR,
    FILES_VOLUME,
    MAIN_CONTAINER,
    PRIORITY_LABEL,
    QUEUE_LABEL,
    RESULT_FINALIZER,
    RESULTS_FILE,
    RUN_DIR,
    RUN_PATH_ANNOTATION,
    RUN_VOLUME,
    STAGE_LABEL,
    job_name,
)
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.identity import claim_name, run_display_name, run_seed, short_uid
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.env import build_env
from sweep_operator.manifests.merge import strategic_merge
from sweep_operator.manifests.overrides import parameter_files, run_parameters
from sweep_operator.manifests.ownership import owned_by_run, run_labels
from sweep_operator.manifests.substitution import Values, substitute_arguments

USER = 65532


def build_job(
    sweep: Sweep,
    run: SweepRun,
    template: RunTemplate,
    stage: Stage,
    attempt: int,
    profile: Profile,
    deadline_seconds: int | None,
    wandb_base_urls: Sequence[str] = WANDB_BASE_URLS,
) -> JsonObject:
    """One attempt is one Job with backoffLimit 0: the operator owns every retry. ``deadline_seconds``: of main."""
    spec = template.train if stage == "train" or template.eval is None else template.eval
    name = job_name(run.name, stage, attempt)
    labels = {**run_labels(sweep, run), STAGE_LABEL: stage, ATTEMPT_LABEL: str(attempt)}
    job: JsonObject = {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "template": _pod_template(
            sweep, run, template, stage, attempt, spec, profile, deadline_seconds, labels, wandb_base_urls
        ),
    }
    if sweep.spec.ttl_seconds_after_finished is not None:
        job["ttlSecondsAfterFinished"] = sweep.spec.ttl_seconds_after_finished
    if spec.nodes > 1:
        job |= {"completions": spec.nodes, "parallelism": spec.nodes, "completionMode": "Indexed"}
    job_labels = dict(labels)
    if template.queue is not None:
        job["suspend"] = True
        job_labels[QUEUE_LABEL] = template.queue.name
        if template.queue.priority_class is not None:
            job_labels[PRIORITY_LABEL] = template.queue.priority_class
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": run.metadata.namespace,
            "labels": job_labels,
            "ownerReferences": owned_by_run(run),
        },
        "spec": job,
    }


def _pod_template(
    sweep: Sweep,
    run: SweepRun,
    template: RunTemplate,
    stage: Stage,
    attempt: int,
    spec: StageTemplate,
    profile: Profile,
    deadline_seconds: int | None,
    labels: dict[str, str],
    wandb_base_urls: Sequence[str],
) -> JsonObject:
    files = parameter_files(sweep, run, template)
    name = run_display_name(sweep, run)
    volumes, mounts = _volumes(sweep, run, template, list(files), profile)
    values = Values(
        params=run_parameters(run, template),
        declared=frozenset(sweep.spec.parameters),
        name=name,
        index=run.spec.index,
        seed=run_seed(sweep, run),
    )
    main: JsonObject = {
        "name": MAIN_CONTAINER,
        **({"image": spec.image} if spec.image else {}),
        **({"command": substitute_arguments(spec.command, values)} if spec.command else {}),
        **({"args": substitute_arguments(spec.args, values)} if spec.args else {}),
        **({"workingDir": spec.working_dir} if spec.working_dir else {}),
        "env": build_env(sweep, run, template, stage, attempt, spec, profile, values, wandb_base_urls),
        **({"envFrom": spec.env_from} if spec.env_from else {}),
        "resources": _resources(spec, profile),
        "volumeMounts": [*mounts, *(spec.volume_mounts or [])],
        "terminationMessagePath": RESULTS_FILE,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {
                "drop": ["ALL"],
                **({"add": list(profile.capabilities)} if profile.capabilities else {}),
            },
        },
    }
    pod: JsonObject = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroup": USER,
            **({"runAsNonRoot": True, "runAsUser": USER} if profile.run_as_non_root else {}),
        },
        "containers": [main],
        "volumes": [*volumes, *(spec.volumes or [])],
    }
    if deadline_seconds is not None:  # only a backstop: it counts the image pull, so the operator ends main itself
        pod["activeDeadlineSeconds"] = deadline_seconds + template.per_run.pending_deadline_seconds
    selector = {**profile.node_selector, **(spec.node_selector or {})}
    tolerations = [*profile.tolerations, *(t for t in spec.tolerations or [] if t not in profile.tolerations)]
    optional: JsonObject = {
        "nodeSelector": selector,
        "tolerations": tolerations,
        "runtimeClassName": profile.runtime_class_name,
        "serviceAccountName": spec.service_account_name,
        "imagePullSecrets": spec.image_pull_secrets,
        "subdomain": job_name(run.name, stage, attempt) if spec.nodes > 1 else None,
    }
    pod |= {key: value for key, value in optional.items() if value}
    annotations = {
        RUN_PATH_ANNOTATION: f"{sweep.display_name}/runs/{name}",
        **{FILES_ANNOTATION_PREFIX + file: text for file, text in files.items()},
    }
    base: JsonObject = {
        "metadata": {"labels": labels, "annotations": annotations, "finalizers": [RESULT_FINALIZER]},
        "spec": pod,
    }
    return strategic_merge(base, spec.pod_template)


def _volumes(
    sweep: Sweep, run: SweepRun, template: RunTemplate, files: list[str], profile: Profile
) -> tuple[list[JsonObject], list[JsonObject]]:
    items = [
        {"path": file, "fieldRef": {"fieldPath": f"metadata.annotations['{FILES_ANNOTATION_PREFIX}{file}']"}}
        for file in files
    ]
    run_mount: JsonObject = {"name": RUN_VOLUME, "mountPath": RUN_DIR}
    kind = template.run_volume
    if kind.claim is not None:
        source: JsonObject = {"persistentVolumeClaim": {"claimName": claim_name(run)}}
    elif kind.existing_claim is not None:
        source = {"persistentVolumeClaim": {"claimName": kind.existing_claim.name}}
        folder = f"{sweep.display_name}-{short_uid(sweep)}/runs/{run_display_name(sweep, run)}"
        run_mount["subPath"] = f"{kind.existing_claim.sub_path.strip('/')}/{folder}".lstrip("/")
    else:
        source = {"emptyDir": kind.empty_dir or {}}
    volumes: list[JsonObject] = [
        {"name": RUN_VOLUME, **source},
        {"name": FILES_VOLUME, "downwardAPI": {"items": items}},
    ]
    mounts: list[JsonObject] = [run_mount, {"name": FILES_VOLUME, "mountPath": FILES_DIR, "readOnly": True}]
    if profile.shm_size is not None:
        volumes.append({"name": "sweep-shm", "emptyDir": {"medium": "Memory", "sizeLimit": profile.shm_size}})
        mounts.append({"name": "sweep-shm", "mountPath": "/dev/shm"})
    return volumes, mounts


def _resources(spec: StageTemplate, profile: Profile) -> JsonObject:
    """The template's over the profile's; GPUs are limits (requests follow)."""
    merged = strategic_merge(profile.resources, spec.resources or {})
    if profile.gpus:
        limits = {profile.gpu_resource: str(profile.gpus), **merged.get("limits", {})}
        merged = {**merged, "limits": limits}
    return merged
