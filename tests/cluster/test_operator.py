"""The operator's process on a real API server, with the real scheduler and Job controller."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from sweep_operator.api.names import MANAGED_BY
from tests.cluster.audit import counted, writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import PATIENCE
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import check_ended_well, check_jobs_once, condition, reason, runs, sweep

EXAMPLE = Path(__file__).parents[2] / "configs" / "examples" / "cartpole.yaml"


def test_the_example_runs_to_its_end(cluster: Cluster, namespace: str, operator: Operator) -> None:
    example = YAML(typ="safe").load(EXAMPLE.read_text())
    cluster.apply(EXAMPLE, namespace)
    cluster.kubectl(
        *("wait", "--for=condition=Finished", "sweep/cartpole", "-n", namespace, "--timeout=600s"), timeout=620
    )
    columns = cluster.kubectl("get", "sweeps", "-n", namespace).splitlines()
    assert columns[0].split() == ["NAME", "STATUS", "RUNS", "OK", "FAIL", "BEST", "SPENT", "AGE"]
    count = example["spec"]["limits"]["maxRuns"]
    assert columns[1].split()[:5] == ["cartpole", "MaxRunsReached", str(count), str(count), "0"]
    found = runs(cluster, namespace, "cartpole")
    assert [r["spec"]["index"] for r in found] == list(range(count))
    assert found[0]["spec"]["origin"] == "center"
    by_model = [r for r in found if r["spec"]["origin"] == "model"]
    assert by_model
    for run in by_model:
        told = run["spec"]["prediction"]
        assert told["scoreLow"] < told["score"] < told["scoreHigh"]
        assert told["costLow"] < told["cost"] < told["costHigh"]
    optimizer = cluster.get("sweep", "cartpole", namespace)["status"]["optimizer"]
    assert optimizer["scoreCalibration"]["runs"] == len(by_model)
    # times are whole seconds: a played pod may take none of them, and a cost of 0 has no logarithm
    timed = [r for r in by_model if r["status"]["cost"] > 0]
    assert optimizer.get("costCalibration", {"runs": 0})["runs"] == len(timed)
    for run in found:
        # the score that the stages give: the last parameter of the container's environment
        assert run["status"]["score"] == run["spec"]["parameters"]["trainer.optimizer.learning_rate"]
        assert run["status"]["train"]["attempt"] == run["status"]["eval"]["attempt"] == 1

    def events() -> set[str]:
        return {e["reason"] for e in cluster.list("events", namespace) if e["source"].get("component") == MANAGED_BY}

    # they are written later than the status
    cluster.until(lambda: events() >= {"Accepted", "RunCreated", "NewBest", "MaxRunsReached"}, "its Events")
    lines = operator.lines()
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert any(line.get("sweep") == "cartpole" and line.get("namespace") == namespace for line in lines)
    counted_runs = f'sweep_operator_runs{{namespace="{namespace}",outcome="succeeded",state="Completed"}} {count:.1f}'
    cluster.until(lambda: counted_runs in (operator.asks("/metrics") or ""), "the metric counts its runs")
    assert operator.asks("/healthz") == "ok"
    # SweepRun 1 + 3 (5 where training takes 10 s and evaluation a minute), Jobs 2 + 1 (deleted before the claim that is
    # not kept), Pods 2, Sweep 1 or 2
    assert counted(writes(cluster, user=operator.account)).total() / count <= 12


def test_of_two_operators_one_paused_and_woken_only_one_creates(cluster: Cluster, namespace: str) -> None:
    first, second = Operator(cluster, namespace), Operator(cluster, namespace)
    cluster.apply(sweep("two", limits={"maxRuns": 30, "maxParallelRuns": 6}, env={"TEST_SECONDS": "1s"}), namespace)
    try:
        first.start()
        second.start(ready=False)
        cluster.until(lambda: len(runs(cluster, namespace, "two")) >= 6, "the first one works")
        assert not second.ready()
        first.pause()
        cluster.until(second.ready, "the second one leads")
        first.wake()
        assert first.process is not None
        assert first.process.wait(PATIENCE) == 1, "who has lost the lease ends"
        cluster.until(lambda: reason(cluster, "sweep", "two", namespace) == "MaxRunsReached", "it ends")
        check_ended_well(cluster, namespace, "two", 30, interrupted=True)
        check_jobs_once(cluster, first.account, 30)
    finally:
        first.kill()
        second.kill()


def test_wrong_settings_are_told_in_one_line(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("profiles: {big: {gpus: many}}")
    for option, said in (
        (f"--config={config}", "profiles.big.gpus"),
        (f"--config={tmp_path / 'none.yaml'}", "cannot read the file"),
        (f"--kubeconfig={tmp_path / 'none'}", "no kubeconfig at"),
        ("--workers=0", "--workers"),
    ):
        operator = Operator(cluster, namespace, option).start(ready=False)
        assert operator.process is not None
        assert operator.process.wait(PATIENCE) in (1, 2)
        text = operator.process.tail()
        assert said in text
        assert "Traceback" not in text


def test_stopped_it_gives_the_lease_back(cluster: Cluster, namespace: str, operator: Operator) -> None:
    assert operator.process is not None
    operator.process.stop()
    assert operator.process.exit_code == 0
    assert not cluster.get("lease", "sweep-operator", namespace)["spec"].get("holderIdentity")


def test_a_sweep_that_admission_let_through_is_refused_by_the_operator(
    cluster: Cluster, namespace: str, operator: Operator
) -> None:
    refused = {
        "unknown-profile": (
            {"train": {"hardware": "gpu-of-dreams"}},
            ("spec.train.hardware", "gpu-of-dreams", "gpu-l4"),
        ),
        "no-kueue": ({"queue": {"name": "team-rl"}}, ("spec.queue", "Kueue", "remove the field")),
    }
    for name, (spec, _) in refused.items():
        cluster.apply(sweep(name, **spec), namespace)
    for name, (_, said) in refused.items():
        cluster.until(
            lambda n=name: condition(cluster.get("sweep", n, namespace), "Accepted").get("status") == "False", name
        )
        text = condition(cluster.get("sweep", name, namespace), "Accepted")["message"]
        assert all(words in text for words in said), text
        assert runs(cluster, namespace, name) == []
