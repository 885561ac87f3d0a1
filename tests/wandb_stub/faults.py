"""What goes wrong on purpose: a plan of faults, taken by the requests that match, and a count of those injected."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["status", "hang", "drop", "delay", "garbage", "commit-status", "commit-drop", "commit-hang"]
KINDS: tuple[Kind, ...] = ("status", "hang", "drop", "delay", "garbage", "commit-status", "commit-drop", "commit-hang")
RATE_LIMITED: Mapping[str, str] = {"RateLimit-Remaining": "0", "RateLimit-Reset": "1"}


@dataclass(frozen=True)
class Fault:
    """One kind of trouble for the requests that match.

    ``status`` answers with ``code`` and nothing happens; ``drop`` cuts the connection before anything happens; ``hang``
    is silent for ``seconds``, then cuts; ``delay`` answers rightly, ``seconds`` later; ``garbage`` does what is asked
    and answers with broken JSON. The ``commit-`` kinds do what is asked first: the change is there, its answer is lost.
    """

    kind: Kind
    on: str = "*"
    """``UpsertBucket``, ``graphql``, ``file_stream``, ``upload``, ``download``, ``otel`` ...; ``*``: everything."""
    times: int | None = 1
    """How many requests it meets; None: all."""
    skip: int = 0
    """So many matching requests pass first."""
    code: int = 500
    seconds: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of its answer, for example Location."""
    holds: str = ""
    """Only requests whose path or body holds this text, for example a run id."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault kind {self.kind!r}: none of {', '.join(KINDS)}")

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.code}" if self.kind.endswith("status") else self.kind

    @property
    def commits(self) -> bool:
        return self.kind.startswith("commit-") or self.kind in ("delay", "garbage")

    @property
    def sent(self) -> Mapping[str, str]:
        """The headers of its answer."""
        return {**(RATE_LIMITED if self.code == 429 else {}), **self.headers}

    def meets(self, operation: str, route: str, text: str) -> bool:
        return self.on in ("*", operation, route) and self.holds in text


@dataclass
class Faults:
    """The plan. Faults are asked in the order in which they were added; the first that applies is injected."""

    injected: Counter[str] = field(default_factory=Counter)
    """How often each fault was injected, by name: ``status-500``, ``drop``, ``commit-status-502`` ..."""
    met: Counter[str] = field(default_factory=Counter)
    """The same by ``name on operation``."""

    def __post_init__(self) -> None:
        self._plan = list[Fault]()
        self._decks = list[_Deck]()
        self._lock = threading.Lock()

    def add(self, kind: Kind, on: str = "*", **more: Any) -> None:
        """Adds ``Fault(kind, on, ...)``."""
        with self._lock:
            self._plan.append(Fault(kind, on, **more))

    def add_random(
        self,
        seed: int,
        counts: Mapping[str, int],
        *,
        rate: float = 0.5,
        on: tuple[str, ...] = ("*",),
        seconds: float = 30.0,
    ) -> None:
        """So many faults of each name, in random order; a request that matches meets one with probability ``rate``.

        ``counts``: for example ``{"status-500": 200, "status-429": 100, "drop": 80, "hang": 3, "commit-drop": 20}``.
        """
        faults = []
        for name, count in counts.items():
            kind, _, code = name.rpartition("-") if name.rpartition("-")[2].isdigit() else (name, "", "500")
            faults += [Fault(kind, code=int(code), seconds=seconds) for _ in range(count)]  # type: ignore[arg-type]
        draw = random.Random(seed)
        draw.shuffle(faults)
        with self._lock:
            self._decks.append(_Deck(draw, faults, rate, on))

    def clear(self) -> None:
        """No more faults; the counts stay."""
        with self._lock:
            self._plan.clear()
            self._decks.clear()

    @property
    def remaining(self) -> int:
        """Faults with a limited count that have not been injected yet."""
        with self._lock:
            return sum(fault.times or 0 for fault in self._plan) + sum(len(deck.faults) for deck in self._decks)

    def take(self, operation: str, route: str, text: str) -> Fault | None:
        """The fault for this request, if any."""
        with self._lock:
            fault = self._planned(operation, route, text) or self._drawn(operation, route)
            if fault is not None:
                self.injected[fault.name] += 1
                self.met[f"{fault.name} on {operation}"] += 1
            return fault

    def _planned(self, operation: str, route: str, text: str) -> Fault | None:
        for n, fault in enumerate(self._plan):
            if not fault.meets(operation, route, text) or fault.times == 0:
                continue
            if fault.skip > 0:
                self._plan[n] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times is not None:
                self._plan[n] = replace(fault, times=fault.times - 1)
            return fault
        return None

    def _drawn(self, operation: str, route: str) -> Fault | None:
        for deck in self._decks:
            wanted = any(on in ("*", operation, route) for on in deck.on)
            if wanted and deck.faults and deck.draw.random() < deck.rate:
                return deck.faults.pop()
        return None

    def as_dict(self) -> dict[str, Any]:
        return {"injected": dict(self.injected), "met": dict(self.met), "remaining": self.remaining}


@dataclass
class _Deck:
    draw: random.Random
    faults: list[Fault]
    rate: float
    on: tuple[str, ...]
