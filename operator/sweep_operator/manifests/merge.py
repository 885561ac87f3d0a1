"""``podTemplate``: a strategic merge onto the generated pod template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep_operator.api.errors import FieldError
from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import FILES_VOLUME, GROUP, MAIN_CONTAINER, RUN_VOLUME

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
"""Lists that Kubernetes merges by a key of their items."""
_OWNED_IN_SPEC = ("restartPolicy", "activeDeadlineSeconds", "subdomain", "hostname")
_OWNED_IN_MAIN = ("terminationMessagePath", "terminationMessagePolicy", "command", "args", "image", "name")


def strategic_merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> JsonObject:
    """``patch`` over ``base``: maps merge, keyed lists merge by key, tolerations are added, null removes."""
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
        place = next((i for i, b in enumerate(result) if _key(b, key) == _key(item, key) is not None), None)
        if isinstance(item, Mapping) and item.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(item)
        else:
            result[place] = strategic_merge(result[place], item)
    return result


def _key(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, Mapping) else None


def check_pod_template(path: str, template: Mapping[str, Any]) -> list[FieldError]:
    """What we own is refused by name."""
    errors = [
        FieldError(f"{path}.{key}", "is no field of a pod template; known are metadata and spec")
        for key in template
        if key not in ("metadata", "spec")
    ]
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping):
        return [*errors, FieldError(path, "metadata and spec must be maps")]
    if "finalizers" in metadata:
        errors.append(FieldError(f"{path}.metadata.finalizers", "is the operator's; remove it"))
    for field in ("labels", "annotations"):
        for key in metadata.get(field) or {}:
            if GROUP in str(key).split("/")[0]:
                errors.append(FieldError(f"{path}.metadata.{field}['{key}']", "is the operator's; remove it"))
    errors += [FieldError(f"{path}.spec.{k}", "is the operator's; remove it") for k in _OWNED_IN_SPEC if k in spec]
    for number, container in enumerate(spec.get("containers") or []):
        if isinstance(container, Mapping) and container.get("name") == MAIN_CONTAINER:
            errors += [
                FieldError(f"{path}.spec.containers[{number}].{k}", "is set by spec.train and spec.eval; set it there")
                for k in _OWNED_IN_MAIN
                if k in container and k != "name"
            ]
    for number, volume in enumerate(spec.get("volumes") or []):
        if isinstance(volume, Mapping) and volume.get("name") in (RUN_VOLUME, FILES_VOLUME):
            errors.append(
                FieldError(f"{path}.spec.volumes[{number}]", f"{volume['name']} is the operator's; rename it")
            )
    return errors
