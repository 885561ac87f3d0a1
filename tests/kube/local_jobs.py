"""Jobs for the local cluster, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from sweep_operator.api.names import RUN_PATH_ANNOTATION
from sweep_operator.kube.embedded import LocalCluster
from sweep_operator.kube.protocol import Kind, Object

NS = "default"
PATIENCE = 300


def job(
    name: str, script: str | list[str], *, spec: Any = None, pod: Any = None, container: Any = None, meta: Any = None
) -> Object:
    command = ["sh", "-c", script] if isinstance(script, str) else script
    annotations = {RUN_PATH_ANNOTATION: name, **((meta or {}).get("annotations") or {})}
    main = {"name": "main", "command": command, **(container or {})}
    template = {"metadata": {**(meta or {}), "annotations": annotations}, "spec": {"containers": [main], **(pod or {})}}
    return {
        "metadata": {"name": name, "namespace": NS},
        "spec": {"backoffLimit": 0, "template": template, **(spec or {})},
    }


async def until(check: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found


async def pods(cluster: LocalCluster, name: str) -> list[Object]:
    return list((await cluster.kube.list(Kind.POD, labels={"job-name": name})).items)


async def ended(cluster: LocalCluster, name: str) -> tuple[Object, dict[str, Any]]:
    """The Job's only pod and its main container's end."""

    async def over() -> Object | None:
        for pod in await pods(cluster, name):
            if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                return pod
        return None

    pod = await until(over)
    return pod, pod["status"]["containerStatuses"][0]["state"]["terminated"]


async def running(cluster: LocalCluster, name: str) -> Object:
    async def started() -> Object | None:
        found = [p for p in await pods(cluster, name) if (p.get("status") or {}).get("phase") == "Running"]
        return found[0] if found else None

    result: Object = await until(started)
    return result


async def finished(cluster: LocalCluster, name: str) -> tuple[str, str]:
    async def condition() -> tuple[str, str] | None:
        status = (await cluster.kube.get(Kind.JOB, NS, name)).get("status") or {}
        for c in status.get("conditions") or []:
            if c["type"] in ("Complete", "Failed"):
                return c["type"], c["reason"]
        return None

    result: tuple[str, str] = await until(condition)
    return result


async def exists(path: Path) -> bool:
    """Whether a file has come, with something in it."""
    return path.exists() and bool(path.read_text().strip())


def alive(file: Path) -> bool:
    """Whether the process whose id a file holds lives."""
    return psutil.pid_exists(int(file.read_text()))
