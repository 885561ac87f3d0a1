"""A batch shares the fit and the candidates of its history; each point is still a function of its own provenance."""

from __future__ import annotations

import math

import numpy as np
import torch

from protein import Protein, SearchSpace
from protein.models.pending import PendingRows
from protein.models.posterior import FIT_ROWS, NEAR_ROWS, Joint
from protein.models.score import normals_for
from protein.optimizer import Flat

SPACE = {
    "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3},
    "decay": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.3},
    "depth": {"distribution": "int_uniform", "min": 2, "max": 9, "mean": 3},
    "optimizer": {"distribution": "categorical", "values": ["adam", "sgd", "lion"]},
}


def told(n: int, order: int = 1) -> Protein:
    """An optimizer with n results, told in this or in reverse order."""
    optimizer = Protein(SPACE, seed=3)
    rows = np.random.default_rng(0).random((n, optimizer.space.dim))
    for row in rows[::order]:
        flat = optimizer.space.decode(row)
        optimizer.observe(flat, score=-((row[0] - 0.7) ** 2) - row[1] * row[2], cost=math.exp(3 * row[2]))
    return optimizer


def waiting(space: SearchSpace, n: int) -> list[Flat]:
    return [space.decode(row) for row in np.random.default_rng(1).random((n, space.dim))]


def test_each_point_of_a_batch_is_what_its_provenance_gives_to_the_last_bit() -> None:
    optimizer = told(FIT_ROWS + 25)
    pending = waiting(optimizer.space, NEAR_ROWS + 2)
    batch = optimizer.suggest(4, pending=pending, index=100)
    for k in (1, 3):
        earlier = [optimizer.space.flatten(suggestion) for suggestion, _ in batch[:k]]
        again = told(FIT_ROWS + 25, order=-1).suggest(pending=[*earlier[::-1], *pending[::-1]], index=100 + k)
        assert again == batch[k]


def test_the_joint_distribution_of_pending_rows_is_exact_and_forgets_nothing_of_the_others() -> None:
    models = told(30).models()
    rows = np.random.default_rng(1).random((6, models.history.x.shape[1]))
    pending = PendingRows(models.score.posterior)
    for asked in (rows[:4], rows[2:], rows[[5, 0, 5, 1]]):
        found, exact = pending.joint(asked), models.score.posterior.joint(torch.tensor(asked))
        alone = PendingRows(models.score.posterior).joint(asked)
        for part, part_alone, part_exact in zip(parts_of(found), parts_of(alone), parts_of(exact), strict=True):
            assert torch.equal(part, part_alone)
            np.testing.assert_allclose(part.numpy(), part_exact.numpy(), atol=1e-9)


def parts_of(joint: Joint) -> tuple[torch.Tensor, ...]:
    return joint.x, joint.half, joint.prior, joint.covariance


def test_predictions_of_the_candidates_are_those_of_the_posterior_with_the_pending_runs() -> None:
    optimizer = told(30)
    optimizer.suggest(pending=())
    assert optimizer._candidates is not None
    models, pool = optimizer._candidates
    rows = optimizer.space.encode_many(waiting(optimizer.space, 6))
    for pending in (rows[:4], rows[2:], rows[:0]):
        posterior, _ = models.score.with_pending(pending, normals_for(len(pending), np.random.default_rng(0)))
        mean, sd = pool.predictions(posterior).score
        exact_mean, exact_sd = posterior.mean_and_sd(torch.tensor(pool.rows))
        np.testing.assert_allclose(mean.numpy(), exact_mean.numpy(), atol=1e-7)
        np.testing.assert_allclose(sd.numpy(), exact_sd.numpy(), atol=1e-7)
