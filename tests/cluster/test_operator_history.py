"""A warm start from W&B on a real API server: by the operator's own key, as far as its configuration allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import condition, runs, sweep, until_reason
from tests.wandb_stub.records import Account
from tests.wandb_stub.server import WandbServer

KEY = "sEcReT" + "9" * 80


@pytest.mark.usefixtures("no_wandb_env")
def test_a_sweep_learns_from_a_wandb_sweep_that_its_namespace_may_read(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    design = {"numRandomSamples": 0, "seedWithSearchCenter": False}
    with WandbServer([Account(KEY, entities={"acme": "read", "rivals": "read"})]) as server:
        past = server.add_sweep("acme/p", "method: random\nparameters: {lr: {min: 0, max: 1}}\n").name
        for n in range(6):
            server.add_run(f"acme/p/r{n}", summary={"acc": n / 6, "_runtime": 9}, config={"lr": n / 6}, sweep=past)
        config = tmp_path / "config.yaml"
        allowed = {namespace: ["acme/*"]}
        config.write_text(json.dumps({"wandbBaseUrls": [server.url], "wandbProjects": allowed}))
        with Operator(cluster, namespace, f"--config={config}") as operator:
            for name, entity in (("heir", "acme"), ("thief", "rivals")):
                source: dict[str, Any] = {"wandb": {"sweepId": past, "entity": entity, "project": "p"}}
                source |= {"metric": "acc", "parameters": {"x": "lr"}}
                warm = {"from": [source]}
                body = sweep(name, method="bayes", protein=design, warmStart=warm, limits={"maxRuns": 1})
                cluster.apply(body, namespace)
            for name in ("heir", "thief"):
                until_reason(cluster, "sweep", name, namespace, "MaxRunsReached")
            heir, thief = (cluster.get("sweep", name, namespace) for name in ("heir", "thief"))
            told = condition(heir, "WarmStarted")
            assert (told["status"], told["reason"], told["message"]) == ("True", "Read", "6 observations")
            assert heir["status"]["optimizer"]["observations"] == 7
            assert [r["spec"]["origin"] for r in runs(cluster, namespace, "heir")] == ["model"]
            told = condition(thief, "WarmStarted")
            assert (told["status"], told["reason"]) == ("False", "SourceUnreadable")
            assert f"add wandbProjects: {{{namespace}: [rivals/p]}}" in told["message"]
            log = operator.process.log.read_text() if operator.process else ""
    kinds = ("sweeps", "sweepruns", "configmaps", "events")
    assert "sEcReT" not in log + json.dumps([cluster.list(kind, namespace) for kind in kinds])
