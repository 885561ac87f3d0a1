"""The operator on a real node: real programs in real containers, ended by the real kernel and kubelet."""

from __future__ import annotations

import math

from sweep_operator.api.names import RUN_LABEL, SWEEP_LABEL
from tests.cluster.chart import Release
from tests.cluster.kubectl import Kubectl
from tests.cluster.person import EDIT, Person
from tests.cluster.sweeps import condition, most_at_once, runs
from tests.e2e.sweeps import cartpole, finished, one_run
from tests.e2e.workload import Workload

ALL_REDUCE = """
import json, os
import torch, torch.distributed as dist

dist.init_process_group("gloo")
mine = torch.tensor([float(os.environ["SWEEP_PARAM_X"]) * (dist.get_rank() + 1)], dtype=torch.float64)
dist.all_reduce(mine)
seen = {"reward": mine.item(), "world": dist.get_world_size(), "nodes": int(os.environ["SWEEP_NUM_NODES"])}
print(dist.get_rank(), os.environ["SWEEP_NODE_RANK"], os.uname().nodename, seen, flush=True)
if dist.get_rank() == 0:
    with open(os.environ["SWEEP_RESULTS_FILE"], "w") as file:
        json.dump({"metrics": seen}, file)
dist.destroy_process_group()
"""


def runs_with_claims(cluster: Kubectl, namespace: str) -> set[str]:
    claims = cluster.list("pvc", namespace, **{SWEEP_LABEL: "cartpole"})
    return {c["metadata"]["labels"][RUN_LABEL] for c in claims}


def test_the_example_trains_evaluates_and_scores(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    cluster.apply(cartpole(workload, maxRuns=3, maxParallelRuns=2), namespace)
    cluster.kubectl(
        *["wait", "--for=condition=Finished", "sweep/cartpole", "-n", namespace, "--timeout=600s"], timeout=620
    )
    sweep = cluster.get("sweep", "cartpole", namespace)
    assert condition(sweep)["reason"] == "MaxRunsReached"
    found = runs(cluster, namespace, "cartpole")
    assert [(r["spec"]["index"], condition(r)["status"]) for r in found] == [(i, "True") for i in range(3)]
    for run in found:
        status = run["status"]
        assert 1 <= status["score"] <= 500  # CartPole-v1 ends an episode there
        assert status["score"] == status["metrics"]["reward"]
        assert status["metrics"]["episodes"] == 5
        # what eval read from the run's claim: the policy of train, and how long its training took
        assert status["metrics"]["steps"] >= 2000
        assert 0 < status["metrics"]["train_seconds"] <= status["train"]["seconds"] + 1
        assert math.isclose(status["cost"], status["train"]["seconds"] + status["eval"]["seconds"], abs_tol=1e-6)
        pods = {attempt["podUID"] for stage in ("train", "eval") for attempt in status[stage]["attempts"]}
        assert len(pods) == 2
    assert len({run["status"]["score"] for run in found}) > 1
    assert sweep["status"]["best"][0]["score"] == max(run["status"]["score"] for run in found)
    periods = [(r["status"]["train"]["startTime"], r["status"]["eval"]["completionTime"]) for r in found]
    assert most_at_once(periods) == 2
    # the policies of the best runs for their cost stay, the others go
    best = {point["run"] for point in sweep["status"]["pareto"]}
    cluster.until(lambda: runs_with_claims(cluster, namespace) == best, f"the claims are those of {best}")
    columns = cluster.kubectl("get", "sweep", "cartpole", "-n", namespace).splitlines()[1].split()
    assert columns[:4] == ["cartpole", "MaxRunsReached", "3", "3"]


def test_a_memory_limit_that_is_too_small_is_learned_as_bad_parameters(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    small = {"resources": {"limits": {"memory": "64Mi"}}}
    cluster.apply(one_run("hungry", workload, small), namespace)
    finished(cluster, namespace, "hungry")
    (run,) = runs(cluster, namespace, "hungry")
    failure = run["status"]["failure"]
    assert (failure["stage"], failure["class"], failure["reason"]) == ("train", "parameters", "OOMKilled")
    assert run["status"]["train"]["exitCode"] == 137
    assert run["status"]["train"]["attempt"] == 1  # such a run is not tried again


def test_a_deadline_ends_the_training(cluster: Kubectl, namespace: str, workload: Workload, operator: Release) -> None:
    fixed = {"trainer.total_timesteps": 100_000_000}
    grace = {"spec": {"terminationGracePeriodSeconds": 10}}
    cluster.apply(one_run("slow", workload, {"deadlineSeconds": 15, "podTemplate": grace}, fixed=fixed), namespace)
    finished(cluster, namespace, "slow")
    (run,) = runs(cluster, namespace, "slow")
    assert (run["status"]["failure"]["stage"], run["status"]["failure"]["class"]) == ("train", "timeout")
    assert run["status"]["train"]["attempt"] == 1
    assert run["status"]["train"]["seconds"] >= 15
    cluster.until(lambda: not cluster.list("pods", namespace, **{"metta.ai/sweep": "slow"}), "its pod is gone")


def test_two_nodes_find_each_other_by_name(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    script = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "script"}}
    cluster.apply({**script, "data": {"all_reduce.py": ALL_REDUCE}}, namespace)
    train = {
        "command": ["torchrun", "/script/all_reduce.py"],
        "nodes": 2,
        "volumes": [*workload.volumes, {"name": "script", "configMap": {"name": "script"}}],
        "volumeMounts": [*workload.mounts, {"name": "script", "mountPath": "/script"}],
    }
    parameters = {"x": {"distribution": "uniform", "min": 1, "max": 2, "mean": 1.5}}
    cluster.apply(one_run("pair", workload, train, parameters=parameters, fixed={}), namespace)
    sweep = finished(cluster, namespace, "pair")
    (run,) = runs(cluster, namespace, "pair")
    assert condition(sweep)["status"] == "True", run["status"]
    assert run["status"]["metrics"] == {"reward": 3 * run["spec"]["parameters"]["x"], "world": 2, "nodes": 2}


def test_a_program_that_knows_nothing_of_us_is_read_from_its_log(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    parameters = {"x": {"distribution": "uniform", "min": 1, "max": 2, "mean": 1.5}}
    prints = 'echo "eval_loss=9.5"; echo "eval_loss: $SWEEP_PARAM_X"; echo "saved"'
    log = {"source": "Log", "pattern": "eval_loss[=:] *{value}"}
    train = {"command": ["sh", "-c", prints], "results": log}
    cluster.apply(one_run("logged", workload, train, parameters=parameters, fixed={}, goal="minimize"), namespace)
    crashes = {"command": ["sh", "-c", 'echo "RuntimeError: CUDA out of memory" >&2; exit 1'], "results": log}
    rules = {"failureRules": [{"logPattern": "CUDA out of memory", "class": "parameters"}]}
    cluster.apply(one_run("cuda", workload, crashes, parameters=parameters, fixed={}, perRun=rules), namespace)
    assert condition(finished(cluster, namespace, "logged"))["status"] == "True"
    (run,) = runs(cluster, namespace, "logged")
    assert run["status"]["score"] == run["spec"]["parameters"]["x"], "the last match counts"
    finished(cluster, namespace, "cuda")
    (run,) = runs(cluster, namespace, "cuda")
    failure = run["status"]["failure"]
    assert (failure["class"], failure["reason"], run["status"]["train"]["attempt"]) == ("parameters", "FailureRule0", 1)


TALKS = {
    stage: {"command": ["python3", "-c", f"import time; print('{stage} begins', flush=True); time.sleep({s}); {rest}"]}
    for stage, s, rest in (
        ("train", 12, "print('train ends')"),  # longer than the plugin takes to start on a busy machine
        (
            "eval",
            3,
            "print('eval ends'); import os; open(os.environ['SWEEP_RESULTS_FILE'], 'w').write('{\"reward\": 1}')",
        ),
    )
}


def test_kubectl_sweep_follows_the_log_from_stage_to_stage(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    person = Person(cluster, namespace, "researcher", EDIT)
    cluster.apply(one_run("talks", workload, TALKS["train"], eval=TALKS["eval"]), namespace)
    cluster.until(lambda: bool(runs(cluster, namespace, "talks")), "there is a run")
    followed = person.kubectl("sweep", "logs", "talks.r.0", "-f")
    assert followed.code == 0, followed
    assert followed.lines == ["train begins", "train ends", "eval begins", "eval ends"]
    assert "--- talks.r.0: eval" in followed.err
    cluster.until(lambda: condition(runs(cluster, namespace, "talks")[0]).get("status") == "True", "it has its score")
    assert person.does("logs", "talks.r.0", "--stage", "train", "--tail", "1").lines == ["train ends"]
