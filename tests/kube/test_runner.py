"""The Job controller and the runner, with real processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweep_operator.api.names import FILES_ANNOTATION_PREFIX
from sweep_operator.kube.embedded import LocalCluster
from sweep_operator.kube.protocol import Kind, NotFound
from tests.kube.local_jobs import NS, alive, ended, exists, finished, job, pods, running, until


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[LocalCluster]:
    async with LocalCluster(tmp_path / "state.db", tmp_path) as cluster:
        yield cluster


@pytest.mark.parametrize(
    ("script", "code", "reason", "end"),
    [
        ("true", 0, "Completed", ("Complete", "CompletionsReached")),
        ("exit 3", 3, "Error", ("Failed", "BackoffLimitExceeded")),
        ("kill -TERM $$$$", 143, "Error", ("Failed", "BackoffLimitExceeded")),
    ],
)
async def test_exit_codes(cluster: LocalCluster, script: str, code: int, reason: str, end: tuple[str, str]) -> None:
    await cluster.kube.create(Kind.JOB, job("j", script))
    _, terminated = await ended(cluster, "j")
    assert (terminated["exitCode"], terminated["reason"]) == (code, reason)
    assert terminated["startedAt"] <= terminated["finishedAt"]
    assert await finished(cluster, "j") == end
    assert len(await pods(cluster, "j")) == 1, "backoffLimit 0: one pod, ever"


async def test_a_program_that_does_not_exist_never_starts(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", ["no-such-program"]))
    _, terminated = await ended(cluster, "j")
    assert terminated["reason"] == "ProgramNotFound"
    assert "no-such-program" in terminated["message"]
    assert "startedAt" not in terminated


async def test_the_termination_message_is_the_results_file(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "printf hello > /dev/termination-log; echo noise"))
    assert (await ended(cluster, "j"))[1]["message"] == "hello"


async def test_of_a_long_message_the_last_4096_bytes_are_kept(cluster: LocalCluster) -> None:
    script = "(printf first; head -c 9000 /dev/zero | tr '\\0' x; printf last) > /dev/termination-log"
    await cluster.kube.create(Kind.JOB, job("j", script))
    assert (await ended(cluster, "j"))[1]["message"] == "x" * 4092 + "last"


@pytest.mark.parametrize(("policy", "falls_back"), [("FallbackToLogsOnError", True), ("File", False)])
async def test_an_empty_message_after_a_failure_falls_back_to_the_log(
    cluster: LocalCluster, policy: str, falls_back: bool
) -> None:
    script = "seq 1 200; echo it broke >&2; exit 1"
    await cluster.kube.create(Kind.JOB, job("j", script, container={"terminationMessagePolicy": policy}))
    message = (await ended(cluster, "j"))[1]["message"]
    assert message.splitlines() == ([*map(str, range(122, 201)), "it broke"] if falls_back else [])


async def test_files_environment_and_paths(cluster: LocalCluster, tmp_path: Path) -> None:
    text = "quotes ' \" and\nnewlines $(X) $HOME \\ end"
    files = {
        "path": "note.txt",
        "fieldRef": {"fieldPath": f"metadata.annotations['{FILES_ANNOTATION_PREFIX}note.txt']"},
    }
    volumes = [
        {"name": "sweep-run", "emptyDir": {}},
        {"name": "sweep-files", "downwardAPI": {"items": [files]}},
        {"name": "scratch", "emptyDir": {}},
    ]
    mounts = [
        {"name": "sweep-run", "mountPath": "/sweep/run"},
        {"name": "sweep-files", "mountPath": "/etc/sweep"},
        {"name": "scratch", "mountPath": "/data"},
    ]
    env = [
        {"name": "A", "value": "one"},
        {"name": "B", "value": "$(A)-$$(A)-$(NOPE)"},
        {"name": "WHERE", "value": "/sweep/run/x:/sweep/runner"},
        {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    script = (
        'cat /etc/sweep/note.txt > /sweep/run/copy; echo "$B $WHERE $1" > /data/out; '
        "cp /data/out /sweep/run/; echo $WHO"
    )
    container = {"env": env, "volumeMounts": mounts, "args": ["sh", "/sweep/run"]}
    meta = {"annotations": {f"{FILES_ANNOTATION_PREFIX}note.txt": text}}
    await cluster.kube.create(Kind.JOB, job("j", script, pod={"volumes": volumes}, container=container, meta=meta))
    pod, terminated = await ended(cluster, "j")
    assert terminated["exitCode"] == 0, terminated
    folder = tmp_path / "j"
    assert (folder / "copy").read_text() == text
    assert (folder / "out").read_text() == f"one-$(A)-$(NOPE) {folder}/x:/sweep/runner {folder}\n"
    log = b"".join([chunk async for chunk in cluster.kube.read_log(NS, pod["metadata"]["name"])])
    assert log.decode().strip() == pod["metadata"]["name"]


async def test_config_maps_are_files_and_variables(cluster: LocalCluster, tmp_path: Path) -> None:
    await cluster.kube.create(
        Kind.CONFIG_MAP, {"metadata": {"name": "cm", "namespace": NS}, "data": {"k": "v", "f.txt": "text"}}
    )
    volumes = [{"name": "sweep-run", "emptyDir": {}}, {"name": "cm", "configMap": {"name": "cm"}}]
    container = {
        "volumeMounts": [{"name": "sweep-run", "mountPath": "/sweep/run"}, {"name": "cm", "mountPath": "/config"}],
        "env": [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}}],
    }
    script = 'cat /config/f.txt > /sweep/run/seen; printf "%s" "$K" >> /sweep/run/seen'
    await cluster.kube.create(Kind.JOB, job("j", script, pod={"volumes": volumes}, container=container))
    await ended(cluster, "j")
    assert (tmp_path / "j" / "seen").read_text() == "textv"


async def test_memory_limits_kill(cluster: LocalCluster) -> None:
    hungry = [sys.executable, "-c", "import time; x = bytearray(200_000_000); time.sleep(60)"]
    container = {"resources": {"limits": {"memory": "50Mi"}}}
    await cluster.kube.create(Kind.JOB, job("j", hungry, container=container))
    _, terminated = await ended(cluster, "j")
    assert (terminated["exitCode"], terminated["reason"]) == (137, "OOMKilled")


async def test_the_peak_memory_of_a_program_is_measured(cluster: LocalCluster) -> None:
    hungry = [sys.executable, "-c", "x = bytearray(200_000_000)"]
    await cluster.kube.create(Kind.JOB, job("j", hungry))
    pod, terminated = await ended(cluster, "j")
    assert 200e6 < pod["status"]["peakMemoryBytes"] < 600e6
    assert terminated["message"] == ""


async def test_the_deadline_of_a_pod(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "exec sleep 600", pod={"activeDeadlineSeconds": 1}))
    pod, _ = await ended(cluster, "j")
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "DeadlineExceeded")


async def test_a_job_that_is_deleted_ends_its_process_politely(cluster: LocalCluster, tmp_path: Path) -> None:
    trap = f"trap 'echo asked > {tmp_path}/asked; exit 0' TERM; echo up > {tmp_path}/ready"
    await cluster.kube.create(Kind.JOB, job("j", f"{trap}; while :; do sleep 0.05; done"))
    await until(lambda: exists(tmp_path / "ready"))
    await cluster.kube.delete(Kind.JOB, NS, "j")

    async def gone() -> bool:
        return not await pods(cluster, "j")

    await until(gone)
    assert (tmp_path / "asked").read_text() == "asked\n"


async def test_a_finalizer_keeps_the_message_of_a_deleted_pod(cluster: LocalCluster, tmp_path: Path) -> None:
    script = f"printf result > /dev/termination-log; echo up > {tmp_path}/ready; exec sleep 600"
    await cluster.kube.create(Kind.JOB, job("j", script, meta={"finalizers": ["metta.ai/result"]}))
    await until(lambda: exists(tmp_path / "ready"))
    pod = await running(cluster, "j")
    await cluster.kube.delete(Kind.POD, NS, pod["metadata"]["name"])
    pod, terminated = await ended(cluster, "j")
    assert terminated["message"] == "result"
    assert pod["metadata"]["deletionTimestamp"]
    await cluster.kube.patch(Kind.POD, NS, pod["metadata"]["name"], {"metadata": {"finalizers": []}})
    with pytest.raises(NotFound):
        await cluster.kube.get(Kind.POD, NS, pod["metadata"]["name"])


async def test_a_suspended_job_has_no_process_until_it_is_resumed(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "true", spec={"suspend": True}))
    await asyncio.sleep(0.2)
    assert await pods(cluster, "j") == []
    await cluster.kube.patch(Kind.JOB, NS, "j", {"spec": {"suspend": False}})
    assert (await finished(cluster, "j"))[0] == "Complete"


async def test_a_finished_job_expires(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "true", spec={"ttlSecondsAfterFinished": 0}))

    async def gone() -> bool:
        return not (await cluster.kube.list(Kind.JOB)).items

    await until(gone)


async def test_ranks_find_each_other(cluster: LocalCluster, tmp_path: Path) -> None:
    rendezvous = (
        "import os, socket\n"
        "rank, place = int(os.environ['RANK']), (os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))\n"
        "if rank == 0:\n"
        "    s = socket.create_server(place); c, _ = s.accept(); print(c.recv(9).decode())\n"
        "else:\n"
        "    import time\n"
        "    for _ in range(5000):\n"
        "        try: c = socket.create_connection(place); break\n"
        "        except OSError: time.sleep(0.05)\n"
        "    c.sendall(b'hello')\n"
    )
    index = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
    env = [
        {"name": "RANK", "valueFrom": index},
        {"name": "MASTER_ADDR", "value": "j-0.j"},
        {"name": "MASTER_PORT", "value": "29500"},
    ]
    spec = {"completions": 2, "parallelism": 2, "completionMode": "Indexed"}
    await cluster.kube.create(Kind.JOB, job("j", [sys.executable, "-c", rendezvous], spec=spec, container={"env": env}))
    assert (await finished(cluster, "j"))[0] == "Complete"
    logs = sorted((tmp_path / "j" / "logs").glob("*.log"))
    assert [p.read_text().strip() for p in logs].count("hello") == 1


async def test_one_failing_rank_fails_the_job(cluster: LocalCluster) -> None:
    script = 'if [ "$JOB_COMPLETION_INDEX" = 1 ]; then exit 3; fi; exec sleep 600'
    spec = {"completions": 2, "parallelism": 2, "completionMode": "Indexed"}
    await cluster.kube.create(Kind.JOB, job("j", script, spec=spec))
    assert await finished(cluster, "j") == ("Failed", "BackoffLimitExceeded")


async def test_descendants_that_left_the_group_end_with_their_program(cluster: LocalCluster, tmp_path: Path) -> None:
    script = f"setsid sleep 600 & echo $! > {tmp_path}/pid; sleep 0.1"
    await cluster.kube.create(Kind.JOB, job("j", script))
    await ended(cluster, "j")
    if sys.platform.startswith("linux"):
        assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("pod", "container", "says"),
    [
        ({"volumes": [{"name": "d", "nfs": {}}]}, {}, "volume 'd' of type nfs"),
        ({"volumes": [{"name": "c", "configMap": {"name": "no"}}]}, {}, "ConfigMap 'no' does not exist"),
        ({}, {"env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}, "set K in the envir"),
        ({}, {"command": []}, "add a command"),
        ({}, {"workingDir": "/no/such/place"}, "workingDir /no/such/place does not exist"),
    ],
)
async def test_unsupported_pods_never_start(cluster: LocalCluster, pod: Any, container: Any, says: str) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "true", pod=pod, container=container))
    _, terminated = await ended(cluster, "j")
    assert terminated["reason"] == "CreateContainerConfigError"
    assert says in terminated["message"]
    assert "startedAt" not in terminated


async def test_the_environment_never_touches_the_disk(cluster: LocalCluster, tmp_path: Path) -> None:
    env = [{"name": "KEY", "value": "hunter2"}]
    await cluster.kube.create(Kind.JOB, job("j", 'test -n "$KEY" && exec sleep 600', container={"env": env}))
    await running(cluster, "j")
    files = [p for p in (tmp_path / "j").rglob("*") if p.is_file()]
    assert files
    assert not [p for p in files if b"hunter2" in p.read_bytes()]


async def test_a_pod_that_is_deleted_by_force_takes_its_process_along(cluster: LocalCluster, tmp_path: Path) -> None:
    await cluster.kube.create(Kind.JOB, job("j", f"trap '' TERM; echo $$$$ > {tmp_path}/pid; sleep 600 & wait; wait"))
    pod = await running(cluster, "j")
    await until(lambda: exists(tmp_path / "pid"))
    await cluster.kube.delete(Kind.POD, NS, pod["metadata"]["name"], grace_seconds=0)

    async def gone() -> bool:
        return not alive(tmp_path / "pid")

    await until(gone)


async def test_the_grace_period_ends(cluster: LocalCluster, tmp_path: Path) -> None:
    script = f"trap '' TERM; echo $$$$ > {tmp_path}/pid; while :; do sleep 0.05; done"
    spec = {"terminationGracePeriodSeconds": 1}
    await cluster.kube.create(Kind.JOB, job("j", script, pod=spec, meta={"finalizers": ["metta.ai/result"]}))
    pod = await running(cluster, "j")
    await until(lambda: exists(tmp_path / "pid"))
    await cluster.kube.delete(Kind.POD, NS, pod["metadata"]["name"])
    _, terminated = await ended(cluster, "j")
    assert (terminated["exitCode"], terminated["signal"]) == (137, 9)


async def test_a_running_job_is_suspended_and_resumed(cluster: LocalCluster, tmp_path: Path) -> None:
    script = f"if [ -f {tmp_path}/once ]; then exit 0; fi; echo $$$$ > {tmp_path}/once; exec sleep 600"
    await cluster.kube.create(Kind.JOB, job("j", script))
    await until(lambda: exists(tmp_path / "once"))
    await cluster.kube.patch(Kind.JOB, NS, "j", {"spec": {"suspend": True}})

    async def gone() -> bool:
        return not await pods(cluster, "j")

    await until(gone)
    assert not alive(tmp_path / "once")
    await cluster.kube.patch(Kind.JOB, NS, "j", {"spec": {"suspend": False}})
    assert await finished(cluster, "j") == ("Complete", "CompletionsReached")


async def test_forked_workers_that_share_memory_are_not_counted_twice(cluster: LocalCluster) -> None:
    script = (
        "import os, time\n"
        "shared = bytearray(os.urandom(1) * 60_000_000)\n"
        "children = [os.fork() for _ in range(1)]\n"
        "for _ in range(3): children += [os.fork()] if children[-1] else []\n"
        "time.sleep(1.5)\n"
    )
    container = {"resources": {"limits": {"memory": "150Mi"}}}
    await cluster.kube.create(Kind.JOB, job("j", [sys.executable, "-c", script], container=container))
    _, terminated = await ended(cluster, "j")
    assert terminated["reason"] == "Completed", "four times 60 MB resident, but the same 60 MB"


async def test_an_empty_dir_is_a_pods_own_and_goes_with_it(cluster: LocalCluster, tmp_path: Path) -> None:
    container = {"volumeMounts": [{"name": "scratch", "mountPath": "/data", "subPath": "deep/down"}]}
    script = "ls -A /data; echo $JOB_COMPLETION_INDEX > /data/mine; sleep 0.3; cat /data/*"
    spec = {"completions": 2, "parallelism": 2, "completionMode": "Indexed"}
    volumes = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    await cluster.kube.create(Kind.JOB, job("j", script, spec=spec, pod=volumes, container=container))
    assert (await finished(cluster, "j"))[0] == "Complete"
    assert sorted(p.read_text() for p in (tmp_path / "j" / "logs").glob("*.log")) == ["0\n", "1\n"]
    assert not (tmp_path / "j" / "volumes").exists()
