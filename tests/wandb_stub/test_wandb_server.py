"""The server by itself: keys and rights, runs and sweeps, who wins a write, outages and what survives them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wandb_stub.asking import RUNS, UPSERT_SWEEP, graphql, send, stream, upsert
from tests.wandb_stub.process import WandbServerProcess
from tests.wandb_stub.records import Account, go_json
from tests.wandb_stub.server import KEY, WandbServer

READER, OTHER = "r" * 40, "o" * 86
SWEEP = "{name: s, method: custom, parameters: {lr: {min: 0, max: 1}}}"


@pytest.fixture
def server() -> Iterator[WandbServer]:
    accounts = [
        Account(KEY, projects={"acme/secret": "none", "acme/frozen": "read"}),
        Account(READER, "reader", {"acme": "read"}),
        Account(OTHER, "other", {"others": "write"}),
    ]
    with WandbServer(accounts) as server:
        yield server


# -- rights ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "entity", "project", "status", "message"),
    [
        (KEY, "acme", "p", 200, None),
        ("x" * 40, "acme", "p", 401, "user is not logged in"),
        (None, "acme", "p", 401, "user is not logged in"),
        (READER, "acme", "p", 403, "permission denied"),
        (KEY, "others", "p", 403, "permission denied"),
        (KEY, "acme", "secret", 403, "permission denied"),
        (KEY, "acme", "frozen", 403, "permission denied"),
        (KEY, "nobody", "p", 404, "entity nobody not found during upsertBucket"),
    ],
)
def test_who_may_write(
    server: WandbServer, key: str | None, entity: str, project: str, status: int, message: str | None
) -> None:
    reply = upsert(server.url, "a", entity=entity, project=project, key=key)
    assert reply.status == status
    assert len(server.runs()) == (1 if status == 200 else 0)
    if message is not None:
        assert reply.message == message
        assert stream(server.url, f"{entity}/{project}/a", key=key, complete=True).status == status


def test_a_project_that_may_not_be_seen_looks_missing(server: WandbServer) -> None:
    for project in ("secret", "p"):
        server.add_run(f"acme/{project}/a")
    assert graphql(server.url, RUNS, entity="acme", project="p").body["data"]["project"]["runCount"] == 1
    for key, project in ((KEY, "secret"), (KEY, "missing"), (OTHER, "p")):
        reply = graphql(server.url, RUNS, entity="acme", project=project, key=key)
        assert (reply.status, reply.body) == (200, {"data": {"project": None}})


def test_a_key_can_be_taken_away(server: WandbServer) -> None:
    upsert(server.url, "a")
    server.remove_account(KEY)
    assert stream(server.url, "acme/p/a", complete=True).status == 401
    server.add_account(Account(KEY))
    assert stream(server.url, "acme/p/a", complete=True).status == 200


def test_projects_are_created_unless_it_is_forbidden() -> None:
    with WandbServer(create_projects=False) as server:
        assert upsert(server.url, "a", project="new").status == 404
        server.add_project("acme/new")
        assert upsert(server.url, "a", project="new").status == 200


# -- runs --------------------------------------------------------------------------------------------------------------


def test_an_id_is_used_once(wandb_server: WandbServer) -> None:
    node = upsert(wandb_server.url, "a").body["data"]["upsertBucket"]["bucket"]["id"]
    again = upsert(wandb_server.url, "a").body["data"]["upsertBucket"]
    assert (again["bucket"]["id"], again["inserted"]) == (node, False)
    delete = "mutation DeleteRun($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
    assert graphql(wandb_server.url, delete, id=node).status == 200
    assert wandb_server.runs() == []
    reply = upsert(wandb_server.url, "a")
    assert reply.status == 409
    assert reply.message == "run acme/p/a was previously created and deleted; try a new run name"
    assert upsert(wandb_server.url, "a", project="q").status == 200


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "x" * 129])
def test_ids_that_w_and_b_does_not_take(wandb_server: WandbServer, name: str) -> None:
    assert upsert(wandb_server.url, name).status == 400


def test_the_last_writer_of_a_summary_wins(wandb_server: WandbServer) -> None:
    def summary(**values: Any) -> dict[str, Any]:
        return {"wandb-summary.json": {"offset": 0, "content": [json.dumps(values)]}}

    upsert(wandb_server.url, "a")
    stream(wandb_server.url, "acme/p/a", files=summary(score=1))
    upsert(wandb_server.url, "a", summary='{"score": 1, "protein.cost": 2}')
    stream(wandb_server.url, "acme/p/a", files=summary(score=3), complete=True, exitcode=0)
    assert wandb_server.run("acme/p/a").summary == {"score": 3}  # a live pod's SDK knows nothing of what others wrote
    upsert(wandb_server.url, "a", summary='{"score": 3, "protein.cost": 2}', state="finished")
    assert wandb_server.run("acme/p/a").summary == {"score": 3, "protein.cost": 2}


def test_a_row_that_is_sent_again_is_there_once(wandb_server: WandbServer) -> None:
    upsert(wandb_server.url, "a")
    rows = [json.dumps({"_step": n}) for n in range(3)]
    for offset, content in ((0, rows[:2]), (0, rows[:2]), (1, rows[1:])):
        files = {"wandb-history.jsonl": {"offset": offset, "content": content}}
        assert stream(wandb_server.url, "acme/p/a", files=files).status == 200
    assert wandb_server.run("acme/p/a").history == rows
    gap = {"wandb-history.jsonl": {"offset": 9, "content": rows}}
    assert stream(wandb_server.url, "acme/p/a", files=gap).status == 400


@pytest.mark.parametrize(("exit_code", "state"), [(0, "finished"), (1, "failed")])
def test_a_run_ends_by_its_exit_code(wandb_server: WandbServer, exit_code: int, state: str) -> None:
    upsert(wandb_server.url, "a")
    stream(wandb_server.url, "acme/p/a", complete=True, exitcode=exit_code)
    run = wandb_server.run("acme/p/a")
    assert (run.state, run.exit_code) == (state, exit_code)


def test_a_silent_run_has_crashed() -> None:
    time = 1000.0
    with WandbServer(clock=lambda: time) as server:
        upsert(server.url, "a")
        time += 299
        assert server.run("acme/p/a").state == "running"
        time += 2
        assert server.run("acme/p/a").state == "crashed"
        stream(server.url, "acme/p/a")  # a heartbeat
        assert server.run("acme/p/a").state == "running"


def test_streaming_to_a_run_that_is_not_there_is_refused(wandb_server: WandbServer) -> None:
    wandb_server.add_project("acme/p")
    assert stream(wandb_server.url, "acme/p/missing", complete=True).status == 404


def test_numbers_come_back_as_json_keeps_them(wandb_server: WandbServer) -> None:
    upsert(wandb_server.url, "a", config='{"lr": {"value": 1e-05}, "n": {"value": 2.0}}', summary='{"big": 1e21}')
    run = wandb_server.run("acme/p/a")
    assert (repr(run.values), repr(run.summary)) == ("{'lr': 1e-05, 'n': 2}", "{'big': 1e+21}")
    assert repr(go_json([1.0, -0.5, True, "1.0", None, 2**53 + 1])) == f"[1, -0.5, True, '1.0', None, {2**53}]"
    assert upsert(wandb_server.url, "b", summary='{"score": NaN}').status == 400


# -- sweeps ------------------------------------------------------------------------------------------------------------


def test_every_creation_makes_another_sweep(wandb_server: WandbServer) -> None:
    for _ in range(2):
        graphql(wandb_server.url, UPSERT_SWEEP, config=SWEEP, entity="acme", project="p")
    assert [sweep.display_name for sweep in wandb_server.sweeps("acme/p")] == ["s", "s"]


def test_a_sweep_runs_once_it_has_a_run(wandb_server: WandbServer) -> None:
    name = graphql(wandb_server.url, UPSERT_SWEEP, config=SWEEP, entity="acme", project="p").body["data"][
        "upsertSweep"
    ]["sweep"]["name"]
    assert wandb_server.sweeps()[0].state == "PENDING"
    assert upsert(wandb_server.url, "a", sweep=name).status == 200
    assert wandb_server.sweeps()[0].state == "RUNNING"
    assert upsert(wandb_server.url, "b", sweep="missing").status == 404


@pytest.mark.parametrize(
    ("config", "status", "message"),
    [
        ("{parameters: {lr: {value: 1}}}", 400, "must contain method section"),
        ("{method: random}", 400, "must contain parameters section"),
        ("{method: magic, parameters: {lr: {value: 1}}}", 400, "magic"),
        ("[", 400, "Invalid sweep config"),
        ("{method: random, parameters: {lr: {max: .inf, min: 0}}}", 500, "invalid character 'I'"),
    ],
)
def test_sweep_configs_that_are_refused(wandb_server: WandbServer, config: str, status: int, message: str) -> None:
    reply = graphql(wandb_server.url, UPSERT_SWEEP, config=config, entity="acme", project="p")
    assert reply.status == status
    assert message in reply.message
    assert wandb_server.sweeps() == []


def test_a_server_can_refuse_a_method() -> None:
    with WandbServer(sweep_methods=frozenset({"random"})) as server:
        assert graphql(server.url, UPSERT_SWEEP, config=SWEEP, entity="acme", project="p").status == 400


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_answer_holds_what_was_selected(wandb_server: WandbServer) -> None:
    wandb_server.add_run("acme/p/a", summary={"score": 1}, config={"lr": 0.1})
    query = 'query Run { project(name: "p", entityName: "acme") { run(name: "a") { state config } } }'
    run = graphql(wandb_server.url, query).body["data"]["project"]["run"]
    assert run == {"state": "finished", "config": '{"lr": {"value": 0.1, "desc": null}}'}


@pytest.mark.parametrize("query", ["{ project { color } }", "{", "query A { viewer { id } } query B { viewer { id } }"])
def test_a_query_that_the_schema_does_not_know_is_refused_and_kept(wandb_server: WandbServer, query: str) -> None:
    assert graphql(wandb_server.url, query).status == 400
    assert [rejected.query for rejected in wandb_server.rejected()] == [query]


def test_pages_are_as_large_as_asked_up_to_a_limit() -> None:
    with WandbServer(max_page=3) as server:
        for n in range(5):
            server.add_run(f"acme/p/r{n}", created=1000.0 + n)
        names, cursor = list[str](), None
        for size in (3, 2):
            reply = graphql(
                server.url, RUNS, entity="acme", project="p", perPage=250, order="-created_at", cursor=cursor
            )
            page = reply.body["data"]["project"]["runs"]
            assert len(page["edges"]) == size
            names += [edge["node"]["name"] for edge in page["edges"]]
            cursor = page["pageInfo"]["endCursor"]
        assert not page["pageInfo"]["hasNextPage"]
        assert names == ["r4", "r3", "r2", "r1", "r0"]


def test_files_come_back_as_they_were_sent(wandb_server: WandbServer) -> None:
    assert send(wandb_server.url, "PUT", "/stored/acme/p/a/x.txt", b"hello", key=None).status == 200
    assert send(wandb_server.url, "GET", "/stored/acme/p/a/x.txt", key=None).content == b"hello"
    assert wandb_server.file("acme/p/a/x.txt") == b"hello"
    assert send(wandb_server.url, "GET", "/stored/acme/p/a/y.txt", key=None).status == 404


# -- outages -----------------------------------------------------------------------------------------------------------


def test_an_outage_keeps_the_port_and_what_was_stored() -> None:
    server = WandbServer().start()
    url = server.url
    upsert(url, "a")
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        upsert(url, "b")
    with server:
        assert server.url == url
        upsert(url, "b")
        assert [run.name for run in server.runs()] == ["a", "b"]


def test_stopping_cuts_the_requests_that_are_open(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("hang", "UpsertBucket", seconds=60)
    address = http.client.HTTPConnection("127.0.0.1", wandb_server.port, timeout=10)
    address.request("POST", "/graphql", json.dumps({"query": "mutation UpsertBucket { upsertBucket }"}))
    wandb_server.wait_for("UpsertBucket")
    wandb_server.stop()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        address.getresponse()


def test_a_taken_port_is_an_error(wandb_server: WandbServer) -> None:
    with pytest.raises(OSError):
        WandbServer(port=wandb_server.port).start()


def test_a_killed_server_comes_back_with_everything_it_had_answered(tmp_path: Path) -> None:
    process = WandbServerProcess(tmp_path / "state.jsonl")
    with pytest.raises(ConnectionRefusedError):  # the address is known before the server is there
        upsert(process.url, "a")
    process.start()
    upsert(process.url, "a", config='{"lr": {"value": 0.1}}')
    graphql(process.url, UPSERT_SWEEP, config=SWEEP, entity="acme", project="p")
    send(process.url, "PUT", "/stored/acme/p/a/x.txt", b"hello")
    stream(process.url, "acme/p/a", complete=True, exitcode=1)
    process.add_fault("status", "UpsertBucket", code=503)
    assert upsert(process.url, "b").status == 503
    assert process.injected() == {"status-503": 1}
    process.kill()
    with (tmp_path / "state.jsonl").open("a") as file:
        file.write('{"kind": "Run", "rec')  # it was writing when it died
    with process.start():
        (run,) = process.runs()
        assert (run.name, run.values, run.state) == ("a", {"lr": 0.1}, "failed")
        assert [sweep.display_name for sweep in process.sweeps()] == ["s"]
        assert send(process.url, "GET", "/stored/acme/p/a/x.txt").content == b"hello"
        assert upsert(process.url, "c").status == 200
    with WandbServer(journal=process.state) as server:
        assert [run.name for run in server.runs()] == ["a", "c"]
