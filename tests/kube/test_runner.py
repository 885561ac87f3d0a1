"""The Job controller and the runner, with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.names import FILES_ANNOTATION_PREFIX, RUN_PATH_ANNOTATION
from sweep_operator.kube.embedded import LocalCluster
from sweep_operator.kube.embedded.container import Place, build_process, expand
from sweep_operator.kube.embedded.memory_limit import limit_bytes
from sweep_operator.kube.embedded.volumes import translate, unsupported
from sweep_operator.kube.protocol import Kind, NotFound, Object

NS = "default"
PATIENCE = 60


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[LocalCluster]:
    async with LocalCluster(tmp_path / "state.db", tmp_path) as cluster:
        yield cluster


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
    assert terminated["reason"] == "StartError"
    assert "no-such-program" in terminated["message"]
    assert "startedAt" not in terminated


async def test_the_termination_message_is_the_results_file(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "printf hello > /dev/termination-log; echo noise"))
    assert (await ended(cluster, "j"))[1]["message"] == "hello"


async def test_a_long_message_is_cut_at_4096_bytes(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "head -c 9000 /dev/zero | tr '\\0' x > /dev/termination-log"))
    assert (await ended(cluster, "j"))[1]["message"] == "x" * 4096


async def test_an_empty_message_after_a_failure_falls_back_to_the_log(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "echo it broke >&2; exit 1"))
    assert "it broke" in (await ended(cluster, "j"))[1]["message"]


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


async def test_the_deadline_of_a_pod(cluster: LocalCluster) -> None:
    await cluster.kube.create(Kind.JOB, job("j", "exec sleep 600", pod={"activeDeadlineSeconds": 1}))
    pod, _ = await ended(cluster, "j")
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "DeadlineExceeded")


async def test_a_job_that_is_deleted_ends_its_process_politely(cluster: LocalCluster, tmp_path: Path) -> None:
    script = f"trap 'echo asked > {tmp_path}/asked; exit 0' TERM; while :; do sleep 0.05; done"
    await cluster.kube.create(Kind.JOB, job("j", script))
    await running(cluster, "j")
    await asyncio.sleep(0.2)
    await cluster.kube.delete(Kind.JOB, NS, "j")

    async def gone() -> bool:
        return not await pods(cluster, "j")

    await until(gone)
    assert (tmp_path / "asked").read_text() == "asked\n"


async def test_a_finalizer_keeps_the_message_of_a_deleted_pod(cluster: LocalCluster) -> None:
    script = "printf result > /dev/termination-log; exec sleep 600"
    await cluster.kube.create(Kind.JOB, job("j", script, meta={"finalizers": ["metta.ai/result"]}))
    pod = await running(cluster, "j")
    await asyncio.sleep(0.2)
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
        "    for _ in range(200):\n"
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


async def test_stopping_the_cluster_leaves_nothing_and_calls_it_lost(tmp_path: Path) -> None:
    async with LocalCluster(tmp_path / "state.db", tmp_path) as first:
        await first.kube.create(Kind.JOB, job("j", f"echo $$$$ > {tmp_path}/pid; exec sleep 600"))
        await running(first, "j")
        await until(lambda: _exists(tmp_path / "pid"))
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    async with LocalCluster(tmp_path / "state.db", tmp_path) as second:
        pod, _ = await ended(second, "j")
        assert pod["status"]["conditions"][0]["reason"] == "ProcessLost"


async def _exists(path: Path) -> bool:
    return path.exists() and bool(path.read_text().strip())


async def _recorded(logs: Path) -> bool:
    return any(logs.glob("*.exit.json"))


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
    quick = job("quick", f"printf done > /dev/termination-log; touch {tmp_path}/quick-done")
    slow = job("slow", f"echo $$$$ > {tmp_path}/pid; sleep 600 & echo $! > {tmp_path}/child; wait")
    host = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path), json.dumps([quick, slow])])
    await until(lambda: _exists(tmp_path / "child"))
    await until(lambda: _recorded(tmp_path / "quick" / "logs"))
    host.send_signal(signal.SIGKILL)
    host.wait()
    async with LocalCluster(tmp_path / "state.db", tmp_path) as cluster:
        for file in ("pid", "child"):
            assert not psutil.pid_exists(int((tmp_path / file).read_text())), f"{file} lives on"
        _, terminated = await ended(cluster, "quick")
        assert (terminated["exitCode"], terminated["message"]) == (0, "done")
        pod, _ = await ended(cluster, "slow")
        assert pod["status"]["conditions"][0]["type"] == "DisruptionTarget"


# -- pure parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/sweep/run", "/x"),
        ("--out=/sweep/run/a", "--out=/x/a"),
        ("/sweep/runner /sweep/run-2", "/sweep/runner /sweep/run-2"),
        ("/old/sweep/run", "/old/sweep/run"),
        ("a:/sweep/run:/etc/sweep/f", "a:/x:/y/f"),
        ("/sweep/run/deep/f", "/z/f"),
    ],
)
def test_paths_are_translated_at_their_boundaries(text: str, expected: str) -> None:
    assert translate(text, {"/sweep/run": "/x", "/etc/sweep": "/y", "/sweep/run/deep": "/z"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A $", "$A $"), ("$$", "$"), ("$(A", "$(A")],
)
def test_expansion_is_kubernetes_own(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(st.text())
def test_escaped_text_comes_through(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "1"}) == text


def test_volumes_without_a_local_meaning_are_named() -> None:
    spec = {"volumes": [{"name": "d", "nfs": {}}, {"name": "sweep-run", "persistentVolumeClaim": {}}]}
    assert unsupported(spec) == [
        "volume 'd' is a nfs, which has no meaning on one machine; use emptyDir, configMap, hostPath, downwardAPI"
    ]


@pytest.mark.parametrize(
    ("quantity", "expected"), [("100Mi", 100 * 2**20), ("1.5G", 1_500_000_000), ("7", 7), ("", None), ("lots", None)]
)
def test_memory_quantities(quantity: str, expected: int | None) -> None:
    assert limit_bytes({"resources": {"limits": {"memory": quantity}}}) == expected


def test_the_environment_of_an_outer_run_is_not_inherited(tmp_path: Path) -> None:
    outer = {"PATH": os.environ["PATH"], "SWEEP_RUN_NAME": "outer", "KEPT": "yes"}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "command": ["sh"]}]}}
    process = build_process(pod, Place(tmp_path, "s"), lambda name: None, outer, tmp_path, 1)
    assert "SWEEP_RUN_NAME" not in process.env
    assert process.env["KEPT"] == "yes"
