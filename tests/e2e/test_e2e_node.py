"""The cluster itself: what the operator relies on, from a real kubelet."""

from __future__ import annotations

from typing import Any

from tests.cluster.kubectl import Kubectl
from tests.e2e.workload import Workload, ended, job, message

REPORT = (
    'python -c \'import json, os; print(os.getuid()); json.dump({"score": 0.5}, open("/dev/termination-log", "w"))\''
)
HUNGRY = "python -c 'b = bytearray(1 << 30); print(len(b))'"
TALK = """
import json, os, socket, time
index = int(os.environ["JOB_COMPLETION_INDEX"])
if index == 0:
    server = socket.create_server(("", 7777))
    connection, _ = server.accept()
    said = connection.recv(100).decode()
else:
    deadline = time.monotonic() + 300
    while True:
        try:
            connection = socket.create_connection(("talk-0.talk", 7777), timeout=5)
            break
        except OSError as error:
            assert time.monotonic() < deadline, error
            time.sleep(0.2)
    connection.sendall(b"hello from 1")
    said = ""
json.dump({"said": said}, open("/dev/termination-log", "w"))
"""


def pods(cluster: Kubectl, namespace: str, name: str) -> list[dict[str, Any]]:
    return cluster.list("pods", namespace, job=name)


def test_a_pod_leaves_a_message_and_a_log(cluster: Kubectl, namespace: str, workload: Workload) -> None:
    cluster.apply(job("report", workload, ["sh", "-c", REPORT]), namespace)
    cluster.kubectl("wait", "--for=condition=Complete", "job/report", "-n", namespace, "--timeout=300s", timeout=320)
    (pod,) = pods(cluster, namespace, "report")
    assert message(pod) == {"score": 0.5}
    assert cluster.kubectl("logs", pod["metadata"]["name"], "-n", namespace) == "65532\n"


def test_the_kernel_ends_what_takes_too_much_memory(cluster: Kubectl, namespace: str, workload: Workload) -> None:
    cluster.apply(job("hungry", workload, ["sh", "-c", HUNGRY], limits={"memory": "64Mi"}), namespace)
    cluster.until(lambda: any(ended(p) for p in pods(cluster, namespace, "hungry")), "it has ended")
    (pod,) = pods(cluster, namespace, "hungry")
    assert (ended(pod)["reason"], ended(pod)["exitCode"]) == ("OOMKilled", 137)


def test_pods_find_each_other_by_name(cluster: Kubectl, namespace: str, workload: Workload) -> None:
    headless = {"clusterIP": "None", "selector": {"job": "talk"}, "publishNotReadyAddresses": True}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "talk"}, "spec": headless}
    cluster.apply([service, job("talk", workload, ["python", "-c", TALK], nodes=2)], namespace)
    cluster.kubectl("wait", "--for=condition=Complete", "job/talk", "-n", namespace, "--timeout=400s", timeout=420)
    assert {message(p)["said"] for p in pods(cluster, namespace, "talk")} == {"", "hello from 1"}
