"""Delivers one parcel, in the child process: writes what W&B does not have, and reads everything back.

Idempotent by run id. A run counts as delivered only when it was read back: the SDK reports success for data it lost.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeGuard

from sweep_operator.child_process import Send
from sweep_operator.tracking.delivery.messages import Line, Parcel, RunCard, Trouble
from sweep_operator.tracking.delivery.rows import rows_of
from sweep_operator.tracking.sdk import FoundRun, Project, complete_offline, write_offline
from sweep_operator.tracking.troubles import NOT_FOUND, WandbError, trouble_of

METHODS = ("custom", "random")
"""W&B's own optimizer acts with neither. A server that does not know the first accepts the second."""
READS = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
"""Seconds between two reads of what was written."""
ENDED = frozenset({"finished", "failed", "crashed", "killed"})


class Delivery:
    """Delivers one parcel. ``send`` is called from several threads."""

    def __init__(self, project: Project, parcel: Parcel, send: Send) -> None:
        self._project, self._parcel, self._send = project, parcel, send
        self._sweep_id = parcel.sweep.known_id
        self._trouble: Trouble | None = None
        self._differences: dict[str, str] = {}
        """By run id: how the run that W&B returned last differs from what was sent."""
        self._found: dict[str, FoundRun] = {}
        """By run id: what W&B returned last."""
        self._last_rows: dict[str, int | None] = {}
        """By run id: W&B's step of the last row to deliver; None: the run has no rows."""

    def work(self) -> None:
        """Deliver. Raises WandbError if the whole parcel fails."""
        if self._sweep_id is None:
            self._sweep_id = self._find_or_create()
            self._send_sweep(self._project.sweep_url(self._sweep_id))
        left = self._confirm(self._parcel.runs)
        left = [card for card in left if not card.written] + self._settle([card for card in left if card.written])
        failed = self._write(left)
        if failed and self._sweep_is_gone():
            # A sweep that was deleted in W&B accepts no runs. The next attempt uses a new sweep.
            self._sweep_id, self._trouble = self._find_or_create(), None
            self._send_sweep(self._project.sweep_url(self._sweep_id))
            failed = {run: WandbError(None, "the sweep was deleted in W&B and is created again") for run in failed}
        for card in self._settle([card for card in left if card.id not in failed]):
            text = f"W&B accepted the run, but {self._differences[card.id]}"
            self._report(card, WandbError(None, text))
        for card in left:
            if card.id in failed:
                self._report(card, failed[card.id])
        if self._trouble is not None:
            self._send(Line(kind="trouble", trouble=self._trouble))

    # -- the sweep --------------------------------------------------------------------------------------------------

    def _find_or_create(self) -> str:
        card = self._parcel.sweep
        ours = (s for s in self._project.sweeps_called(card.display_name) if card.uid in s.description)
        found = next(ours, None)
        if found is not None:
            return found.id
        refused: WandbError | None = None
        for method in METHODS:
            try:
                return self._project.create_sweep(card, method)
            except WandbError as error:
                if error.status != 400 or "method" not in str(error):
                    raise
                refused = error
        assert refused is not None
        raise refused

    def _send_sweep(self, url: str | None) -> None:
        self._send(Line(kind="sweep", sweep_id=self._sweep_id, url=url, entity=self._project.entity))

    def _sweep_is_gone(self) -> bool:
        """Check whether runs were refused because their sweep was deleted."""
        if self._trouble is not None and self._trouble.reason != NOT_FOUND:
            return False
        return self._sweep_id is not None and self._project.sweep_url(self._sweep_id) is None

    # -- the runs ---------------------------------------------------------------------------------------------------

    def _confirm(self, cards: Iterable[RunCard]) -> list[RunCard]:
        """Report the runs that W&B has as they should be; return the others."""
        wanted = list(cards)
        self._found |= (found := self._read([card.id for card in wanted]) if wanted else {})
        left = []
        for card in wanted:
            run = found.get(card.id)
            differs = "it does not return the run" if run is None else self._difference(card, run)
            if run is None or differs is not None:
                self._differences[card.id] = str(differs)
                left.append(card)
            else:
                self._send(Line(kind="delivered", run=card.id, url=run.url))
        return left

    def _difference(self, card: RunCard, run: FoundRun) -> str | None:
        """What W&B does not have yet, or None."""
        differs = difference(card, run, self._sweep_id)
        if differs is None and card.id not in self._last_rows:
            rows = rows_of(card)
            self._last_rows[card.id] = rows[-1][0] if rows else None
        return differs or run.history.lacks(self._last_rows[card.id])

    def _settle(self, cards: list[RunCard]) -> list[RunCard]:
        """Read written runs until W&B returns them; return those that it still does not return when time is up.

        Raises WandbError if the last read failed.
        """
        left, pause = cards, FIRST_PAUSE
        deadline = time.monotonic() + self._parcel.patience.read_back
        while left:
            over = time.monotonic() >= deadline
            try:
                left = self._confirm(left)
            except WandbError as error:
                if over or self._judge(error).permanent:
                    raise
            if over or not left:
                break
            self._send(Line(kind="waiting"))
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return left

    def _read(self, ids: list[str]) -> dict[str, FoundRun]:
        """Read the runs; retry temporary errors, because a lost answer concerns the whole parcel."""
        for _ in range(READS - 1):
            try:
                return self._project.runs(ids)
            except WandbError as error:
                if self._judge(error).permanent:
                    raise
        return self._project.runs(ids)

    def _write(self, cards: list[RunCard]) -> dict[str, Exception]:
        """Write the runs in parallel; return the errors by run id."""
        failed: dict[str, Exception] = {}

        def write(card: RunCard) -> None:
            if self._trouble is not None:  # the other runs would fail in the same way
                failed[card.id] = WandbError(None, self._trouble.message)
                return
            self._send(Line(kind="began", run=card.id))
            try:
                self._project.write(card, self._parcel.group, self._sweep_id, self._found.get(card.id))
                self._send(Line(kind="written", run=card.id))
            except Exception as error:
                failed[card.id] = error
                found = self._judge(error)
                if found.permanent and not (isinstance(error, WandbError) and error.about_run):
                    self._trouble = found
            finally:
                self._send(Line(kind="left", run=card.id))

        with ThreadPoolExecutor(max_workers=self._parcel.patience.parallel) as pool:
            list(pool.map(write, cards))
        return failed

    def _report(self, card: RunCard, error: Exception) -> None:
        if self._trouble is None or (isinstance(error, WandbError) and error.about_run):
            self._send(Line(kind="trouble", run=card.id, trouble=self._judge(error)))

    def _judge(self, error: Exception) -> Trouble:
        return trouble_of(error, self._project.path)


def difference(card: RunCard, run: FoundRun, sweep_id: str | None) -> str | None:
    """The first difference between what was sent and what W&B has, or None."""
    if run.state not in ENDED:
        return f"state is {run.state}"
    if sweep_id is not None and run.sweep != sweep_id:
        return f"sweep is {run.sweep}"
    return _differs("config", card.config, run.config) or _differs("summary", card.summary, run.summary)


def _differs(where: str, sent: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    for key, value in sent.items():
        if key not in found or not same(value, found[key]):
            return f"{where}[{key!r}] is {found.get(key)!r}, not {value!r}"
    return None


def same(sent: object, found: object) -> bool:
    """Whether ``found`` equals ``sent``. W&B returns every number as a double."""
    if isinstance(sent, Mapping) and isinstance(found, Mapping):
        return sent.keys() == found.keys() and all(same(value, found[key]) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(found, list):
        return len(sent) == len(found) and all(map(same, sent, found))
    if _is_number(sent) and _is_number(found):
        return float(sent) == float(found)
    return sent == found


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def deliver_offline(parcel: Parcel, folder: Path, send: Send) -> None:
    """Write each run once, as files below ``folder``/wandb. A directory appears there when it is complete."""
    unfinished, there = folder / ".wandb-unfinished", folder / "wandb"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    there.mkdir(exist_ok=True)
    done = {card.id: next(there.glob(f"offline-run-*-{card.id}"), None) for card in parcel.runs}
    for card in parcel.runs:
        send(Line(kind="began", run=card.id))
        if done[card.id] is None:
            done[card.id] = write_offline(parcel, card, unfinished)
        send(Line(kind="left", run=card.id))
    complete_offline()
    for run, written in done.items():
        if written is not None and written.parent != there:
            written = written.rename(there / written.name)
        send(Line(kind="delivered", run=run, url=str(written)))
    shutil.rmtree(unfinished, ignore_errors=True)
