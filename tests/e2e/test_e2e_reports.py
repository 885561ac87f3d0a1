"""Progress from the logs of a real kubelet: it rotates them, and programs write anything into them."""

from __future__ import annotations

from typing import Any

from tests.cluster.chart import Release
from tests.cluster.kubectl import Kubectl
from tests.cluster.sweeps import condition, running_pods, runs
from tests.e2e.sweeps import PATIENCE, finished, one_run
from tests.e2e.workload import Workload

PARAMETERS = {"x": {"distribution": "uniform", "min": 0, "max": 1}}
RESULT = """printf '{"reward": 0.5}' > "$SWEEP_RESULTS_FILE" """
ROTATED = """
import pathlib, time

def report(first):
    for number in range(first, first + 15):  # a curve has room for all of them
        print(f'SWEEP_REPORT {{"step": {2**number}, "reward": {number / 100}}}', flush=True)

def wait(file):
    while not pathlib.Path("/dev/shm", file).exists():
        time.sleep(0.1)

report(0)
wait("fill")
for _ in range(12_000):  # more than the default of containerLogMaxSize, 10 MiB
    print("x" * 1000)
wait("rotated")
report(15)
"""
LAST = """SWEEP_REPORT {"step": 5, "reward": 0.5}"""
LOGS = {
    "empty": "true",
    "binary": "head -c 300000 /dev/urandom; echo",
    "one-line": "head -c 300000 /dev/zero | tr '\\0' x; echo",
    "long": "head -c 100000000 /dev/zero | tr '\\0' x | fold -w 1000; echo",
}
"""Programs by what they write."""


def reporting(name: str, workload: Workload, command: list[str], **reports: Any) -> dict[str, Any]:
    train = {"command": command, "reports": {"everySeconds": 1, **reports}}
    return one_run(name, workload, train, parameters=PARAMETERS, fixed={}, method="random")


def progress(cluster: Kubectl, namespace: str, sweep: str) -> dict[str, Any]:
    found = runs(cluster, namespace, sweep)
    return dict(found[0].get("status", {}).get("progress") or {}) if found else {}


def test_a_log_that_is_rotated_loses_no_report_and_repeats_none(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    script = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "program"}}
    cluster.apply({**script, "data": {"rotated.py": ROTATED}}, namespace)
    body = reporting("rotated", workload, ["sh", "-c", f"python /program/rotated.py && {RESULT}"], maxStep=2**29)
    body["spec"]["train"]["volumes"] = [*workload.volumes, {"name": "program", "configMap": {"name": "program"}}]
    body["spec"]["train"]["volumeMounts"] = [*workload.mounts, {"name": "program", "mountPath": "/program"}]
    cluster.apply(body, namespace)
    cluster.until(
        lambda: progress(cluster, namespace, "rotated").get("step") == 2**14, "its reports are known", PATIENCE
    )
    _rotate(cluster, namespace)
    finished(cluster, namespace, "rotated")
    (run,) = runs(cluster, namespace, "rotated")
    curve = run["status"]["curve"]
    assert [(point["step"], point["value"]) for point in curve] == [(2**n, n / 100) for n in range(30)]
    seconds = [point["seconds"] for point in curve]
    assert seconds == sorted(seconds)
    assert condition(run, "Reporting") == {}, "nothing is wrong with its reports"


def _rotate(cluster: Kubectl, namespace: str) -> None:
    """Let the program fill its log, until the kubelet has begun a new file."""
    pod = running_pods(cluster, namespace, "rotated")[0]["metadata"]["name"]

    def begins() -> str:
        return cluster.kubectl("logs", pod, "-n", namespace, "--timestamps", "--limit-bytes=60")

    def go_on(file: str) -> None:
        cluster.kubectl("exec", pod, "-n", namespace, "-c", "main", "--", "touch", f"/dev/shm/{file}")

    before = begins()
    go_on("fill")
    cluster.until(lambda: begins() != before, "the log is rotated", PATIENCE)
    go_on("rotated")


def test_whatever_a_program_writes_its_result_counts(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    for name, program in LOGS.items():
        report = "true" if name == "empty" else f"echo '{LAST}'"
        cluster.apply(reporting(name, workload, ["sh", "-c", f"{program}; {report}; {RESULT}"]), namespace)
    for name in LOGS:
        finished(cluster, namespace, name)
        (run,) = runs(cluster, namespace, name)
        assert run["status"]["score"] == 0.5
        assert progress(cluster, namespace, name).get("step") == (None if name == "empty" else 5), name
