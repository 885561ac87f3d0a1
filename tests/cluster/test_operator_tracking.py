"""W&B on a real API server: the operator's own key delivers what its configuration allows, and the pods get theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweep_operator.domain.conditions import condition_of
from tests.cluster.audit import counted, writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import objects_of, runs, sweep, until_reason
from tests.wandb_stub.records import Account
from tests.wandb_stub.server import WandbServer

KEY = "sEcReT" + "7" * 80
LIMITS = {"maxRuns": 4, "maxParallelRuns": 2}


def synced(cluster: Cluster, name: str, namespace: str) -> Object:
    return dict(condition_of(cluster.get("sweep", name, namespace), "TrackingSynced"))


@pytest.mark.usefixtures("no_wandb_env")
def test_delivered_by_the_operators_key(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)  # in a cluster: from a Secret, by envFrom
    secret = {"name": "wandb", "key": "key"}
    with WandbServer([Account(KEY)]) as server:
        config = tmp_path / "config.yaml"
        allowed = {namespace: ["acme/*"]}
        config.write_text(json.dumps({"wandbBaseUrls": [server.url], "wandbProjects": allowed}))
        with Operator(cluster, namespace, f"--config={config}") as operator:
            wandb = {"entity": "acme", "project": "p", "apiKeySecret": secret}
            cluster.apply(sweep("shown", limits=LIMITS, tracking={"wandb": wandb}), namespace)
            foreign = {"wandb": {**wandb, "entity": "metta"}}
            cluster.apply(sweep("foreign", limits=LIMITS, tracking=foreign), namespace)
            offline = {"wandb": {**wandb, "mode": "offline"}}
            cluster.apply(sweep("later", limits=LIMITS, tracking=offline), namespace)
            for name in ("shown", "foreign", "later"):
                until_reason(cluster, "sweep", name, namespace, "MaxRunsReached")
            cluster.until(
                lambda: synced(cluster, "shown", namespace).get("status") == "True", "everything is delivered"
            )
            cluster.until(
                lambda: synced(cluster, "foreign", namespace).get("reason") == "ProjectNotAllowed", "it says why not"
            )
            said = synced(cluster, "foreign", namespace)
            assert said["status"] == "False"
            assert f"wandbProjects: {{{namespace}: [metta/p]}}" in said["message"]
            found: list[Object] = runs(cluster, namespace, "shown")
            shown = {run.name: run for run in server.runs()}
            assert set(shown) == {r["status"]["tracking"]["runId"] for r in found}
            for run in found:
                at_wandb = shown[run["status"]["tracking"]["runId"]]
                assert at_wandb.summary["score"] == run["status"]["score"]
                assert at_wandb.config["x"]["value"] == run["spec"]["parameters"]["x"]
            (at_wandb_sweep,) = server.sweeps()
            status = cluster.get("sweep", "shown", namespace)["status"]["tracking"]
            assert (status["wandbSweepId"], status["delivered"], status["backlog"]) == (at_wandb_sweep.name, 4, 0)
            assert all("tracking" not in r["status"] for r in runs(cluster, namespace, "foreign"))
            pod_env = {
                v["name"]: v
                for job in objects_of(cluster, "jobs", namespace, "shown")
                for v in job["spec"]["template"]["spec"]["containers"][0]["env"]
            }
            assert pod_env["WANDB_API_KEY"]["valueFrom"] == {"secretKeyRef": secret}
            assert pod_env["WANDB_BASE_URL"]["value"] == server.url
            cluster.until(lambda: synced(cluster, "later", namespace).get("reason") == "Offline", "it is offline")
            assert synced(cluster, "later", namespace)["status"] == "Unknown"
            assert len(server.runs()) == 4, "offline sends nothing"
            cluster.patch("sweep", "later", namespace, {"spec": {"tracking": {"wandb": {"mode": "online"}}}})
            cluster.until(
                lambda: synced(cluster, "later", namespace).get("status") == "True", "what was offline is delivered"
            )
            ids = {r["status"]["tracking"]["runId"] for r in runs(cluster, namespace, "later")}
            assert {run.name for run in server.runs()} == set(shown) | ids
            assert len(ids) == 4
            cluster.until(
                lambda: "sweep_operator_tracking_backlog 4.0" in (operator.asks("/metrics") or ""),
                "those of the sweep that may not go there wait",
            )
            metrics = operator.asks("/metrics") or ""
            log = operator.process.log.read_text() if operator.process else ""
            account = operator.account
    everything = log + metrics + json.dumps([cluster.list(k, namespace) for k in ("sweeps", "sweepruns", "events")])
    assert "sEcReT" not in everything
    written = writes(cluster, user=account, namespace=namespace)
    count = counted(written)
    assert count.total() <= 13 * 12, f"12 per run, and one for its delivery: {count}"
    assert not [e for e in cluster.audit(account) if (e.get("objectRef") or {}).get("resource") == "secrets"]
