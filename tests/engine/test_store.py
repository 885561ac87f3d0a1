"""The store keeps the newest version of each object, in whatever order the versions arrive."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
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


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 10)),
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 10)),
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(11, 20), st.booleans(), st.integers(0, 4))),
    st.integers(1, 5),
)
def test_a_list_may_arrive_page_by_page_while_objects_change(
    cached: dict[str, int], listed: dict[str, int], changes: dict[str, tuple[int, bool, int]], size: int
) -> None:
    """The end is that of the whole LIST followed by the changes, between whichever pages these come."""
    items = [pod(name, version) for name, version in sorted(listed.items())]
    whole, paged = Store(SWEEP_LABEL), Store(SWEEP_LABEL)
    for store in (whole, paged):
        for name, version in cached.items():
            store.apply(Kind.POD, pod(name, version))

    def change(store: Store, before_page: int) -> None:
        for name, (version, deleted, when) in changes.items():
            is_new = name not in cached and not deleted
            if when == before_page and (name in listed or is_new):
                store.apply(Kind.POD, pod(name, version), deleted=deleted)

    async def pages() -> AsyncIterator[ObjectList]:
        for number in range(5):
            change(paged, number)
            yield ObjectList(tuple(items[number * size : (number + 1) * size]), 10)

    vanished = whole.replace(Kind.POD, ObjectList(tuple(items), 10))
    for number in range(5):
        change(whole, number)
    assert asyncio.run(paged.replace_by_page(Kind.POD, pages())) == (vanished, 10)
    assert whole.labeled(Kind.POD, "n", "s") == paged.labeled(Kind.POD, "n", "s")


def test_a_page_of_finished_objects_is_not_kept_while_the_next_one_is_read() -> None:
    class Raw(dict[str, Any]):
        __slots__ = ("__weakref__",)

    alive, kept, store = weakref.WeakValueDictionary[int, Raw](), list[int](), Store(SWEEP_LABEL)

    def finished(number: int) -> Raw:
        job = Raw(pod(f"j{number}", 5), status={"conditions": [{"type": "Complete", "status": "True"}]})
        alive[number] = job
        return job

    async def pages() -> AsyncIterator[ObjectList]:
        for page in range(5):
            kept.append(len(alive))
            yield ObjectList(tuple(finished(10 * page + n) for n in range(10)), 10)

    asyncio.run(store.replace_by_page(Kind.JOB, pages()))
    assert kept == [0] * 5
    assert len(store.keys(Kind.JOB)) == 50


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
