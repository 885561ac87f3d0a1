"""The condition Stalled of a Sweep: True while an error stops its passes, or those over some of its runs."""

from __future__ import annotations

from collections.abc import Mapping

from sweep_operator.api.meta import Condition, find_condition, with_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Event
from sweep_operator.engine.errors import TRANSIENT
from sweep_operator.engine.ports import Settings

_STALLED, _REASON = "Stalled", "ReconcileError"
_REWRITE_SECONDS = 60.0
"""A message that differs in every pass is written at most once in this time: each write causes a pass."""

Errors = Mapping[str, Exception]
"""By the name of the run; empty: the error concerns the whole Sweep."""


class Stalled:
    """Reports the errors of one Sweep's passes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._written = -_REWRITE_SECONDS
        self._reported: set[tuple[str, str]] = set()

    def conditions(self, sweep: Sweep, known: list[Condition], errors: Errors) -> list[Condition]:
        """``known`` with the condition set; removed after a pass without errors."""
        lasting = _lasting(errors)
        old = find_condition(known, _STALLED)
        if not lasting:
            return [c for c in known if c.type != _STALLED]
        message = "; ".join(f"{run}: {text}" if run else text for run, text in lasting.items())[:2048]
        clock = self._settings.monotonic()
        if old is not None and (old.message == message or clock - self._written < _REWRITE_SECONDS):
            return known
        self._written = clock
        new = Condition(
            type=_STALLED,
            status="True",
            reason=_REASON,
            message=message,
            last_transition_time=self._settings.now(),
            observed_generation=sweep.metadata.generation,
        )
        return with_condition(known, new)

    def events(self, before: list[Condition], after: list[Condition], errors: Errors) -> tuple[Event, ...]:
        """Events about errors that this process has not reported and whose condition is now written."""
        new = set(_lasting(errors).items()) - self._reported
        if not new or find_condition(before, _STALLED) == find_condition(after, _STALLED):
            return ()
        self._reported = new if len(self._reported) > 100 else self._reported | new
        return tuple(Event(_REASON, text, run or None, "Warning") for run, text in sorted(new))


def _lasting(errors: Errors) -> dict[str, str]:
    texts = {run: f"{type(e).__name__}: {e}"[:500] for run, e in errors.items() if not isinstance(e, TRANSIENT)}
    return dict(sorted(texts.items()))
