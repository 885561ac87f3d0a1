"""The Job of one attempt of one stage."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.api.hardware import Profile
from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import (
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
)
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.identity import claim_name, short_uid
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.env import build_env
from sweep_operator.manifests.merge import strategic_merge
from sweep_operator.manifests.overrides import parameter_files
from sweep_operator.manifests.ownership import owned_by_run
from sweep_operator.manifests.substitution import substitute_arguments

USER = 65532


def build_job(attempt: StageAttempt) -> JsonObject:
    """Return a Job with backoffLimit 0: the operator itself does every retry."""
    sweep, queue, nodes = attempt.sweep, attempt.template.queue, attempt.spec.nodes
    labels = attempt.labels
    spec: JsonObject = {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "template": strategic_merge(_pod_template(attempt), attempt.spec.pod_template),
    }
    if sweep.spec.ttl_seconds_after_finished is not None:
        spec["ttlSecondsAfterFinished"] = sweep.spec.ttl_seconds_after_finished
    if nodes > 1:
        spec |= {"completions": nodes, "parallelism": nodes, "completionMode": "Indexed"}
    if queue is not None:
        spec["suspend"] = True
        labels[QUEUE_LABEL] = queue.name
        if queue.priority_class is not None:
            labels[PRIORITY_LABEL] = queue.priority_class
    metadata = {
        "name": attempt.name,
        "namespace": attempt.run.metadata.namespace,
        "labels": labels,
        "ownerReferences": owned_by_run(attempt.run),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _pod_template(attempt: StageAttempt) -> JsonObject:
    files = parameter_files(attempt.sweep, attempt.run, attempt.template)
    annotations = {
        RUN_PATH_ANNOTATION: f"{attempt.sweep.display_name}/runs/{attempt.values.name}",
        **{FILES_ANNOTATION_PREFIX + file: text for file, text in files.items()},
    }
    return {
        "metadata": {"labels": attempt.labels, "annotations": annotations, "finalizers": [RESULT_FINALIZER]},
        "spec": _pod_spec(attempt, list(files)),
    }


def _pod_spec(attempt: StageAttempt, files: Sequence[str]) -> JsonObject:
    spec, profile = attempt.spec, attempt.profile
    volumes, mounts = _volumes(attempt, files)
    pod: JsonObject = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroup": USER,
            **({"runAsNonRoot": True, "runAsUser": USER} if profile.run_as_non_root else {}),
        },
        "containers": [_main_container(attempt, mounts)],
        "volumes": [*volumes, *(spec.volumes or [])],
    }
    if attempt.deadline_seconds is not None:
        # Only a backstop: it includes the image pull. The operator itself ends the main container at the deadline.
        pod["activeDeadlineSeconds"] = attempt.deadline_seconds + attempt.template.per_run.pending_deadline_seconds
    return pod | _set(
        nodeSelector={**profile.node_selector, **(spec.node_selector or {})},
        tolerations=[*profile.tolerations, *(t for t in spec.tolerations or [] if t not in profile.tolerations)],
        runtimeClassName=profile.runtime_class_name,
        serviceAccountName=spec.service_account_name,
        imagePullSecrets=spec.image_pull_secrets,
        subdomain=attempt.name if spec.nodes > 1 else None,
    )


def _main_container(attempt: StageAttempt, mounts: Sequence[JsonObject]) -> JsonObject:
    spec, capabilities = attempt.spec, attempt.profile.capabilities
    return {
        "name": MAIN_CONTAINER,
        **_set(
            image=spec.image,
            workingDir=spec.working_dir,
            envFrom=spec.env_from,
        ),
        **({"command": substitute_arguments(spec.command, attempt.values)} if spec.command else {}),
        **({"args": substitute_arguments(spec.args, attempt.values)} if spec.args else {}),
        "env": build_env(attempt),
        "resources": _resources(spec, attempt.profile),
        "volumeMounts": [*mounts, *(spec.volume_mounts or [])],
        "terminationMessagePath": RESULTS_FILE,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], **_set(add=list(capabilities))},
        },
    }


def _volumes(attempt: StageAttempt, files: Sequence[str]) -> tuple[list[JsonObject], list[JsonObject]]:
    """The volumes of the pod, and their mounts in the main container."""
    items = [
        {"path": file, "fieldRef": {"fieldPath": f"metadata.annotations['{FILES_ANNOTATION_PREFIX}{file}']"}}
        for file in files
    ]
    run_mount: JsonObject = {"name": RUN_VOLUME, "mountPath": RUN_DIR}
    run_volume = attempt.template.run_volume
    if run_volume.claim is not None:
        source: JsonObject = {"persistentVolumeClaim": {"claimName": claim_name(attempt.run)}}
    elif run_volume.existing_claim is not None:
        source = {"persistentVolumeClaim": {"claimName": run_volume.existing_claim.name}}
        folder = f"{attempt.sweep.display_name}-{short_uid(attempt.sweep)}/runs/{attempt.values.name}"
        run_mount["subPath"] = f"{run_volume.existing_claim.sub_path.strip('/')}/{folder}".lstrip("/")
    else:
        source = {"emptyDir": run_volume.empty_dir or {}}
    volumes: list[JsonObject] = [
        {"name": RUN_VOLUME, **source},
        {"name": FILES_VOLUME, "downwardAPI": {"items": items}},
    ]
    mounts: list[JsonObject] = [run_mount, {"name": FILES_VOLUME, "mountPath": FILES_DIR, "readOnly": True}]
    if attempt.profile.shm_size is not None:
        shared_memory = {"medium": "Memory", "sizeLimit": attempt.profile.shm_size}
        volumes.append({"name": "sweep-shm", "emptyDir": shared_memory})
        mounts.append({"name": "sweep-shm", "mountPath": "/dev/shm"})
    return volumes, mounts


def _resources(spec: StageTemplate, profile: Profile) -> JsonObject:
    """The template's resources merged over the profile's. GPUs are limits; Kubernetes copies them to the requests."""
    merged = strategic_merge(profile.resources, spec.resources or {})
    if profile.gpus:
        merged["limits"] = {profile.gpu_resource: str(profile.gpus), **merged.get("limits", {})}
    return merged


def _set(**fields: object) -> JsonObject:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value}
