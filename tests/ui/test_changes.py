"""Whatever changes, and whenever the connection breaks: an open page shows what the store has."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.ui.hub import Hub
from sweep_operator.ui.machine import RunsDirectory
from sweep_operator.ui.messages import Messages, View
from sweep_operator.ui.source import Key
from sweep_operator.ui.stream import last_seen
from tests.cli.stored_sweeps import T0, manifest
from tests.ui.reader import Reader, parsed

KEY = Key("default", "s")
RUNS = st.integers(0, 5)
SCORES = st.floats(0, 1)


class ChangesOfAPage(RuleBasedStateMachine):
    """A writer, the server's passes, and two pages: one of the sweep, one of the list."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "s").mkdir()
        self.kube = EmbeddedKube(self.folder / "s/state.db", clock=lambda: T0)
        self.source = RunsDirectory(self.folder)
        self.hub = Hub(self.source)
        self.messages = Messages(self.hub)
        self.pages = [Reader(), Reader()]
        self.create_sweep()
        self.do(self._open())

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def _open(self) -> None:
        self.source.look()
        await self.hub.refresh()
        self.hub.ready = True
        self.opened = self.hub.opened(KEY)
        self.board = await self.opened.__aenter__()

    @rule()
    def create_sweep(self) -> None:
        if not self.stored(Kind.SWEEP):
            self.do(self.kube.create(Kind.SWEEP, manifest("s")))

    @rule(index=RUNS, score=SCORES)
    def change_run(self, index: int, score: float) -> None:
        """Create the run, or give it a new score and a longer curve."""
        name = f"s.r.{index}"
        body: dict[str, Any] = {"metadata": {"name": name, "namespace": "default"}}
        if name not in self.stored(Kind.SWEEP_RUN):
            spec = {"sweepName": "s", "index": index, "parameters": {"trainer.vf_coef": score}}
            self.do(self.kube.create(Kind.SWEEP_RUN, {"kind": "SweepRun", **body, "spec": spec}))
            return
        run = self.stored(Kind.SWEEP_RUN)[name]
        curve = (run.get("status") or {}).get("curve") or []
        point = {"step": len(curve), "value": score, "seconds": len(curve)}
        status = {"conditions": [_condition("Training")], "curve": [*curve, point]}
        self.do(self.kube.update_status(Kind.SWEEP_RUN, {**run, "status": status}))

    @rule(score=SCORES)
    def change_sweep(self, score: float) -> None:
        for sweep in self.stored(Kind.SWEEP).values():
            status = {"cost": {"spent": score, "unit": "seconds"}, "conditions": [_condition("Running")]}
            self.do(self.kube.update_status(Kind.SWEEP, {**sweep, "status": status}))

    @rule(index=RUNS)
    def delete_run(self, index: int) -> None:
        if f"s.r.{index}" in self.stored(Kind.SWEEP_RUN):
            self.do(self.kube.delete(Kind.SWEEP_RUN, "default", f"s.r.{index}"))

    @rule()
    def delete_sweep(self) -> None:
        for name in self.stored(Kind.SWEEP):
            self.do(self.kube.delete(Kind.SWEEP, "default", name))

    @rule()
    def make_pass(self) -> None:
        if self.source.look():
            self.do(self.hub.refresh())

    @rule(page=st.sampled_from([0, 1]), events=st.integers(0, 4))
    def receive(self, page: int, events: int) -> None:
        """The connection breaks after so many events of what is sent."""
        for event in parsed(self.sent(page))[:events]:
            self.pages[page].apply(event)

    @rule()
    def restart_the_server(self) -> None:
        self.do(self.opened.__aexit__(None, None, None))
        self.source = RunsDirectory(self.folder)
        self.hub = Hub(self.source)
        self.messages = Messages(self.hub)
        self.do(self._open())

    def sent(self, page: int) -> bytes:
        """What a page gets that connects with the last id that it has received."""
        view = View(frozenset({"default"}), self.board if page == 0 else None)
        seen, epoch = last_seen(self.pages[page].last_id or "")
        return self.messages.after(view, seen if epoch == view.epoch(self.hub) else None)

    def stored(self, kind: Kind) -> dict[str, Any]:
        return {o["metadata"]["name"]: o for o in self.do(self.kube.list(kind)).items}

    @invariant()
    def current_pages_show_what_the_server_has(self) -> None:
        """A page for which nothing is left has the documents of the server, whose rows are those of the store."""
        self.make_pass()
        for number, page in enumerate(self.pages):
            if page.last_id is None or self.sent(number):
                continue
            rows = json.loads(self.messages.sweep_list(frozenset({"default"})))["items"]
            assert list(page.sweeps.values()) == rows
            assert [row["name"] for row in rows] == list(self.stored(Kind.SWEEP))
            if number == 0:
                document = json.loads(self.messages.page(self.board))
                runs = {} if document is None else {row["name"]: row for row in document.pop("runs")}
                assert (page.page, page.runs) == (document, runs)
                assert page.curves == json.loads(self.messages.curves(self.board))["items"]
                if document is not None:
                    assert runs.keys() == self.stored(Kind.SWEEP_RUN).keys()

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        for number in (0, 1):
            self.make_pass()
            self.receive(number, 9)
            assert self.sent(number) == b""
        self.current_pages_show_what_the_server_has()
        self.kube.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)


def _condition(reason: str) -> dict[str, Any]:
    return {"type": "Succeeded", "status": "Unknown", "reason": reason, "lastTransitionTime": T0.isoformat()}


ChangesOfAPage.TestCase.settings = settings(max_examples=30, stateful_step_count=20)
test_an_open_page_misses_nothing = ChangesOfAPage.TestCase
