"""``spec.protein``: settings of the optimizer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from protein.searchspace.design import design_size
from sweep_operator.api.model import Model


class ProteinSpec(Model):
    """Settings of the optimizer. A field that is absent has the optimizer's own default."""

    num_random_samples: int | None = Field(default=None, ge=0)
    """Number of configurations to try before the model proposes any, including the search center. Default: parameters +
    1, but at most 5."""
    prior_weight: float | None = Field(default=None, ge=0, le=1)
    """Weight of the search center (`mean`) in these configurations, from 0 to 1: every second one is drawn closer to
    the center, at 1 - priorWeight of its distance. Default: 0.5, or 0 with several objectives."""
    max_suggestion_cost: float | None = Field(default=None, gt=0)
    """Upper limit of the predicted cost of a suggestion, in status.cost.unit. Default: no cap."""
    resample_frequency: int | None = Field(default=None, ge=0)
    """Repeat a point of the Pareto front in every n-th run, to measure the noise. Default: 0, which means never."""
    global_search_scale: float | None = Field(default=None, gt=0)
    """Factor for the scale of every parameter when the optimizer searches around good points. Default: 1."""
    random_suggestions: int | None = Field(default=None, ge=1, le=65536)
    """Number of candidates from the whole search space for each suggestion. Default: 1024. In a space with many
    parameters, fewer are used, so that memory is bounded."""
    suggestions_per_pareto: int | None = Field(default=None, ge=1, le=65536)
    """Number of candidates around each point of the Pareto front. Default: 256. If the front or the space is large,
    fewer are used, so that memory is bounded."""
    seed_with_search_center: bool | None = None
    """Whether the first run tries the search center. Default: true."""
    expansion_rate: float | None = Field(default=None, ge=0)
    """Only for acquisition protein: how far beyond the most expensive run it searches, as a share of the observed range
    of log cost. Default: 0.25."""
    acquisition: Literal["auto", "protein", "ei", "ucb"] | None = None
    """Acquisition function that rates candidates. ei: expected improvement. ucb: upper confidence bound. protein: the
    rule of PufferLib's Protein. Default: auto, a mix of ei and ucb, by cost."""

    def design_size(self, parameters: int) -> int:
        """Number of suggestions before the model proposes any, for that many parameters."""
        return design_size(parameters, self.num_random_samples, center=self.seed_with_search_center is not False)
