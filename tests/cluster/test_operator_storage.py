"""Volumes of runs, which of them stay, and what goes after its time to live: on a real API server."""

from __future__ import annotations

from sweep_operator.api.names import RUN_LABEL
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import condition, objects_of, runs, sweep, until_reason

CLAIM = {"claim": {"size": "1Gi"}}
EVAL = {"command": ["eval"]}


def test_retention_keeps_the_claims_it_names_and_deletes_the_others_after_their_jobs(
    cluster: Cluster, shared: Operator
) -> None:
    ns = shared.namespace
    limits = {"maxRuns": 3, "maxParallelRuns": 3}
    kinds = ("all", "pareto", "best", "none")
    for kind in kinds:
        cluster.apply(sweep(kind, limits=limits, storage={"retention": kind}, eval=EVAL), ns)
    for kind in kinds:
        status = until_reason(cluster, "sweep", kind, ns, "MaxRunsReached")["status"]
        front = {point["run"] for point in status["pareto"]}
        best = {status["best"][0]["run"]}
        all_ = {f"{kind}.r.{n}" for n in range(3)}
        kept = {"all": all_, "pareto": front, "best": best, "none": set()}[kind]
        cluster.until(lambda k=kind, w=kept: _with_claims(cluster, ns, k) == w, f"{kind}: the claims of {sorted(kept)}")
        assert [condition(r)["reason"] for r in runs(cluster, ns, kind)] == ["Completed"] * 3
        with_jobs = {j["metadata"]["labels"][RUN_LABEL] for j in objects_of(cluster, "jobs", ns, kind)}
        assert with_jobs == kept, "a finished pod holds its claim: those without have no Jobs, the others their logs"
    # train and eval of a run have the same volume
    pods = [p for p in objects_of(cluster, "pods", ns, "all") if p["metadata"]["labels"][RUN_LABEL] == "all.r.0"]
    assert len(pods) == 2
    assert len({_volume(p)["persistentVolumeClaim"]["claimName"] for p in pods}) == 1
    assert {_mount(p)["mountPath"] for p in pods} == {"/sweep/run"}


def test_a_shared_claim_has_a_folder_for_each_run_and_no_claim_is_made(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "train-dir"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    cluster.apply(claim, ns)
    shared_claim = {"existingClaim": {"name": "train-dir", "subPath": "team/"}}
    one = {"maxRuns": 1}
    cluster.apply(
        [
            sweep(
                "together",
                displayName="My_Experiment",
                limits=one,
                storage={"runVolume": shared_claim, "retention": "none"},
                eval=EVAL,
            ),
            sweep("scratch", limits=one, storage={"runVolume": {"emptyDir": {"sizeLimit": "1Gi"}}}, eval=EVAL),
            sweep("plain", limits=one),
        ],
        ns,
    )
    uid = until_reason(cluster, "sweep", "together", ns, "MaxRunsReached")["metadata"]["uid"]
    pods = objects_of(cluster, "pods", ns, "together")
    assert len(pods) == 2
    for pod in pods:
        assert _volume(pod)["persistentVolumeClaim"]["claimName"] == "train-dir"
        assert _mount(pod)["subPath"] == f"team/My_Experiment-{uid[:8]}/runs/My_Experiment.r.0"
    assert "deletionTimestamp" not in cluster.get("pvc", "train-dir", ns)["metadata"], "it is not ours to delete"
    for name, count, volume in (("scratch", 2, {"sizeLimit": "1Gi"}), ("plain", 1, {})):
        until_reason(cluster, "sweep", name, ns, "MaxRunsReached")
        pods = objects_of(cluster, "pods", ns, name)
        assert [_volume(p)["emptyDir"] for p in pods] == [volume] * count
        assert objects_of(cluster, "pvc", ns, name) == []


def test_jobs_and_pods_go_after_their_time_and_runs_stay(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    failed = {"TEST_FAULT": "parameters"}
    cluster.apply(sweep("short", limits={"maxRuns": 2}, ttlSecondsAfterFinished=1), ns)
    cluster.apply(sweep("sad", limits={"maxRuns": 1}, ttlSecondsAfterFinished=1, env=failed), ns)
    cluster.apply(sweep("long-lived", limits={"maxRuns": 1}), ns)
    for name, count in (("short", 2), ("sad", 1)):
        until_reason(cluster, "sweep", name, ns, "MaxRunsReached")
        for kind in ("jobs", "pods"):
            cluster.until(lambda k=kind, n=name: not objects_of(cluster, k, ns, n), f"no {kind} of {name}")
        assert [r["spec"]["index"] for r in runs(cluster, ns, name)] == list(range(count))
    assert all("score" in r["status"] for r in runs(cluster, ns, "short"))
    assert cluster.get("sweep", "short", ns)["status"]["runs"]["succeeded"] == 2
    until_reason(cluster, "sweep", "long-lived", ns, "MaxRunsReached")
    (job,) = objects_of(cluster, "jobs", ns, "long-lived")  # its log can be read as long as nobody says otherwise
    assert "ttlSecondsAfterFinished" not in job["spec"]
    (pod,) = objects_of(cluster, "pods", ns, "long-lived")
    assert not pod["metadata"].get("deletionTimestamp")


def _with_claims(cluster: Kubectl, ns: str, name: str) -> set[str]:
    return {c["metadata"]["labels"][RUN_LABEL] for c in objects_of(cluster, "pvc", ns, name)}


def _volume(pod: Object) -> Object:
    return next(v for v in pod["spec"]["volumes"] if v["name"] == "sweep-run")


def _mount(pod: Object) -> Object:
    return next(m for m in pod["spec"]["containers"][0]["volumeMounts"] if m["name"] == "sweep-run")
