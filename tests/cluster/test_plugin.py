"""``kubectl sweep`` through a real kubectl, on a real API server, with the rights of a person."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.kubectl.completion import complete
from tests import same_commands
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import PATIENCE
from tests.cluster.operator_process import Operator
from tests.cluster.person import EDIT, Person
from tests.cluster.sweeps import condition, ended, manual_run, reason, running_pods, runs, sweep, until_reason
from tests.hostile_text import hidden
from tests.report.test_report_page import embedded

NO_RETRY = {"retries": {"onFailure": 0, "backoffSeconds": 0}}


@pytest.fixture(scope="module")
def person(cluster: Cluster, shared: Operator) -> Person:
    """May do what the chart gives to those who may edit a namespace."""
    return Person(cluster, shared.namespace, "researcher", EDIT)


@pytest.fixture(scope="module")
def finished(cluster: Cluster, person: Person) -> str:
    """A sweep of two runs that has ended, of another display name."""
    cluster.apply(sweep("done", limits={"maxRuns": 2}, displayName="My_Sweep"), person.namespace)
    until_reason(cluster, "sweep", "done", person.namespace, "MaxRunsReached")
    return "done"


@pytest.fixture(scope="module")
def failed(cluster: Cluster, person: Person) -> str:
    """A run that has failed."""
    spec = {"limits": {"maxRuns": 1}, "perRun": NO_RETRY}
    cluster.apply(sweep("bad", env={"TEST_FAULT": "crash"}, **spec), person.namespace)
    cluster.until(lambda: any(map(ended, runs(cluster, person.namespace, "bad"))), "bad.r.0 has failed")
    return "bad.r.0"


@pytest.fixture
def hanging(cluster: Cluster, person: Person, request: pytest.FixtureRequest) -> Iterator[str]:
    """A sweep whose one run hangs in training; stopped at the end."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-")
    limits = {"maxRuns": 9, "maxParallelRuns": 1}
    cluster.apply(sweep(name, limits=limits, env={"TEST_FAULT": "hang"}), person.namespace)
    until_reason(cluster, "sweeprun", f"{name}.r.0", person.namespace, "Training")
    yield name
    cluster.patch("sweep", name, person.namespace, {"spec": {"stop": True}})


# -- reading --------------------------------------------------------------------------------------------------------


def test_kubectl_finds_the_plugin_and_status_says_what_get_says(
    cluster: Cluster, person: Person, finished: str, failed: str
) -> None:
    listed = person.kubectl("sweep", "status")
    assert listed.code == 0, listed
    ours = {line.split()[0]: line.split()[:7] for line in listed.lines}
    theirs = {
        line.split()[0]: line.split()[:7]
        for line in cluster.kubectl("get", "sweeps", "-n", person.namespace).splitlines()
    }
    assert ours.keys() == theirs.keys()
    for name in ("NAME", finished):
        assert ours[name][:5] == theirs[name][:5]
    one = person.does("status", finished)
    assert [line.split()[0] for line in one.lines if line.startswith("done.r.")] == ["done.r.0", "done.r.1"]
    assert "Best: done.r." in one.out
    best = person.does("status", finished, "--sort", "score", "--limit", "1", "-o", "wide")
    table = [line.split() for line in best.lines if line.startswith("done.r.") or "SCORE" in line]
    assert [row[0] for row in table] == ["NAME", re.findall(r"Best: (\S+),", best.out)[0]]
    assert table[0][-1] == "x", "the parameter"
    found = json.loads(person.does("status", finished, "-o", "json").out)["items"]
    assert [o["kind"] for o in found] == ["Sweep", "SweepRun", "SweepRun"]

    def the_same() -> bool:
        ours = json.loads(person.does("status", finished, "-o", "json").out)["items"][0]
        return bool(ours["status"] == cluster.get("sweep", finished, person.namespace)["status"])

    cluster.until(the_same, "the status is that of the API server")
    assert "Error" in person.does("status", "bad").out, "why a run has failed"


def test_names_that_are_not_there_are_answered_with_those_that_are(person: Person, finished: str) -> None:
    for arguments, said in (
        (["status", "dnoe"], "did you mean done?"),
        (["logs", "done.r.7"], "did you mean done.r."),
        (["logs", "done"], "'done' is a sweep; name one of its runs"),
        (["stop", "pod/done"], "write sweep/NAME or sweeprun/NAME"),
        (["best-params", "done", "--max-cost", "-1"], "--max-cost"),
        (["list"], "use `kubectl sweep status` to list sweeps"),
    ):
        done = person.sweep(*arguments)
        assert done.code == 2, (arguments, done)
        assert said in done.err, (arguments, done)


def test_best_params_and_the_report(
    cluster: Cluster, person: Person, finished: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    best = cluster.get("sweep", finished, person.namespace)["status"]["best"][0]
    printed = person.does("best-params", finished, "--show-scores")
    assert f"x={best['parameters']['x']!r}" in printed.out
    assert list(tmp_path.iterdir()) == [], "no patch that nobody asked for"
    cluster.patch("sweep", finished, person.namespace, {"spec": {"train": {"args": ["later"]}}})
    assert person.does("best-params", finished, "--show-scores").out == printed.out, "the run's own template"
    person.does("best-params", f"sweep_run={finished}", "--output-dir", str(tmp_path))
    assert yaml.safe_load((tmp_path / "My_Sweep_best.yaml").read_text())["x"] == best["parameters"]["x"]
    made = person.does("report", finished, "--no-model")
    assert made.out == "done-report.html\n"
    report = embedded((tmp_path / "done-report.html").read_text())
    assert "My_Sweep.r.1" in {run.label for run in report.page.runs}
    assert all(run.events for run in report.runs.values()), "Events about the runs, in one request"
    assert report.logs == {}


def test_status_follows_a_sweep_to_its_end(cluster: Cluster, person: Person) -> None:
    limits = {"maxRuns": 3, "maxParallelRuns": 3}
    cluster.apply(sweep("followed", limits=limits, env={"TEST_SECONDS": "2s"}), person.namespace)
    cluster.until(lambda: len(runs(cluster, person.namespace, "followed")) == 3, "it runs")
    lines = person.does("status", "followed", "-w").lines
    assert lines[-1] == "followed MaxRunsReached"
    for run in runs(cluster, person.namespace, "followed"):
        name, score = run["metadata"]["name"], run["status"]["score"]
        assert sum(line.startswith(f"{name} Completed score {score:.4g}") for line in lines) == 1


def test_a_sweep_that_fails_ends_the_following_with_1(person: Person, failed: str, cluster: Cluster) -> None:
    limits = {"maxRuns": 5, "maxConsecutiveFailures": 1}
    cluster.apply(sweep("fails", limits=limits, perRun=NO_RETRY, env={"TEST_FAULT": "crash"}), person.namespace)
    done = person.sweep("status", "fails", "-w")
    assert done.code == 1
    assert done.lines[-1] == "fails TooManyConsecutiveFailures"


def test_on_a_terminal_it_is_a_table(person: Person, finished: str) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        person.command("status", finished, "-w"),
        stdin=theirs, stdout=theirs, stderr=theirs, env=person.environment(TERM="xterm", LINES="40"),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        shown += chunk
    assert process.wait(PATIENCE) == 0
    text = shown.decode()
    assert "★" in text
    assert "MaxRunsReached" in text


def test_a_program_cannot_control_the_terminal(cluster: Cluster, person: Person) -> None:
    spec = {"limits": {"maxRuns": 1}, "perRun": NO_RETRY}
    cluster.apply(sweep("hostile", env={"TEST_FAULT": "hostile"}, **spec), person.namespace)
    until_reason(cluster, "sweeprun", "hostile.r.0", person.namespace, "ResultInvalid")

    def messages() -> list[str]:
        events = cluster.list("events", person.namespace)
        return [e["message"] for e in events if e["involvedObject"]["name"] == "hostile.r.0" and "loss" in e["message"]]

    cluster.until(lambda: bool(messages()), "the Event of the failure")
    stored = cluster.get("sweeprun", "hostile.r.0", person.namespace)["status"]["failure"]["message"]
    shown = [person.does("status", "hostile", *o).out for o in ([], ["-o", "json"], ["-o", "yaml"])]
    for text in (stored, *messages(), *shown):
        assert "loss\\u202e went down" in text.replace("\\\\", "\\")
        assert hidden(text) == set()


# -- changing -------------------------------------------------------------------------------------------------------


def test_suspend_and_resume(cluster: Cluster, person: Person, hanging: str) -> None:
    reader = Person(cluster, person.namespace, "reader", [("metta.ai", r, "get,list") for r in ("sweeps", "sweepruns")])
    done = reader.sweep("status", hanging, "-w")
    assert done.code == 1
    assert " is not allowed to watch sweep" in done.err
    assert person.does("suspend", hanging).out == f"sweep.metta.ai/{hanging} suspended\n"
    assert cluster.get("sweep", hanging, person.namespace)["spec"]["suspend"] is True
    assert person.does("suspend", hanging).out == f"sweep.metta.ai/{hanging} suspended (unchanged)\n"
    assert person.does("resume", hanging).out == f"sweep.metta.ai/{hanging} resumed\n"
    assert cluster.get("sweep", hanging, person.namespace)["spec"]["suspend"] is False


def test_stop_a_run_and_then_the_sweep(cluster: Cluster, person: Person, hanging: str) -> None:
    first = f"{hanging}.r.0"
    assert person.does("stop", first).out == f"sweeprun.metta.ai/{first} stopped\n"
    until_reason(cluster, "sweeprun", f"{hanging}.r.1", person.namespace, "Training")
    assert condition(cluster.get("sweeprun", first, person.namespace))["status"] == "False"
    assert "has already ended" in person.does("stop", first).out
    assert person.does("stop", f"sweep/{hanging}").out == f"sweep.metta.ai/{hanging} stopped\n"
    until_reason(cluster, "sweep", hanging, person.namespace, "Stopped")
    person.does("resume", hanging)
    until_reason(cluster, "sweeprun", f"{hanging}.r.2", person.namespace, "Training")


def test_retry_makes_a_manual_run_of_a_failed_ones_parameters(cluster: Cluster, person: Person, failed: str) -> None:
    before = cluster.get("sweeprun", failed, person.namespace)
    assert person.does("retry", failed).out == "sweeprun.metta.ai/bad.r.0-retry-1 created\n"
    cluster.until(lambda: reason(cluster, "sweeprun", "bad.r.0-retry-1", person.namespace) != "", "it is taken up")
    made = cluster.get("sweeprun", "bad.r.0-retry-1", person.namespace)
    assert made["spec"]["parameters"] == before["spec"]["parameters"]
    assert made["spec"]["origin"] == "manual"
    assert made["metadata"]["ownerReferences"][0]["name"] == "bad"
    cluster.until(lambda: ended(cluster.get("sweeprun", "bad.r.0-retry-1", person.namespace)), "it has failed too")
    assert person.does("retry", "bad.r.0-retry-1").out == "sweeprun.metta.ai/bad.r.0-retry-2 created\n"


def test_only_a_failed_run_is_retried(person: Person, finished: str, hanging: str) -> None:
    for name, said in (("done.r.0", "add done --like done.r.0"), (f"{hanging}.r.0", f"stop {hanging}.r.0")):
        done = person.sweep("retry", name)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


def test_added_runs_are_run_and_learned(cluster: Cluster, person: Person, finished: str, tmp_path: Path) -> None:
    candidates = tmp_path / "candidates.yaml"
    candidates.write_text("- {x: 0.25}\n- {x: 0.5}\n")
    assert person.does("add", finished, "x=0.125").out == "sweeprun.metta.ai/done.m.1 created\n"
    assert person.does("add", finished, "-f", str(candidates)).lines == [
        "sweeprun.metta.ai/done.m.2 created",
        "sweeprun.metta.ai/done.m.3 created",
    ]
    outside = person.does("add", finished, "--like", "done.r.0", "x=2", "--name", "far")
    assert "x=2.0 is outside [0, 1]" in outside.err
    person.does("add", finished, "-f", "-", stdin=json.dumps({"x": 0.75}))
    wanted = {"done.m.1": 0.125, "done.m.2": 0.25, "done.m.3": 0.5, "done.m.4": 0.75, "far": 2}
    for name, value in wanted.items():
        run = until_reason(cluster, "sweeprun", name, person.namespace, "Completed")
        assert run["status"]["score"] == value

    def known() -> int:
        return int(cluster.get("sweep", finished, person.namespace)["status"]["optimizer"]["observations"])

    cluster.until(lambda: known() == 2 + len(wanted), "they are learned")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_exported_is_imported_by_another_sweep_once(
    cluster: Cluster, person: Person, finished: str, tmp_path: Path, form: str
) -> None:
    name, file = f"heir-{form}", tmp_path / f"runs.{form}"
    cluster.apply(sweep(name, limits={"maxRuns": 1}, suspend=True), person.namespace)
    assert f"written to {file}" in person.does("export", finished, "-o", str(file)).err
    given = [r for r in runs(cluster, person.namespace, finished) if ended(r)]
    assert person.does("import", str(file), name, "--dry-run").out == f"would import {len(given)} runs\n"
    assert person.does("import", str(file), name).out == f"imported {len(given)} runs\n"
    cluster.until(lambda: all(map(ended, runs(cluster, person.namespace, name))), "they are recorded")
    taken = runs(cluster, person.namespace, name)
    assert {(r["status"]["parameters"]["x"], r["status"]["score"], r["status"]["cost"]) for r in taken} == {
        (r["spec"]["parameters"]["x"], r["status"]["score"], r["status"]["cost"]) for r in given
    }
    assert {r["spec"]["origin"] for r in taken} == {"imported"}
    again = person.does("import", str(file), name).out
    assert again == f"imported 0 runs; {len(given)} already imported\n"
    assert person.does("import", str(file), finished).out == again, "a sweep does not import its own runs"
    cluster.patch("sweep", name, person.namespace, {"spec": {"suspend": False}})
    until_reason(cluster, "sweep", name, person.namespace, "MaxRunsReached")
    known = cluster.get("sweep", name, person.namespace)["status"]
    assert known["optimizer"]["observations"] == len(given) + 1
    assert known["cost"]["spent"] < 1 + sum(r["status"]["cost"] for r in given)


def test_a_suggestion_is_computed_again_from_the_cluster(cluster: Cluster, person: Person, finished: str) -> None:
    """Also one that a warm start took part in, for whoever may read its ConfigMap."""
    done = person.does("replay", f"{finished}.r.1")
    assert re.fullmatch(r"done\.r\.1: \d results, suggested .*run.*, origin random", done.lines[0])
    assert done.lines[-1] == "The parameters are the same, bit for bit."
    assert person.does("explain", finished, f"{finished}.r.1").lines[0] == f"{finished}.r.1: origin random"
    old = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "old"},
        "data": {"old.csv": "x,score\n0.1,1\n"},
    }
    warm = sweep("learned", limits={"maxRuns": 1}, warmStart={"from": [{"configMap": "old"}]})
    cluster.apply([old, warm], person.namespace)
    until_reason(cluster, "sweep", "learned", person.namespace, "MaxRunsReached")
    reader = Person(cluster, person.namespace, "reader", (*EDIT, ("", "configmaps", "get")))
    assert reader.does("replay", "sweeprun/learned.r.0").lines[-1] == done.lines[-1]
    cluster.kubectl("delete", "configmap", "-l", f"{SWEEP_LABEL}=learned", "-n", person.namespace)
    for who, name, said in (
        (person, "learned.r.0", "is not allowed to get configmaps"),
        (reader, "learned.r.0", "learned.r.0 cannot be replayed: ConfigMap learned-warm-start-"),
        (person, finished, f"{finished!r} is a sweep; name one of its runs, as in "),
    ):
        refused = who.sweep("replay", name)
        assert refused.code != 0
        assert said in refused.err, refused


def test_a_file_in_which_anything_is_wrong_is_not_imported(
    cluster: Cluster, person: Person, finished: str, tmp_path: Path
) -> None:
    before = len(runs(cluster, person.namespace, finished))
    file = tmp_path / "f.csv"
    file.write_text("x,score\n0.1,1\nfast,2\n")
    done = person.sweep("import", str(file), finished)
    assert (done.code, done.err) == (
        2,
        "error: f.csv, line 3: x: 'fast' is not a number, as uniform needs; give a number\n",
    )
    assert len(runs(cluster, person.namespace, finished)) == before


def test_the_commands_answer_as_those_of_one_machine(cluster: Cluster, person: Person) -> None:
    cluster.apply(sweep("same", limits={"maxRuns": 9, "maxParallelRuns": 1}), person.namespace)
    until_reason(cluster, "sweeprun", "same.r.0", person.namespace, "Completed")
    cluster.patch("sweep", "same", person.namespace, {"spec": {"suspend": True}})
    until_reason(cluster, "sweep", "same", person.namespace, "Suspended")
    person.does("add", "same", "x=0.5", "--name", "halted")
    person.does("stop", "halted")
    until_reason(cluster, "sweeprun", "halted", person.namespace, "Stopped")

    def run(*arguments: str, stdin: str | None) -> tuple[int, str, str]:
        done = person.sweep(*arguments, stdin=stdin)
        return done.code, done.out, done.err

    same_commands.check(run, {"SWEEP": "same", "DONE": "same.r.0", "FAILED": "halted"}, "kubectl sweep")


def test_what_cannot_be_added_is_said_before_anything_is_made(cluster: Cluster, person: Person, finished: str) -> None:
    before = len(runs(cluster, person.namespace, finished))
    for arguments, stdin, said in (
        (["lr=1"], None, "lr: is not a parameter of done; known are x"),
        (["x=fast"], None, "x: 'fast' is not a number"),
        (["-f", "-"], "- {x: 0.5}\n- {x: slow}\n", "run 2: x: 'slow' is not a number"),
        (["x=1", "--name", "done.r.9"], None, "names of the form <sweep>.r.<n>"),
        (["x=1", "--name", "done.r.0"], None, "done.r."),
        ([], None, "nothing to run"),
    ):
        done = person.sweep("add", finished, *arguments, stdin=stdin)
        assert done.code != 0, (arguments, done)
        assert said in done.err, (arguments, done)
        assert "Traceback" not in done.err
    assert len(runs(cluster, person.namespace, finished)) == before


# -- what runs ------------------------------------------------------------------------------------------------------

METRICS_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "pods.metrics.k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, a test"}},
    "spec": {
        "group": "metrics.k8s.io",
        "scope": "Namespaced",
        "names": {"plural": "pods", "kind": "PodMetrics", "listKind": "PodMetricsList", "singular": "podmetrics"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
"""Serves what metrics-server serves, at the same place; what it says is put in by the test."""


def test_top_says_what_runs_use_and_cost(cluster: Cluster, person: Person, hanging: str) -> None:
    without = person.does("top", hanging)
    assert "has no metrics.k8s.io" in without.err
    header, row = (line.split() for line in without.lines[1:3])
    assert dict(zip(header, row, strict=False))["RUN"] == f"{hanging}.r.0"
    assert "1 active" in without.out
    unmetered = Person(cluster, person.namespace, "unmetered", [rule for rule in EDIT if rule[0] != "metrics.k8s.io"])
    cluster.apply(METRICS_CRD)
    try:
        cluster.kubectl("wait", "--for=condition=Established", "crd/pods.metrics.k8s.io", "--timeout=180s", timeout=200)
        (pod,) = running_pods(cluster, person.namespace, hanging)
        meta = {k: pod["metadata"][k] for k in ("name", "labels")}
        usage = {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": meta}
        usage["containers"] = [{"name": "main", "usage": {"cpu": "1500m", "memory": "3Gi"}}]
        cluster.apply(usage, person.namespace)
        cluster.until(lambda: "1.5" in person.sweep("top", hanging).out, "the metrics are there")
        with_ = person.does("top")
        row = next(line.split() for line in with_.lines if line.startswith(f"{hanging}.r.0 "))
        assert {"train", "1.5", "3.0Gi", "node-0"} <= set(row)
        refused = unmetered.does("top", hanging)
        assert "is not allowed to list pods.metrics.k8s.io" in refused.err
        assert f"{hanging}.r.0" in refused.out
    finally:
        cluster.kubectl("delete", "crd", "pods.metrics.k8s.io")


def test_logs_of_a_stage(cluster: Cluster, person: Person, tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    log.write_text("".join(f"2026-03-01T09:00:0{n}.000000000Z stdout F epoch {n}\n" for n in range(3)))
    node = f"talks-{person.namespace}"
    taint = {"key": "talks", "value": node, "effect": "NoSchedule"}
    cluster.add_node(node, played_by=node, labels={"talks": node}, taints=[taint], log=log)
    there = {"tolerations": [{"key": "talks", "operator": "Exists"}], "nodeSelector": {"talks": node}}
    quick, hang = {"limits": {"maxRuns": 1}, "train": there}, {"TEST_FAULT": "hang"}
    try:
        cluster.apply(sweep("talking", **quick, env=hang), person.namespace)
        cluster.apply(sweep("refuses", limits={"maxRuns": 1}, env={"TEST_FAULT": "image"}), person.namespace)
        until_reason(cluster, "sweeprun", "talking.r.0", person.namespace, "Training")
        assert person.does("logs", "talking.r.0").lines == ["epoch 0", "epoch 1", "epoch 2"]
        last = person.does("logs", "talking.r.0", "--stage", "train", "--tail", "1", "--timestamps")
        assert last.lines == ["2026-03-01T09:00:02Z epoch 2"] or last.lines[0].endswith("Z epoch 2")
        for arguments, said in (
            (["talking.r.0", "--stage", "eval"], "has no pod of eval yet; use -f to wait for it"),
            (["talking.r.0", "--attempt", "2"], "has no pod of attempt 2 yet"),
            (["talking.r.0", "-c", "sidecar"], "container sidecar is not valid"),
        ):
            done = person.sweep("logs", *arguments)
            assert (done.code, done.out) == (1, ""), done
            assert said in done.err
        cluster.until(lambda: "ImagePullBackOff" in person.sweep("logs", "refuses.r.0").err, "why it does not start")
        followed = subprocess.Popen(
            person.command("logs", "talking.r.0", "-f"), stdout=subprocess.PIPE, env=person.environment(), text=True
        )
        try:
            assert followed.stdout is not None
            assert [followed.stdout.readline() for _ in range(3)] == [f"epoch {n}\n" for n in range(3)]
            with log.open("a") as file:
                file.write("2026-03-01T09:00:09.000000000Z stdout F the end\n")
            assert followed.stdout.readline() == "the end\n"
        finally:
            followed.kill()
            followed.wait()
    finally:
        for name in ("talking", "refuses"):
            cluster.patch("sweep", name, person.namespace, {"spec": {"stop": True}})
        cluster.until(lambda: ended(cluster.get("sweep", "talking", person.namespace)), "it has ended")
        cluster.lose_nodes(node)
        cluster.remove_node(node)


# -- rights and places ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "arguments", "right"),
    [
        ([], ["status"], "list sweeps.metta.ai"),
        ([], ["status", "done"], "get sweeps.metta.ai"),
        ([("metta.ai", "sweeps", "get")], ["status", "done"], "list sweepruns.metta.ai"),
        ([("metta.ai", "sweeps", "get")], ["suspend", "done"], "patch sweeps.metta.ai"),
        ([("metta.ai", "sweeps", "get"), ("metta.ai", "sweepruns", "get")], ["stop", "sweeprun/done.r.0"], None),
        ([("metta.ai", "sweeps", "get"), ("metta.ai", "sweepruns", "list")], ["add", "done", "x=1"],
         "create sweepruns.metta.ai"),
        ([("metta.ai", "sweepruns", "get")], ["logs", "done.r.0"], "list pods"),
        ([("metta.ai", "sweepruns", "get"), ("", "pods", "list")], ["logs", "done.r.0"], "get pods/log"),
    ],
)  # fmt: skip
def test_a_missing_right_is_named(
    cluster: Cluster, person: Person, finished: str, rules: list[tuple[str, str, str]], arguments: list[str],
    right: str | None, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    other = Person(cluster, person.namespace, f"lacks-{abs(hash(request.node.name)) % 10**6}", rules)
    done = other.sweep(*arguments)
    if right is None:
        assert (done.code, "has already ended" in done.out) == (0, True), "nothing to change needs no right to change"
        return
    assert (done.code, done.out) == (1, "")
    verb, resource = right.split()
    assert f"{other.account} is not allowed to {verb} {resource} in namespace {person.namespace}" in done.err
    assert f"kubectl auth can-i {verb} " in done.err
    assert done.err.count("\n") == 1


def test_the_namespace_and_context_are_kubectls(
    cluster: Cluster, person: Person, finished: str, tmp_path: Path
) -> None:
    config = json.loads(person.kubeconfig.read_text())
    context = config["contexts"][0]
    config["contexts"].append({"name": "elsewhere", "context": {**context["context"], "namespace": "default"}})
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    given = ("--kubeconfig", str(path))
    assert finished in person.does("status", *given).out
    for arguments in (
        ["--context", "elsewhere", "-n", person.namespace, "status"],
        ["status", f"--namespace={person.namespace}", "--context=elsewhere"],
        ["-n", "default", "status", "-n", person.namespace],
    ):
        assert finished in person.does(*arguments, *given).out, arguments
    refused = person.sweep("status", "--context", "elsewhere", *given)
    assert "in namespace default" in refused.err
    unknown = person.sweep("status", "--context", "nowhere", *given)
    assert unknown.code == 1
    assert "nowhere" in unknown.err
    none = person.sweep("status", KUBECONFIG=str(tmp_path / "none"))
    assert (none.code, none.err) == (
        1,
        f"error: no kubeconfig at {tmp_path / 'none'}; set KUBECONFIG or use --kubeconfig\n",
    )
    # of two files the first one's context counts, as for kubectl
    other = tmp_path / "other"
    other.write_text(json.dumps({**config, "current-context": "elsewhere"}))
    both = person.sweep("status", KUBECONFIG=f"{person.kubeconfig}{os.pathsep}{other}")
    assert finished in both.out


def test_completion_knows_sweeps_runs_and_parameters(
    cluster: Cluster, person: Person, finished: str, failed: str
) -> None:
    def asked(*arguments: str) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(person.kubeconfig))
            return [line.split("\t")[0] for line in complete(arguments).splitlines()]

    # as a shell asks kubectl, and kubectl us
    by_kubectl = person.kubectl("__complete", "sweep", "status", "")
    assert [line.split("\t")[0] for line in by_kubectl.lines] == asked("status", "")
    assert {"status", "stop"} <= set(asked("st"))
    assert finished in asked("status", "")
    assert asked("suspend", finished, "do") == [":4"], "it is there already"
    assert set(asked("logs", "done.r.")) == {"done.r.0", "done.r.1", ":4"}
    assert failed in asked("retry", "")
    assert "done.r.0" not in asked("retry", "")
    assert asked("add", finished, "") == ["x=", ":6"]
    assert asked("logs", "done.r.0", "--stage", "") == ["train", "eval", ":4"]
    assert asked("status", "--kubeconfig", str(person.kubeconfig.parent / "none"), "") == [":4"]
    script = (
        "source <(kubectl-sweep completion bash); COMP_WORDS=(kubectl-sweep status d); COMP_CWORD=2; "
        '_kubectl_sweep_completion kubectl-sweep; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert person.run(["bash", "-c", script]).lines == [finished]
    zsh = person.does("completion", "zsh").out
    assert "#compdef kubectl-sweep" in zsh


def test_a_manual_run_that_nobody_has_adopted_yet_is_shown(cluster: Cluster, namespace: str) -> None:
    cluster.apply([sweep("alone"), manual_run("mine", "alone", x=0.5)], namespace)
    loner = Person(cluster, namespace, "loner", EDIT)
    assert any(line.startswith("mine ") for line in loner.does("status", "alone").lines)
    assert "no pod yet" in loner.sweep("logs", "mine").err or "has no pod" in loner.sweep("logs", "mine").err
