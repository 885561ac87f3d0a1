"""Posterior moments at few rows, for local search: with the gradient in closed form, and a simpler standard deviation.

The refinement of candidates evaluates them at few rows, dozens of times for each suggestion. Autograd through the
kernel and triangular solves would take three times as long.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from protein.models.surrogate import SLOPE_VARIANCE, Surrogate, matern


class Sketch:
    """k(x) w, and |L^-1 k(x)|^2 for some of the rows; see `SketchedMoments`.

    rows: (n, d). weights w: (n, s). index: (c,), positions of the rows with the Cholesky factor L.
    inverse: L^-1 (c, c).
    """

    def __init__(self, model: Surrogate, rows: Tensor, weights: Tensor, index: Tensor, inverse: Tensor) -> None:
        self.model, self.weights, self.index, self.inverse = model, weights, index, inverse
        self.rows = model.scaled(rows)
        self.slope = SLOPE_VARIANCE * model.signal.lengthscale.square() if model.spec.linear else None
        """Variance (1, d) of the linear part in units of the lengthscales."""

    def kernel(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The prior covariance (m, n) with scaled rows `x` (m, d), and u and s^2 exp(-u) of its Matern part."""
        cross, u, decay = matern(x, self.rows, self.model.signal.outputscale)
        if self.slope is not None:
            cross.addmm_(x * self.slope, self.rows.transpose(0, 1))
        return cross.add_(1.0) if self.model.spec.constant else cross, u, decay


class SketchedMoments(torch.autograd.Function):
    """k(x) w (m, s) and |L^-1 k(x)|^2 (m,) of a sketch at rows of `x` (m, d)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sketch: Sketch) -> tuple[Tensor, Tensor]:
        """The posterior mean, and the reduction of the prior variance."""
        scaled = sketch.model.scaled(x)
        cross, u, decay = sketch.kernel(scaled)
        half = cross[:, sketch.index] @ sketch.inverse.transpose(0, 1)
        ctx.sketch = sketch
        ctx.save_for_backward(scaled, u, decay, half)
        return cross @ sketch.weights, half.square().sum(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient (m, d) with respect to `x`, from those with respect to the two results."""
        scaled, u, decay, half = ctx.saved_tensors
        sketch: Sketch = ctx.sketch
        pull = gradients[0] @ sketch.weights.transpose(0, 1)
        pull.index_add_(1, sketch.index, (half * (2.0 * gradients[1][:, None])) @ sketch.inverse)
        out = (pull @ sketch.rows) * sketch.slope if sketch.slope is not None else torch.zeros_like(scaled)
        pull.mul_(u.add(1.0)).mul_(decay).mul_(-5.0 / 3.0)
        out = out + pull.sum(1, keepdim=True) * scaled - pull @ sketch.rows
        return out / sketch.model.signal.lengthscale, None
