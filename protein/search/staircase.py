"""The observed front as a staircase over log-cost, and the expected increase of its area by one more run.

    A(x) = integral from mu_c(x) to E of E[max(f(x) - h(l), 0)] dl

h(l) is the best score among the runs that cost at most exp(l), and mu_c(x) is the predicted log-cost. This is the
expected hypervolume improvement of (score, log-cost) (Emmerich et al. 2011) with the cost fixed at its prediction. It
is computed as a sum of expected improvements over the steps, in logarithms like the rest of the acquisition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.search.log_improvement import log_expected_improvement

SOFTNESS = 0.05
"""Smoothing width of the step boundaries, in log-cost. It keeps the gradient non-zero outside a step."""


@dataclass(frozen=True, slots=True)
class Staircase:
    """The steps of the front.

    starts: (k,) rising log-costs of the steps. heights: (k, s) best standardized scores, one column for each
    fantasy of the pending runs. end: log-cost at which the last step ends.
    """

    starts: Tensor
    heights: Tensor
    end: float

    def log_gain(self, mean: Tensor, sd: Tensor, log_cost: Tensor) -> Tensor:
        """log A (m,) for scores N(mean, sd^2) at that log-cost; mean (m, s), sd and log_cost (m,); differentiable."""
        ends = torch.cat([self.starts[1:], self.starts.new_tensor([self.end])])
        begins = torch.maximum(self.starts, log_cost[:, None])
        widths = (ends - begins) / SOFTNESS
        near = torch.nn.functional.softplus(widths.clamp_min(-20.0)).log()
        log_widths = torch.where(widths > -20.0, near, widths) + math.log(SOFTNESS)
        shape = (len(mean) * len(self.starts), mean.shape[1])
        means = (mean[:, None, :] - self.heights).reshape(shape)
        sds = sd[:, None].expand(len(mean), len(self.starts)).reshape(-1, 1)
        gains = log_expected_improvement(means, sds, means.new_zeros(shape[1]))
        averaged = torch.logsumexp(gains, 1).reshape(log_widths.shape) - math.log(shape[1])
        return torch.logsumexp(averaged + log_widths, 1)


def build_staircase(
    scores: Array, log_costs: Array, worst: float, pending: Array, pending_costs: Array, end: float
) -> Staircase:
    """The staircase of observed `scores` (n,) at `log_costs` (n,) and fantasies `pending` (p, s) at their costs (p,).

    worst: the minimum height. Runs that cost more than `end` are ignored.
    """
    count = pending.shape[1]
    costs = np.concatenate([log_costs, pending_costs])
    heights = np.concatenate([np.repeat(scores[:, None], count, axis=1), pending])
    inside = costs <= end
    order = np.argsort(costs[inside], kind="stable")
    starts, reached = costs[inside][order], np.maximum(heights[inside][order], worst)
    if len(starts) == 0:
        starts, reached = np.array([end - 1.0]), np.full((1, count), worst)
    best = np.maximum.accumulate(reached, axis=0)
    rises = np.ones(len(best), dtype=bool)
    rises[1:] = (best[1:] > best[:-1]).any(axis=1)
    return Staircase(torch.tensor(starts[rises]), torch.tensor(best[rises]), end)
