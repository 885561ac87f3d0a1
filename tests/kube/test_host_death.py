"""Processes when `sweep run` ends: regularly, by kill -9, or before they started."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sweep_operator.api.names import ATTEMPT_LABEL, RUN_PATH_ANNOTATION, STAGE_LABEL
from sweep_operator.kube.embedded import EmbeddedKube, LocalCluster
from sweep_operator.kube.embedded.container import Place
from sweep_operator.kube.embedded.process import SUPERVISOR
from sweep_operator.kube.embedded.runner import Runner
from sweep_operator.kube.embedded.space import Space
from sweep_operator.kube.protocol import Kind, Object
from tests.kube.local_jobs import NS, alive, ended, exists, job, running, until


async def test_stopping_the_cluster_leaves_nothing_and_calls_it_lost(tmp_path: Path) -> None:
    async with LocalCluster(tmp_path / "state.db", tmp_path) as first:
        await first.kube.create(Kind.JOB, job("j", f"echo $$$$ > {tmp_path}/pid; exec sleep 600"))
        await running(first, "j")
        await until(lambda: exists(tmp_path / "pid"))
    assert not alive(tmp_path / "pid")
    async with LocalCluster(tmp_path / "state.db", tmp_path) as second:
        pod, _ = await ended(second, "j")
        assert pod["status"]["conditions"][0]["reason"] == "ProcessLost"


HOST = """
import asyncio, json, sys
from pathlib import Path
from sweep_operator.kube.embedded import LocalCluster
from sweep_operator.kube.protocol import Kind

async def main():
    async with LocalCluster(Path(sys.argv[1]) / "state.db", Path(sys.argv[1])) as cluster:
        for body in json.loads(sys.argv[2]):
            await cluster.kube.create(Kind.JOB, body)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_kill_9_of_the_host(tmp_path: Path) -> None:
    """Nothing lives on; what had ended by itself keeps its result, what had not is lost."""
    labels = {STAGE_LABEL: "train", ATTEMPT_LABEL: "1"}
    quick = job("quick", "printf done > /dev/termination-log", meta={"labels": labels})
    slow = job("slow", f"echo $$$$ > {tmp_path}/pid; sleep 600 & echo $! > {tmp_path}/child; wait")
    host = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path), json.dumps([quick, slow])])
    await until(lambda: exists(tmp_path / "child"))
    await until(lambda: exists(tmp_path / "quick" / "logs" / "train-1.exit.json"))
    host.send_signal(signal.SIGKILL)
    host.wait()
    async with LocalCluster(tmp_path / "state.db", tmp_path) as cluster:
        for file in ("pid", "child"):
            assert not alive(tmp_path / file), f"{file} lives on"
        _, terminated = await ended(cluster, "quick")
        assert (terminated["exitCode"], terminated["message"]) == (0, "done")
        pod, _ = await ended(cluster, "slow")
        assert pod["status"]["conditions"][0]["type"] == "DisruptionTarget"


async def test_a_program_that_says_goodbye_with_success_is_disrupted_all_the_same(tmp_path: Path) -> None:
    script = f"trap 'exit 0' TERM; echo > {tmp_path}/ready up; while :; do sleep 0.05; done"
    async with LocalCluster(tmp_path / "state.db", tmp_path) as cluster:
        await cluster.kube.create(Kind.JOB, job("j", script))
        await until(lambda: exists(tmp_path / "ready"))
        await cluster.stop(kill=False)
        pod, terminated = await ended(cluster, "j")
    assert terminated["exitCode"] == 0
    assert pod["status"]["conditions"][0]["reason"] == "ProcessLost"


async def test_what_ended_before_the_host_keeps_its_outcome(tmp_path: Path) -> None:
    async with LocalCluster(tmp_path / "state.db", tmp_path) as cluster:
        await cluster.kube.create(Kind.JOB, job("j", "exit 3"))
        await ended(cluster, "j")
        await cluster.stop(kill=True)
        pod, terminated = await ended(cluster, "j")
    assert (terminated["exitCode"], pod["status"].get("conditions")) == (3, None)


@pytest.mark.parametrize(("sent", "starts"), [(b"", False), (b'{"HALF": ', False), (b'{"A": "1"}\n', True)])
def test_a_supervisor_whose_parent_has_ended_starts_nothing(tmp_path: Path, sent: bytes, starts: bool) -> None:
    place = Place(tmp_path, "s")
    place.log.parent.mkdir()
    files = {"log": str(place.log), "record": str(place.record), "lock": str(place.lock)}
    argv = ["/bin/sh", "-c", f"echo begun > {tmp_path}/begun"]
    place.spec.write_text(json.dumps({"argv": argv, "cwd": str(tmp_path), "uid": "u", "grace": 5, **files}))
    command = [sys.executable, "-I", "-S", str(SUPERVISOR), str(place.spec)]
    said = subprocess.run(command, input=sent, check=True, timeout=300, stdout=subprocess.PIPE).stdout
    assert bool(said) is starts
    assert starts or not (tmp_path / "begun").exists()


def pending(name: str, run_path: str, **labels: str) -> Object:
    meta = {"name": name, "namespace": NS, "annotations": {RUN_PATH_ANNOTATION: run_path}, "labels": labels}
    return {"metadata": meta, "spec": {"containers": [{"name": "main", "command": ["true"]}]}}


async def test_recovery_tells_pods_of_one_place_apart(tmp_path: Path) -> None:
    """A Job that was suspended and resumed has two pods with the same files: only the first one was started."""
    kube = EmbeddedKube(None, clock=lambda: datetime.now(UTC))
    labels = {STAGE_LABEL: "train", ATTEMPT_LABEL: "1"}
    first = await kube.create(Kind.POD, pending("first", "r", **labels))
    await kube.create(Kind.POD, pending("second", "r", **labels))
    place = Place(tmp_path / "r", "train-1")
    place.spec.parent.mkdir(parents=True)
    place.spec.write_text(json.dumps({"uid": first["metadata"]["uid"]}))
    await Runner(kube, tmp_path, Space(tmp_path)).recover()
    phases = [(await kube.get(Kind.POD, NS, name)).get("status", {}).get("phase") for name in ("first", "second")]
    assert phases == ["Failed", None]


async def test_a_pod_that_has_no_place_does_not_keep_the_host_from_starting(tmp_path: Path) -> None:
    kube = EmbeddedKube(tmp_path / "state.db", clock=lambda: datetime.now(UTC))
    await kube.create(Kind.POD, pending("p", "../elsewhere"))
    kube.close()
    async with LocalCluster(tmp_path / "state.db", tmp_path / "root") as cluster:

        async def refused() -> Object | None:
            status: Object = (await cluster.kube.get(Kind.POD, NS, "p")).get("status") or {}
            return status if status.get("phase") == "Failed" else None

        end = (await until(refused))["containerStatuses"][0]["state"]["terminated"]
    assert end["reason"] == "CreateContainerConfigError"
    assert "is outside" in end["message"]
    assert not (tmp_path / "elsewhere").exists()
