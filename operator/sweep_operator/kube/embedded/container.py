"""Converts a pod to a local process: arguments, environment and files."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep_operator.api.names import ATTEMPT_LABEL, INDEX_ANNOTATION, RESULTS_FILE, RUN_PATH_ANNOTATION, STAGE_LABEL
from sweep_operator.domain.references import expand, translate
from sweep_operator.kube.embedded.volumes import ConfigMaps, Unsupported, field_of, materialize

_RANK_PORTS = ("MASTER_PORT", "PET_MASTER_PORT")
_STALE = ("SWEEP_", "PET_", "WANDB_RUN_", "WANDB_SWEEP_", "WANDB_NAME", "WANDB_RESUME")
"""Variables of an enclosing run, which a nested run must not inherit."""
WANDB_KEY = "WANDB_API_KEY"


class NoSuchProgram(Unsupported):
    """The command cannot be found."""

    reason = "ProgramNotFound"


@dataclass(frozen=True)
class Place:
    """Paths of one pod's files."""

    run_dir: Path
    stem: str

    @property
    def log(self) -> Path:
        """Standard output and error."""
        return self.run_dir / "logs" / f"{self.stem}.log"

    @property
    def result(self) -> Path:
        """The termination message."""
        return self.run_dir / "logs" / f"{self.stem}.result"

    @property
    def record(self) -> Path:
        """The exit record, written by the supervisor."""
        return self.run_dir / "logs" / f"{self.stem}.exit.json"

    @property
    def reserved(self) -> Path:
        """Space on the disk for the exit record."""
        return self.record.with_name(f"{self.record.name}.tmp")

    @property
    def scratch(self) -> Path:
        """The pod's own volumes, such as emptyDir, which are deleted with it."""
        return self.run_dir / "volumes" / self.stem

    @property
    def lock(self) -> Path:
        """Locked while the supervisor is running."""
        return self.run_dir / "logs" / f".{self.stem}.lock"

    @property
    def spec(self) -> Path:
        """The supervisor's input: the command and the pod's uid."""
        return self.run_dir / "logs" / f".{self.stem}.spec.json"


def place_of(pod: Mapping[str, Any], root: Path) -> Place:
    """Paths of a pod's files. Raises Unsupported for a run path outside ``root``."""
    meta = pod["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    relative = annotations.get(RUN_PATH_ANNOTATION) or f"pods/{meta['name']}"
    run_dir = (root / relative).resolve()
    if not run_dir.is_relative_to(root.resolve()):
        raise Unsupported(f"annotation {RUN_PATH_ANNOTATION}: {relative!r} is outside {root}")
    if STAGE_LABEL not in labels:
        return Place(run_dir, meta["name"])
    rank = annotations.get(INDEX_ANNOTATION)
    stem = f"{labels[STAGE_LABEL]}-{labels.get(ATTEMPT_LABEL, '1')}" + (f"-{rank}" if rank is not None else "")
    return Place(run_dir, stem)


@dataclass(frozen=True)
class Process:
    """The command that the supervisor runs."""

    argv: list[str]
    env: dict[str, str]
    cwd: str


def build_process(
    pod: Mapping[str, Any], place: Place, config_map: ConfigMaps, outer: Mapping[str, str], cwd: Path, port: int
) -> Process:
    """Create the pod's volumes; return the process of its main container. Raises Unsupported.

    ``outer``: the environment that processes inherit; ``port``: a free one for the ranks of a multi-node Job.
    """
    place.log.parent.mkdir(parents=True, exist_ok=True)
    paths = materialize(pod, place.run_dir, place.scratch, config_map)
    main = pod["spec"]["containers"][0]
    paths[main.get("terminationMessagePath") or RESULTS_FILE] = str(place.result)
    ranks = _ranks(pod)

    def local(text: str) -> str:
        text = translate(text, paths)
        return text if ranks is None else ranks.sub("127.0.0.1", text)

    declared = _environment(main, pod, config_map, outer, None if ranks is None else str(port))
    env = {k: v for k, v in outer.items() if not k.startswith(_STALE)}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    env |= {name: local(value) for name, value in declared.items()}
    argv = [local(expand(part, declared)) for part in [*(main.get("command") or []), *(main.get("args") or [])]]
    if not argv:
        raise Unsupported("the container has neither command nor args, and images are not used locally; add a command")
    folder = local(main["workingDir"]) if main.get("workingDir") else str(cwd)
    if not Path(folder).is_dir():
        raise Unsupported(f"workingDir {folder} does not exist; create it, or remove workingDir to start in {cwd}")
    found = shutil.which(argv[0], path=env["PATH"])
    if found is None and not (Path(folder) / argv[0]).exists():
        raise NoSuchProgram(f"{argv[0]}: program not found on the PATH or below {folder}")
    return Process([found or argv[0], *argv[1:]], env, folder)


def _environment(
    main: Mapping[str, Any], pod: Mapping[str, Any], config_map: ConfigMaps, outer: Mapping[str, str], port: str | None
) -> dict[str, str]:
    """The environment that the container declares, as in a cluster, except for the ``port`` of the ranks."""
    declared: dict[str, str] = {}
    for source in main.get("envFrom") or []:
        declared |= _env_from(source, config_map)
    for variable in main.get("env") or []:
        name = variable["name"]
        if port is not None and name in _RANK_PORTS:
            declared[name] = port
        elif variable.get("valueFrom") is None:
            declared[name] = expand(str(variable.get("value") or ""), declared)
        elif (value := _value_from(variable, pod, config_map, outer)) is not None:
            declared[name] = value
    return declared


def _value_from(
    variable: Mapping[str, Any], pod: Mapping[str, Any], config_map: ConfigMaps, outer: Mapping[str, str]
) -> str | None:
    source = variable["valueFrom"]
    if "fieldRef" in source:
        return field_of(pod, source["fieldRef"]["fieldPath"])
    if "configMapKeyRef" in source:
        reference = source["configMapKeyRef"]
        data = (config_map(reference["name"]) or {}).get("data") or {}
        if reference["key"] in data:
            return str(data[reference["key"]])
        if reference.get("optional"):
            return None
        raise Unsupported(f"env {variable['name']}: ConfigMap {reference['name']!r} has no key {reference['key']!r}")
    if "secretKeyRef" in source:
        name = variable["name"]
        if name in outer:
            return outer[name]
        if source["secretKeyRef"].get("optional") or name == WANDB_KEY:
            return None  # wandb uses the login of this machine
        raise Unsupported(
            f"env {name}: there are no Secrets on one machine; set {name} in the environment of sweep run"
        )
    raise Unsupported(f"env {variable['name']}: {next(iter(source))} is not supported on one machine")


def _env_from(source: Mapping[str, Any], config_map: ConfigMaps) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    if "configMapRef" not in source:
        return {}  # a Secret: its variables are expected in the environment of sweep run
    reference = source["configMapRef"]
    found = config_map(reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise Unsupported(f"envFrom: ConfigMap {reference['name']!r} does not exist")
    return {prefix + k: str(v) for k, v in (found.get("data") or {}).items()}


def _ranks(pod: Mapping[str, Any]) -> re.Pattern[str] | None:
    """Pattern of the DNS names of an Indexed Job's pods. All ranks run on this machine, on a port of their Job."""
    hostname = pod["spec"].get("hostname")
    if INDEX_ANNOTATION not in (pod["metadata"].get("annotations") or {}) or not hostname:
        return None
    job = re.escape(hostname.rpartition("-")[0])
    return re.compile(rf"(?<![\w.-]){job}-[0-9]+(?:\.[a-z0-9-]+)*(?![\w-])")
