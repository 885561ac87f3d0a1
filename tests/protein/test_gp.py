"""The Gaussian process against gpytorch's own marginal likelihood and posterior, finite differences and known data."""

from __future__ import annotations

import math

import gpytorch
import numpy as np
import pytest
import threadpoolctl
import torch

from protein.models.device import CPU
from protein.models.likelihood import LogPosterior
from protein.models.posterior import FIT_ROWS, NEAR_ROWS, Posterior, fit_posterior
from protein.models.surrogate import KernelSpec, Surrogate, cholesky, fit
from protein.models.threads import pinned_threads


def data(n: int, d: int, seed: int = 0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((n, d))
    y = np.sin(4 * x[:, 0]) - (x[:, -1] - 0.4) ** 2 + noise * rng.standard_normal(n)
    return x, (y - y.mean()) / y.std()


def objective(model: Surrogate, x: np.ndarray, y: np.ndarray) -> LogPosterior:
    return LogPosterior(x, y, model.trend_of(x), model.spec.noise, model.spec.noise_log_sd)


@pytest.mark.parametrize("spec", [KernelSpec(), KernelSpec(linear=True), KernelSpec(constant=False, noise=0.03)])
def test_objective_is_gpytorchs_marginal_likelihood_with_priors(spec: KernelSpec) -> None:
    x, y = data(25, 4)
    model = Surrogate(4, spec)
    theta = np.random.default_rng(1).normal(-0.5, 0.4, 6)
    value, _ = objective(model, x, y)(theta)
    model.write(theta)
    model.set_train_data(torch.tensor(x), torch.tensor(y), strict=False)
    model.train()
    mll = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    with torch.no_grad():
        reference = -float(mll(model(torch.tensor(x)), torch.tensor(y))) * 25
    assert value == pytest.approx(reference, abs=1e-8)


def test_gradient_agrees_with_finite_differences() -> None:
    x, y = data(20, 3)
    model = Surrogate(3, KernelSpec(linear=True))
    theta = np.array([-0.3, 0.2, 0.1, 0.4, -2.0])
    _, gradient = objective(model, x, y)(theta)
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-6
        up, _ = objective(model, x, y)(theta + step)
        down, _ = objective(model, x, y)(theta - step)
        assert gradient[k] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-5)


def test_lengthscale_prior_is_a_density_in_the_lengthscale() -> None:
    """As a density in its logarithm the mode would be 10 at d = 6, and the model would see almost flat functions."""
    model = Surrogate(6, KernelSpec())
    grid = np.exp(np.linspace(math.log(0.01), math.log(50), 4001))
    values = []
    for lengthscale in grid:
        model.write(np.array([*[math.log(lengthscale)] * 6, 0.0, math.log(1e-3)]))
        values.append(float(model.log_prior().detach()))
    assert grid[int(np.argmax(values))] == pytest.approx(math.exp(math.sqrt(2) + math.log(6) / 2 - 3), rel=0.01)


def test_fit_finds_the_relevant_coordinates_and_the_noise() -> None:
    x, y = data(80, 4, noise=0.1)
    model = fit(x, y, KernelSpec())
    lengthscales = np.exp(model.read()[:4])
    assert lengthscales[0] < 0.5 * lengthscales[1]
    spread = (np.sin(4 * x[:, 0]) - (x[:, -1] - 0.4) ** 2).std()
    assert model.noise == pytest.approx((0.1 / spread) ** 2, rel=0.6)


def test_fit_is_the_same_to_the_last_bit() -> None:
    x, y = data(30, 3)
    with pinned_threads():
        assert fit(x, y, KernelSpec()).read().tobytes() == fit(x.copy(), y.copy(), KernelSpec()).read().tobytes()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fit_of_almost_nothing(n: int) -> None:
    x, y = np.full((n, 2), 0.3), np.zeros(n)
    model = fit(x, y, KernelSpec())
    posterior = Posterior(model, torch.tensor(x), torch.tensor(y)[:, None])
    mean, sd = posterior.predict(torch.rand(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    assert torch.isfinite(mean).all()
    assert (sd > 0).all()


def test_equal_and_repeated_data_do_not_break_the_fit() -> None:
    x = np.repeat(np.random.default_rng(0).random((5, 3)), 20, axis=0)
    model = fit(x, np.zeros(100), KernelSpec())
    assert np.isfinite(model.read()).all()


def test_posterior_is_gpytorchs() -> None:
    x, y = data(15, 2)
    model = fit(x, y, KernelSpec(linear=True))
    at = torch.tensor(np.random.default_rng(2).random((7, 2)))
    mean, sd = Posterior(model, torch.tensor(x), torch.tensor(y)[:, None]).predict(at)
    model.set_train_data(torch.tensor(x), torch.tensor(y), strict=False)
    model.eval()
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        reference = model(at)
        np.testing.assert_allclose(mean[:, 0].numpy(), reference.mean.numpy(), atol=1e-6)
        np.testing.assert_allclose(sd.numpy(), reference.variance.sqrt().numpy(), atol=1e-5)


def test_conditioning_equals_starting_over() -> None:
    x, y = data(20, 3)
    model = fit(x, y, KernelSpec())
    rows, targets = torch.tensor(x), torch.tensor(y)[:, None]
    grown = Posterior(model, rows[:15], targets[:15]).joint(rows[15:]).condition(targets[15:])
    whole = Posterior(model, rows, targets)
    at = torch.rand(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for one, other in zip(grown.predict(at), whole.predict(at), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-7)


def test_fantasies_shrink_the_variance_and_average_to_the_mean() -> None:
    x, y = data(10, 2)
    model = fit(x, y, KernelSpec())
    before = Posterior(model, torch.tensor(x), torch.tensor(y)[:, None])
    at = torch.tensor([[0.9, 0.1], [0.05, 0.95]], dtype=torch.float64)
    half = torch.randn(2, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    joint = before.joint(at)
    after = joint.condition(joint.sample(torch.cat([half, -half], dim=1)))
    (mean_0, sd_0), (mean_1, sd_1) = before.predict(at), after.predict(at)
    assert (sd_1 < 0.5 * sd_0).all()
    np.testing.assert_allclose(mean_1.mean(1).numpy(), mean_0[:, 0].numpy(), atol=1e-6)


def test_cholesky_of_a_singular_matrix_uses_the_smallest_sufficient_jitter() -> None:
    factor = cholesky(torch.ones(4, 4, dtype=torch.float64))
    np.testing.assert_allclose((factor @ factor.T).numpy(), np.ones((4, 4)), atol=1e-3)


def test_cholesky_of_an_indefinite_matrix_raises() -> None:
    with pytest.raises(ValueError, match="positive definite"):
        cholesky(torch.tensor([[1.0, 5.0], [5.0, 1.0]], dtype=torch.float64))


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


def test_pinned_threads_restores_the_callers_setting() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
            with pinned_threads(1):
                assert torch.get_num_threads() == 1
                assert blas_threads() == {1}
            assert torch.get_num_threads() == 2
            assert blas_threads() == {2}
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("spec", [KernelSpec(), KernelSpec(linear=True), KernelSpec(constant=False)])
def test_the_sketch_is_the_posterior_with_its_gradient(spec: KernelSpec) -> None:
    x, y = data(30, 3)
    model = fit(x, y, spec)
    rows = torch.tensor(x)
    posterior = Posterior(model, rows[:24], torch.tensor(y)[:24, None])
    posterior = posterior.joint(rows[24:]).condition(torch.tensor(y)[24:, None] + torch.arange(4.0).double())
    at = torch.rand(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    for one, other in zip(posterior.sketch(at), posterior.mean_and_sd(at), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), atol=1e-7)
        weights = torch.linspace(-1, 2, one.numel(), dtype=torch.float64).reshape(one.shape)
        (mine,) = torch.autograd.grad((one * weights).sum(), at, retain_graph=True)
        (gpytorchs,) = torch.autograd.grad((other * weights).sum(), at, retain_graph=True)
        np.testing.assert_allclose(mine.numpy(), gpytorchs.numpy(), atol=1e-6)


def test_the_sketch_of_many_rows_has_the_exact_mean_and_no_smaller_deviation() -> None:
    x, y = data(FIT_ROWS + 80, 4)
    posterior = fit_posterior(x, y, y, KernelSpec(), CPU)
    extra = torch.rand(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    posterior = posterior.joint(extra).condition(torch.zeros(7, 1).double())
    at = torch.rand(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (mean, sd), (exact_mean, exact_sd) = posterior.sketch(at), posterior.mean_and_sd(at)
    np.testing.assert_allclose(mean.numpy(), exact_mean.numpy(), atol=1e-6)
    assert (sd >= exact_sd - 1e-9).all()
    assert (sd > 1.01 * exact_sd).any()
    assert posterior.sketch(extra)[1].max() < 3 * model_noise(posterior)


def test_a_sketch_near_some_rows_ignores_the_added_rows_that_are_farthest_away() -> None:
    x, y = data(40, 3)
    model = fit(x, y, KernelSpec())
    added = torch.rand(NEAR_ROWS + 30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    targets = torch.zeros(len(added), 2).double()
    posterior = Posterior(model, torch.tensor(x), torch.tensor(y)[:, None]).joint(added).condition(targets)
    at = torch.tensor([[0.1, 0.1, 0.1]], dtype=torch.float64)
    near = posterior.near(at)
    known = set(map(tuple, near._all_rows()[near.coarse[0]].tolist()))
    by_distance = added[(added - at).div(model.signal.lengthscale).norm(dim=1).argsort()].tolist()
    assert all((tuple(row) in known) == (i < NEAR_ROWS) for i, row in enumerate(by_distance))
    around = at + 0.05 * torch.rand(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (mean, sd), (exact_mean, exact_sd) = near.sketch(around), posterior.mean_and_sd(around)
    np.testing.assert_allclose(mean.numpy(), exact_mean.numpy(), atol=1e-6)
    assert (sd >= exact_sd - 1e-9).all()
    assert (sd < 1.05 * exact_sd).all()


def model_noise(posterior: Posterior) -> float:
    return math.sqrt(posterior.model.noise)
