"""Volumes without containers: directories below the run directory, and translated paths."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep_operator.api.names import FILES_VOLUME, RUN_VOLUME
from sweep_operator.kube.atomic_file import write_atomically

ConfigMaps = Callable[[str], Mapping[str, Any] | None]
_LOCAL = ("emptyDir", "configMap", "hostPath", "downwardAPI")
_ANNOTATION = re.compile(r"metadata\.annotations\['(.+)'\]")


class Unsupported(Exception):
    """The pod needs something that only a cluster provides. The message names it and the remedy."""

    reason = "CreateContainerConfigError"


def unsupported(pod_spec: Mapping[str, Any]) -> list[str]:
    """Errors for volumes that are not supported locally."""
    problems = []
    for volume in pod_spec.get("volumes") or []:
        name = volume.get("name")
        kind = next((k for k in volume if k != "name"), "nothing")
        if name in (RUN_VOLUME, FILES_VOLUME) or kind in _LOCAL:
            continue
        problems.append(f"volume {name!r} of type {kind} is not supported on one machine; use {', '.join(_LOCAL)}")
    return problems


def materialize(pod: Mapping[str, Any], run_dir: Path, scratch: Path, config_map: ConfigMaps) -> dict[str, str]:
    """Create the pod's volumes; return the local directory of each mount path. Raises Unsupported.

    ``scratch``: directory of the volumes that are deleted with the pod.
    """
    problems = unsupported(pod["spec"])
    if problems:
        raise Unsupported("; ".join(problems))
    folders: dict[str, Path] = {}
    for volume in pod["spec"].get("volumes") or []:
        folders[volume["name"]] = _folder(volume, pod, run_dir, scratch, config_map)
    mounts: dict[str, str] = {}
    main = pod["spec"]["containers"][0]
    for mount in main.get("volumeMounts") or []:
        folder = folders.get(mount["name"])
        if folder is None:
            raise Unsupported(f"volumeMounts: {mount['name']!r} is not a volume of the pod")
        if mount["name"] != RUN_VOLUME:  # its subPath leads to the run directory
            folder = _below(folder, mount)
        mounts[mount["mountPath"].rstrip("/") or "/"] = str(folder)
    return mounts


def _below(folder: Path, mount: Mapping[str, Any]) -> Path:
    if mount.get("subPathExpr"):
        raise Unsupported(f"volumeMounts: subPathExpr of {mount['name']!r} is not supported locally; use subPath")
    if not mount.get("subPath"):
        return folder
    found: Path = folder / mount["subPath"]
    if not found.exists():
        found.mkdir(parents=True)
    return found


def _folder(
    volume: Mapping[str, Any], pod: Mapping[str, Any], run_dir: Path, scratch: Path, config_map: ConfigMaps
) -> Path:
    name: str = volume["name"]
    if name == RUN_VOLUME:
        return run_dir
    if name == FILES_VOLUME:
        _write_items((volume.get("downwardAPI") or {}).get("items") or [], pod, run_dir)
        return run_dir
    if "hostPath" in volume:
        return _host_path(name, volume["hostPath"])
    folder = scratch / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "configMap" in volume:
        _write_config_map(folder, volume["configMap"], config_map)
    elif "downwardAPI" in volume:
        _write_items(volume["downwardAPI"].get("items") or [], pod, folder)
    return folder


def _host_path(name: str, source: Mapping[str, Any]) -> Path:
    path, kind = Path(source["path"]), source.get("type") or ""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch()
    if not path.exists():
        raise Unsupported(f"volume {name!r}: hostPath {path} does not exist; create it")
    if (kind.startswith("Directory") and not path.is_dir()) or (kind.startswith("File") and not path.is_file()):
        raise Unsupported(f"volume {name!r}: hostPath {path} is not a {kind.removesuffix('OrCreate').lower()}")
    return path


def _write_items(items: Sequence[Mapping[str, Any]], pod: Mapping[str, Any], folder: Path) -> None:
    for item in items:
        write_atomically(folder / item["path"], field_of(pod, item["fieldRef"]["fieldPath"]))


def _write_config_map(folder: Path, source: Mapping[str, Any], config_map: ConfigMaps) -> None:
    found = config_map(source["name"])
    if found is None:
        if source.get("optional"):
            return
        raise Unsupported(f"ConfigMap {source['name']!r} does not exist; put it into the same file as the Sweep")
    data: dict[str, bytes] = {k: v.encode() for k, v in (found.get("data") or {}).items()}
    data |= {k: base64.b64decode(v) for k, v in (found.get("binaryData") or {}).items()}
    for item in source.get("items") or [{"key": k, "path": k} for k in data]:
        if item["key"] not in data:
            raise Unsupported(f"ConfigMap {source['name']!r} has no key {item['key']!r}; it has {sorted(data)}")
        path = folder / item["path"]
        write_atomically(path, data[item["key"]])
        path.chmod(item.get("mode") or source.get("defaultMode") or 0o644)


def field_of(pod: Mapping[str, Any], path: str) -> str:
    """A downward API field of the pod, as text. Raises Unsupported."""
    meta = pod["metadata"]
    if match := _ANNOTATION.fullmatch(path):
        return str((meta.get("annotations") or {}).get(match.group(1), ""))
    if path.startswith("metadata.labels['"):
        return str((meta.get("labels") or {}).get(path[len("metadata.labels['") : -2], ""))
    simple = {"metadata.name": "name", "metadata.namespace": "namespace", "metadata.uid": "uid"}
    if path in simple:
        return str(meta.get(simple[path], ""))
    local = {"status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1", "spec.nodeName": os.uname().nodename}
    if path in local:
        return local[path]
    raise Unsupported(f"fieldRef {path!r} is not supported on one machine")
