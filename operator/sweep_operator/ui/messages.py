"""Documents and events of the page, assembled from the parts that the hub keeps as JSON.

An assembled document is kept until the next pass, so that it is made once for all clients that need it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sweep_operator.ui.board import Board
from sweep_operator.ui.hub import Hub


@dataclass(frozen=True)
class View:
    """What a client sees: the sweeps of these namespaces, and one of them in detail."""

    namespaces: frozenset[str]
    board: Board | None

    def epoch(self, hub: Hub) -> str:
        """Names this view of this server: whoever has seen another one needs a snapshot."""
        board = 0 if self.board is None else self.board.number
        text = "\0".join([hub.epoch, str(board), *sorted(self.namespaces)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Messages:
    """The messages of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._made: dict[tuple[object, ...], bytes] = {}
        self._made_in = 0

    def sweep_list(self, namespaces: frozenset[str]) -> bytes:
        """``SweepList``."""
        unreadable = json.dumps(self._hub.unreadable(namespaces)).encode()
        return self._once(
            ("list", namespaces),
            lambda: json_object({"items": self._rows(namespaces), "unreadable": unreadable}),
        )

    def page(self, board: Board) -> bytes:
        """``SweepPage``; null for a sweep that does not exist."""
        return self._once(("page", board.number), lambda: _page(board))

    def curves(self, board: Board, names: Iterable[str] | None = None) -> bytes:
        """``Curves`` of these runs, or of all."""
        if names is None:
            return self._once(("curves", board.number), lambda: _curves(board.curves.values))
        return _curves({name: board.curves.values[name] for name in names if name in board.curves.values})

    def after(self, view: View, seen: int | None) -> bytes:
        """The events for a client that has seen pass ``seen`` of this view, or (None) nothing; empty if it is current.

        Only the last event has an id: whoever loses the connection before it gets all of them again.
        """
        board = view.board
        oldest = max(self._hub.rows.complete_since, 0 if board is None else board.complete_since)
        if seen is None or seen < oldest or seen > self._hub.now:
            seen = None
        name = (view.namespaces, 0 if board is None else board.number, seen)
        return self._once(("events", *name), lambda: self._events(view, seen))

    def _events(self, view: View, seen: int | None) -> bytes:
        hub, board, events = self._hub, view.board, list[tuple[str, bytes]]()
        if seen is None:
            page = b"null" if board is None else _page(board)
            events.append(("snapshot", json_object({"sweeps": self._rows(view.namespaces), "page": page})))
            if board is not None and board.curves.values:
                events.append(("curves", _curves(board.curves.values)))
        else:
            events += self._list_changes(view.namespaces, seen)
            if board is not None and board.exists:
                events += _page_changes(board, seen)
        if hub.unreadable_changed > (seen or 0):
            events.append(("unreadable", json.dumps({"items": hub.unreadable(view.namespaces)}).encode()))
        if hub.trouble_changed > (seen or 0) and (hub.trouble or seen is not None):
            events.append(("trouble", json.dumps({"message": hub.trouble}).encode()))
        if not events:
            return b""
        texts = [b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n" for kind, data in events]
        texts[-1] = f"id: {view.epoch(hub)}-{hub.now}\n".encode() + texts[-1]
        return b"".join(texts)

    def _list_changes(self, namespaces: frozenset[str], seen: int) -> Iterable[tuple[str, bytes]]:
        rows = self._hub.rows
        changed, deleted = ([n for n in names if n.split("/")[0] in namespaces] for names in rows.since(seen))
        if changed or deleted:
            values = {"changed": json_list(rows.values[n] for n in changed), "deleted": json.dumps(deleted).encode()}
            yield "sweeps", json_object(values)

    def _rows(self, namespaces: frozenset[str]) -> bytes:
        return json_list(row for name, row in self._hub.rows.values.items() if name.split("/")[0] in namespaces)

    def _once(self, name: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        if self._made_in != self._hub.now:
            self._made, self._made_in = {}, self._hub.now
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def _page(board: Board) -> bytes:
    if not board.exists:
        return b"null"
    return b"".join([board.head[:-1], b',"runs":', json_list(board.rows.values.values()), b"}"])


def _page_changes(board: Board, seen: int) -> Iterable[tuple[str, bytes]]:
    changed, deleted = board.rows.since(seen)
    if changed or deleted or board.head_changed > seen:
        rows = json_list(board.rows.values[n] for n in changed)
        values = {"page": board.head, "changed": rows, "deleted": json.dumps(deleted).encode()}
        yield "page", json_object(values)
    curves, _ = board.curves.since(seen)
    if curves:
        yield "curves", _curves({name: board.curves.values[name] for name in curves})


def _curves(curves: Mapping[str, bytes]) -> bytes:
    return json_object({"items": json_object(curves)})


def json_list(values: Iterable[bytes]) -> bytes:
    """A JSON list of values that are JSON."""
    return b"[" + b",".join(values) + b"]"


def json_object(values: Mapping[str, bytes]) -> bytes:
    """A JSON object of values that are JSON."""
    return b"{" + b",".join(json.dumps(name).encode() + b":" + value for name, value in values.items()) + b"}"
