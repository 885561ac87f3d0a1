"""What volumes mean without containers: directories below the run directory, and paths translated to them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep_operator.api.names import FILES_VOLUME, RUN_VOLUME

_LOCAL = ("emptyDir", "configMap", "hostPath", "downwardAPI")
_ANNOTATION = re.compile(r"metadata\.annotations\['(.+)'\]")


class NoLocalMeaning(Exception):
    """A volume that only a cluster can provide. The message names it."""


def unsupported(pod_spec: Mapping[str, Any]) -> list[str]:
    """Volumes without a local meaning, each named with its type and the remedy."""
    problems = []
    for volume in pod_spec.get("volumes") or []:
        name = volume.get("name")
        kind = next((k for k in volume if k != "name"), "nothing")
        if name in (RUN_VOLUME, FILES_VOLUME) or kind in _LOCAL:
            continue
        problems.append(f"volume {name!r} is a {kind}, which has no meaning on one machine; use {', '.join(_LOCAL)}")
    return problems


def materialise(
    pod: Mapping[str, Any], run_dir: Path, config_map: Callable[[str], Mapping[str, Any] | None]
) -> dict[str, str]:
    """Make the pod's volumes; returns mount path to local directory. Raises NoLocalMeaning."""
    problems = unsupported(pod["spec"])
    if problems:
        raise NoLocalMeaning("; ".join(problems))
    folders: dict[str, Path] = {}
    for volume in pod["spec"].get("volumes") or []:
        folders[volume["name"]] = _folder(volume, pod, run_dir, config_map)
    mounts: dict[str, str] = {}
    main = pod["spec"]["containers"][0]
    for mount in main.get("volumeMounts") or []:
        folder = folders.get(mount["name"])
        if folder is None:
            raise NoLocalMeaning(f"volumeMounts: {mount['name']!r} is no volume of the pod")
        if mount.get("subPath") and mount["name"] != RUN_VOLUME:
            folder = folder / mount["subPath"]
        mounts[mount["mountPath"].rstrip("/") or "/"] = str(folder)
    return mounts


def translate(text: str, paths: Mapping[str, str]) -> str:
    """``text`` with mounted paths replaced, whole path components only; the longest path wins."""
    if not paths:
        return text
    longest = sorted(paths, key=len, reverse=True)
    pattern = r"(?<![\w./-])(" + "|".join(map(re.escape, longest)) + r")(?![\w.-])"
    return re.sub(pattern, lambda m: paths[m.group(1)], text)


def _folder(
    volume: Mapping[str, Any],
    pod: Mapping[str, Any],
    run_dir: Path,
    config_map: Callable[[str], Mapping[str, Any] | None],
) -> Path:
    name = volume["name"]
    if name == RUN_VOLUME:
        return run_dir
    if name == FILES_VOLUME:
        _write_items(volume["downwardAPI"].get("items") or [], pod, run_dir)
        return run_dir
    if "hostPath" in volume:
        return _host_path(name, volume["hostPath"])
    folder = run_dir / "volumes" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "configMap" in volume:
        _write_config_map(folder, volume["configMap"], config_map)
    elif "downwardAPI" in volume:
        _write_items(volume["downwardAPI"].get("items") or [], pod, folder)
    return folder


def _host_path(name: str, source: Mapping[str, Any]) -> Path:
    path = Path(source["path"])
    if source.get("type") == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        raise NoLocalMeaning(f"volume {name!r}: hostPath {path} does not exist; create it")
    return path


def _write_items(items: Sequence[Mapping[str, Any]], pod: Mapping[str, Any], folder: Path) -> None:
    for item in items:
        write_atomically(folder / item["path"], field_of(pod, item["fieldRef"]["fieldPath"]))


def _write_config_map(
    folder: Path, source: Mapping[str, Any], config_map: Callable[[str], Mapping[str, Any] | None]
) -> None:
    found = config_map(source["name"])
    if found is None:
        if source.get("optional"):
            return
        raise NoLocalMeaning(f"ConfigMap {source['name']!r} does not exist; put it into the same file as the Sweep")
    data = found.get("data") or {}
    items = source.get("items") or [{"key": k, "path": k} for k in data]
    for item in items:
        if item["key"] not in data:
            raise NoLocalMeaning(f"ConfigMap {source['name']!r} has no key {item['key']!r}; it has {sorted(data)}")
        write_atomically(folder / item["path"], data[item["key"]])


def field_of(pod: Mapping[str, Any], path: str) -> str:
    """A downward API field of the pod, as text. Raises NoLocalMeaning for one that has none here."""
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
    raise NoLocalMeaning(f"fieldRef {path!r} has no meaning on one machine")


def write_atomically(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(text.encode())
    os.replace(temporary, path)
