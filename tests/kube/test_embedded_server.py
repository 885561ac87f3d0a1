"""The embedded Kube: the conformance suite, and what is its own (the file, the lock, the history)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.kube import state_file
from sweep_operator.kube.embedded import EmbeddedKube, StoreLocked, index, persistence
from sweep_operator.kube.embedded.watch_log import WatchLog
from sweep_operator.kube.protocol import Gone, Invalid, Kind, Kube, NotFound, WatchEvent
from sweep_operator.kube.state_file import StoreUnreadable, dictionaries, read_objects, unpacked
from tests.kube.engine_conformance import EngineConformance
from tests.kube.kube_conformance import NS, KubeConformance, config_map, owner, pod


def clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def opened(path: Path | None) -> EmbeddedKube:
    return EmbeddedKube(path, clock=clock)


class TestEmbedded(KubeConformance, EngineConformance):
    @pytest.fixture
    async def kube(self, tmp_path: Path) -> AsyncIterator[Kube]:
        kube = opened(tmp_path / "state.db")
        yield kube
        kube.close()


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path / "state.db")
    made = await first.create(Kind.CONFIG_MAP, config_map("a"))
    await first.create(Kind.CONFIG_MAP, config_map("b"))
    await first.delete(Kind.CONFIG_MAP, NS, "b")
    version = (await first.list(Kind.CONFIG_MAP)).resource_version
    first.close()
    second = opened(tmp_path / "state.db")
    listed = await second.list(Kind.CONFIG_MAP)
    assert listed.items == (made,)
    assert listed.resource_version == version
    assert int((await second.create(Kind.CONFIG_MAP, config_map("c")))["metadata"]["resourceVersion"]) > version
    second.close()


async def test_what_has_not_changed_for_long_is_kept_as_in_the_file_and_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "RECENT", 1)
    kube = opened(tmp_path / "state.db")
    parent = await kube.create(Kind.CONFIG_MAP, config_map("parent"))
    made = [await kube.create(Kind.POD, pod(f"p{n}", ownerReferences=[owner(parent)])) for n in range(4)]
    assert (await kube.list(Kind.POD)).items == tuple(made)
    made[0]["status"] = {"phase": "Succeeded"}
    changed = await kube.update_status(Kind.POD, made[0])
    assert [await kube.get(Kind.POD, NS, f"p{n}") for n in range(4)] == [changed, *made[1:]]
    kube.close()
    kube = opened(tmp_path / "state.db")
    owned = kube.owned_by(Kind.POD, parent["metadata"]["uid"])
    assert {p["metadata"]["name"] for p in owned} == {"p0", "p1", "p2", "p3"}
    await kube.delete(Kind.CONFIG_MAP, NS, "parent")
    left = (await kube.list(Kind.POD)).items
    assert all(p["metadata"]["deletionTimestamp"] for p in left)
    assert [p["metadata"]["name"] for p in left] == ["p1", "p2", "p3"]
    kube.close()


async def test_a_deletion_that_was_cut_off_half_way_is_finished_at_the_next_start(tmp_path: Path) -> None:
    kube = opened(tmp_path / "state.db")
    parent = await kube.create(Kind.CONFIG_MAP, config_map("parent"))
    await kube.create(Kind.CONFIG_MAP, config_map("child", ownerReferences=[owner(parent)]))
    kube.close()
    with sqlite3.connect(tmp_path / "state.db") as raw:  # as a crash between the two deletions would leave it
        raw.execute("DELETE FROM objects WHERE uid = ?", (parent["metadata"]["uid"],))
    again = opened(tmp_path / "state.db")
    with pytest.raises(NotFound):
        await again.get(Kind.CONFIG_MAP, NS, "child")
    again.close()


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    kube = opened(tmp_path / "state.db")
    with pytest.raises(StoreLocked, match=r"in use by process \d+"):
        opened(tmp_path / "state.db")
    assert read_objects(tmp_path / "state.db", (Kind.SWEEP,)) == []
    kube.close()
    opened(tmp_path / "state.db").close()


def run_of(number: int) -> dict[str, Any]:
    """A run as the operator creates it."""
    parameters = {"learning_rate": 0.1 * number, "name": f"secret-{number}"}
    labels = {"metta.ai/sweep": "s", "metta.ai/sweep-uid": "u", "app.kubernetes.io/managed-by": "sweep-operator"}
    spec = {"sweepName": "s", "index": number, "origin": "model", "parameters": parameters, "stop": False}
    return {"metadata": {"name": f"s.r.{number}", "namespace": NS, "labels": labels}, "spec": spec}


def text_of(path: Path) -> str:
    """Dictionaries and bodies of a state file."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        known = dictionaries(raw)
        bodies = raw.execute("SELECT kind, body FROM objects").fetchall()
    return "".join([*(d.decode() for d in known.values()), *(unpacked(b, known.get(k)) for k, b in bodies)])


def jobs(path: Path) -> list[tuple[str, int]]:
    """Type and length of the stored bodies."""
    with sqlite3.connect(path) as raw:
        return raw.execute(
            "SELECT typeof(body), length(body) FROM objects WHERE kind = 'Job' ORDER BY version"
        ).fetchall()


async def test_jobs_that_resemble_each_other_take_little_space(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    kube = opened(path)
    bodies = [
        {"metadata": {"name": f"j{n}"}, "spec": {"text": [f"{n * k**3:x}" for k in range(300)]}} for n in (1, 1, 2)
    ]
    made = [await kube.create(Kind.JOB, {**b, "metadata": {"name": f"j{n}"}}) for n, b in enumerate(bodies)]
    await kube.update_status(Kind.JOB, {**made[1], "status": {"active": 1}})
    kube.close()
    again = opened(path)
    for job in made:
        assert (await again.get(Kind.JOB, NS, job["metadata"]["name"]))["spec"] == job["spec"]
    again.close()
    first, other, second = jobs(path)
    assert {first[0], second[0]} == {"blob"}
    assert max(first[1], second[1]) < 300 < 1000 < other[1]


async def test_runs_take_little_space_and_the_file_forgets_those_that_are_deleted(tmp_path: Path) -> None:
    """A run that an earlier version stored as plain JSON is read, too."""
    path, plain = tmp_path / "state.db", {"metadata": {"name": "plain"}, "spec": {"index": 7}}
    kube = opened(path)
    made = [await kube.create(Kind.SWEEP_RUN, run_of(n)) for n in range(2)]
    made.append(await kube.create(Kind.SWEEP_RUN, plain))
    await kube.delete(Kind.SWEEP_RUN, NS, "s.r.0")
    kube.close()
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        sizes = dict(raw.execute("SELECT typeof(body), length(body) FROM objects").fetchall())
        raw.execute("UPDATE objects SET body = ? WHERE uid = ?", (json.dumps(made[2]), made[2]["metadata"]["uid"]))
    assert sizes["blob"] < len(json.dumps(made[1])) / 2
    assert read_objects(path, (Kind.SWEEP_RUN,)) == made[1:]
    again = opened(path)
    assert (await again.get(Kind.SWEEP_RUN, NS, "plain")) == made[2]
    again.close()
    assert "secret-1" in text_of(path)
    assert "secret-0" not in text_of(path)


async def test_controllers_look_at_what_is_unfinished(tmp_path: Path) -> None:
    kube = opened(tmp_path / "state.db")
    states: dict[str, Any] = {"pending": {}, "running": {"phase": "Running"}, "over": {"phase": "Failed"}}
    for name in (*states, "leaving"):
        held = {"finalizers": ["metta.ai/result"]} if name == "leaving" else {}
        made = await kube.create(Kind.POD, pod(name, **held))
        await kube.update_status(Kind.POD, {**made, "status": states.get(name, states["over"])})
    await kube.delete(Kind.POD, NS, "leaving")
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    specs: dict[str, Any] = {"active": {}, "complete": {}, "complete-ttl": {"ttlSecondsAfterFinished": 9}}
    for name, spec in specs.items():
        made = await kube.create(Kind.JOB, {"metadata": {"name": name, "namespace": NS}, "spec": spec})
        await kube.update_status(Kind.JOB, {**made, "status": complete if spec or name == "complete" else {}})
    for _ in range(2):
        names = {kind: [o["metadata"]["name"] for o in kube.unfinished(kind).items] for kind in (Kind.POD, Kind.JOB)}
        assert names == {Kind.POD: ["leaving", "pending", "running"], Kind.JOB: ["active", "complete-ttl"]}
        kube.close()
        kube = opened(tmp_path / "state.db")
    for name in ("active", "complete-ttl"):
        await kube.delete(Kind.JOB, NS, name)
    assert not kube.unfinished(Kind.JOB).items
    kube.close()


async def test_a_list_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "RECENT", 1)
    kube = opened(tmp_path / "state.db")
    made = [await kube.create(Kind.POD, pod(f"p{n}")) for n in range(3)]
    listed = (await kube.list(Kind.POD)).items
    await kube.update_status(Kind.POD, {**made[0], "status": {"phase": "Succeeded"}})
    await kube.delete(Kind.POD, NS, "p1")
    listed[2]["metadata"]["name"] = "changed by its reader"
    assert listed == made
    assert list(listed[1:]) == made[1:]
    kube.close()


async def test_a_dictionary_is_kept_only_with_its_transaction(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    kube = opened(path)
    with contextlib.suppress(ZeroDivisionError), kube.together():
        await kube.create(Kind.JOB, {"metadata": {"name": "lost"}, "spec": {}})
        raise ZeroDivisionError
    await kube.create(Kind.JOB, {"metadata": {"name": "kept"}, "spec": {}})
    kube.close()
    assert [o["metadata"]["name"] for o in read_objects(path, (Kind.JOB,))] == ["kept"]


async def test_an_older_file_is_copied_and_then_changed(tmp_path: Path) -> None:
    path, copy = tmp_path / "state.db", tmp_path / "state.db.format-1"
    bodies = [
        {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": "a", "namespace": NS, "uid": kind, "resourceVersion": "1"},
        }
        for kind in ("ConfigMap", "Job")
    ]
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        raw.execute("INSERT INTO counters VALUES ('version', 1), ('format', 1)")
        raw.execute("CREATE TABLE objects (uid TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL)")
        raw.executemany("INSERT INTO objects VALUES (?, 1, ?)", [(b["kind"], json.dumps(b)) for b in bodies])
    before = path.read_bytes()
    assert read_objects(path, (Kind.JOB,)) == bodies[1:]
    assert path.read_bytes() == before, "a reader changes nothing"
    for name in ("b", "c"):
        kube = opened(path)
        assert (await kube.get(Kind.CONFIG_MAP, NS, "a"))["metadata"]["uid"] == "ConfigMap"
        await kube.create(Kind.JOB, {"metadata": {"name": name}, "spec": {}})
        kube.close()
    assert [o["metadata"]["name"] for o in read_objects(path, (Kind.JOB,))] == ["a", "b", "c"]
    assert read_objects(copy, (Kind.JOB,)) == bodies[1:]
    assert not list(tmp_path.glob(".*")), "nothing is left"


async def test_a_start_unpacks_only_what_an_earlier_version_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    kube = opened(path)
    jobs = [await kube.create(Kind.JOB, {"metadata": {"name": name}, "spec": {}}) for name in ("a", "b")]
    child = {"metadata": {"name": "p", "ownerReferences": [owner(jobs[0])]}, "spec": {"containers": []}}
    pods = [await kube.create(Kind.POD, child)]
    kube.close()
    ended = {**jobs[1], "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    ended["metadata"] = {**ended["metadata"], "resourceVersion": "9"}
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:  # as an earlier version does it
        raw.execute(
            "UPDATE objects SET version = 9, body = ? WHERE uid = ?", (json.dumps(ended), ended["metadata"]["uid"])
        )
        raw.execute("UPDATE counters SET value = 9 WHERE name = 'version'")
    unpacked: list[str] = []
    monkeypatch.setattr(persistence, "unpack", lambda *args: unpacked.append("") or state_file.unpack(*args))
    kube = opened(path)
    assert len(unpacked) == 1
    assert [job["metadata"]["name"] for job in kube.unfinished(Kind.JOB).items] == ["a"]
    assert kube.owned_by(Kind.POD, jobs[0]["metadata"]["uid"]) == pods
    assert await kube.get(Kind.JOB, jobs[1]["metadata"]["namespace"], "b") == ended
    kube.close()


async def test_changes_that_belong_together_are_kept_together(tmp_path: Path) -> None:
    path, names = tmp_path / "state.db", ("a", "b")
    kube = opened(path)

    async def fail() -> None:
        with kube.together():
            await kube.create(Kind.CONFIG_MAP, config_map("a"))
            await kube.create(Kind.CONFIG_MAP, {"metadata": {}})

    with pytest.raises(Invalid):
        await fail()
    kube.close()
    assert read_objects(path, (Kind.CONFIG_MAP,)) == []
    kube = opened(path)
    with kube.together():
        for name in names:
            await kube.create(Kind.CONFIG_MAP, config_map(name))
        assert read_objects(path, (Kind.CONFIG_MAP,)) == [], "readers see nothing of it before its end"
    await kube.create(Kind.CONFIG_MAP, config_map("c"))
    kube.close()
    assert [o["metadata"]["name"] for o in read_objects(path, (Kind.CONFIG_MAP,))] == [*names, "c"]


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from sweep_operator.kube.embedded import EmbeddedKube\n"
        "kube = EmbeddedKube(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "state.db")], check=False)
    assert done.returncode == -9
    opened(tmp_path / "state.db").close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_not_a_state_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    if not content:
        opened(path).close()  # an empty file is a new database to SQLite
        return
    with pytest.raises(StoreUnreadable, match="move it away"):
        opened(path)


def test_a_state_of_another_format(tmp_path: Path) -> None:
    opened(tmp_path / "state.db").close()
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("UPDATE counters SET value = 99 WHERE name = 'format'")
    for _ in range(2):  # the first attempt releases the lock
        with pytest.raises(StoreUnreadable, match="has format 99; this version reads 1 to 2; update sweep-operator"):
            opened(tmp_path / "state.db")


async def test_a_pod_that_may_still_run_is_given_time(tmp_path: Path) -> None:
    kube = opened(None)
    made = await kube.create(Kind.POD, pod("p"))
    await kube.update_status(Kind.POD, {**made, "status": {"phase": "Running"}})
    await kube.delete(Kind.POD, NS, "p", grace_seconds=30)
    assert (await kube.get(Kind.POD, NS, "p"))["metadata"]["deletionGracePeriodSeconds"] == 30
    await kube.delete(Kind.POD, NS, "p", grace_seconds=0)
    with pytest.raises(NotFound):
        await kube.get(Kind.POD, NS, "p")


async def test_a_shorter_grace_period_ends_earlier_and_began_when_it_began() -> None:
    """The kubelet deletes a pod that has ended without grace; the deletion was still requested before the end."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    kube = EmbeddedKube(None, clock=lambda: now)
    made = await kube.create(Kind.POD, pod("p", finalizers=["metta.ai/result"]))
    await kube.update_status(Kind.POD, {**made, "status": {"phase": "Running"}})
    await kube.delete(Kind.POD, NS, "p", grace_seconds=30)
    assert (await kube.get(Kind.POD, NS, "p"))["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
    now += timedelta(seconds=8)
    await kube.delete(Kind.POD, NS, "p", grace_seconds=0)
    meta = (await kube.get(Kind.POD, NS, "p"))["metadata"]
    assert (meta["deletionTimestamp"], meta["deletionGracePeriodSeconds"]) == ("2026-01-01T00:00:00Z", 0)


async def test_a_watch_that_is_too_old_is_an_error() -> None:
    history = WatchLog(100, kept=4)
    for i in range(12):
        history.append(WatchEvent("ADDED", {"kind": "ConfigMap", **config_map(f"m{i}")}))
    with pytest.raises(Gone):
        await anext(history.follow(Kind.CONFIG_MAP, None, 100))
    newest = await anext(history.follow(Kind.CONFIG_MAP, NS, 111))
    assert newest.object["metadata"]["name"] == "m11"


async def test_events_are_bounded() -> None:
    kube = EmbeddedKube(None, clock=clock, max_events=3)
    for i in range(5):
        await kube.create(Kind.EVENT, {"metadata": {"name": f"e{i}", "namespace": NS}})
    assert [e["metadata"]["name"] for e in (await kube.list(Kind.EVENT)).items] == ["e2", "e3", "e4"]


async def test_admission_fills_in_and_refuses() -> None:
    def admit(kind: Kind, new: dict[str, object], old: dict[str, object] | None) -> dict[str, object]:
        if new.get("data") == {"bad": "1"}:
            raise Invalid("data.bad: is bad")
        return {**new, "admitted": old is None}

    kube = EmbeddedKube(None, clock=clock, admission=admit)
    assert (await kube.create(Kind.CONFIG_MAP, config_map("a")))["admitted"] is True
    with pytest.raises(Invalid, match="is bad"):
        await kube.create(Kind.CONFIG_MAP, {**config_map("b"), "data": {"bad": "1"}})


async def test_many_watchers_see_everything_in_order() -> None:
    kube = opened(None)
    seen: list[list[str]] = [[], [], []]

    async def follow(place: list[str]) -> None:
        async for event in kube.watch(Kind.CONFIG_MAP, resource_version=0):
            place.append(event.object["metadata"]["name"])
            if len(place) == 50:
                return

    tasks = [asyncio.create_task(follow(place)) for place in seen]
    for i in range(50):
        await kube.create(Kind.CONFIG_MAP, config_map(f"m{i}"))
        if i % 7 == 0:
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert seen == [[f"m{i}" for i in range(50)]] * 3


@pytest.mark.parametrize("kind", [Kind.POD, Kind.JOB])
async def test_a_dry_run_names_unsupported_volumes(kind: Kind) -> None:
    kube = opened(None)
    spec = {"volumes": [{"name": "d", "csi": {}}], "containers": []}
    body = {"metadata": {"name": "p"}, "spec": spec if kind == Kind.POD else {"template": {"spec": spec}}}
    with pytest.raises(Invalid, match="volume 'd' of type csi"):
        await kube.create(kind, body, dry_run=True)


WRITER = """
import asyncio, itertools, resource, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind, NotFound, Unavailable

def body(name, data):
    return {"metadata": {"name": name, "namespace": "default"}, "data": {"x": data}}

async def until_killed(kube):
    for i in itertools.count():
        await kube.create(Kind.CONFIG_MAP, body(f"m{i}", "x" * 5000))
        print(f"m{i}", flush=True)

async def until_full(kube):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    await kube.create(Kind.CONFIG_MAP, body("kept", ""))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        await kube.create(Kind.CONFIG_MAP, body("large", "x" * 1_000_000))
    except Unavailable as error:
        print(error)
    print(len((await kube.list(Kind.CONFIG_MAP)).items))
    await kube.create(Kind.CONFIG_MAP, body("small", ""))

asyncio.run(globals()[sys.argv[1]](EmbeddedKube(Path(sys.argv[2]), clock=lambda: datetime.now(UTC))))
"""


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, "until_killed", str(tmp_path / "state.db")], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    told = [writer.stdout.readline().strip() for _ in range(40)]
    writer.kill()
    told += writer.stdout.read().split()
    writer.wait()
    kube = opened(tmp_path / "state.db")
    found = {o["metadata"]["name"] for o in (await kube.list(Kind.CONFIG_MAP)).items}
    assert set(told) <= found
    assert len(found) <= len(told) + 1, "at most the one that was on its way"
    kube.close()


async def test_a_full_disk_is_reported_and_changes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, "until_full", str(tmp_path / "state.db")],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    message, count = done.stdout.splitlines()
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}: .*; make this directory writable", message)
    assert count == "1"
    kube = opened(tmp_path / "state.db")
    assert [o["metadata"]["name"] for o in (await kube.list(Kind.CONFIG_MAP)).items] == ["kept", "small"]
    kube.close()


async def test_deleting_many_children_is_one_step() -> None:
    kube = opened(None)
    parent = await kube.create(Kind.CONFIG_MAP, config_map("parent"))
    for i in range(300):
        child = await kube.create(Kind.CONFIG_MAP, config_map(f"c{i}", ownerReferences=[owner(parent)]))
        await kube.create(Kind.CONFIG_MAP, config_map(f"g{i}", ownerReferences=[owner(child)]))
    before = (await kube.list(Kind.CONFIG_MAP)).resource_version
    await kube.delete(Kind.CONFIG_MAP, NS, "parent")
    after = await kube.list(Kind.CONFIG_MAP)
    assert (after.items, after.resource_version) == ((), before + 601)
