"""The store keeps the newest version of each object, in whatever order the versions arrive."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import Kind, ObjectList


def pod(name: str, version: int, uid: str = "", sweep: str = "s") -> dict[str, Any]:
    labels = {SWEEP_LABEL: sweep}
    meta = {"name": name, "namespace": "n", "uid": uid or name, "resourceVersion": str(version), "labels": labels}
    return {"metadata": meta}


def names(store: Store) -> list[str]:
    return [o["metadata"]["name"] for o in store.labeled(Kind.POD, "n", "s")]


def test_an_older_version_changes_nothing() -> None:
    store = Store(SWEEP_LABEL)
    assert store.apply(Kind.POD, pod("a", 5))
    assert not store.apply(Kind.POD, pod("a", 4))
    assert not store.apply(Kind.POD, pod("a", 5))
    assert store.get(Kind.POD, "n", "a") == pod("a", 5)


def test_a_late_event_does_not_restore_a_deleted_object() -> None:
    store = Store(SWEEP_LABEL)
    store.apply(Kind.POD, pod("a", 5))
    store.apply(Kind.POD, pod("a", 6), deleted=True)
    assert not store.apply(Kind.POD, pod("a", 5))
    assert names(store) == []


def test_a_new_object_with_the_name_of_a_deleted_one_is_kept() -> None:
    store = Store(SWEEP_LABEL)
    store.apply(Kind.POD, pod("a", 5, "old"))
    store.apply(Kind.POD, pod("a", 8, "new"))
    store.apply(Kind.POD, pod("a", 6, "old"), deleted=True)
    assert names(store) == ["a"]


def test_a_list_removes_only_what_is_older_than_itself() -> None:
    store = Store(SWEEP_LABEL)
    store.apply(Kind.POD, pod("old", 5))
    store.apply(Kind.POD, pod("created-since", 12))
    vanished = store.replace(Kind.POD, ObjectList((pod("listed", 9),), 10))
    assert [o["metadata"]["name"] for o in vanished] == ["old"]
    assert names(store) == ["created-since", "listed"]


def test_an_object_moves_when_its_labels_change() -> None:
    store = Store(SWEEP_LABEL)
    store.apply(Kind.POD, pod("a", 5))
    store.apply(Kind.POD, pod("a", 6, sweep="other"))
    assert names(store) == []
    assert len(store.labeled(Kind.POD, "n", "other")) == 1


def test_manual_runs_are_found_by_their_sweep_name() -> None:
    store = Store(SWEEP_LABEL)
    body = {"metadata": {"name": "mine", "namespace": "n", "uid": "u", "resourceVersion": "1"}}
    store.apply(Kind.SWEEP_RUN, {**body, "spec": {"sweepName": "s"}})
    assert len(store.labeled(Kind.SWEEP_RUN, "n", "s")) == 1


@given(st.permutations([1, 2, 3, 4, 5]), st.integers(0, 5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_any_order_of_events_ends_in_the_same_state(order: list[int], deleted_at: int, packed: list[bool]) -> None:
    """Whether the object is packed after an event makes no difference."""
    store = Store(SWEEP_LABEL)
    for version, pack in zip(order, packed, strict=True):
        store.apply(Kind.POD, pod("a", version), deleted=version == deleted_at == 5)
        if pack:
            store.pack((Kind.POD, "n", "a"))
    expected = [] if deleted_at == 5 else ["a"]
    assert names(store) == expected
    if expected:
        assert store.get(Kind.POD, "n", "a") == pod("a", 5)


def test_a_list_removes_a_packed_object() -> None:
    store = Store(SWEEP_LABEL)
    for name in ("old", "listed"):
        store.apply(Kind.POD, pod(name, 5))
        store.pack((Kind.POD, "n", name))
    vanished = store.replace(Kind.POD, ObjectList((pod("listed", 5),), 10))
    assert vanished == [pod("old", 5)]
    assert store.unpacked(Kind.POD) == [], "the same version stays packed"


def test_whoever_follows_a_sweep_learns_each_change_of_its_objects() -> None:
    store = Store(SWEEP_LABEL)
    store.apply(Kind.POD, pod("before", 1))
    store.apply(Kind.POD, pod("others", 2, sweep="other"))
    changed = store.follow("n", "s")
    keys = {name: (Kind.POD, "n", name) for name in ("before", "new", "others")}
    assert changed == {keys["before"]}
    for event in (pod("new", 3), pod("before", 4), pod("others", 5)):  # the last one comes to this Sweep
        changed.clear()
        store.apply(Kind.POD, event)
        assert changed == {keys[event["metadata"]["name"]]}
    changed.clear()
    store.apply(Kind.POD, pod("new", 3))
    assert not changed, "the same version changes nothing"
    store.apply(Kind.POD, pod("new", 6), deleted=True)
    store.gone(Kind.POD, "n", "before")
    assert changed == {keys["new"], keys["before"]}
