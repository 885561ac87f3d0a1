"""Posterior moments at few rows, for local search: with the gradient in closed form, and a simpler standard deviation.

The refinement of candidates evaluates them at few rows, dozens of times for each suggestion. Autograd through the
kernel and triangular solves would take three times as long.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from protein.models.surrogate import SLOPE_VARIANCE, Surrogate, matern_of_squares

MIN_VARIANCE = 1e-12
"""The standard deviation is at least 1e-6, because the logarithm of the acquisition needs a positive one."""


class Sketch:
    """The mean k(x) w, and the variance given some of the rows; see `SketchedMoments`.

    rows: (n, d). weights w: (n, s). index: (c,), positions of the rows with the Cholesky factor L.
    inverse: L^-1 (c, c).
    """

    def __init__(self, model: Surrogate, rows: Tensor, weights: Tensor, index: Tensor, inverse: Tensor) -> None:
        self.weights, self.index, self.inverse = weights, index, inverse
        self.constant = 1.0 if model.spec.constant else 0.0
        self.lengthscale, self.signal = model.signal.lengthscale, model.signal.outputscale
        self.rows = model.scaled(rows)
        self.squares = self.rows.square().sum(1)
        self.slope = SLOPE_VARIANCE * self.lengthscale.square() if model.spec.linear else None
        """Variance (1, d) of the linear part in units of the lengthscales."""

    def scaled(self, x: Tensor) -> Tensor:
        """Rows of `x` (m, d) from the center of the box, in units of the lengthscales."""
        out: Tensor = (x - 0.5) / self.lengthscale
        return out

    def kernel(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The prior covariance (m, n) with scaled rows `x` (m, d), and u and s^2 exp(-u) of its Matern part."""
        squares = torch.addmm(self.squares, x, self.rows.transpose(0, 1), alpha=-2.0)
        squares.add_(x.square().sum(1, keepdim=True)).clamp_min_(0.0)
        cross, u, decay = matern_of_squares(squares, self.signal)
        if self.slope is not None:
            cross.addmm_(x * self.slope, self.rows.transpose(0, 1))
        return cross.add_(self.constant), u, decay

    def variance(self, x: Tensor) -> Tensor:
        """The prior variance (m,) at scaled rows `x` (m, d)."""
        value = self.signal + self.constant
        return value.expand(len(x)) if self.slope is None else value + (x.square() * self.slope).sum(1)


class SketchedMoments(torch.autograd.Function):
    """Mean (m, s) and standard deviation (m,) of a sketch at rows of `x` (m, d)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sketch: Sketch) -> tuple[Tensor, Tensor]:
        scaled = sketch.scaled(x)
        cross, u, decay = sketch.kernel(scaled)
        half = cross[:, sketch.index] @ sketch.inverse.transpose(0, 1)
        sd = (sketch.variance(scaled) - half.square().sum(1)).clamp_min_(MIN_VARIANCE).sqrt_()
        ctx.sketch = sketch
        ctx.save_for_backward(scaled, u, decay, half, sd)
        return cross @ sketch.weights, sd

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient (m, d) with respect to `x`, from those with respect to the two results."""
        scaled, u, decay, half, sd = ctx.saved_tensors
        sketch: Sketch = ctx.sketch
        pull = gradients[0] @ sketch.weights.transpose(0, 1)
        by_variance = (gradients[1] / sd).where(sd.square() > MIN_VARIANCE, 0.0)[:, None] / 2
        pull.index_add_(1, sketch.index, (half * (-2.0 * by_variance)) @ sketch.inverse)
        out = torch.zeros_like(scaled)
        if sketch.slope is not None:
            out += ((pull @ sketch.rows) + scaled * (2.0 * by_variance)) * sketch.slope
        pull.mul_(u.add(1.0)).mul_(decay).mul_(-5.0 / 3.0)
        out += pull.sum(1, keepdim=True) * scaled - pull @ sketch.rows
        return out / sketch.lengthscale, None
