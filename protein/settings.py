"""Settings of Protein."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

ACQUISITIONS = ("auto", "protein", "ei", "ucb")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class ProteinSettings:
    """Settings of the search.

    Raises:
        ValueError: an invalid value. The message contains the key, the value and the remedy.

    Example:
        >>> ProteinSettings(max_suggestion_cost=3600.0, resample_frequency=10).acquisition
        'auto'
    """

    num_random_samples: int | None = None
    """Size of the initial design, including the center. None: number of parameters + 1, but at most 5."""
    prior_weight: float | None = None
    """Weight of the search center in the initial design, from 0 to 1. Every second point is drawn closer to the center:
    at 1 - prior_weight of its distance. None: 0.5, or 0 with several objectives, whose front has to be spread."""
    max_suggestion_cost: float | None = None
    """Cap on the predicted cost of a suggestion; None: no cap."""
    resample_frequency: int = 0
    """Every n-th suggestion repeats a point of the Pareto front, to measure the noise. 0: never."""
    global_search_scale: float = 1.0
    """Multiplies every parameter's scale around the points of the front."""
    random_suggestions: int = 1024
    """Candidates spread over the whole space."""
    suggestions_per_pareto: int = 256
    """Candidates around each point of the front."""
    seed_with_search_center: bool = True
    """The first suggestion is the search center."""
    expansion_rate: float = 0.25
    """How far the acquisition "protein" searches beyond the highest observed cost, as a fraction of the range."""
    acquisition: str = "auto"
    """auto | protein | ei | ucb."""
    device: str = "auto"
    """auto | cpu | cuda: where predictions are computed; auto uses a GPU above 1,024 observations."""

    def __post_init__(self) -> None:
        _integer("num_random_samples", self.num_random_samples, 0, optional=True)
        _integer("resample_frequency", self.resample_frequency, 0)
        _integer("random_suggestions", self.random_suggestions, 1)
        _integer("suggestions_per_pareto", self.suggestions_per_pareto, 1)
        _real("prior_weight", self.prior_weight, optional=True, zero=True)
        if self.prior_weight is not None and self.prior_weight > 1:
            raise ValueError(f"prior_weight: {self.prior_weight!r} is above 1; use a number between 0 and 1")
        _real("max_suggestion_cost", self.max_suggestion_cost, optional=True)
        _real("global_search_scale", self.global_search_scale)
        _real("expansion_rate", self.expansion_rate, zero=True)
        if not isinstance(self.seed_with_search_center, bool):
            raise ValueError(f"seed_with_search_center: {self.seed_with_search_center!r} must be true or false")
        if self.acquisition not in ACQUISITIONS:
            raise ValueError(f"acquisition: {self.acquisition!r} is unknown; use one of {', '.join(ACQUISITIONS)}")
        if self.device not in DEVICES:
            raise ValueError(f"device: {self.device!r} is unknown; use one of {', '.join(DEVICES)}")

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> Self:
        """Create settings from snake_case or camelCase keys. None means the default.

        Raises ValueError for an unknown key or an invalid value.
        """
        known = [f.name for f in fields(cls)]
        given: dict[str, Any] = {}
        if config is not None and not isinstance(config, Mapping):
            raise ValueError(f"settings: {config!r} is neither ProteinSettings nor a mapping of its keys")
        for key, value in (config or {}).items():
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", str(key)).lower()
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise ValueError(f"{key}: unknown setting" + (f"; did you mean {near[0]}?" if near else ""))
            if value is not None:
                given[name] = value
        return cls(**given)


def _integer(name: str, value: object, least: int, *, optional: bool = False) -> None:
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: {value!r} is not an integer of {least} or more")


def _real(name: str, value: object, *, optional: bool = False, zero: bool = False) -> None:
    if value is None and optional:
        return
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not isinstance(value, (int, float)) or not fine or not (value >= 0 if zero else value > 0):
        raise ValueError(f"{name}: {value!r} is not a finite number {'of 0 or more' if zero else 'above 0'}")
