"""The joint distribution of pending rows under one posterior, remembered: a batch needs the same rows again and again.

What is known of a pair of rows does not depend on the other rows, to the last bit. BLAS may round a row differently
beside other rows, so it is not used here for several rows at once.
"""

from __future__ import annotations

import numpy as np
import torch

from protein.arrays import Array
from protein.models.posterior import Joint, Posterior
from protein.models.surrogate import matern_of_squares


class PendingRows:
    """The p rows of the latest request, under a posterior of a model without linear part."""

    def __init__(self, posterior: Posterior) -> None:
        self._posterior = posterior
        self._rows = np.zeros((0, posterior.x.shape[1]))
        self._half = np.zeros((0, len(posterior.x)))
        """L^-1 k(x), (p, n)."""
        self._prior, self._covariance = np.zeros((0, 0)), np.zeros((0, 0))
        """Covariances (p, p) of f before and after the data."""

    def joint(self, x: Array) -> Joint:
        """The joint distribution of f at rows of `x` (p, d)."""
        keys = [row.tobytes() for row in x]
        places = {row.tobytes(): i for i, row in enumerate(self._rows)}
        new = {key: row for key, row in zip(keys, x, strict=True) if key not in places}
        if new:
            places |= {key: len(self._rows) + i for i, key in enumerate(new)}
            self._add(np.array(list(new.values())))
        order = [places[key] for key in keys]
        self._rows, self._half = self._rows[order], self._half[order]
        self._prior, self._covariance = (part[np.ix_(order, order)] for part in (self._prior, self._covariance))
        parts = (self._rows, self._half.T, self._prior, self._covariance)
        return Joint(self._posterior, *(torch.tensor(part).to(self._posterior.device) for part in parts))

    def _add(self, x: Array) -> None:
        """Append rows."""
        known = len(self._rows)
        with torch.no_grad():
            rows = torch.tensor(x).to(self._posterior.device)
            half = [self._posterior.whiten(row[None, :].clone())[:, 0].cpu().numpy() for row in rows]
        self._rows, self._half = np.concatenate([self._rows, x]), np.concatenate([self._half, half])
        count = len(self._rows)
        prior, covariance = np.empty((2, count, count))
        prior[:known, :known], covariance[:known, :known] = self._prior, self._covariance
        for i in range(known, count):
            prior[i, : i + 1] = prior[: i + 1, i] = before = self._prior_of(i)
            shared = np.einsum("ij,j->i", self._half[: i + 1], self._half[i])
            covariance[i, : i + 1] = covariance[: i + 1, i] = before - shared
        self._prior, self._covariance = prior, covariance

    def _prior_of(self, i: int) -> Array:
        """Prior covariances (i + 1,) of row i with the rows up to itself."""
        model = self._posterior.model
        lengthscale = model.signal.lengthscale.cpu().numpy()
        away = (self._rows[: i + 1] - self._rows[i]) / lengthscale
        squares = torch.from_numpy(np.einsum("ij,ij->i", away, away))
        matern, _, _ = matern_of_squares(squares, model.signal.outputscale.cpu())
        out: Array = matern.numpy() + (1.0 if model.spec.constant else 0.0)
        return out
