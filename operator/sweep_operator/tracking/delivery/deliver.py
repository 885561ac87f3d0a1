"""One parcel, in the child process: what is there already is left alone, the rest is written, everything is read back.

Idempotent by run id. A run counts as delivered only when it was read back: the SDK reports success for data it lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeGuard

from sweep_operator.tracking.delivery.messages import Line, Parcel, RunCard, Trouble
from sweep_operator.tracking.sdk import FoundRun, Project, redacted, write_offline
from sweep_operator.tracking.troubles import NOT_FOUND, WandbError, trouble_of

Say = Callable[[Line], None]
METHODS = ("custom", "random")
"""W&B's own optimizer never acts, by either; a server that does not know the first takes the second."""
READS = 3
ENDED = frozenset({"finished", "failed", "crashed", "killed"})


class Delivery:
    """Works on one parcel. ``say`` is called from several threads."""

    def __init__(self, project: Project, parcel: Parcel, say: Say) -> None:
        self._project, self._parcel, self._say = project, parcel, say
        self._sweep_id = parcel.sweep.known_id
        self._trouble: Trouble | None = None

    def work(self) -> None:
        """Raises WandbError, when nothing can be done at all."""
        if self._sweep_id is None:
            self._sweep_id = self._find_or_create()
            self._say_sweep(self._project.sweep_url(self._sweep_id))
        left = self._confirm(self._parcel.runs)
        if not left:
            return
        failed = self._write(left)
        if failed and self._sweep_is_gone():
            # Somebody has deleted it at W&B, which takes no runs of it any more. They are tried again with another.
            self._sweep_id, self._trouble = self._find_or_create(), None
            self._say_sweep(self._project.sweep_url(self._sweep_id))
            failed = {run: WandbError(None, "the sweep was deleted in W&B and is created again") for run in failed}
        missing = self._confirm([card for card in left if card.id not in failed])
        for card in missing:
            text = "W&B accepted the run but does not return it"
            self._tell(card, failed.get(card.id) or WandbError(None, text))
        for card in left:
            if card.id in failed:
                self._tell(card, failed[card.id])
        if self._trouble is not None:
            self._say(Line(kind="trouble", trouble=self._trouble))

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

    def _say_sweep(self, url: str | None) -> None:
        self._say(Line(kind="sweep", sweep_id=self._sweep_id, url=url, entity=self._project.entity))

    def _sweep_is_gone(self) -> bool:
        """Asked where a run was refused for what it belongs to."""
        if self._trouble is not None and self._trouble.reason != NOT_FOUND:
            return False
        return self._sweep_id is not None and self._project.sweep_url(self._sweep_id) is None

    # -- the runs ---------------------------------------------------------------------------------------------------

    def _confirm(self, cards: Iterable[RunCard]) -> list[RunCard]:
        """Says which of them W&B has as they should be; returns the others."""
        wanted = list(cards)
        found = self._read([card.id for card in wanted]) if wanted else {}
        left = []
        for card in wanted:
            run = found.get(card.id)
            if run is None or difference(card, run, self._sweep_id) is not None:
                left.append(card)
            else:
                self._say(Line(kind="delivered", run=card.id, url=run.url))
        return left

    def _read(self, ids: list[str]) -> dict[str, FoundRun]:
        """As often as it takes, within reason: an answer that is lost here is about the whole parcel."""
        for _ in range(READS - 1):
            try:
                return self._project.runs(ids)
            except WandbError as error:
                if self._judge(error).permanent:
                    raise
        return self._project.runs(ids)

    def _write(self, cards: list[RunCard]) -> dict[str, Exception]:
        """Writes them, several at a time; what went wrong with which."""
        failed: dict[str, Exception] = {}

        def write(card: RunCard) -> None:
            if self._trouble is not None:  # what one cannot do, the others cannot either
                failed[card.id] = WandbError(None, self._trouble.message)
                return
            self._say(Line(kind="began", run=card.id))
            try:
                self._project.write(card, self._parcel.group, self._sweep_id)
            except Exception as error:
                failed[card.id] = error
                found = self._judge(error)
                if found.permanent and not (isinstance(error, WandbError) and error.about_run):
                    self._trouble = found
            finally:
                self._say(Line(kind="left", run=card.id))

        with ThreadPoolExecutor(max_workers=self._parcel.patience.parallel) as pool:
            list(pool.map(write, cards))
        return failed

    def _tell(self, card: RunCard, error: Exception) -> None:
        if self._trouble is None or (isinstance(error, WandbError) and error.about_run):
            self._say(Line(kind="trouble", run=card.id, trouble=self._judge(error)))

    def _judge(self, error: Exception) -> Trouble:
        found = trouble_of(error, self._project.path)
        return found.with_(message=redacted(found.message))


def difference(card: RunCard, run: FoundRun, sweep_id: str | None) -> str | None:
    """Where W&B has something else than was sent; None: nowhere that matters."""
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
    """Whether ``found`` is what has become of ``sent``: on its way through W&B every number is a double."""
    if isinstance(sent, Mapping) and isinstance(found, Mapping):
        return sent.keys() == found.keys() and all(same(value, found[key]) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(found, list):
        return len(sent) == len(found) and all(map(same, sent, found))
    if _is_number(sent) and _is_number(found):
        return float(sent) == float(found)
    return sent == found


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def work_offline(parcel: Parcel, folder: Path, say: Say) -> None:
    """Writes the runs as files below ``folder``/wandb, each once: a directory is there when it is complete."""
    unfinished, there = folder / ".wandb-unfinished", folder / "wandb"
    for card in parcel.runs:
        done = next(there.glob(f"offline-run-*-{card.id}"), None)
        say(Line(kind="began", run=card.id))
        if done is None:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            written = write_offline(parcel, card, unfinished)
            there.mkdir(exist_ok=True)
            done = written.rename(there / written.name)
        say(Line(kind="left", run=card.id))
        say(Line(kind="delivered", run=card.id, url=str(done)))
    shutil.rmtree(unfinished, ignore_errors=True)
