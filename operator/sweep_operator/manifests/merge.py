"""``podTemplate``: a strategic merge onto the generated pod template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep_operator.api.errors import FieldError
from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import (
    FILES_DIR,
    FILES_VOLUME,
    GROUP,
    MAIN_CONTAINER,
    RESULTS_FILE,
    RUN_DIR,
    RUN_VOLUME,
)
from sweep_operator.manifests.env import is_owned_variable

MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Lists that Kubernetes merges by a key: field name -> merge key."""
_OWNED_IN_SPEC = ("restartPolicy", "activeDeadlineSeconds", "subdomain", "hostname")
_OWNED_IN_MAIN = ("terminationMessagePath", "terminationMessagePolicy", "command", "args", "image")


def strategic_merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> JsonObject:
    """Merge ``patch`` into ``base``: maps and keyed lists are merged, tolerations are appended, null removes."""
    result: JsonObject = dict(base)
    for key, value in patch.items():
        before = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping):
            result[key] = strategic_merge(before, value)
        elif isinstance(value, list) and isinstance(before, list) and key in MERGE_KEYS:
            result[key] = _merge_list(before, value, MERGE_KEYS[key])
        elif isinstance(value, list) and isinstance(before, list) and key == "tolerations":
            result[key] = [*before, *(v for v in value if v not in before)]
        else:
            result[key] = value
    return result


def _merge_list(base: Sequence[Any], patch: Sequence[Any], key: str) -> list[Any]:
    result = list(base)
    for item in patch:
        position = next((i for i, b in enumerate(result) if _key(b, key) == _key(item, key) is not None), None)
        if isinstance(item, Mapping) and item.get("$patch") == "delete":
            if position is not None:
                del result[position]
        elif position is None:
            result.append(item)
        else:
            result[position] = strategic_merge(result[position], item)
    return result


def _key(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, Mapping) else None


def check_pod_template(path: str, template: Mapping[str, Any]) -> list[FieldError]:
    """Return an error for each field that the operator sets itself."""
    errors = [
        FieldError(f"{path}.{key}", "unknown field of a pod template; known fields: metadata, spec")
        for key in template
        if key not in ("metadata", "spec")
    ]
    metadata, spec = template.get("metadata", {}), template.get("spec", {})
    if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping):
        return [*errors, FieldError(path, "metadata and spec must be maps")]
    if "finalizers" in metadata:
        errors.append(FieldError(f"{path}.metadata.finalizers", "is set by the operator; remove it"))
    for field in ("labels", "annotations"):
        if not isinstance(metadata.get(field, {}), Mapping):
            errors.append(
                FieldError(f"{path}.metadata.{field}", "must be a map; the operator adds its own entries to it")
            )
            continue
        for key in metadata.get(field, {}):
            if GROUP in str(key).split("/")[0]:
                errors.append(FieldError(f"{path}.metadata.{field}['{key}']", "is set by the operator; remove it"))
    errors += [FieldError(f"{path}.spec.{k}", "is set by the operator; remove it") for k in _OWNED_IN_SPEC if k in spec]
    for field in ("containers", "volumes"):
        if not isinstance(spec.get(field, []), list):
            return [
                *errors,
                FieldError(f"{path}.spec.{field}", "must be a list; the operator adds its own items to it"),
            ]
    for number, container in enumerate(spec.get("containers", [])):
        if isinstance(container, Mapping) and container.get("name") == MAIN_CONTAINER:
            errors += _check_main(f"{path}.spec.containers[{number}]", container)
    for number, volume in enumerate(spec.get("volumes", [])):
        if isinstance(volume, Mapping) and volume.get("name") in (RUN_VOLUME, FILES_VOLUME):
            errors.append(
                FieldError(
                    f"{path}.spec.volumes[{number}]",
                    f"{volume['name']} is a volume of the operator; choose another name",
                )
            )
    return errors


def _check_main(path: str, main: Mapping[str, Any]) -> list[FieldError]:
    errors = [
        FieldError(f"{path}.{k}", "is set by spec.train and spec.eval; set it there")
        for k in _OWNED_IN_MAIN
        if k in main
    ]
    if "$patch" in main:
        errors.append(FieldError(f"{path}.$patch", "cannot be used on the main container; remove it"))
    for field in ("env", "volumeMounts"):
        if not isinstance(main.get(field, []), list):
            return [*errors, FieldError(f"{path}.{field}", "must be a list; the operator adds its own items to it")]
    for number, variable in enumerate(main.get("env", [])):
        name = str(variable.get("name")) if isinstance(variable, Mapping) else ""
        if is_owned_variable(name):
            errors.append(
                FieldError(f"{path}.env[{number}].name", f"{name} is set by the operator; choose another name")
            )
    for number, mount in enumerate(main.get("volumeMounts", [])):
        mount_path = str(mount.get("mountPath")).rstrip("/") if isinstance(mount, Mapping) else ""
        if mount_path in (RUN_DIR, FILES_DIR, RESULTS_FILE, "/dev"):
            errors.append(
                FieldError(
                    f"{path}.volumeMounts[{number}].mountPath",
                    f"{mount_path} is mounted by the operator; choose another path",
                )
            )
    return errors
